//! Homeservers' ways, put on like a costume: a proxy that stands on the way to a homeserver, or on its way back to the
//! bridges, and does what a single homeserver does differently. What each way is and who has it stands with [`Quirk`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use support_matrix_http::{ClientOptions, shared_client};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// What is not read further.
const LARGEST: usize = 64 * 1024 * 1024;

/// One way of one homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// The way back: the token stands in the query only (Palpo).
    TokenInQuery,
    /// The way back: a transaction holds all earlier events again, under the same id (Dendrite grows batches; Synapse
    /// begins to count anew when its database is restored).
    GrownUnderOneId,
    /// The way back: transaction ids begin anew again and again (Synapse, when its database is restored).
    RestartedIds,
    /// The way back: what could not be delivered is kept, and delivered with the next (tuwunel, continuwuity).
    HoldsUntilNews,
    /// The way back: no ephemeral events, no to-device messages (Dendrite, Continuwuity, Palpo).
    NoEphemerals,
    /// The way back: any answer counts as delivered (Palpo).
    AnyAnswerIsDelivered,
    /// The way there: no ping (Dendrite).
    NoPing,
    /// The way there: transaction ids are forgotten at once (Synapse forgets them when it starts).
    ForgetsTransactionIds,
    /// The way there: the clock is years ahead.
    FastClock,
    /// The way there: asked without a name, it answers for some user of the registration (Palpo).
    NamelessIsAnybody,
    /// The way there: the next message is taken and never answered. Ends by being used.
    SwallowsNextAnswer,
}

/// The proxy. It ends with its owner.
#[derive(Debug)]
pub struct QuirkProxy {
    url: String,
    shared: Arc<Shared>,
    _alive: DropGuard,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    swallowed: Notify,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    target: String,
    quirks: BTreeSet<Quirk>,
    /// Every event that went through, for [`Quirk::GrownUnderOneId`].
    events: Vec<Value>,
    /// Transactions that could not be delivered, for [`Quirk::HoldsUntilNews`].
    held: Vec<Passing>,
    /// How many transactions went through, for [`Quirk::RestartedIds`].
    transactions: u64,
    /// How many messages were sent through, told apart for [`Quirk::ForgetsTransactionIds`].
    sends: u64,
}

