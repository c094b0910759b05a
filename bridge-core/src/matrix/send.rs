//! Sending events, and finding out whether one was sent.

use http::Method;
use serde_json::{Value, json};

use super::call::{Call, text};
use super::outcome::{MatrixOutcome, MatrixTrouble};
use super::{Matrix, STEP_KEY};
use crate::ids::SendKey;

/// How far back a lost send is searched. A step is looked up when the bridge starts again, and the
/// lane has sent nothing since: only what others said meanwhile lies above it.
const LOOK_BACK: usize = 500;
const PAGE: usize = 100;

impl Matrix {
    /// Sends a message event.
    pub(crate) async fn send_event(
        &self,
        as_user: &str,
        room: &str,
        event_type: &str,
        txn: &SendKey,
        content: &Value,
        ts: Option<i64>,
    ) -> MatrixOutcome {
        let path = ["rooms", room, "send", event_type, txn.as_str()];
        let call = Call::new("send", Method::PUT, &path).body(content).at(ts);
        self.with_transaction_id(as_user, call).await
    }

    /// Takes an event back.
    pub(crate) async fn redact(
        &self,
        as_user: &str,
        room: &str,
        event_id: &str,
        txn: &SendKey,
        reason: Option<&str>,
    ) -> MatrixOutcome {
        let body = match reason {
            Some(reason) => json!({ "reason": reason }),
            None => json!({}),
        };
        let path = ["rooms", room, "redact", event_id, txn.as_str()];
        self.with_transaction_id(as_user, Call::new("redact", Method::PUT, &path).body(&body)).await
    }

    /// Sets state. Setting the same again is harmless.
    pub(crate) async fn send_state(
        &self,
        as_user: &str,
        room: &str,
        event_type: &str,
        state_key: &str,
        content: &Value,
        ts: Option<i64>,
    ) -> MatrixOutcome {
        let path = ["rooms", room, "state", event_type, state_key];
        let call = Call::new("state", Method::PUT, &path).body(content).at(ts);
        let answer = self.natural(as_user, call).await;
        MatrixOutcome::from(answer.and_then(|answer| text(&answer, "event_id")))
    }

    /// Finds the event a step sent, by the tag in its content, among the room's recent messages.
    pub(crate) async fn find_by_tag(
        &self,
        room: &str,
        key: &SendKey,
    ) -> Result<Option<String>, MatrixTrouble> {
        let mut from: Option<String> = None;
        let mut seen = 0;
        while seen < LOOK_BACK {
            let mut call = Call::new("messages", Method::GET, &["rooms", room, "messages"])
                .query("dir", "b")
                .query("limit", PAGE);
            if let Some(from) = &from {
                call = call.query("from", from);
            }
            let answer = self.natural(self.bot(), call).await?;
            let chunk = answer.get("chunk").and_then(Value::as_array).cloned().unwrap_or_default();
            let ours = chunk
                .iter()
                .find(|event| event["content"][STEP_KEY].as_str() == Some(key.as_str()));
            if let Some(id) = ours.and_then(|event| event["event_id"].as_str()) {
                return Ok(Some(id.to_owned()));
            }
            seen += chunk.len();
            from = answer.get("end").and_then(Value::as_str).map(str::to_owned);
            if chunk.is_empty() || from.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Returns an event the bot may see; `None` where it may not, or there is none.
    pub(crate) async fn get_event(
        &self,
        room: &str,
        event_id: &str,
    ) -> Result<Option<Value>, MatrixTrouble> {
        let call = Call::new("event", Method::GET, &["rooms", room, "event", event_id]);
        match self.natural(self.bot(), call).await {
            Ok(event) => Ok(Some(event)),
            // What was said lately is found among the room's messages too.
            Err(MatrixTrouble::Refused { .. }) => {
                let recent = self.recent(room).await?;
                Ok(recent.into_iter().find(|event| event["event_id"] == event_id))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Returns the newest events of a room, newest first; none where the bot may not look.
    async fn recent(&self, room: &str) -> Result<Vec<Value>, MatrixTrouble> {
        let call = Call::new("messages", Method::GET, &["rooms", room, "messages"])
            .query("dir", "b")
            .query("limit", PAGE);
        match self.natural(self.bot(), call).await {
            Ok(mut answer) => match answer["chunk"].take() {
                Value::Array(events) => Ok(events),
                _ => Ok(Vec::new()),
            },
            Err(MatrixTrouble::Refused { .. }) => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Returns the newest edit of an event by its sender, other than a given one; `None` where there
    /// is none or the homeserver does not tell.
    pub(crate) async fn newest_edit(
        &self,
        room: &str,
        event_id: &str,
        sender: &str,
        but: &str,
    ) -> Result<Option<Value>, MatrixTrouble> {
        let call = Call::v1(
            "relations",
            Method::GET,
            &["rooms", room, "relations", event_id, "m.replace"],
        );
        let found = match self.natural(self.bot(), call.query("limit", 20)).await {
            Ok(mut answer) => answer["chunk"].take(),
            Err(MatrixTrouble::Refused { .. }) => Value::Array(self.recent(room).await?),
            Err(trouble) => return Err(trouble),
        };
        let edits: Vec<&Value> = found
            .as_array()
            .into_iter()
            .flatten()
            .filter(|edit| edit["sender"] == sender)
            .filter(|edit| edit["content"]["m.relates_to"]["rel_type"] == "m.replace")
            .filter(|edit| edit["content"]["m.relates_to"]["event_id"] == event_id)
            .collect();
        // Newest first: what stands behind the one that is asked about came before it.
        let asked = edits.iter().position(|edit| edit["event_id"] == but);
        Ok(edits.get(asked.map_or(0, |at| at + 1)).map(|edit| (*edit).clone()))
    }

    /// Returns what was said in a room after an event, oldest first, as far back as one page goes.
    pub(crate) async fn said_since(
        &self,
        room: &str,
        event_id: &str,
    ) -> Result<Vec<Value>, MatrixTrouble> {
        let call = Call::new("messages", Method::GET, &["rooms", room, "messages"])
            .query("dir", "b")
            .query("limit", PAGE);
        let answer = self.natural(self.bot(), call).await?;
        let chunk = answer.get("chunk").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut said: Vec<Value> = chunk
            .into_iter()
            .take_while(|event| event["event_id"].as_str() != Some(event_id))
            .filter(|event| event["type"].as_str() == Some("m.room.message"))
            .collect();
        said.reverse();
        Ok(said)
    }

    async fn with_transaction_id(&self, as_user: &str, call: Call<'_>) -> MatrixOutcome {
        let answer = self.once(as_user, call).await;
        let sent = answer.and_then(|answer| text(&answer, "event_id"));
        if self.idempotent_for_good() {
            return MatrixOutcome::from(sent.map_err(MatrixTrouble::repeatable));
        }
        MatrixOutcome::from(sent)
    }
}
