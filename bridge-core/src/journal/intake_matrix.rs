//! The way in from the homeserver: the application service's endpoints. A transaction is answered
//! once its events are committed as they came; nothing is looked into before, and no content can
//! make it fail.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use support_db::DbError;
use support_matrix_http::{MatrixError, homeserver_token};

use super::{
    Journal,
    from_matrix::redacts,
    lanes::News,
    step::hex,
    store::{AcceptMatrix, MatrixEvent, Ours, Woken},
};
use crate::{
    ids::SendKey,
    matrix::{STEP_KEY, Sender},
};

/// The largest transaction that is read: a hundred events of the largest size, and room to spare.
const LARGEST: usize = 64 * 1024 * 1024;

/// How soon storing is tried again, where a homeserver believes any answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Makes the endpoints.
pub(super) fn router(journal: Arc<Journal>) -> Router {
    let protected = middleware::from_fn_with_state(Arc::clone(&journal), only_the_homeserver);
    Router::new()
        .route("/_matrix/app/v1/transactions/{txn_id}", put(transaction))
        .route("/_matrix/app/v1/ping", post(ping))
        .route("/_matrix/app/v1/users/{user_id}", get(user))
        .route("/_matrix/app/v1/rooms/{alias}", get(room))
        .route("/_matrix/app/v1/thirdparty/{*rest}", get(third_party))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(protected)
        .with_state(journal)
}

/// Lets nobody in who does not show the homeserver's token.
async fn only_the_homeserver(
    State(journal): State<Arc<Journal>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let shown = match homeserver_token(&parts) {
        Ok(Some(shown)) => shown,
        Ok(None) => {
            return refuse(StatusCode::UNAUTHORIZED, "M_UNAUTHORIZED", "There is no token.");
        }
        Err(error) => return error.into_response(),
    };
    let expected = journal.parts.hs_token.expose_secret();
    if !bool::from(shown.as_bytes().ct_eq(expected.as_bytes())) {
        return refuse(StatusCode::FORBIDDEN, "M_FORBIDDEN", "This is not the homeserver's token.");
    }
    next.run(Request::from_parts(parts, body)).await
}

fn refuse(status: StatusCode, errcode: &str, words: &str) -> Response {
    MatrixError::new(status, errcode, words).into_response()
}

/// What is read of a transaction; everything else (device lists) is not carried yet and dropped by
/// rule, since the latest of it wins anyway.
#[derive(Default, Deserialize)]
struct Transaction {
    #[serde(default)]
    events: Vec<Box<RawValue>>,
    /// Typing and read marks.
    #[serde(default)]
    ephemeral: Value,
    /// The same under the name older homeservers use.
    #[serde(default, rename = "de.sorunome.msc2409.ephemeral")]
    unstable_ephemeral: Value,
}

async fn transaction(
    State(journal): State<Arc<Journal>>,
    Path(txn_id): Path<String>,
    body: Bytes,
) -> Response {
    let begun = journal.parts.clock.monotonic();
    let Transaction { events, ephemeral, unstable_ephemeral } = match read_transaction(&body) {
        Ok(transaction) => transaction,
        Err(error) => return error.into_response(),
    };
    while let Err(refusal) = journal.store_transaction(&txn_id, &events).await {
        if !journal.parts.answers_only_when_stored {
            return refusal.into_response();
        }
        journal.pause_before_storing_again().await;
    }
    let took = journal.parts.clock.monotonic().saturating_sub(begun);
    journal.parts.metrics.acknowledged("from_matrix", took);
    let news = ephemeral.as_array().or_else(|| unstable_ephemeral.as_array());
    journal.pass_on_ephemeral(news.map(Vec::as_slice).unwrap_or_default());
    Json(json!({})).into_response()
}

/// Reads the events. A body that is no transaction at all is not one whose events could be lost.
fn read_transaction(body: &[u8]) -> Result<Transaction, MatrixError> {
    match serde_json::from_slice::<Transaction>(body) {
        Ok(transaction) => Ok(transaction),
        Err(_) => match serde_json::from_slice::<Value>(body) {
            // Another shape than we know: what is in it cannot be understood, so nothing is lost.
            Ok(_) => {
                tracing::warn!("a transaction without a list of events");
                Ok(Transaction::default())
            }
            Err(_) => Err(MatrixError::not_json()),
        },
    }
}

async fn ping() -> Json<Value> {
    Json(json!({}))
}

async fn user(State(journal): State<Arc<Journal>>, Path(user_id): Path<String>) -> Response {
    match journal.parts.ghosts.ensure_registered_by_mxid(&user_id).await {
        Ok(true) => Json(json!({})).into_response(),
        Ok(false) => MatrixError::not_found("No ghost has this id.").into_response(),
        Err(trouble) => {
            tracing::warn!(%trouble, "a ghost could not be registered on request");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "M_UNKNOWN", "Not now; ask again.")
        }
    }
}