impl QuirkProxy {
    /// Listens; where it leads to is told later.
    pub async fn start(quirks: &[Quirk]) -> Result<QuirkProxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let options = ClientOptions { timeout: None, ..ClientOptions::default() };
        let memory = Memory { quirks: quirks.iter().copied().collect(), ..Memory::default() };
        let shared = Arc::new(Shared {
            http: shared_client(&options)?,
            swallowed: Notify::new(),
            memory: Mutex::new(memory),
        });
        let end = CancellationToken::new();
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&shared));
        let serving = end
            .clone()
            .run_until_cancelled_owned(async move { axum::serve(listener, router).await });
        TaskTracker::new().spawn(serving);
        Ok(QuirkProxy { url, shared, _alive: end.drop_guard() })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets where it leads to.
    pub fn lead_to(&self, target: &str) {
        target.clone_into(&mut self.shared.memory().target);
    }

    /// Takes on a way.
    pub fn take_on(&self, quirk: Quirk) {
        self.shared.memory().quirks.insert(quirk);
    }

    /// Waits until something could not be delivered and is held.
    pub async fn holds(&self) -> Result<()> {
        let deadline = std::time::Instant::now() + crate::matrix::DEADLINE;
        while self.shared.memory().held.is_empty() {
            ensure!(std::time::Instant::now() < deadline, "nothing was held back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until an answer was swallowed.
    pub async fn swallowed(&self) -> Result<()> {
        tokio::time::timeout(Duration::from_secs(45), self.shared.swallowed.notified())
            .await
            .context("nothing was sent whose answer could be swallowed")
    }
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.memory().quirks.contains(&quirk)
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match try_pass_on(&shared, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

/// What travels on.
#[derive(Clone, Debug)]
struct Passing {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

async fn try_pass_on(shared: &Shared, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let mut passing = Passing {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: to_bytes(body, LARGEST).await?,
    };
    if let Some(answer) = answer_itself(shared, &passing) {
        return Ok(answer);
    }
    change_the_way_there(shared, &mut passing);
    change_the_way_back(shared, &mut passing)?;
    let is_message = passing.path.contains("/send/") && passing.method == Method::PUT;
    let is_transaction = passing.path.contains("/transactions/");
    if is_transaction && shared.has(Quirk::HoldsUntilNews) {
        deliver_with_held(shared, passing).await;
        return Ok(axum::Json(json!({})).into_response());
    }
    let answer = send(shared, passing).await?;
    if is_message && shared.memory().quirks.remove(&Quirk::SwallowsNextAnswer) {
        shared.swallowed.notify_one();
        std::future::pending::<()>().await;
    }
    if is_transaction && shared.has(Quirk::AnyAnswerIsDelivered) {
        return Ok(axum::Json(json!({})).into_response());
    }
    Ok(answer)
}

/// Delivers what is held and what is new, in order; what cannot be delivered is held.
async fn deliver_with_held(shared: &Shared, passing: Passing) {
    let mut waiting = std::mem::take(&mut shared.memory().held);
    waiting.push(passing);
    let mut rest = Vec::new();
    for passing in waiting {
        let delivered = rest.is_empty()
            && send(shared, passing.clone()).await.is_ok_and(|answer| answer.status() == 200);
        if !delivered {
            rest.push(passing);
        }
    }
    shared.memory().held = rest;
}

fn answer_itself(shared: &Shared, passing: &Passing) -> Option<Response> {
    if passing.path.starts_with("/_matrix/client/v1/appservice/") && shared.has(Quirk::NoPing) {
        let body = json!({ "errcode": "M_UNRECOGNIZED", "error": "Unrecognized request" });
        return Some((StatusCode::NOT_FOUND, axum::Json(body)).into_response());
    }
    let is_whoami = passing.path.ends_with("/account/whoami");
    if is_whoami && !passing.query.contains("user_id=") && shared.has(Quirk::NamelessIsAnybody) {
        let body = json!({ "user_id": format!("@_rialto_story_bob:{}", crate::SERVER) });
        return Some(axum::Json(body).into_response());
    }
    None
}

fn change_the_way_there(shared: &Shared, passing: &mut Passing) {
    if passing.path.contains("/send/") && shared.has(Quirk::ForgetsTransactionIds) {
        let mut memory = shared.memory();
        memory.sends += 1;
        passing.path += &format!("-forgotten-{}", memory.sends);
    }
    let is_nameless = !passing.query.contains("user_id=") && passing.path.contains("/rooms/");
    if is_nameless && shared.has(Quirk::NamelessIsAnybody) {
        // Whoever it is, they are not in the bot's rooms: nothing works.
        "user_id=%40anybody%3Anowhere".clone_into(&mut passing.query);
    }
}

fn change_the_way_back(shared: &Shared, passing: &mut Passing) -> Result<()> {
    if !passing.path.starts_with("/_matrix/app/") {
        return Ok(());
    }
    if shared.has(Quirk::TokenInQuery)
        && let Some(token) = passing.headers.remove(header::AUTHORIZATION)
    {
        let token = token.to_str()?.trim_start_matches("Bearer ");
        passing.query = format!("access_token={}", crate::matrix::escape(token));
    }
    if !passing.path.contains("/transactions/") {
        return Ok(());
    }
    let mut body: Value = serde_json::from_slice(&passing.body)?;
    if shared.has(Quirk::NoEphemerals)
        && let Some(keys) = body.as_object_mut()
    {
        keys.retain(|key, _| key == "events");
    }
    if shared.has(Quirk::GrownUnderOneId) {
        let mut memory = shared.memory();
        memory.events.extend(body["events"].as_array().cloned().unwrap_or_default());
        body["events"] = Value::Array(memory.events.clone());
        "/_matrix/app/v1/transactions/1".clone_into(&mut passing.path);
    }
    if shared.has(Quirk::RestartedIds) {
        let mut memory = shared.memory();
        memory.transactions += 1;
        passing.path = format!("/_matrix/app/v1/transactions/{}", memory.transactions % 2);
    }
    passing.body = body.to_string().into();
    Ok(())
}

async fn send(shared: &Shared, passing: Passing) -> Result<Response> {
    let Passing { method, path, query, mut headers, body } = passing;
    for name in [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let target = shared.memory().target.clone();
    let joint = if query.is_empty() { "" } else { "?" };
    let url = format!("{target}{path}{joint}{query}");
    let answer = shared.http.request(method, url).headers(headers).body(body).send().await?;
    let status = answer.status();
    let mut response = Response::builder().status(status);
    if let Some(kind) = answer.headers().get(header::CONTENT_TYPE) {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    if shared.has(Quirk::FastClock) {
        response = response.header(header::DATE, "Fri, 01 Jan 2100 00:00:00 GMT");
    } else if let Some(date) = answer.headers().get(header::DATE) {
        response = response.header(header::DATE, date);
    }
    Ok(response.body(answer.bytes().await?.into())?)
}
