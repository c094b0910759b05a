//! Stories of requests: through the glue, through the layers, over both transports.

#![expect(clippy::unwrap_used, reason = "in a story, what goes wrong may end it")]

mod glue;
mod layers;
mod streams;
mod transports;

use axum::{Router, extract::State, response::IntoResponse};
use bytes::Bytes;
use http::{Request, Response};
use ruma::{
    api::client::{
        account::whoami,
        alias::get_alias,
        message::send_message_event,
        state::{get_state_event_for_key, send_state_event},
    },
    event_id, user_id,
};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use support_matrix_http::{
    HttpTransport, InProcess, Limits, MatrixError, client_token, harden, route,
};

/// What the handlers of the test server were asked.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, words: impl Into<String>) {
        self.0.lock().unwrap().push(words.into());
    }

    fn last(&self) -> String {
        self.0.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

/// Stands for a homeserver's own extractor.
struct Caller(String);

impl<S: Sync> axum::extract::FromRequestParts<S> for Caller {
    type Rejection = MatrixError;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _state: &S,
    ) -> Result<Caller, MatrixError> {
        client_token(parts)?.map(Caller).ok_or_else(MatrixError::missing_token)
    }
}

async fn get_whoami(
    State(seen): State<Seen>,
    caller: Caller,
    _request: whoami::v3::Request,
) -> Result<whoami::v3::Response, MatrixError> {
    seen.note(format!("whoami {}", caller.0));
    Ok(whoami::v3::Response::new(user_id!("@alice:example.org").to_owned(), false))
}

async fn look_up_alias(
    State(seen): State<Seen>,
    request: get_alias::v3::Request,
) -> Result<get_alias::v3::Response, MatrixError> {
    seen.note(request.room_alias.as_str());
    Err(MatrixError::not_found("There is no such alias."))
}

async fn send_message(
    State(seen): State<Seen>,
    _caller: Caller,
    request: send_message_event::v3::Request,
) -> Result<send_message_event::v3::Response, MatrixError> {
    seen.note(format!("{} {}", request.txn_id, request.body.json()));
    Ok(send_message_event::v3::Response::new(event_id!("$event").to_owned()))
}

async fn send_state(
    State(seen): State<Seen>,
    request: send_state_event::v3::Request,
) -> Result<send_state_event::v3::Response, MatrixError> {
    seen.note(format!("{} `{}`", request.event_type, request.state_key));
    Ok(send_state_event::v3::Response::new(event_id!("$state").to_owned()))
}

async fn get_state(
    request: get_state_event_for_key::v3::Request,
) -> Result<get_state_event_for_key::v3::Response, MatrixError> {
    Err(MatrixError::not_found(format!("nothing under `{}`", request.state_key)))
}

async fn break_down() -> &'static str {
    panic!("a broken promise")
}

/// A small server with a limit of 1 KiB.
fn server(seen: &Seen) -> Router {
    let mut router = Router::new();
    router = route(router, get_whoami);
    router = route(router, look_up_alias);
    router = route(router, send_message);
    router = route(router, send_state);
    router = route(router, get_state);
    router = router
        .route("/panic", axum::routing::get(break_down))
        .route("/echo", axum::routing::post(|body: Bytes| async move { body.into_response() }));
    harden(router.with_state(seen.clone()), Limits { body: 1024 })
}

async fn ask(router: &Router, request: Request<impl Into<Bytes>>) -> Response<Bytes> {
    InProcess::new(router.clone()).call(request.map(Into::into)).await.unwrap()
}

/// The status and `errcode` of an answer.
fn fault(response: &Response<Bytes>) -> (u16, String) {
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), body["errcode"].as_str().unwrap_or_default().to_owned())
}
