//! A homeserver in memory, as far as the bridge calls one: rooms, members, state, transaction ids,
//! and the events it would push. Answers can be lost and calls can fail before they arrive.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use support_matrix_http::{HttpTransport, TransportError};

use super::fuse::Fuse;

/// What the tokens of people's own sessions begin with.
const SESSION: &str = "session-";

/// The homeserver.
#[derive(Debug)]
pub(crate) struct Homeserver {
    state: Mutex<State>,
    fuse: Arc<Fuse>,
}

#[derive(Debug, Default)]
struct State {
    rooms: BTreeMap<String, Room>,
    aliases: HashMap<String, String>,
    users: HashSet<String>,
    /// People's own sessions: token and user.
    sessions: HashMap<String, String>,
    transactions: HashMap<String, String>,
    forgets_transactions: bool,
    makes_addresses: bool,
    refuses_uploads: bool,
    filled: HashSet<String>,
    next: u64,
    to_push: VecDeque<Value>,
    faults: Faults,
    /// Every call, as method and path without ids that are drawn.
    calls: Vec<String>,
}

#[derive(Debug, Default)]
struct Room {
    members: BTreeMap<String, String>,
    state: BTreeMap<(String, String), Value>,
    events: Vec<Value>,
}

/// What goes wrong with the next calls whose path contains a text.
#[derive(Debug, Default)]
struct Faults {
    lose_answers: Vec<(String, usize)>,
    not_arriving: Vec<(String, usize)>,
    /// Every n-th answer is lost.
    lose_every: Option<u64>,
    counted: u64,
}

