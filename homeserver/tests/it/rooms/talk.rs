//! Short ways to live in rooms.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, House, escape};

pub(crate) const CLIENT: &str = "/_matrix/client/v3";

impl House {
    /// Asks something of a room: `members`, `state/m.room.name` ...
    pub(crate) async fn look(&self, token: &str, room: &str, what: &str) -> Answer {
        self.get(&format!("{CLIENT}/rooms/{}/{what}", escape(room)), token).await
    }

    /// Says something; returns the whole answer.
    pub(crate) async fn try_say(&self, token: &str, room: &str, txn: &str, text: &str) -> Answer {
        let path = format!("{CLIENT}/rooms/{}/send/m.room.message/{txn}", escape(room));
        self.put(&path, token, json!({ "msgtype": "m.text", "body": text })).await
    }

    pub(crate) async fn set_state(
        &self,
        token: &str,
        room: &str,
        key: &str,
        content: Value,
    ) -> Answer {
        self.put(&format!("{CLIENT}/rooms/{}/state/{key}", escape(room)), token, content).await
    }

    /// Takes something back; returns the event id.
    pub(crate) async fn redact(&self, token: &str, room: &str, event: &str, txn: &str) -> Answer {
        let path = format!("{CLIENT}/rooms/{}/redact/{}/{txn}", escape(room), escape(event));
        self.put(&path, token, json!({ "reason": "second thoughts" })).await
    }

    /// Syncs; `query` is what follows the question mark.
    pub(crate) async fn sync(&self, token: &str, query: &str) -> Value {
        self.get(&format!("{CLIENT}/sync?{query}"), token).await.ok()
    }

    /// Syncs from a token on.
    pub(crate) async fn since(&self, token: &str, since: &str) -> Value {
        self.sync(token, &format!("since={since}")).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::DELETE, path, Some(token), None).await
    }
}

/// Lets something happen at the same time.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio_util::task::TaskTracker::new().spawn(work)
}

pub(crate) fn event_id(answer: Value) -> String {
    answer["event_id"].as_str().unwrap().to_owned()
}

pub(crate) fn next_batch(sync: &Value) -> String {
    sync["next_batch"].as_str().unwrap().to_owned()
}

/// What is in the timeline of a joined room.
pub(crate) fn timeline<'a>(sync: &'a Value, room: &str) -> &'a [Value] {
    events(&sync["rooms"]["join"][room]["timeline"]["events"])
}

pub(crate) fn events(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The bodies of the messages among some events.
pub(crate) fn bodies(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

/// Finds the event of a type.
pub(crate) fn of_type<'a>(events: &'a [Value], kind: &str) -> Option<&'a Value> {
    events.iter().find(|event| event["type"] == kind)
}
