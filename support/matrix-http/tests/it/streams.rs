//! Files travel piece by piece: nothing is held, whoever is slow is waited for, and what breaks off is no file.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Body, routing};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, header};
use support_matrix_http::{HttpTransport, InProcess, TransportError};
use tokio_util::task::TaskTracker;

use crate::transports::{serve, socket};

const PIECE: usize = 64 * 1024;
const PIECES: usize = 1024;
/// What lies in the buffers of sockets and of HTTP itself, at most.
const BUFFERS: usize = 16 * 1024 * 1024;

/// A body of 64 MiB that counts what was taken of it.
fn large(taken: &Arc<AtomicUsize>) -> Body {
    let taken = taken.clone();
    Body::from_stream(stream::iter(0..PIECES).map(move |number| {
        taken.fetch_add(PIECE, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from(vec![u8::try_from(number % 251).unwrap(); PIECE]))
    }))
}

fn router() -> Router {
    let broken = || async {
        let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
        Body::from_stream(stream::iter(pieces))
    };
    let panics = || async {
        let pieces = stream::iter(0..2).map(|number| {
            assert_eq!(number, 0, "a broken promise");
            Ok::<_, std::io::Error>(Bytes::from_static(b"half"))
        });
        Body::from_stream(pieces)
    };
    let length = |headers: http::HeaderMap, body: Body| async move {
        drop(body);
        headers
            .get(header::CONTENT_LENGTH)
            .map(|length| length.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    Router::new()
        .route("/echo", routing::put(|body: Body| async move { body }))
        .route("/broken", routing::get(broken))
        .route("/panics", routing::get(panics))
        .route("/length", routing::put(length))
}

async fn transports(tasks: &TaskTracker) -> [Arc<dyn HttpTransport>; 2] {
    let base = serve(router(), tasks).await;
    [Arc::new(InProcess::new(router())), Arc::new(socket(&base))]
}

#[tokio::test]
async fn a_large_body_passes_both_ways_whole() {
    let tasks = TaskTracker::new();
    for transport in transports(&tasks).await {
        let taken = Arc::new(AtomicUsize::new(0));
        let answer = transport.stream(Request::put("/echo").body(large(&taken)).unwrap()).await;
        let mut pieces = answer.unwrap().into_body().into_data_stream();
        let mut at = 0;
        while let Some(piece) = pieces.next().await {
            let mut piece = &piece.unwrap()[..];
            while !piece.is_empty() {
                let (same, rest) = piece.split_at(piece.len().min(PIECE - at % PIECE));
                let expected = u8::try_from(at / PIECE % 251).unwrap();
                assert!(same == vec![expected; same.len()], "after byte {at}");
                at += same.len();
                piece = rest;
            }
        }
        assert_eq!(at, PIECE * PIECES);
    }
}

#[tokio::test]
async fn who_reads_slowly_is_waited_for() {
    let tasks = TaskTracker::new();
    for transport in transports(&tasks).await {
        let taken = Arc::new(AtomicUsize::new(0));
        let answer = transport.stream(Request::put("/echo").body(large(&taken)).unwrap()).await;
        let mut pieces = answer.unwrap().into_body().into_data_stream();
        pieces.next().await.unwrap().unwrap();
        // Long enough for whatever would run ahead.
        for _ in 0..2_000 {
            tokio::task::yield_now().await;
        }
        let ahead = taken.load(Ordering::Relaxed);
        assert!(ahead < BUFFERS, "{ahead} bytes were taken for one piece");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_no_end() {
    let tasks = TaskTracker::new();
    for transport in transports(&tasks).await {
        for path in ["/broken", "/panics"] {
            let answer = transport.stream(Request::get(path).body(Body::empty()).unwrap()).await;
            let Ok(answer) = answer else { continue };
            assert!(axum::body::to_bytes(answer.into_body(), 1_000).await.is_err(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_that_breaks_off_never_looks_whole() {
    let tasks = TaskTracker::new();
    for transport in transports(&tasks).await {
        let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
        let request = Request::put("/echo").body(Body::from_stream(stream::iter(pieces))).unwrap();
        match transport.stream(request).await {
            Err(TransportError::Unanswered(_)) => {}
            Err(error) => panic!("{error}"),
            Ok(answer) => {
                assert!(axum::body::to_bytes(answer.into_body(), 1_000).await.is_err());
            }
        }
    }
}

#[tokio::test]
async fn the_length_of_a_file_is_told() {
    let tasks = TaskTracker::new();
    for transport in transports(&tasks).await {
        let taken = Arc::new(AtomicUsize::new(0));
        let request = Request::put("/length").header(header::CONTENT_LENGTH, PIECE * PIECES);
        let answer = transport.stream(request.body(large(&taken)).unwrap()).await.unwrap();
        let length = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        assert_eq!(&length[..], (PIECE * PIECES).to_string().as_bytes());
    }
}
