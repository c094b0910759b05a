//! The newcomer's hands: as much of a Matrix client as a first visit takes.

use super::WHAT;
use crate::failure::Failure;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use support_matrix_http::{HttpTransport, MatrixError};
use tokio::time::Instant;

/// How long an answer may take. Everything is in this process, so this is plenty.
const PATIENCE: Duration = Duration::from_secs(30);

/// A logged-in person.
pub(super) struct Visitor {
    transport: Arc<dyn HttpTransport>,
    token: Option<String>,
    /// Where the next sync begins.
    since: Option<String>,
    sent: u32,
}

impl Visitor {
    pub(super) async fn log_in(
        transport: Arc<dyn HttpTransport>,
        user: &str,
        password: &str,
    ) -> Result<Visitor, Failure> {
        let mut visitor = Visitor { transport, token: None, since: None, sent: 0 };
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user },
            "password": password,
            "initial_device_display_name": "rialto demo",
        });
        let answer = visitor.call(Method::POST, "/_matrix/client/v3/login", Some(body)).await?;
        visitor.token = Some(text(&answer, "access_token")?);
        Ok(visitor)
    }

    /// Opens a direct room with somebody and waits until they are in it.
    pub(super) async fn talk_to(&mut self, whom: &str) -> Result<String, Failure> {
        let body = json!({
            "preset": "trusted_private_chat", "is_direct": true, "invite": [whom],
        });
        let answer = self.call(Method::POST, "/_matrix/client/v3/createRoom", Some(body)).await?;
        let room = text(&answer, "room_id")?;
        self.wait_for(&room, |event| {
            let joined = event["type"] == "m.room.member"
                && event["state_key"] == whom
                && event["content"]["membership"] == "join";
            joined.then(String::new)
        })
        .await?;
        Ok(room)
    }

    /// Says something and returns the answer, which has to contain some words.
    pub(super) async fn ask(
        &mut self,
        room: &str,
        whom: &str,
        question: &str,
        expected: &str,
    ) -> Result<String, Failure> {
        self.say(room, question).await?;
        let mut said = Vec::new();
        let answer = self
            .wait_for(room, |event| {
                let body = event["content"]["body"].as_str()?;
                if event["sender"] != whom || event["type"] != "m.room.message" {
                    return None;
                }
                said.push(body.to_owned());
                body.contains(expected).then(|| body.to_owned())
            })
            .await;
        answer.map_err(|failure| match said.last() {
            Some(words) => Failure::new(
                WHAT,
                format!("`{question}` was answered: {words}"),
                "Please report this",
            ),
            None => failure,
        })
    }

    pub(super) async fn say(&mut self, room: &str, words: &str) -> Result<(), Failure> {
        self.sent += 1;
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/demo{}", self.sent);
        let body = json!({ "msgtype": "m.text", "body": words });
        self.call(Method::PUT, &path, Some(body)).await.map(drop)
    }

    /// Waits for an event of a room.
    async fn wait_for<T>(
        &mut self,
        room: &str,
        mut fits: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let since = self.since.as_deref().map_or(String::new(), |at| format!("&since={at}"));
            let path = format!("/_matrix/client/v3/sync?timeout=1000{since}");
            let news = self.call(Method::GET, &path, None).await?;
            self.since = Some(text(&news, "next_batch")?);
            let room = &news["rooms"]["join"][room];
            let state = room["state"]["events"].as_array().into_iter().flatten();
            let timeline = room["timeline"]["events"].as_array().into_iter().flatten();
            if let Some(found) = state.chain(timeline).find_map(&mut fits) {
                return Ok(found);
            }
        }
        Err(Failure::new(WHAT, "the bot did not answer in time", "Please report this"))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let wrong = |why: String| Failure::new(WHAT, why, "Please report this");
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| wrong(error.to_string()))?;
        if let Some(token) = &self.token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"));
            let bearer = bearer.map_err(|error| wrong(error.to_string()))?;
            request.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
        let response =
            self.transport.call(request).await.map_err(|error| wrong(error.to_string()))?;
        if !response.status().is_success() {
            return Err(wrong(MatrixError::from_response(&response).to_string()));
        }
        serde_json::from_slice(response.body()).map_err(|error| wrong(error.to_string()))
    }
}

fn text(answer: &Value, key: &str) -> Result<String, Failure> {
    let text = answer[key].as_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(WHAT, format!("an answer lacks `{key}`"), "Please report this"))
}