impl Homeserver {
    pub(crate) fn new(fuse: Arc<Fuse>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), fuse })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next `times` calls to a path with `part` are carried out and their answers lost.
    pub(crate) fn lose_answers(&self, part: &str, times: usize) {
        self.lock().faults.lose_answers.push((part.to_owned(), times));
    }

    /// The next `times` calls to a path with `part` do not arrive.
    pub(crate) fn refuse_connections(&self, part: &str, times: usize) {
        self.lock().faults.not_arriving.push((part.to_owned(), times));
    }

    /// Every n-th answer is lost from now on.
    pub(crate) fn lose_every(&self, n: Option<u64>) {
        self.lock().faults.lose_every = n;
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&self) {
        self.lock().faults = Faults::default();
    }

    /// Transaction ids are forgotten from now on, as by a homeserver that was restarted.
    pub(crate) fn forget_transactions(&self) {
        let mut state = self.lock();
        state.forgets_transactions = true;
        state.transactions.clear();
    }

    /// Addresses of files can be made before their bytes come.
    pub(crate) fn make_addresses(&self) {
        self.lock().makes_addresses = true;
    }

    /// Files are too large from now on.
    pub(crate) fn refuse_uploads(&self) {
        self.lock().refuses_uploads = true;
    }

    /// A person says something.
    pub(crate) fn say(&self, room: &str, who: &str, body: &str) -> String {
        self.send(room, who, "m.room.message", json!({ "msgtype": "m.text", "body": body }))
    }

    /// A person sends an event.
    pub(crate) fn send(&self, room: &str, who: &str, kind: &str, content: Value) -> String {
        self.lock().append(room, who, kind, None, content)
    }

    /// A person takes an event back.
    pub(crate) fn redact(&self, room: &str, who: &str, event: &str) -> String {
        self.send(room, who, "m.room.redaction", json!({ "redacts": event }))
    }

    /// Shows a redacted event without its content.
    pub(crate) fn forget_content(&self, room: &str, event: &str) {
        let mut state = self.lock();
        let room = state.rooms.get_mut(room).expect("the room is there");
        let events = room.events.iter_mut().filter(|held| held["event_id"] == event);
        events.for_each(|held| held["content"] = json!({}));
    }

    /// Puts a member into a room without an event.
    pub(crate) fn seat(&self, room: &str, who: &str) {
        let mut state = self.lock();
        let room = state.rooms.get_mut(room).expect("the room is there");
        room.members.insert(who.to_owned(), "join".to_owned());
    }

    /// Throws a member out without anybody being told.
    pub(crate) fn unseat(&self, room: &str, who: &str) {
        self.lock().rooms.get_mut(room).expect("the room is there").members.remove(who);
    }

    /// Returns the events of a type in a room, oldest first.
    pub(crate) fn events(&self, room: &str, kind: &str) -> Vec<Value> {
        let state = self.lock();
        let events = state.rooms.get(room).map(|room| room.events.clone()).unwrap_or_default();
        events.into_iter().filter(|event| event["type"] == kind).collect()
    }

    /// Returns what is said in a room as `sender: body`.
    pub(crate) fn said(&self, room: &str) -> Vec<String> {
        let line = |event: &Value| {
            let who = event["sender"].as_str().unwrap_or_default();
            let who = who.trim_start_matches('@').split(':').next().unwrap_or_default();
            format!("{who}: {}", event["content"]["body"].as_str().unwrap_or_default())
        };
        self.events(room, "m.room.message").iter().map(line).collect()
    }

    /// Returns the status events about an event, as their outcomes.
    pub(crate) fn statuses(&self, room: &str, event: &str) -> Vec<String> {
        let all = self.events(room, "com.beeper.message_send_status");
        let about = all.iter().filter(|e| e["content"]["m.relates_to"]["event_id"] == event);
        about.map(|e| e["content"]["com.rialto.outcome"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns a state event's content.
    pub(crate) fn state(&self, room: &str, kind: &str, key: &str) -> Option<Value> {
        let state = self.lock();
        state.rooms.get(room)?.state.get(&(kind.to_owned(), key.to_owned())).cloned()
    }

    /// A person logs in; returns the session's token.
    pub(crate) fn log_in(&self, who: &str) -> String {
        let mut state = self.lock();
        let token = format!("{SESSION}{}", state.next_id());
        state.sessions.insert(token.clone(), who.to_owned());
        token
    }

    /// A session ends.
    pub(crate) fn log_out(&self, token: &str) {
        self.lock().sessions.remove(token);
    }

    /// Returns what would be pushed next.
    pub(crate) fn to_push(&self, most: usize) -> Vec<Value> {
        self.lock().to_push.iter().take(most).cloned().collect()
    }

    /// The first events were taken.
    pub(crate) fn pushed(&self, count: usize) {
        self.lock().to_push.drain(..count);
    }

    /// Whether everything was pushed.
    pub(crate) fn is_pushed(&self) -> bool {
        self.lock().to_push.is_empty()
    }

    /// Returns how often a path with `part` was called.
    pub(crate) fn calls_to(&self, part: &str) -> usize {
        self.lock().calls.iter().filter(|call| call.contains(part)).count()
    }
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn append(
        &mut self,
        room: &str,
        sender: &str,
        kind: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> String {
        let id = format!("$e{}", self.next_id());
        let mut event = json!({
            "event_id": id, "room_id": room, "sender": sender, "type": kind,
            "content": content, "origin_server_ts": 1_700_000_000_000_i64 + self.next as i64,
        });
        if let Some(key) = state_key {
            event["state_key"] = key.into();
        }
        let held = self.rooms.get_mut(room).expect("events go to rooms that are there");
        if let Some(key) = state_key {
            held.state.insert((kind.to_owned(), key.to_owned()), event["content"].clone());
        }
        held.events.push(event.clone());
        self.to_push.push_back(event);
        id
    }

    fn member(&mut self, room: &str, sender: &str, who: &str, membership: &str) {
        let held = self.rooms.get_mut(room).expect("the room is there");
        held.members.insert(who.to_owned(), membership.to_owned());
        let content = json!({ "membership": membership });
        self.append(room, sender, "m.room.member", Some(who), content);
    }

    fn answer(&mut self, method: &str, path: &str, query: &Query, body: &Value) -> (u16, Value) {
        let parts: Vec<String> = path.split('/').skip(4).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let who = query.get("user_id").cloned().unwrap_or_else(|| "@rialtobot:x".to_owned());
        match (method, parts.as_slice()) {
            ("POST", ["register"]) => {
                let id = format!("@{}:x", body["username"].as_str().unwrap());
                if self.users.insert(id.clone()) {
                    (200, json!({ "user_id": id }))
                } else {
                    error(400, "M_USER_IN_USE")
                }
            }
            ("POST", ["createRoom"]) => self.create(&who, body),
            ("POST", ["create"]) if self.makes_addresses => {
                let mxc = format!("mxc://x/f{}", self.next_id());
                (200, json!({ "content_uri": mxc, "unused_expires_at": i64::MAX }))
            }
            ("PUT", ["upload", _, id]) => {
                if self.filled.insert((*id).to_owned()) {
                    (200, json!({}))
                } else {
                    error(409, "M_CANNOT_OVERWRITE_MEDIA")
                }
            }
            (_, ["upload", ..]) if self.refuses_uploads => error(413, "M_TOO_LARGE"),
            ("POST", ["upload"]) => {
                (200, json!({ "content_uri": format!("mxc://x/f{}", self.next_id()) }))
            }
            ("GET", ["media", "download", _, id]) => (200, json!({ "file": id })),
            ("GET", ["directory", "room", alias]) => match self.aliases.get(*alias) {
                Some(room) => (200, json!({ "room_id": room })),
                None => error(404, "M_NOT_FOUND"),
            },
            ("GET", ["account", "whoami"]) => (200, json!({ "user_id": who })),
            ("PUT", ["profile", ..]) => (200, json!({})),
            ("GET", ["profile", ..]) => (200, json!({ "displayname": "Somebody" })),
            (_, ["rooms", room, rest @ ..]) => self.in_room(method, room, rest, &who, path, body),
            ("POST", ["join", room]) => self.in_room("POST", room, &["join"], &who, path, body),
            _ => error(404, "M_UNRECOGNIZED"),
        }
    }

    fn create(&mut self, who: &str, body: &Value) -> (u16, Value) {
        let alias = body["room_alias_name"].as_str().map(|alias| format!("#{alias}:x"));
        if alias.as_ref().is_some_and(|alias| self.aliases.contains_key(alias)) {
            return error(400, "M_ROOM_IN_USE");
        }
        let room = format!("!{}:x", self.next_id());
        self.rooms.insert(room.clone(), Room::default());
        if let Some(alias) = alias {
            self.aliases.insert(alias, room.clone());
        }
        self.member(&room, who, who, "join");
        for event in body["initial_state"].as_array().cloned().unwrap_or_default() {
            let (kind, key) = (event["type"].as_str().unwrap(), event["state_key"].as_str());
            let key = key.unwrap_or_default();
            self.append(&room, who, kind, Some(key), event["content"].clone());
        }
        for invited in body["invite"].as_array().cloned().unwrap_or_default() {
            self.member(&room, who, invited.as_str().unwrap(), "invite");
        }
        (200, json!({ "room_id": room }))
    }

    fn in_room(
        &mut self,
        method: &str,
        room: &str,
        rest: &[&str],
        who: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let Some(held) = self.rooms.get(room) else { return error(404, "M_NOT_FOUND") };
        let here = held.members.get(who).is_some_and(|membership| membership == "join");
        let target = body["user_id"].as_str().unwrap_or_default().to_owned();
        match (method, rest) {
            ("POST", ["join"]) => {
                let invited = held.members.get(who).is_some_and(|m| m == "invite");
                if here {
                    return (200, json!({ "room_id": room }));
                }
                if !invited {
                    return error(403, "M_FORBIDDEN");
                }
                self.member(room, who, who, "join");
                (200, json!({ "room_id": room }))
            }
            _ if !here => error(403, "M_FORBIDDEN"),
            ("POST", ["leave"]) => {
                self.member(room, who, who, "leave");
                (200, json!({}))
            }
            ("POST", ["invite"]) => {
                if held.members.get(&target).is_some_and(|m| m == "join") {
                    return error(403, "M_FORBIDDEN");
                }
                self.member(room, who, &target, "invite");
                (200, json!({}))
            }
            ("POST", ["kick"]) => {
                self.member(room, who, &target, "leave");
                (200, json!({}))
            }
            ("GET", ["joined_members"]) => {
                let joined = held.members.iter().filter(|(_, membership)| *membership == "join");
                let joined: serde_json::Map<String, Value> =
                    joined.map(|(who, _)| (who.clone(), json!({}))).collect();
                (200, json!({ "joined": joined }))
            }
            ("GET", ["messages"]) => {
                let mut chunk = held.events.clone();
                chunk.reverse();
                (200, json!({ "chunk": chunk, "start": "s" }))
            }
            ("GET", ["event", id]) => match held.events.iter().find(|e| e["event_id"] == *id) {
                Some(event) => (200, event.clone()),
                None => error(404, "M_NOT_FOUND"),
            },
            ("GET", ["state", kind, key @ ..]) => {
                let key = key.first().copied().unwrap_or_default();
                if *kind == "m.room.member" {
                    return match held.members.get(key) {
                        Some(membership) => (200, json!({ "membership": membership })),
                        None => error(404, "M_NOT_FOUND"),
                    };
                }
                match held.state.get(&((*kind).to_owned(), key.to_owned())) {
                    Some(content) => (200, content.clone()),
                    None => error(404, "M_NOT_FOUND"),
                }
            }
            ("PUT", ["state", kind, key @ ..]) => {
                let key = key.first().copied().unwrap_or_default();
                let id = self.append(room, who, kind, Some(key), body.clone());
                (200, json!({ "event_id": id }))
            }
            ("PUT", ["typing", _]) | ("POST", ["receipt", ..]) => (200, json!({})),
            ("PUT", ["redact", target, txn]) => {
                let content = json!({ "redacts": target, "txn": txn });
                let id = self.append(room, who, "m.room.redaction", None, content);
                (200, json!({ "event_id": id }))
            }
            ("PUT", ["send", kind, _txn]) => {
                // Synapse knows them by path and appservice, without the asserted user.
                if let Some(known) = self.transactions.get(path) {
                    return (200, json!({ "event_id": known }));
                }
                let id = self.append(room, who, kind, None, body.clone());
                if !self.forgets_transactions {
                    self.transactions.insert(path.to_owned(), id.clone());
                }
                (200, json!({ "event_id": id }))
            }
            _ => error(404, "M_UNRECOGNIZED"),
        }
    }
}

impl Faults {
    fn take(list: &mut Vec<(String, usize)>, path: &str) -> bool {
        let Some(place) = list.iter().position(|(part, _)| path.contains(part.as_str())) else {
            return false;
        };
        list[place].1 -= 1;
        if list[place].1 == 0 {
            list.remove(place);
        }
        true
    }

    fn loses(&mut self, path: &str) -> bool {
        self.counted += 1;
        let by_count = self.lose_every.is_some_and(|n| self.counted.is_multiple_of(n));
        by_count || Self::take(&mut self.lose_answers, path)
    }
}

#[async_trait]
impl HttpTransport for Homeserver {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.fuse.tick().await;
        let path = request.uri().path().to_owned();
        let mut query = read_query(request.uri().query().unwrap_or_default());
        let token = request.headers().get("authorization").and_then(|shown| shown.to_str().ok());
        let token = token.unwrap_or_default().trim_start_matches("Bearer ").to_owned();
        let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let (answer, lost) = {
            let mut state = self.lock();
            state.calls.push(format!("{} {path}", request.method()));
            if Faults::take(&mut state.faults.not_arriving, &path) {
                return Err(TransportError::NotSent("connection refused".to_owned()));
            }
            let known = match (token.starts_with(SESSION), state.sessions.get(&token)) {
                (false, _) => true,
                (true, Some(who)) => query.insert("user_id".to_owned(), who.clone()).is_none(),
                (true, None) => false,
            };
            let answer = if known {
                state.answer(request.method().as_str(), &path, &query, &body)
            } else {
                error(401, "M_UNKNOWN_TOKEN")
            };
            (answer, state.faults.loses(&path))
        };
        self.fuse.tick().await;
        if lost {
            return Err(TransportError::Unanswered("connection reset".to_owned()));
        }
        let body = Bytes::from(answer.1.to_string());
        Ok(Response::builder().status(answer.0).body(body).unwrap())
    }
}

type Query = HashMap<String, String>;

fn read_query(query: &str) -> Query {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            decoded.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap()
}

fn error(status: u16, errcode: &str) -> (u16, Value) {
    (status, json!({ "errcode": errcode, "error": "no" }))
}
