//! An appservice that does what the story says: answers, stays silent, breaks off, and remembers all it was asked.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use registration::{Blueprint, Registration};
use serde_json::{Map, Value};
use spec_check::Exchange;
use support_matrix_http::{HttpTransport, TransportError};
use tokio::sync::{Notify, watch};

/// One request, as it came in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) authorization: String,
    pub(crate) body: Bytes,
}

impl Seen {
    /// The transaction id, if this is a transaction.
    pub(crate) fn txn_id(&self) -> Option<&str> {
        self.path.strip_prefix("/_matrix/app/v1/transactions/")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.json()["events"].as_array().cloned().unwrap_or_default()
    }

    /// What it tells of typing and receipts.
    pub(crate) fn passing(&self) -> Vec<Value> {
        self.json()["ephemeral"].as_array().cloned().unwrap_or_default()
    }
}

/// What to do with the next request.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// Answer with this status and body.
    Answer(u16, &'static str),
    /// Take the request, then break off.
    BreakOff,
    /// Refuse the connection.
    Refuse,
    /// Wait for [`Scripted::release`], then answer 200.
    Hold,
}

/// The scripted appservice. Without a turn it answers 200 `{}`.
#[derive(Debug)]
pub(crate) struct Scripted {
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
    turns: Mutex<VecDeque<Turn>>,
    /// What to do when there are no more turns.
    usual: Mutex<Turn>,
    released: Notify,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Scripted {
    pub(crate) fn new() -> Arc<Self> {
        Self::with([])
    }

    pub(crate) fn with(turns: impl IntoIterator<Item = Turn>) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            turns: Mutex::new(turns.into_iter().collect()),
            usual: Mutex::new(Turn::Answer(200, "{}")),
            released: Notify::new(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    /// Sets what to do with the request after those that already have their turn.
    pub(crate) fn then(&self, turn: Turn) {
        self.turns.lock().unwrap().push_back(turn);
    }

    /// Sets what to do with requests that have no turn of their own.
    pub(crate) fn usually(&self, turn: Turn) {
        *self.usual.lock().unwrap() = turn;
    }

    /// Lets one held request go.
    pub(crate) fn release(&self) {
        self.released.notify_one();
    }

    /// Everything it was asked, held against the specification: no story that looks can forget it.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap().clone();
        let nothing = Value::Object(Map::new());
        for Seen { method, path, body, .. } in &seen {
            let request = serde_json::from_slice(body).ok();
            let (request, response) = (request.as_ref(), Some(&nothing));
            let exchange = Exchange { method, path, status: 200, request, response };
            assert_eq!(exchange.faults(), Vec::<String>::new(), "{method} {path}");
        }
        seen
    }

    pub(crate) fn transactions(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.txn_id().is_some()).collect()
    }

    /// All events that were pushed, each transaction once, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut done: Vec<String> = Vec::new();
        let mut events = Vec::new();
        for seen in self.transactions() {
            let id = seen.txn_id().unwrap_or_default().to_owned();
            if !done.contains(&id) {
                events.extend(seen.events());
                done.push(id);
            }
        }
        events
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    /// Waits until the appservice has seen what the story waits for.
    pub(crate) async fn until(&self, what: impl Fn(&Self) -> bool) {
        let mut count = self.count.subscribe();
        let seen = async {
            while !what(self) {
                count.changed().await.unwrap();
            }
        };
        let limit = std::time::Duration::from_secs(20);
        if tokio::time::timeout(limit, seen).await.is_err() {
            panic!("it did not come; the appservice saw {:#?}", self.seen());
        }
    }

    /// Waits until an event with this body was pushed.
    pub(crate) async fn until_body(&self, body: &str) {
        self.until(|one| one.events().iter().any(|event| event["content"]["body"] == body)).await;
    }

    /// The bodies of all messages that were pushed, in order.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let events = self.events();
        let messages = events.iter().filter(|event| event["type"] == "m.room.message");
        messages.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
    }
}

#[async_trait]
impl HttpTransport for Scripted {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let next = self.turns.lock().unwrap().pop_front();
        let turn = next.unwrap_or_else(|| self.usual.lock().unwrap().clone());
        if matches!(turn, Turn::Refuse) {
            self.count.send_modify(|count| *count += 1);
            return Err(TransportError::NotSent("connection refused".to_owned()));
        }
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let (parts, body) = request.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let seen = Seen {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            authorization: header("authorization"),
            body,
        };
        self.seen.lock().unwrap().push(seen);
        self.count.send_modify(|count| *count += 1);
        let answer = match turn {
            Turn::Answer(status, body) => Ok((status, body)),
            Turn::Hold => {
                self.released.notified().await;
                Ok((200, "{}"))
            }
            Turn::BreakOff | Turn::Refuse => {
                Err(TransportError::Unanswered("connection reset".to_owned()))
            }
        };
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        answer.map(|(status, body)| {
            Response::builder().status(status).body(Bytes::from(body)).unwrap()
        })
    }
}

/// A registration for users `@_NAME_.*` and aliases `#_NAME_.*`.
pub(crate) fn registration(name: &str) -> Registration {
    Registration::generate(
        Blueprint::new(name, format!("{name}bot"))
            .url(format!("http://{name}.test"))
            .users(format!(r"@_{name}_.*:hs\.test"))
            .aliases(format!(r"#_{name}_.*:hs\.test")),
    )
}
