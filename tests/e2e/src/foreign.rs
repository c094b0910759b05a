//! A person on Matrix who uses somebody else's client library: matrix-nio, matrix-js-sdk, or matrix-js-sdk inside
//! Chromium. All are asked the same verbs, and tell of a room what the library has made of it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_daemons::process::require_program;

use crate::matrix::{DEADLINE, user};
use crate::program::PASSWORD;
use crate::script::ScriptPeer;

/// Between two looks at what a library has made of things; it tells of events, not of its own state.
const POLL: Duration = Duration::from_millis(50);

/// Whose library a person uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Nio,
    JsSdk,
    /// matrix-js-sdk on a page of another origin in Chromium.
    Browser,
}

impl Library {
    /// Whether it aggregates relations, searches, and the like: nio only asks for the raw events.
    pub fn aggregates(self) -> bool {
        self != Library::Nio
    }
}

/// A logged-in person whose client syncs all the time.
#[derive(Debug)]
pub struct ForeignClient {
    peer: ScriptPeer,
    pub library: Library,
    pub user_id: String,
    // The browser's profile.
    _folder: Option<TempDir>,
}

/// What a room is made with.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRoom<'a> {
    pub name: Option<&'a str>,
    pub topic: Option<&'a str>,
    pub invite: &'a [&'a str],
    pub direct: bool,
    pub space: bool,
    /// Whoever comes is let in.
    pub open: bool,
}

impl ForeignClient {
    /// Logs in an account of this name with everybody's password; `homeserver` is an address.
    pub async fn log_in(library: Library, homeserver: &str, name: &str) -> Result<ForeignClient> {
        let mut folder = None;
        let mut peer = match library {
            Library::Nio => ScriptPeer::python("nio_client.py", &[])?,
            Library::JsSdk => ScriptPeer::node("sdk_client.mjs", &[])?,
            Library::Browser => {
                let chromium = require_program("chromium", "chromium")?;
                let profile = folder.insert(TempDir::with_prefix("rialto-chromium-")?);
                let words = [&*chromium, profile.path()].map(Path::to_string_lossy);
                ScriptPeer::node("browser_client.mjs", &[&words[0], &words[1]])?
            }
        };
        let user_id = user(name);
        let question = json!({
            "verb": "log_in", "homeserver": homeserver, "user": user_id, "password": PASSWORD,
        });
        peer.ask(question).await?;
        Ok(ForeignClient { peer, library, user_id, _folder: folder })
    }

    /// Asks any verb.
    pub async fn ask(&mut self, verb: &str, mut question: Value) -> Result<Value> {
        question["verb"] = json!(verb);
        self.peer.ask(question).await
    }

    /// Makes a room and returns its id.
    pub async fn create_room(&mut self, wish: NewRoom<'_>) -> Result<String> {
        let NewRoom { name, topic, invite, direct, space, open } = wish;
        let question = json!({
            "name": name, "topic": topic, "invite": invite, "direct": direct, "space": space,
            "open": open,
        });
        let answer = self.ask("create_room", question).await?;
        Ok(answer["room"].as_str().context("no room")?.to_owned())
    }

    /// Joins a room.
    pub async fn join(&mut self, room: &str) -> Result<()> {
        self.ask("join", json!({ "room": room })).await.map(drop)
    }

    /// Sends a text and returns the event's id.
    pub async fn send(&mut self, room: &str, body: &str) -> Result<String> {
        event_id(&self.ask("send", json!({ "room": room, "body": body })).await?)
    }

    /// Sends an event of any type.
    pub async fn send_event(&mut self, room: &str, kind: &str, content: Value) -> Result<String> {
        let question = json!({ "room": room, "type": kind, "content": content });
        event_id(&self.ask("send_event", question).await?)
    }

    /// Sets a piece of state.
    pub async fn send_state(
        &mut self,
        room: &str,
        kind: &str,
        key: &str,
        content: Value,
    ) -> Result<String> {
        let question = json!({ "room": room, "type": kind, "key": key, "content": content });
        event_id(&self.ask("send_state", question).await?)
    }

    /// Says how far it was read.
    pub async fn read(&mut self, room: &str, event: &str) -> Result<()> {
        self.ask("read", json!({ "room": room, "event": event })).await.map(drop)
    }

    /// Returns what the library has made of a room.
    pub async fn describe(&mut self, room: &str) -> Result<Value> {
        self.ask("describe", json!({ "room": room })).await
    }

    /// Waits until what the library has made of a room fits.
    pub async fn expect(
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
            ensure!(
                Instant::now() < deadline,
                "{:?} of {} sees no {what} in {room}: {seen:#}",
                self.library,
                self.user_id
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the library has shown an event that fits, and returns it.
    pub async fn expect_event(
        &self,
        room: &str,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.peer
            .expect(&format!("{what} for {}", self.user_id), |news| {
                let here = news.iter().filter(|one| one["room"] == room);
                here.map(|one| &one["event"]).find(|event| fits(event)).cloned()
            })
            .await
    }

    /// Waits for a message by somebody with this body.
    pub async fn expect_message(&self, room: &str, sender: &str, body: &str) -> Result<Value> {
        self.expect_event(room, &format!("`{body}` by {sender}"), |event| {
            event["sender"] == sender && event["content"]["body"] == body
        })
        .await
    }

    /// Waits until this many people are in a room, in this client's eyes.
    pub async fn expect_joined(&mut self, room: &str, count: usize) -> Result<Value> {
        self.expect(room, &format!("{count} members"), |seen| seen["joined"] == count).await
    }
}

/// Finds what was made of one event.
pub fn seen_event<'a>(seen: &'a Value, id: &str) -> Option<&'a Value> {
    seen["events"].as_array()?.iter().find(|event| event["id"] == id)
}

fn event_id(answer: &Value) -> Result<String> {
    Ok(answer["event_id"].as_str().context("no event id")?.to_owned())
}
