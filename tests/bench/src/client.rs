//! A Matrix client of a few lines: what a load needs and nothing more.

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

/// One logged-in user on one connection.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// Whether the server answers at all.
    pub(crate) async fn answers(url: &str) -> bool {
        let Ok(http) = connection() else { return false };
        let answer = http.get(format!("{url}/_matrix/client/versions")).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Logs in.
    pub(crate) async fn login(url: &str, user: &str, password: &str) -> Result<Self> {
        let mut client = Self { http: connection()?, url: url.to_owned(), token: String::new() };
        let answer = client
            .call(
                Method::POST,
                "/_matrix/client/v3/login",
                json!({
                    "type": "m.login.password",
                    "identifier": { "type": "m.id.user", "user": user },
                    "password": password,
                }),
            )
            .await?;
        client.token = text(&answer, "access_token")?;
        Ok(client)
    }

    /// Makes a client of an appservice.
    pub(crate) fn with_token(url: &str, token: &str) -> Result<Self> {
        Ok(Self { http: connection()?, url: url.to_owned(), token: token.to_owned() })
    }

    /// Registers a ghost of the appservice whose token this is.
    pub(crate) async fn register_ghost(&self, name: &str) -> Result<Value> {
        let body = json!({
            "type": "m.login.application_service", "username": name, "inhibit_login": true,
        });
        self.call(Method::POST, "/_matrix/client/v3/register", body).await
    }

    /// Joins a room; `query` may say as whom.
    pub(crate) async fn join(&self, room: &str, query: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{room}/join{query}");
        self.call(Method::POST, &path, json!({})).await.map(drop)
    }

    /// Syncs once without waiting, through a filter; returns the answer and its length in bytes.
    pub(crate) async fn sync_with(
        &self,
        since: Option<&str>,
        filter: &str,
    ) -> Result<(Value, usize)> {
        let mut query = vec![("timeout", "0")];
        query.extend((!filter.is_empty()).then_some(("filter", filter)));
        query.extend(since.map(|since| ("since", since)));
        let mut url = reqwest::Url::parse(&format!("{}/_matrix/client/v3/sync", self.url))?;
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
        let bytes = answer.error_for_status()?.bytes().await?;
        Ok((serde_json::from_slice(&bytes)?, bytes.len()))
    }

    /// Makes a client with the same user on a connection of its own.
    pub(crate) fn another_connection(&self) -> Result<Self> {
        Ok(Self { http: connection()?, ..self.clone() })
    }

    /// Creates a room.
    pub(crate) async fn create_room(&self, body: Value) -> Result<String> {
        text(&self.call(Method::POST, "/_matrix/client/v3/createRoom", body).await?, "room_id")
    }

    /// Sends a text.
    pub(crate) async fn say(&self, room: &str, txn: &str, body: &str) -> Result<String> {
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}");
        let content = json!({ "msgtype": "m.text", "body": body });
        text(&self.call(Method::PUT, &path, content).await?, "event_id")
    }

    /// Inserts history before everything.
    pub(crate) async fn insert(&self, room: &str, events: Vec<Value>) -> Result<()> {
        let path = format!("/_matrix/client/unstable/com.beeper.backfill/rooms/{room}/batch_send");
        self.call(Method::POST, &path, json!({ "events": events })).await.map(drop)
    }

    /// Syncs once.
    pub(crate) async fn sync(&self, since: Option<&str>, timeout_ms: u64) -> Result<Value> {
        let mut path = format!("/_matrix/client/v3/sync?timeout={timeout_ms}");
        if let Some(since) = since {
            path.push_str("&since=");
            path.push_str(since);
        }
        self.call(Method::GET, &path, Value::Null).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if !status.is_success() {
            bail!("{path}: {status} {body}");
        }
        Ok(body)
    }
}

fn connection() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().pool_max_idle_per_host(1).build()?)
}

fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value[key].as_str().with_context(|| format!("no {key} in {value}"))?.to_owned())
}
