//! A person with a Matrix client: sends, and sees what a client would see, through `/sync`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use support_clock::{OsRandom, Random as _};
use support_matrix_http::HttpTransport;

use crate::house::{BOT, Door, SERVER};

/// Enough for whatever a test does between two looks.
const FILTER: &str = r#"{"room":{"timeline":{"limit":5000}}}"#;

/// The direct room with the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotRoom(pub String);

/// A person.
pub struct TestUser {
    id: String,
    token: String,
    door: Door,
    since: Option<String>,
    seen: HashSet<String>,
    timeline: Vec<Value>,
    ephemeral: Vec<Value>,
    invites: Vec<String>,
    /// How long this person waits for something before the test fails.
    patience: Duration,
}

/// The homeserver's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl TestUser {
    pub(crate) async fn log_in(id: String, password: &str, door: Door, patience: Duration) -> Self {
        let mut user = Self {
            id,
            token: String::new(),
            door,
            since: None,
            seen: HashSet::new(),
            timeline: Vec::new(),
            ephemeral: Vec::new(),
            invites: Vec::new(),
            patience,
        };
        let login = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user.id },
            "password": password,
        });
        let answer = user.call(Method::POST, "login", Some(login)).await;
        let answer = answer.expect("the password is right");
        user.token = answer["access_token"].as_str().expect("a session has a token").to_owned();
        user
    }

    /// Returns the user id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the access token of their session.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks the homeserver something below `/_matrix/client/v3/`, again until the house is open.
    ///
    /// # Errors
    /// As the homeserver refuses.
    ///
    /// # Panics
    /// If there is no answer in time.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Refusal> {
        let body = body.as_ref().map(Value::to_string).unwrap_or_default();
        let path = format!("/_matrix/client/v3/{path}");
        let answer = self.ask(method, &path, "application/json", Bytes::from(body)).await;
        let (status, body) = answer;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        match status.is_success() {
            true => Ok(body),
            false => Err(Refusal { status, body }),
        }
    }

    /// Puts a file on the homeserver and returns its `mxc:` address.
    ///
    /// # Panics
    /// If it is not taken.
    pub async fn upload(&self, content_type: &str, bytes: &[u8]) -> String {
        let path = "/_matrix/media/v3/upload";
        let bytes = Bytes::copy_from_slice(bytes);
        let (status, body) = self.ask(Method::POST, path, content_type, bytes).await;
        assert!(status.is_success(), "the file is not taken: {status}");
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        text(&body["content_uri"]).to_owned()
    }

    /// Fetches a file of the homeserver by its `mxc:` address.
    ///
    /// # Panics
    /// If it is not there.
    pub async fn download(&self, mxc: &str) -> Bytes {
        let place = mxc.strip_prefix("mxc://").unwrap_or_else(|| panic!("no file: {mxc}"));
        let path = format!("/_matrix/client/v1/media/download/{place}");
        let (status, body) = self.ask(Method::GET, &path, "", Bytes::new()).await;
        assert!(status.is_success(), "the file is not there: {status}");
        body
    }

    /// Asks the homeserver, again until the house is open.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> (StatusCode, Bytes) {
        let asking = async {
            loop {
                let door = self.open_door().await;
                let mut request = Request::builder()
                    .method(method.clone())
                    .uri(path)
                    .header(header::CONTENT_TYPE, content_type);
                if !self.token.is_empty() {
                    request =
                        request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
                }
                let request = request.body(body.clone()).expect("a path of a test is a path");
                let Ok(response) = door.call(request).await else { continue };
                // While the house closes, its database is gone before its door.
                if response.status().is_server_error() {
                    tokio::task::yield_now().await;
                    continue;
                }
                return (response.status(), response.into_body());
            }
        };
        let answer = tokio::time::timeout(self.patience, asking).await;
        answer.expect("the house answers in time")
    }

    /// Makes the address of a file whose bytes come later.
    ///
    /// # Panics
    /// If the homeserver makes none.
    pub async fn announce_file(&self) -> String {
        let path = "/_matrix/media/v1/create";
        let (status, body) = self.ask(Method::POST, path, "application/json", Bytes::new()).await;
        assert!(status.is_success(), "no address is made: {status}");
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        text(&body["content_uri"]).to_owned()
    }

    /// Brings the bytes of a file that was announced.
    ///
    /// # Panics
    /// If they are not taken.
    pub async fn fill_file(&self, mxc: &str, content_type: &str, bytes: &[u8]) {
        let place = mxc.strip_prefix("mxc://").unwrap_or_else(|| panic!("no file: {mxc}"));
        let path = format!("/_matrix/media/v3/upload/{place}");
        let bytes = Bytes::copy_from_slice(bytes);
        let (status, _) = self.ask(Method::PUT, &path, content_type, bytes).await;
        assert!(status.is_success(), "the file is not taken: {status}");
    }

    /// Sends an event and returns its id.
    ///
    /// # Panics
    /// If the homeserver refuses it.
    pub async fn send_event(&self, room: &str, event_type: &str, content: Value) -> String {
        let path = format!("rooms/{room}/send/{event_type}/{}", OsRandom.hex(12));
        let sent = self.call(Method::PUT, &path, Some(content)).await.expect("the event is taken");
        sent["event_id"].as_str().expect("an event has an id").to_owned()
    }

    /// Says something and returns the event's id.
    pub async fn says(&self, room: &str, text: &str) -> String {
        let content = json!({ "msgtype": "m.text", "body": text });
        self.send_event(room, "m.room.message", content).await
    }

    /// Opens a direct room with the bot and waits until it is there.
    ///
    /// # Panics
    /// If the room cannot be made.
    pub async fn meet_bot(&mut self) -> BotRoom {
        let bot = bot();
        let room = json!({
            "is_direct": true, "preset": "trusted_private_chat", "invite": [&bot],
        });
        let made = self.call(Method::POST, "createRoom", Some(room)).await.expect("a room is made");
        let room = made["room_id"].as_str().expect("a room has an id").to_owned();
        self.waits_for("the bot's greeting", |timeline| {
            timeline.iter().find(|event| is_message_of(event, &room, &bot)).map(drop)
        })
        .await;
        BotRoom(room)
    }

    /// Says something to the bot and returns the first answer.
    pub async fn command(&mut self, bot_room: &BotRoom, text: &str) -> String {
        let asked = self.says(&bot_room.0, text).await;
        let bot = bot();
        self.waits_for(&format!("an answer to `{text}`"), |timeline| {
            let after = timeline.iter().skip_while(|event| event["event_id"] != asked.as_str());
            let mut answers = after.filter(|event| is_message_of(event, &bot_room.0, &bot));
            answers.next().map(|answer| body(answer).to_owned())
        })
        .await
    }

    /// Joins a chat by command and returns its room, in which this person is then.
    ///
    /// # Panics
    /// If the answer names no room.
    pub async fn join(&mut self, bot_room: &BotRoom, network: &str, chat: &str) -> String {
        let answer = self.command(bot_room, &format!("join {network} {chat}")).await;
        let room = answer.split_whitespace().find(|word| word.starts_with('!'));
        room.unwrap_or_else(|| panic!("no room in: {answer}")).to_owned()
    }

    /// Waits until somebody says something in a room. The name is the one they show there.
    pub async fn sees(&mut self, room: &str, name: &str, text: &str) -> Value {
        let seen = self
            .waits_for(&format!("{name} saying {text}"), |timeline| {
                let said = |event: &&Value| body(event) == text && event["room_id"] == room;
                timeline.iter().rfind(said).cloned()
            })
            .await;
        let sender = seen["sender"].as_str().unwrap_or_default();
        assert_eq!(self.shown_name(room, sender).await, name, "who said {text}");
        seen
    }

    /// Returns the name somebody shows in a room.
    pub async fn shown_name(&self, room: &str, user: &str) -> String {
        let path = format!("rooms/{room}/state/m.room.member/{user}");
        let member = self.call(Method::GET, &path, None).await.unwrap_or_default();
        member["displayname"].as_str().unwrap_or(user).to_owned()
    }

    /// Returns a state event's content.
    pub async fn state(&self, room: &str, event_type: &str, key: &str) -> Option<Value> {
        self.call(Method::GET, &format!("rooms/{room}/state/{event_type}/{key}"), None).await.ok()
    }

    /// Returns who is in a room.
    ///
    /// # Panics
    /// If this person is not.
    pub async fn members(&self, room: &str) -> Vec<String> {
        let path = format!("rooms/{room}/joined_members");
        let answer = self.call(Method::GET, &path, None).await.expect("one sees who is there");
        let joined = answer["joined"].as_object();
        joined.map(|joined| joined.keys().cloned().collect()).unwrap_or_default()
    }

    /// Waits for the status of an event and returns its content.
    pub async fn status(&mut self, event_id: &str) -> Value {
        self.waits_for(&format!("the status of {event_id}"), |timeline| {
            let of_event = |event: &&Value| {
                event["type"] == "com.beeper.message_send_status"
                    && event["content"]["m.relates_to"]["event_id"] == event_id
            };
            timeline.iter().find(of_event).map(|event| event["content"].clone())
        })
        .await
    }

    /// Looks until the timeline shows what is waited for.
    ///
    /// # Panics
    /// If it does not in time.
    pub async fn waits_for<T>(&mut self, what: &str, find: impl Fn(&[Value]) -> Option<T>) -> T {
        let patience = self.patience;
        let looking = async {
            loop {
                if let Some(found) = find(&self.timeline) {
                    return found;
                }
                self.look().await;
            }
        };
        match tokio::time::timeout(patience, looking).await {
            Ok(found) => found,
            Err(_) => panic!("{} waited in vain for {what}; saw: {:#?}", self.id, self.heard()),
        }
    }

    /// Looks once: takes what is new, or waits a moment for something new.
    pub async fn look(&mut self) {
        let since = self.since.as_ref().map(|since| format!("&since={since}")).unwrap_or_default();
        let path = format!("sync?timeout=1000&filter={}{since}", percent(FILTER));
        let sync = self.call(Method::GET, &path, None).await.expect("one may look");
        self.since = sync["next_batch"].as_str().map(str::to_owned);
        for (room, _) in entries(&sync["rooms"]["invite"]) {
            self.invites.push(room.clone());
        }
        for (room, joined) in entries(&sync["rooms"]["join"]) {
            for event in joined["timeline"]["events"].as_array().into_iter().flatten() {
                let mut event = event.clone();
                event["room_id"] = json!(room);
                let id = event["event_id"].as_str().unwrap_or_default().to_owned();
                if self.seen.insert(id) {
                    self.timeline.push(event);
                }
            }
            for event in joined["ephemeral"]["events"].as_array().into_iter().flatten() {
                let mut event = event.clone();
                event["room_id"] = json!(room);
                self.ephemeral.push(event);
            }
        }
    }

    /// Returns everything seen so far, in order.
    pub fn timeline(&self) -> &[Value] {
        &self.timeline
    }

    /// Looks until something passing (typing, read marks) shows what is waited for.
    ///
    /// # Panics
    /// If it does not in time.
    pub async fn waits_for_passing<T>(
        &mut self,
        what: &str,
        find: impl Fn(&[Value]) -> Option<T>,
    ) -> T {
        let patience = self.patience;
        let looking = async {
            loop {
                if let Some(found) = find(&self.ephemeral) {
                    return found;
                }
                self.look().await;
            }
        };
        match tokio::time::timeout(patience, looking).await {
            Ok(found) => found,
            Err(_) => panic!("{} waited in vain for {what}; saw: {:?}", self.id, self.ephemeral),
        }
    }

    /// Returns the rooms this person was invited to.
    pub fn invites(&self) -> &[String] {
        &self.invites
    }

    /// Returns what was said in a room so far: sender and text.
    pub fn said_in(&self, room: &str) -> Vec<(String, String)> {
        let said = self.timeline.iter().filter(|event| event["room_id"] == room);
        said.filter(|event| event["type"] == "m.room.message")
            .map(|event| (text(&event["sender"]).to_owned(), body(event).to_owned()))
            .collect()
    }

    /// Returns the events of a type in a room seen so far.
    pub fn timeline_of(&self, room: &str, event_type: &str) -> Vec<Value> {
        let events = self.timeline.iter().filter(|event| event["room_id"] == room);
        events.filter(|event| event["type"] == event_type).cloned().collect()
    }

    /// Everything that was said, for a message of failure.
    fn heard(&self) -> Vec<String> {
        let said = self.timeline.iter().map(|event| {
            let (kind, sender) = (text(&event["type"]), text(&event["sender"]));
            format!("{kind} {sender}: {}", body(event))
        });
        said.collect()
    }

    async fn open_door(&self) -> Arc<dyn HttpTransport> {
        let mut door = self.door.clone();
        let open = door.wait_for(Option::is_some).await.expect("the house is not demolished");
        open.clone().expect("waited for it")
    }
}

fn bot() -> String {
    format!("@{BOT}:{SERVER}")
}

fn is_message_of(event: &Value, room: &str, sender: &str) -> bool {
    event["type"] == "m.room.message" && event["room_id"] == room && event["sender"] == sender
}

fn body(event: &Value) -> &str {
    text(&event["content"]["body"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
