//! The world the hostile table is thrown at: people, rooms, files and two application services.

use std::collections::BTreeMap;

use bytes::Bytes;
use homeserver::RegistrationMode;
use http::{Method, Request};
use serde_json::{Value, json};
use support_db::testing::TestPlace;
use support_matrix_http::HttpTransport as _;

use super::{
    files,
    row::{Row, Who},
};
use crate::{
    appservice::{Scripted, registration},
    harness::{Ground, House, escape, login},
};

/// The largest file this house takes.
pub(super) const LARGEST_UPLOAD: u64 = 100_000;

pub(super) struct World {
    pub(super) ground: Ground,
    pub(super) house: House,
    tokens: BTreeMap<&'static str, String>,
    words: BTreeMap<&'static str, String>,
}

impl World {
    pub(super) async fn on(place: TestPlace) -> Self {
        let ground = Ground::on(place);
        let house = ground
            .start_with(|builder| {
                builder.registration(RegistrationMode::Open).largest_upload(LARGEST_UPLOAD)
            })
            .await
            .unwrap();
        let mut world = Self { ground, house, tokens: BTreeMap::new(), words: BTreeMap::new() };
        world.people().await;
        world.appservices().await;
        world.rooms().await;
        world.files().await;
        world
    }

    async fn people(&mut self) {
        for name in ["alice", "bob", "mallory", "closed"] {
            let token = self.house.person(name).await;
            self.tokens.insert(name, token);
        }
        for name in ["alice", "bob", "mallory"] {
            self.words.insert(name, format!("@{name}:hs.test"));
            let whoami = self.house.get(&client("account/whoami"), self.token("alice")).await.ok();
            self.words.insert("device", word(&whoami, "device_id"));
        }
        let bob = self.house.get(&client("account/whoami"), self.token("bob")).await.ok();
        self.words.insert("device_of_bob", word(&bob, "device_id"));
        let ended = self.house.log_in("alice", "pass word").await.ok();
        let ended = word(&ended, "access_token");
        self.house.post(&client("logout"), &ended, json!({})).await.ok();
        self.tokens.insert("ended", ended);
        self.house.homeserver.deactivate_user("closed").await.unwrap();

        let alice = self.token("alice").to_owned();
        let of_alice = client(&format!("user/{}", escape("@alice:hs.test")));
        let made = self.house.post(&format!("{of_alice}/filter"), &alice, json!({})).await.ok();
        self.words.insert("filter", word(&made, "filter_id"));
        let path = format!("{of_alice}/account_data/test.secret");
        self.house.put(&path, &alice, json!({ "secret": true })).await.ok();
    }

    async fn appservices(&mut self) {
        for name in ["irc", "slack"] {
            let registration = registration(name);
            let token = registration.as_token.expose().to_owned();
            self.house.homeserver.attach_appservice(registration, Scripted::new()).await.unwrap();
            self.house.ghost(&token, &format!("_{name}_anna")).await;
            self.tokens.insert(name, token);
        }
        self.words.insert("ghost", "@_irc_anna:hs.test".to_owned());
        self.words.insert("ghost_of_slack", "@_slack_anna:hs.test".to_owned());
    }

    async fn rooms(&mut self) {
        let (alice, bob) = (self.token("alice").to_owned(), self.token("bob").to_owned());
        for (word, version) in [("room", "11"), ("room10", "10"), ("room12", "12")] {
            let body = json!({
                "room_version": version, "name": "A room", "invite": ["@bob:hs.test"],
                "room_alias_name": word,
            });
            let room = self.house.room(&alice, body).await;
            self.house.in_room(&bob, &room, "join", json!({})).await.ok();
            self.words.insert(word, room);
        }
        let room = self.words["room"].clone();
        let event = self.house.say(&alice, &room, "first", "hello").await;
        self.words.insert("event", event);
        let path = client(&format!("rooms/{}/state", escape(&room)));
        let state = self.house.get(&path, &alice).await.ok();
        let create = state.as_array().unwrap().iter().find(|one| one["type"] == "m.room.create");
        self.words.insert("create", word(create.unwrap(), "event_id"));

        // A room Bob is not in, and one he is banned from.
        let private = self.house.room(&alice, json!({})).await;
        let secret = self.house.say(&alice, &private, "secret", "nobody knows").await;
        self.words.insert("private", private);
        self.words.insert("secret", secret);
        let closed = self.house.room(&alice, json!({ "preset": "public_chat" })).await;
        let ban = json!({ "user_id": "@bob:hs.test" });
        self.house.in_room(&alice, &closed, "ban", ban).await.ok();
        self.words.insert("banned", closed);
        let left = self.house.room(&alice, json!({ "preset": "public_chat" })).await;
        self.house.in_room(&bob, &left, "join", json!({})).await.ok();
        self.house.in_room(&bob, &left, "leave", json!({})).await.ok();
        self.words.insert("left", left);
        let sync = self.house.get(&client("sync?timeout=0"), &alice).await.ok();
        self.words.insert("since", word(&sync, "next_batch"));
    }

