//! Who carries out orders while everything runs: what concerns accounts is the embedded homeserver's, what concerns
//! logins the bridges'.

use crate::{
    admin::{Answer, Ask, Order, Steward},
    failure::Failure,
};
use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
};
use bridge_core::{DeskError, JournalDesk};
use homeserver::Homeserver;
use http::{Method, header};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt as _;
use url::form_urlencoded;

/// The longest answer that is taken.
const LARGEST: usize = 4 * 1024 * 1024;

pub(super) struct Staff {
    pub(super) homeserver: Option<Arc<Homeserver>>,
    /// The provisioning API, as the operator may use it.
    pub(super) bridges: Router,
    /// Where messages are asked after.
    pub(super) desk: JournalDesk,
}

#[async_trait]
impl Steward for Staff {
    async fn carry_out(&self, order: Order) -> Result<Answer, Failure> {
        match (order, &self.homeserver) {
            (Order::Provision { person, network, ask, path }, _) => {
                let request = request(&person, network.as_deref(), ask, &path);
                self.ask_bridges(request.ok_or_else(|| bridges_failed("it is no request"))?).await
            }
            (Order::Journal { journal }, _) => {
                self.desk.serve(journal).await.map(Answer::Journal).map_err(unserved)
            }
            (order, Some(homeserver)) => homeserver.carry_out(order).await,
            (_, None) => Err(not_ours()),
        }
    }
}

impl Staff {
    async fn ask_bridges(&self, request: Request) -> Result<Answer, Failure> {
        let answer = match self.bridges.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), LARGEST).await;
        let body = body.map_err(|error| bridges_failed(&error.to_string()))?;
        Ok(Answer::Provisioned {
            status,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        })
    }
}

/// What is asked of an embedded homeserver where there is none.
pub(crate) fn not_ours() -> Failure {
    Failure::usage(
        "nothing was done",
        "homeserver.mode is \"external\", and only the embedded homeserver is managed here",
        "Use the external homeserver's own tools",
    )
}

/// Why the journal's desk did nothing.
pub(crate) fn unserved(error: DeskError) -> Failure {
    let todo = match &error {
        DeskError::NoRow(_) => "`rialto journal list` shows what is there",
        DeskError::Db(_) => "Try again",
        _ => "",
    };
    Failure::new("nothing was done", error.to_string(), todo)
}

fn bridges_failed(why: &str) -> Failure {
    Failure::new("the bridges gave no answer", why, "Look into the log of the running server")
}

fn request(person: &str, network: Option<&str>, ask: Ask, path: &str) -> Option<Request> {
    let below = network.map(|id| format!("/_rialto/provision/{id}")).unwrap_or_default();
    let person: String = form_urlencoded::byte_serialize(person.as_bytes()).collect();
    let asks = if path.contains('?') { '&' } else { '?' };
    let address = format!("{below}/_matrix/provision/v3/{path}{asks}user_id={person}");
    let (method, body) = match ask {
        Ask::Get => (Method::GET, Body::empty()),
        Ask::Post(input) => (Method::POST, Body::from(serde_json::to_vec(&input).ok()?)),
    };
    let request = Request::builder().method(method).uri(address);
    request.header(header::CONTENT_TYPE, "application/json").body(body).ok()
}
