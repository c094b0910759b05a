//! A homeserver of its own for each story, and short ways to talk to it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use homeserver::{BuildError, Homeserver, HomeserverBuilder};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use spec_check::Exchange;
use support_db::testing::{TestPlace, sqlite_place};
use support_matrix_http::{HttpTransport, InProcess};
use tempfile::TempDir;

pub(crate) const SERVER: &str = "hs.test";

/// What outlives one run of a homeserver: its database and its data folder.
pub(crate) struct Ground {
    pub(crate) place: TestPlace,
    pub(crate) folder: TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self::on(sqlite_place())
    }

    pub(crate) fn on(place: TestPlace) -> Self {
        Self { place, folder: TempDir::new().unwrap() }
    }

    pub(crate) fn builder(&self) -> HomeserverBuilder {
        Homeserver::builder(SERVER)
            .database(self.place.location.clone())
            .data_dir(self.folder.path())
            .rate_limits(false)
    }

    /// Starts a homeserver here.
    pub(crate) async fn start(&self) -> House {
        self.start_with(|builder| builder).await.unwrap()
    }

    pub(crate) async fn start_with(
        &self,
        change: impl FnOnce(HomeserverBuilder) -> HomeserverBuilder,
    ) -> Result<House, BuildError> {
        let homeserver = change(self.builder()).build().await?;
        let transport = Arc::new(InProcess::new(homeserver.router()));
        Ok(House { homeserver, transport })
    }
}

/// A running homeserver.
pub(crate) struct House {
    pub(crate) homeserver: Homeserver,
    pub(crate) transport: Arc<InProcess>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    /// Returns the body of a good answer.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.body);
        self.body
    }

    /// Checks that it is this error.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, errcode: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.body["errcode"].as_str()),
            (status, Some(errcode)),
            "{}",
            self.body
        );
        self.body
    }
}

impl House {
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// Sends as it is. Whatever is answered is held against the specification, here, so that no story can forget it.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        let asked = serde_json::from_slice(request.body()).ok();
        let response = self.transport.call(request).await.unwrap();
        let answered: Option<Value> = serde_json::from_slice(response.body()).ok();
        let exchange = Exchange {
            method: &method,
            path: uri.split('?').next().unwrap(),
            status: response.status().as_u16(),
            request: asked.as_ref(),
            response: answered.as_ref(),
        };
        let faults = exchange.faults();
        assert!(faults.is_empty(), "{method} {uri}, {}: {faults:#?}", response.status());
        Answer { status: response.status(), body: answered.unwrap_or(Value::Null) }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::GET, path, Some(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(token), Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(token), Some(body)).await
    }

    /// Asks without a token.
    pub(crate) async fn post_bare(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, None, Some(body)).await
    }

    pub(crate) async fn get_bare(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, None).await
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.post_bare("/_matrix/client/v3/login", login(name, password)).await
    }

    /// Makes a person and logs them in; returns the token.
    pub(crate) async fn person(&self, name: &str) -> String {
        self.homeserver.create_user(name, Some(&"pass word".into()), false).await.unwrap();
        let answer = self.log_in(name, "pass word").await.ok();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn stop(self) {
        self.homeserver.shutdown(Duration::from_secs(10)).await;
    }
}

pub(crate) fn login(name: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": name },
        "password": password,
    })
}

/// Escapes an id for a path or query.
pub(crate) fn escape(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

/// What happens in rooms.
impl House {
    /// Makes a room and returns its id.
    pub(crate) async fn room(&self, token: &str, body: Value) -> String {
        let made = self.post("/_matrix/client/v3/createRoom", token, body).await.ok();
        made["room_id"].as_str().unwrap().to_owned()
    }

    /// Sends a text and returns the event's id.
    pub(crate) async fn say(&self, token: &str, room: &str, txn: &str, text: &str) -> String {
        self.say_as(token, room, txn, text, "").await
    }

    /// The same with a query string, for appservices.
    pub(crate) async fn say_as(
        &self,
        token: &str,
        room: &str,
        txn: &str,
        text: &str,
        query: &str,
    ) -> String {
        let room = escape(room);
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}?{query}");
        let body = json!({ "msgtype": "m.text", "body": text });
        self.put(&path, token, body).await.ok()["event_id"].as_str().unwrap().to_owned()
    }

    /// Asks for something else in a room: `invite`, `join`, `leave` ...
    pub(crate) async fn in_room(&self, token: &str, room: &str, what: &str, body: Value) -> Answer {
        let path = format!("/_matrix/client/v3/rooms/{}/{what}", escape(room));
        self.post(&path, token, body).await
    }

    /// Registers a ghost and lets it join a room it was invited to.
    pub(crate) async fn ghost(&self, as_token: &str, name: &str) {
        let body = json!({
            "type": "m.login.application_service", "username": name, "inhibit_login": true
        });
        self.post("/_matrix/client/v3/register", as_token, body).await.ok();
    }

    /// Lets a ghost join.
    pub(crate) async fn join_as(&self, as_token: &str, room: &str, user_id: &str) {
        let path = format!("join?user_id={}", escape(user_id));
        self.in_room(as_token, room, &path, json!({})).await.ok();
    }

    /// Returns the bodies of the room's messages, oldest first.
    pub(crate) async fn bodies(&self, token: &str, room: &str) -> Vec<String> {
        let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=1000", escape(room));
        let page = self.get(&path, token).await.ok();
        let bodies = page["chunk"].as_array().unwrap().iter().rev();
        bodies.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
    }
}