/// Rooms come into being when something happens in their chats, or by the bot's `join`.
async fn room(Path(_alias): Path<String>) -> MatrixError {
    MatrixError::not_found("No room is made on request.")
}

async fn third_party() -> MatrixError {
    MatrixError::not_found("There is no third-party lookup.")
}

impl Journal {
    /// Commits the events of a transaction, or says in the homeserver's words why not now.
    async fn store_transaction(
        &self,
        txn_id: &str,
        events: &[Box<RawValue>],
    ) -> Result<(), MatrixError> {
        let not_now = |words: &str| {
            MatrixError::new(StatusCode::SERVICE_UNAVAILABLE, "M_UNKNOWN", words.to_owned())
        };
        if !self.is_accepting() {
            return Err(not_now("The bridge is stopping; send this again."));
        }
        self.accept_transaction(txn_id, events).await.map_err(|error| {
            tracing::error!(%error, "a transaction could not be stored");
            not_now("The bridge cannot store this now; send it again.")
        })
    }

    /// Waits a little; when the journal ends, for ever: a connection that ends without an answer is tried again by every
    /// homeserver there is.
    async fn pause_before_storing_again(&self) {
        tracing::warn!("a transaction cannot be stored now; it is not answered before it is");
        tokio::select! {
            () = self.parts.clock.sleep(PAUSE) => {}
            () = self.halt.cancelled() => std::future::pending().await,
        }
    }

    /// Commits the events of a transaction.
    pub(super) async fn accept_transaction(
        &self,
        txn_id: &str,
        raw: &[Box<RawValue>],
    ) -> Result<(), DbError> {
        // Typing and read marks come alone: they cost no commit.
        if raw.is_empty() {
            return Ok(());
        }
        let mut events = Vec::with_capacity(raw.len());
        for raw in raw {
            let event = self.understand(raw.get());
            events.push(self.whose(event).await?);
        }
        let count = events.len();
        let me = self.me.clone();
        let wake = move |woken: Woken| {
            let Some(journal) = me.upgrade() else { return };
            for settled in woken.settled {
                journal.lanes.tell(&journal, &settled.lane, News::Row(settled.row_seq));
            }
            for lane in woken.lanes {
                journal.lanes.tell(&journal, &lane, News::Rows);
            }
        };
        let job = AcceptMatrix { txn_id: txn_id.to_owned(), events, now: self.now(), wake };
        let new = self.store.db().run(job).await?;
        tracing::debug!(txn.id = txn_id, events = count, new, "a transaction is accepted");
        Ok(())
    }

    /// Reads what the journal must know of an event. Nothing in it is trusted to be there.
    fn understand(&self, raw: &str) -> MatrixEvent {
        let value: Value = serde_json::from_str(raw).unwrap_or(Value::Null);
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let (event_id, room_id, sender) = (text("event_id"), text("room_id"), text("sender"));
        let kind = text("type");
        let useless = match (&event_id, &room_id, &sender, &kind) {
            (Some(_), Some(_), Some(_), Some(_)) => None,
            _ => Some("not an event"),
        };
        let key = match &event_id {
            Some(id) => format!("mx:{id}"),
            None => format!("mx#{}", hex(&Sha256::digest(raw.as_bytes())[..16])),
        };
        let content = value.get("content");
        let tag = content.and_then(|content| content.get(STEP_KEY)).and_then(Value::as_str);
        let sender_kind = sender.as_deref().map(|sender| self.parts.matrix.kind_of(sender));
        let ours = match sender_kind {
            // What is done to somebody else by the bot concerns nobody but the homeserver.
            Some(Sender::Bot) => Ours::Yes,
            Some(Sender::Ghost(..)) => Ours::Relayed,
            Some(Sender::Other) | None => Ours::No,
        };
        MatrixEvent {
            key,
            lane: format!("m:{}", room_id.as_deref().unwrap_or("none")),
            redacts: redacts(&value),
            payload: raw.to_owned(),
            kind: kind.unwrap_or_default(),
            tag: tag.map(SendKey::new),
            event_id,
            room_id,
            sender,
            ours,
            useless,
        }
    }

    /// Decides whether an event is ours coming back. A ghost's words are for a room's other portals,
    /// where there are some; a person's are ours if we have said them in their name.
    async fn whose(&self, mut event: MatrixEvent) -> Result<MatrixEvent, DbError> {
        let portals = match (&event.room_id, event.ours, &event.tag) {
            (_, Ours::Yes, _) | (None, ..) | (_, Ours::No, None) => return Ok(event),
            (Some(room), ..) => self.parts.portals.by_room(room).await?.len(),
        };
        let announced = match (&event.tag, event.ours) {
            (Some(tag), Ours::No) => self.store.portal_of_key(tag).await?.is_some(),
            _ => true,
        };
        event.ours = match (announced, portals) {
            (false, _) => Ours::No,
            (true, 0 | 1) => Ours::Yes,
            (true, _) => Ours::Relayed,
        };
        Ok(event)
    }
}
