//! A witness between a foreign client and the program: passes everything on as it is, and holds what was said against
//! the specification. In a browser's eyes it is the homeserver.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use serde_json::Value;
use spec_check::Exchange;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::program::Program;

/// No client of a story sends more.
const LARGEST: usize = 64 << 20;
/// Longer than any long poll.
const PATIENCE: Duration = Duration::from_secs(120);
/// What belongs to one connection, and what would make answers unreadable here.
const NOT_PASSED_ON: [header::HeaderName; 5] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
];

/// A listening witness; gone when dropped.
#[derive(Debug)]
pub struct Witness {
    url: String,
    seen: Arc<Mutex<Seen>>,
    _alive: DropGuard,
}

#[derive(Debug, Default)]
struct Seen {
    exchanges: usize,
    faults: Vec<String>,
}

#[derive(Clone)]
struct Way {
    http: reqwest::Client,
    program: String,
    seen: Arc<Mutex<Seen>>,
}

impl Witness {
    /// Listens in front of the program.
    pub async fn before(program: &Program) -> Result<Witness> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::default());
        let way = Way { http: program.http().clone(), program: program.url(), seen: seen.clone() };
        let router = Router::new().fallback(pass_on).with_state(way);
        let end = CancellationToken::new();
        let serving = axum::serve(listener, router).into_future();
        TaskTracker::new().spawn(end.clone().run_until_cancelled_owned(serving));
        Ok(Witness { url, seen, _alive: end.drop_guard() })
    }

    /// Returns the address that clients are given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asserts that enough was heard to mean something, and nothing that the specification finds wrong.
    pub fn testify(&self, at_least: usize) -> Result<()> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(seen.faults.is_empty(), "against the specification:\n{}", seen.faults.join("\n"));
        ensure!(seen.exchanges >= at_least, "only {} exchanges were heard", seen.exchanges);
        Ok(())
    }
}

async fn pass_on(State(way): State<Way>, request: Request) -> Response {
    match way.pass_on(request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

impl Way {
    async fn pass_on(&self, request: Request) -> Result<Response> {
        let (parts, body) = request.into_parts();
        let asked = to_bytes(body, LARGEST).await.context("a body that breaks off")?;
        let path = parts.uri.path_and_query().map_or("/", |whole| whole.as_str());
        let url = Url::parse(&format!("{}{path}", self.program))?;
        let answer = self
            .http
            .request(parts.method.clone(), url)
            .headers(passed_on(parts.headers))
            .body(asked.clone())
            .timeout(PATIENCE)
            .send()
            .await?;
        let (status, headers) = (answer.status(), passed_on(answer.headers().clone()));
        let answered = answer.bytes().await?;
        self.look_at(parts.method.as_str(), path, status.as_u16(), &asked, &answered);
        let mut response = Response::new(Body::from(answered));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn look_at(&self, method: &str, path: &str, status: u16, asked: &Bytes, answered: &Bytes) {
        let json = |bytes: &Bytes| serde_json::from_slice::<Value>(bytes).ok();
        let (request, response) = (json(asked), json(answered));
        let exchange = Exchange {
            method,
            path: path.split('?').next().unwrap_or(path),
            status,
            request: request.as_ref(),
            response: response.as_ref(),
        };
        let faults = exchange.faults();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.exchanges += usize::from(exchange.is_known());
        // An internal error is nobody's fault in the schema, and always one here.
        let faults = faults.into_iter().chain((status >= 500).then(|| format!("{response:?}")));
        seen.faults.extend(faults.map(|fault| format!("{method} {path}, {status}: {fault}")));
    }
}

fn passed_on(mut headers: HeaderMap) -> HeaderMap {
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    headers
}
