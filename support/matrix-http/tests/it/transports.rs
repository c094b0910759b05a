//! The two transports keep the same promises, and tell honestly what became of a request.

use crate::{Seen, fault, server};
use axum::{Router, routing::get};
use bytes::Bytes;
use http::Request;
use std::{sync::Arc, time::Duration};
use support_matrix_http::{
    CallTimeout, HttpTransport, InProcess, SocketOptions, SocketTransport, TransportError,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};
use tokio_util::task::TaskTracker;

fn request(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap()
}

/// Serves a router on a port of the system's choice for as long as the test's runtime lives.
pub(crate) async fn serve(router: Router, tasks: &TaskTracker) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tasks.spawn(async move { axum::serve(listener, router).await });
    url
}

pub(crate) fn socket(base: &url::Url) -> SocketTransport {
    SocketTransport::new(base, SocketOptions::default()).unwrap()
}

#[tokio::test]
async fn both_transports_bring_the_same_answer() {
    let tasks = TaskTracker::new();
    let router = server(&Seen::default());
    let base = serve(router.clone(), &tasks).await;
    let transports: [Arc<dyn HttpTransport>; 2] =
        [Arc::new(InProcess::new(router)), Arc::new(socket(&base))];
    for transport in transports {
        let echo = Request::post("/echo?a=%2F").body(Bytes::from_static(b"hello")).unwrap();
        let answer = transport.call(echo).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"hello"[..]));
        let answer = transport.call(request("/_matrix/client/v3/account/whoami")).await.unwrap();
        assert_eq!(fault(&answer), (401, "M_MISSING_TOKEN".to_owned()));
        let answer = transport.call(request("/panic")).await.unwrap();
        assert_eq!(fault(&answer), (500, "M_UNKNOWN".to_owned()));
        let path = "/_matrix/client/v3/directory/room/%23a%2Fb:example.org";
        let answer = transport.call(request(path)).await.unwrap();
        assert_eq!(fault(&answer), (404, "M_NOT_FOUND".to_owned()), "the alias arrived whole");
        let long = Request::post("/echo").body(Bytes::from(vec![b'x'; 2_000])).unwrap();
        assert_eq!(transport.call(long).await.unwrap().status(), 413);
    }
}

#[tokio::test]
async fn caller_who_goes_away_cancels_nothing_in_process() {
    let (begun, go_on, done) =
        (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let router = Router::new().route("/slow", {
        let (begun, go_on, done) = (begun.clone(), go_on.clone(), done.clone());
        get(move || async move {
            begun.notify_one();
            go_on.notified().await;
            done.notify_one();
        })
    });
    let transport = InProcess::new(router);
    tokio::select! {
        _ = transport.call(request("/slow")) => panic!("the handler waits for us"),
        () = begun.notified() => {}
    }
    go_on.notify_one();
    done.notified().await;
}

#[tokio::test]
async fn panic_outside_of_every_layer_is_a_500_too() {
    let router = Router::new().route("/panic", get(crate::break_down));
    let answer = InProcess::new(router).call(request("/panic")).await.unwrap();
    assert_eq!(fault(&answer), (500, "M_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn refused_connection_was_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = socket(&base).call(request("/x?access_token=secret")).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn unknown_host_and_failed_tls_were_certainly_not_sent() {
    let nowhere = "http://host.invalid:1".parse().unwrap();
    let error = socket(&nowhere).call(request("/x")).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");

    let tasks = TaskTracker::new();
    let mut base = serve(server(&Seen::default()), &tasks).await;
    base.set_scheme("https").unwrap();
    let error = socket(&base).call(request("/x")).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
}

/// Accepts one connection, reads the request and then does what the test wants.
async fn rude_server(tasks: &TaskTracker, answer: &'static [u8], keep: bool) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        stream.write_all(answer).await.unwrap();
        if keep {
            std::future::pending::<()>().await;
        }
    });
    base
}

#[tokio::test]
async fn connection_lost_after_the_request_leaves_its_fate_unknown() {
    let tasks = TaskTracker::new();
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
        let base = rude_server(&tasks, answer, false).await;
        let error = socket(&base).call(request("/x?access_token=secret")).await.unwrap_err();
        assert!(matches!(error, TransportError::Unanswered(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn answer_that_does_not_come_in_time_leaves_its_fate_unknown() {
    let tasks = TaskTracker::new();
    let base = rude_server(&tasks, b"", true).await;
    let mut request = request("/x");
    request.extensions_mut().insert(CallTimeout(Duration::from_millis(50)));
    let error = socket(&base).call(request).await.unwrap_err();
    assert!(matches!(error, TransportError::Unanswered(_)), "{error}");
}

#[tokio::test]
async fn answer_longer_than_wanted_is_not_read_to_its_end() {
    let tasks = TaskTracker::new();
    let router = Router::new().route("/long", get(|| async { "x".repeat(100_000) }));
    let base = serve(router, &tasks).await;
    let options = SocketOptions { max_answer: 1_000, ..SocketOptions::default() };
    let transport = SocketTransport::new(&base, options).unwrap();
    let error = transport.call(request("/long")).await.unwrap_err();
    assert!(matches!(error, TransportError::Unanswered(_)), "{error}");
}

#[tokio::test]
async fn path_prefix_of_the_base_url_is_kept_and_redirects_are_not_followed() {
    let tasks = TaskTracker::new();
    let router = Router::new()
        .route("/proxy/path/x", get(|| async { "inner" }))
        .route("/proxy/path/away", get(|| async { axum::response::Redirect::temporary("/x") }));
    let mut base = serve(router, &tasks).await;
    base.set_path("/proxy/path/");
    let transport = socket(&base);
    assert_eq!(&transport.call(request("/x")).await.unwrap().body()[..], b"inner");
    assert_eq!(transport.call(request("/away")).await.unwrap().status(), 307);
}