    async fn files(&mut self) {
        for (name, bytes) in files::pictures() {
            let place = self.upload("image/png", bytes).await;
            self.words.insert(name, place);
        }
        let alice = self.token("alice").to_owned();
        let made = self.house.post("/_matrix/media/v1/create", &alice, json!({})).await.ok();
        let uri = word(&made, "content_uri");
        self.words.insert("announced", uri.strip_prefix("mxc://").unwrap().to_owned());
    }

    /// Uploads as Alice; returns `server/id`.
    async fn upload(&self, kind: &str, bytes: Bytes) -> String {
        let request = Request::post("/_matrix/media/v3/upload")
            .header("authorization", format!("Bearer {}", self.token("alice")))
            .header("content-type", kind)
            .body(bytes);
        let answer = self.house.transport.call(request.unwrap()).await.unwrap();
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        let uri = word(&body, "content_uri");
        uri.strip_prefix("mxc://").unwrap().to_owned()
    }

    fn token(&self, name: &str) -> &str {
        &self.tokens[name]
    }

    pub(super) fn token_of(&self, who: Who) -> Option<&str> {
        match who {
            Who::Nobody => None,
            Who::Alice => Some(self.token("alice")),
            Who::Bob => Some(self.token("bob")),
            Who::Mallory => Some(self.token("mallory")),
            Who::Ended => Some(self.token("ended")),
            Who::Closed => Some(self.token("closed")),
            Who::Garbage => Some("rto_garbage"),
            Who::Irc => Some(self.token("irc")),
        }
    }

    /// Puts the world's words into a path, escaped but for what has slashes of its own.
    pub(super) fn path(&self, path: &str) -> String {
        self.fill(
            path,
            |text| {
                if text.starts_with("hs.test/") { text.to_owned() } else { escape(text) }
            },
        )
    }

    /// Puts the world's words into a body; a body that is no text stays as it is.
    pub(super) fn body(&self, body: &Bytes) -> Bytes {
        match std::str::from_utf8(body) {
            Ok(text) if text.len() < 10_000 => self.fill(text, str::to_owned).into(),
            _ => body.clone(),
        }
    }

    fn fill(&self, text: &str, write: impl Fn(&str) -> String) -> String {
        let tokens =
            self.tokens.iter().map(|(name, token)| (format!("{{token_of_{name}}}"), token));
        let words = self.words.iter().map(|(name, word)| (format!("{{{name}}}"), word));
        tokens.chain(words).fold(text.to_owned(), |text, (name, word)| {
            if text.contains(&name) { text.replace(&name, &write(word)) } else { text }
        })
    }

    /// Writes a row as an HTTP request.
    pub(super) fn request(&self, row: &Row) -> Request<Bytes> {
        let mut request = Request::builder().method(row.method.clone()).uri(self.path(&row.path));
        if let Some(token) = self.token_of(row.who) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &row.headers {
            request = request.header(*name, self.fill(value, str::to_owned));
        }
        request.body(self.body(&row.body)).unwrap()
    }

    /// Checks that the people of this world still live as before.
    pub(super) async fn is_well(&self) {
        let room = escape(&self.words["room"]);
        let event = escape(&self.words["event"]);
        let path = client(&format!("rooms/{room}/event/{event}"));
        let found = self.house.get(&path, self.token("bob")).await.ok();
        assert_eq!(found["content"]["body"], "hello");
        self.house.log_in("bob", "pass word").await.ok();
        let sync = client("sync?timeout=0");
        self.house.ask(Method::GET, &sync, Some(self.token("alice")), None).await.ok();
    }
}

pub(super) fn client(path: &str) -> String {
    format!("/_matrix/client/v3/{path}")
}

/// A proof for user-interactive authentication.
pub(super) fn proof(user: &str, password: &str) -> Value {
    let mut proof = login(user, password);
    proof["session"] = json!("any");
    proof
}

fn word(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}")).to_owned()
}
