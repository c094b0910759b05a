//! A transport on which things go wrong: answers get lost after the call was performed, calls are
//! performed twice, calls are late, and from a chosen call on nothing gets through any more, as if
//! the process had died there. What goes wrong follows from the seed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, Response};
use serde_json::Value;
use support_clock::{SeededRandom, SharedClock, SharedRandom};
use support_matrix_http::{HttpTransport, TransportError};
use tokio::sync::watch;

use crate::gauge::Gauge;

/// How often what goes wrong, in a hundred calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The call is performed, its answer lost.
    pub answer_lost: u64,
    /// The call is performed twice, one after the other.
    pub repeated: u64,
    /// The call is late.
    pub delayed: u64,
    /// The call does not leave.
    pub not_sent: u64,
    /// A file breaks off in the middle, on its way there or back.
    pub broken_off: u64,
}

impl Faults {
    /// Makes a transport on which about every third call goes wrong somehow.
    pub fn rough() -> Self {
        Self { answer_lost: 10, repeated: 10, delayed: 10, not_sent: 5, broken_off: 10 }
    }
}

/// How late a late call is, at most.
const LATE: u64 = 15;

/// Wraps a transport.
#[derive(Debug)]
pub struct FaultyTransport {
    inner: Arc<dyn HttpTransport>,
    clock: SharedClock,
    random: SharedRandom,
    faults: Mutex<Faults>,
    /// How many calls still get through; reaching zero, the line is cut.
    left: AtomicU64,
    cut: watch::Sender<bool>,
    happened: AtomicU64,
    /// Answers that are given in place of the server's.
    scripted: Mutex<Vec<Scripted>>,
    calls: Mutex<Vec<String>>,
    gauge: Gauge,
}

/// What is answered to the next call of a path.
#[derive(Clone, Debug)]
struct Scripted {
    part: String,
    status: u16,
    body: Value,
}

impl FaultyTransport {
    /// Wraps a transport. The same seed and the same order of calls make the same things go wrong.
    pub fn new(
        inner: Arc<dyn HttpTransport>,
        clock: SharedClock,
        faults: Faults,
        seed: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            clock,
            random: Arc::new(SeededRandom::new(seed)),
            faults: Mutex::new(faults),
            left: AtomicU64::new(u64::MAX),
            cut: watch::Sender::new(false),
            happened: AtomicU64::new(0),
            scripted: Mutex::default(),
            calls: Mutex::default(),
            gauge: Gauge::default(),
        })
    }

    /// Answers the next call whose path contains `part` in place of the server, which does not hear of
    /// it; several are answered one after the other.
    pub fn answer_next(&self, part: &str, status: u16, body: Value) {
        let scripted = Scripted { part: part.to_owned(), status, body };
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).push(scripted);
    }

    /// Returns how often a path with `part` was called.
    pub fn calls_to(&self, method: &str, part: &str) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |call: &&String| call.starts_with(method) && call.contains(part);
        calls.iter().filter(fits).count()
    }

    /// Returns how much of the files that passed was held at once.
    pub fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    fn scripted<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let path = request.uri().path();
        let call = format!("{} {path}", request.method());
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        let mut scripted = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        let at = scripted.iter().position(|scripted| path.contains(&scripted.part))?;
        let Scripted { status, body, .. } = scripted.remove(at);
        drop(scripted);
        let response = Response::builder().status(status).body(Bytes::from(body.to_string()));
        Some(response.expect("a status of a test is a status"))
    }

    /// Lets a file pass piece by piece, counted; one that breaks off does so after its first piece.
    fn passing(&self, body: Body, breaks_off: bool) -> Body {
        let gauge = self.gauge.clone();
        let pieces = body.into_data_stream().map_ok(move |piece| gauge.hold(piece));
        if !breaks_off {
            return Body::from_stream(pieces);
        }
        let broken = stream::once(async { Err(axum::Error::new("the line is dead")) });
        Body::from_stream(pieces.take(1).chain(broken))
    }

    /// Changes how often what goes wrong.
    pub fn set(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Cuts the line after this many more calls: the last one is performed, its answer lost.
    pub fn cut_after(&self, calls: u64) {
        self.left.store(calls, Ordering::SeqCst);
    }

    /// Waits until the line is cut.
    pub async fn cut(&self) {
        let mut cut = self.cut.subscribe();
        while !*cut.borrow_and_update() {
            if cut.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns how many calls went wrong so far.
    pub fn happened(&self) -> u64 {
        self.happened.load(Ordering::Relaxed)
    }

    fn lost(&self) -> TransportError {
        TransportError::Unanswered("the answer is lost".to_owned())
    }

    /// Counts a call down. `None`: the line is cut already. `Some(true)`: this is the last one.
    fn count(&self) -> Option<bool> {
        let counted =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
                0 => None,
                u64::MAX => Some(u64::MAX),
                left => Some(left - 1),
            });
        counted.ok().map(|left| left == 1)
    }

    fn goes_wrong(&self, of_hundred: u64) -> bool {
        let wrong = of_hundred > 0 && self.random.below(100) < of_hundred;
        self.happened.fetch_add(u64::from(wrong), Ordering::Relaxed);
        wrong
    }
}

#[async_trait]
impl HttpTransport for FaultyTransport {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let Some(last) = self.count() else { return Err(self.lost()) };
        if let Some(answer) = self.scripted(&request) {
            return Ok(answer);
        }
        let faults = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if last {
            drop(self.inner.call(request).await);
            self.cut.send_replace(true);
            return Err(self.lost());
        }
        if self.goes_wrong(faults.not_sent) {
            return Err(TransportError::NotSent("the line is dead".to_owned()));
        }
        if self.goes_wrong(faults.delayed) {
            self.clock.sleep(Duration::from_millis(self.random.below(LATE))).await;
        }
        if self.goes_wrong(faults.repeated) {
            drop(self.inner.call(copy(&request)).await);
        }
        let answer = self.inner.call(request).await;
        if self.goes_wrong(faults.answer_lost) {
            return Err(self.lost());
        }
        answer
    }

    /// As a call, but for what is done twice: a file is sent once.
    async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let Some(last) = self.count() else { return Err(self.lost()) };
        if let Some(answer) = self.scripted(&request) {
            return Ok(answer.map(Body::from));
        }
        let faults = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if self.goes_wrong(faults.not_sent) {
            return Err(TransportError::NotSent("the line is dead".to_owned()));
        }
        if self.goes_wrong(faults.delayed) {
            self.clock.sleep(Duration::from_millis(self.random.below(LATE))).await;
        }
        let there = self.goes_wrong(faults.broken_off);
        let answer = self.inner.stream(request.map(|body| self.passing(body, there))).await;
        if last {
            self.cut.send_replace(true);
            return Err(self.lost());
        }
        if self.goes_wrong(faults.answer_lost) {
            return Err(self.lost());
        }
        let back = self.goes_wrong(faults.broken_off);
        answer.map(|response| response.map(|body| self.passing(body, back)))
    }
}

fn copy(request: &Request<Bytes>) -> Request<Bytes> {
    let mut copy = Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}
