//! A person on Matrix who uses matrix-nio: a client library that is not ours and checks what we answer against its own
//! schemas.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::matrix::{DEADLINE, user};
use crate::program::{PASSWORD, Program};
use crate::script::ScriptPeer;

/// A logged-in person whose client syncs all the time.
#[derive(Debug)]
pub struct NioClient {
    peer: ScriptPeer,
}

impl NioClient {
    /// Logs in an account that [`Program::create_user`] has made.
    pub async fn log_in(program: &Program, name: &str) -> Result<NioClient> {
        NioClient::log_in_at(&program.url(), &user(name), PASSWORD).await
    }

    /// Logs in anywhere.
    pub async fn log_in_at(homeserver: &str, user: &str, password: &str) -> Result<NioClient> {
        let mut peer = ScriptPeer::python("nio_client.py", &[])?;
        let question = json!({
            "verb": "log_in", "homeserver": homeserver, "user": user, "password": password,
        });
        peer.ask(question).await?;
        Ok(NioClient { peer })
    }

    /// Opens a direct room and returns its id.
    pub async fn create_direct_room(&mut self, with: &str) -> Result<String> {
        let answer = self
            .peer
            .ask(json!({ "verb": "create_room", "direct": true, "invite": [with] }))
            .await?;
        Ok(answer["room"].as_str().context("no room")?.to_owned())
    }

    /// Sends a text and returns the event's id.
    pub async fn send(&mut self, room: &str, body: &str) -> Result<String> {
        let answer = self.peer.ask(json!({ "verb": "send", "room": room, "body": body })).await?;
        Ok(answer["event_id"].as_str().context("no event id")?.to_owned())
    }

    /// Returns what nio has made of a room: name, topic, members.
    pub async fn describe(&mut self, room: &str) -> Result<Value> {
        self.peer.ask(json!({ "verb": "describe", "room": room })).await
    }

    /// Waits until what nio has made of a room fits.
    pub async fn expect_description(
        &mut self,
        room: &str,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = self.describe(room).await?;
            if fits(&seen) {
                return Ok(seen);
            }
            ensure!(Instant::now() < deadline, "nio sees no {what} in {room}: {seen}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until nio has shown an event that fits; returns the room's id and the event.
    pub async fn expect_event(
        &self,
        what: &str,
        fits: impl Fn(&str, &Value) -> bool,
    ) -> Result<(String, Value)> {
        self.peer
            .expect(what, |news| {
                news.iter().find_map(|one| {
                    let room = one["room"].as_str()?;
                    fits(room, &one["event"]).then(|| (room.to_owned(), one["event"].clone()))
                })
            })
            .await
    }

    /// Waits for a message by somebody with this body.
    pub async fn expect_message(&self, room: &str, sender: &str, body: &str) -> Result<Value> {
        let fits = |id: &str, event: &Value| {
            id == room && event["sender"] == sender && event["content"]["body"] == body
        };
        Ok(self.expect_event(&format!("`{body}` by {sender}"), fits).await?.1)
    }
}
