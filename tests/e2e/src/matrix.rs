//! A person on Matrix, spoken for by bare HTTP: quick, and surprised by nothing. Keeps what `/sync` tells it, room by
//! room, and waits by syncing again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use spec_check::Exchange;

use crate::SERVER;

/// How long anything expected may take.
pub const DEADLINE: Duration = Duration::from_secs(45);
/// Pause after a request that was not answered, while a story has the server killed.
const RETRY: Duration = Duration::from_millis(30);

/// What is known of a room.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub joined: bool,
    pub state: BTreeMap<(String, String), Value>,
    /// Every event of the timeline in order, from the room's beginning.
    pub timeline: Vec<Value>,
    /// Who is typing now.
    pub typing: Vec<String>,
}

impl Room {
    /// Returns the content of a state event.
    pub fn state(&self, event_type: &str, key: &str) -> Option<&Value> {
        self.state.get(&(event_type.to_owned(), key.to_owned()))
    }

    /// Returns sender and body of every message, edits and all, in order.
    pub fn messages(&self) -> Vec<(&str, &str)> {
        let messages = self.timeline.iter().filter(|event| event["type"] == "m.room.message");
        messages.map(|event| (text(&event["sender"]), text(&event["content"]["body"]))).collect()
    }

    /// Returns the bodies of one sender's messages, in order.
    pub fn bodies_of(&self, sender: &str) -> Vec<String> {
        let messages = self.messages().into_iter().filter(|(from, _)| *from == sender);
        messages.map(|(_, body)| body.to_owned()).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A logged-in person.
#[derive(Debug)]
pub struct MatrixClient {
    http: reqwest::Client,
    base: String,
    token: String,
    user_id: String,
    since: Option<String>,
    rooms: BTreeMap<String, Room>,
    next_txn: u64,
}

impl MatrixClient {
    /// Logs in with a password; `base` is the homeserver's address.
    pub async fn log_in(
        http: &reqwest::Client,
        base: &str,
        user: &str,
        password: &str,
    ) -> Result<Self> {
        let mut client = MatrixClient {
            http: http.clone(),
            base: base.to_owned(),
            token: String::new(),
            user_id: String::new(),
            since: None,
            rooms: BTreeMap::new(),
            next_txn: 0,
        };
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user },
            "password": password,
        });
        let answer = client.call(Method::POST, "/_matrix/client/v3/login", Some(body)).await?;
        client.token = text(&answer["access_token"]).to_owned();
        client.user_id = text(&answer["user_id"]).to_owned();
        Ok(client)
    }

    /// Returns the session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Uploads a file and returns its `mxc` address.
    pub async fn upload(&self, kind: &str, filename: &str, bytes: Vec<u8>) -> Result<String> {
        let path = format!("/_matrix/media/v3/upload?filename={}", escape(filename));
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answer = request.header("Content-Type", kind).body(bytes).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        Ok(answer["content_uri"].as_str().context("no address")?.to_owned())
    }

    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Makes a request and returns status and body as they come. Panics where the specification finds one of them wrong: no
    /// story that waits by asking again may pass over that.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value)> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.timeout(DEADLINE + Duration::from_secs(30)).send().await?;
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.context("an answer that is not JSON")?;
        // Here, so that no story can forget it.
        let exchange = Exchange {
            method: method.as_str(),
            path: path.split('?').next().unwrap_or(path),
            status,
            request: body.as_ref(),
            response: Some(&answer),
        };
        let faults = exchange.faults();
        assert!(faults.is_empty(), "{method} {path} answered {status}: {faults:#?}");
        Ok((status, answer))
    }

    /// Makes a request that must be answered with 200.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.request(method.clone(), path, body).await?;
        ensure!(status == 200, "{method} {path} answered {status}: {answer}");
        Ok(answer)
    }

    /// Creates a room and returns its id.
    pub async fn create_room(&self, options: Value) -> Result<String> {
        let answer =
            self.call(Method::POST, "/_matrix/client/v3/createRoom", Some(options)).await?;
        Ok(text(&answer["room_id"]).to_owned())
    }

    /// Sends a text and returns the event's id.
    pub async fn send(&mut self, room: &str, body: &str) -> Result<String> {
        self.send_content(room, json!({ "msgtype": "m.text", "body": body })).await
    }

    /// Sends a message of any content.
    pub async fn send_content(&mut self, room: &str, content: Value) -> Result<String> {
        self.next_txn += 1;
        let txn = format!("story-{}", self.next_txn);
        self.send_stubbornly(room, &txn, content).await
    }

    /// Sends as a real client does: the same transaction id again until there is an answer, whatever happens to the server.
    pub async fn send_stubbornly(&self, room: &str, txn: &str, content: Value) -> Result<String> {
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn}", escape(room));
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.request(Method::PUT, &path, Some(content.clone())).await {
                Ok((200, answer)) => return Ok(text(&answer["event_id"]).to_owned()),
                Ok((status @ 400..500, answer)) => bail!("send answered {status}: {answer}"),
                outcome => ensure!(Instant::now() < deadline, "send failed for good: {outcome:?}"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Joins a room by id or alias.
    pub async fn join(&self, room: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/join/{}", escape(room));
        self.call(Method::POST, &path, Some(json!({}))).await.map(drop)
    }

    /// Returns what is known of a room.
    pub fn room(&self, room: &str) -> Room {
        self.rooms.get(room).cloned().unwrap_or_default()
    }

    pub fn rooms(&self) -> &BTreeMap<String, Room> {
        &self.rooms
    }

    /// Syncs once; invitations are accepted, as this person has no reason to refuse.
    pub async fn sync(&mut self, timeout: Duration) -> Result<()> {
        let filter = r#"{"room":{"timeline":{"limit":500},"include_leave":true}}"#;
        let mut path = format!(
            "/_matrix/client/v3/sync?timeout={}&filter={}",
            timeout.as_millis(),
            escape(filter)
        );
        if let Some(since) = &self.since {
            path += &format!("&since={}", escape(since));
        }
        let answer = self.call(Method::GET, &path, None).await?;
        for (membership, joined) in [("join", true), ("leave", false)] {
            for (id, news) in answer["rooms"][membership].as_object().into_iter().flatten() {
                self.take_news(id, news, joined).await?;
            }
        }
        // Only now: an error above makes the same sync happen again, and what is known already is not added twice.
        self.since = Some(text(&answer["next_batch"]).to_owned());
        for id in answer["rooms"]["invite"].as_object().into_iter().flatten().map(|(id, _)| id) {
            self.join(id).await?;
        }
        Ok(())
    }

    async fn take_news(&mut self, id: &str, news: &Value, joined: bool) -> Result<()> {
        let fresh = news["timeline"]["events"].as_array().cloned().unwrap_or_default();
        let missed = if news["timeline"]["limited"] == true {
            self.missed(id, text(&news["timeline"]["prev_batch"])).await?
        } else {
            Vec::new()
        };
        let room = self.rooms.entry(id.to_owned()).or_default();
        room.joined = joined;
        let state = news["state"]["events"].as_array().cloned().unwrap_or_default();
        for event in state.iter().chain(&missed).chain(&fresh) {
            if let Some(key) = event["state_key"].as_str() {
                let key = (text(&event["type"]).to_owned(), key.to_owned());
                room.state.insert(key, event["content"].clone());
            }
        }
        for event in news["ephemeral"]["events"].as_array().into_iter().flatten() {
            if event["type"] == "m.typing" {
                let users = event["content"]["user_ids"].as_array().into_iter().flatten();
                room.typing = users.map(|user| text(user).to_owned()).collect();
            }
        }
        for event in missed.into_iter().chain(fresh) {
            if !room.timeline.iter().any(|known| known["event_id"] == event["event_id"]) {
                room.timeline.push(event);
            }
        }
        Ok(())
    }

    /// Pages back from a token to what is known, or to the room's beginning; returns it oldest first.
    async fn missed(&self, id: &str, prev_batch: &str) -> Result<Vec<Value>> {
        let known = self.room(id);
        let mut from = prev_batch.to_owned();
        let mut missed = Vec::new();
        loop {
            let path = format!(
                "/_matrix/client/v3/rooms/{}/messages?dir=b&limit=500&from={}",
                escape(id),
                escape(&from)
            );
            let page = self.call(Method::GET, &path, None).await?;
            let chunk = page["chunk"].as_array().cloned().unwrap_or_default();
            for event in &chunk {
                if known.timeline.iter().any(|one| one["event_id"] == event["event_id"]) {
                    missed.reverse();
                    return Ok(missed);
                }
                missed.push(event.clone());
            }
            match page["end"].as_str() {
                Some(end) if !chunk.is_empty() => end.clone_into(&mut from),
                _ => break,
            }
        }
        missed.reverse();
        Ok(missed)
    }

    /// Syncs until `found` finds what it looks for. Requests that are not answered are made again: stories kill servers.
    pub async fn wait<T>(
        &mut self,
        what: &str,
        found: impl FnMut(&MatrixClient) -> Option<T>,
    ) -> Result<T> {
        self.wait_within(DEADLINE, what, found).await
    }

    /// Like [`MatrixClient::wait`], with a deadline of one's own.
    pub async fn wait_within<T>(
        &mut self,
        deadline: Duration,
        what: &str,
        mut found: impl FnMut(&MatrixClient) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + deadline;
        let mut last_error = String::new();
        loop {
            if let Some(it) = found(self) {
                return Ok(it);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(
                !left.is_zero(),
                "{}: no {what}. {last_error}\n{}",
                self.user_id,
                self.describe()
            );
            if let Err(error) = self.sync(left.min(Duration::from_secs(10))).await {
                last_error = format!("The last sync failed: {error:#}");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Waits for a message of this sender with this body, and returns the event.
    pub async fn expect_message(&mut self, room: &str, sender: &str, body: &str) -> Result<Value> {
        self.wait(&format!("`{body}` by {sender} in {room}"), |client| {
            client.rooms.get(room)?.timeline.iter().find_map(|event| {
                let fits = event["type"] == "m.room.message"
                    && event["sender"] == sender
                    && event["content"]["body"] == body;
                fits.then(|| event.clone())
            })
        })
        .await
    }

    /// Waits for the fate of an event, as the bridge tells it (`com.beeper.message_send_status`), and returns its content.
    pub async fn expect_fate(&mut self, room: &str, event_id: &str) -> Result<Value> {
        self.wait(&format!("status of {event_id}"), |client| client.fate(room, event_id)).await
    }

    /// Returns the newest status of an event.
    pub fn fate(&self, room: &str, event_id: &str) -> Option<Value> {
        let mut newest_first = self.rooms.get(room)?.timeline.iter().rev();
        newest_first
            .find(|event| {
                event["type"] == "com.beeper.message_send_status"
                    && event["content"]["m.relates_to"]["event_id"] == event_id
            })
            .map(|event| event["content"].clone())
    }

    /// Waits until this person is in the portal of a remote chat, and returns the room's id.
    pub async fn expect_portal(&mut self, network: &str, chat: &str) -> Result<String> {
        self.wait(&format!("portal of {chat} on {network}"), |client| {
            client.rooms.iter().find_map(|(id, room)| {
                let is_it = room.joined
                    && room.state.iter().any(|((event_type, _), content)| {
                        matches!(event_type.as_str(), "m.bridge" | "uk.half-shot.bridge")
                            && content["network"]["id"] == network
                            && text(&content["channel"]["id"]).eq_ignore_ascii_case(chat)
                    });
                is_it.then(|| id.clone())
            })
        })
        .await
    }

    fn describe(&self) -> String {
        let mut text = String::from("What it knows:\n");
        for (id, room) in &self.rooms {
            let name = room.state("m.room.name", "").map(|content| content["name"].clone());
            text += &format!("{id} ({name:?}), {} events:\n", room.timeline.len());
            for event in room.timeline.iter().rev().take(8).rev() {
                let [sender, kind] =
                    ["sender", "type"].map(|key| event[key].as_str().unwrap_or(""));
                text += &format!("   {sender} {kind} {}\n", event["content"]);
            }
        }
        text
    }
}

/// Escapes a text for a path segment or a query value.
pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Returns the full id of a local user.
pub fn user(localpart: &str) -> String {
    format!("@{localpart}:{SERVER}")
}
