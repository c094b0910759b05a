//! `GET /notifications`, written by hand: ruma's actions would be read only to be written again.

use axum::{Json, Router, extract::State, routing};
use http::Uri;
use serde_json::{Value, json, value::RawValue};
use support_matrix_http::MatrixError;

use crate::{
    api::Authenticated,
    error::{Error, Result},
    events::client::{self, View},
    house::SharedHouse,
    store,
};

/// How many are told at once, usually and at most.
const USUAL: i64 = 20;
const MOST: i64 = 200;

/// Adds the route under both its versions.
pub(super) fn routes(router: Router<SharedHouse>) -> Router<SharedHouse> {
    ["v3", "r0"].into_iter().fold(router, |router, version| {
        let path = format!("/_matrix/client/{version}/notifications");
        router.route(&path, routing::get(get_notifications))
    })
}

/// Lists what the caller was to be told of, newest first.
async fn get_notifications(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    uri: Uri,
) -> Result<Json<Value>> {
    let from = number(&uri, "from")?.unwrap_or(i64::MAX);
    let limit = number(&uri, "limit")?.unwrap_or(USUAL);
    if limit < 0 {
        return Err(MatrixError::invalid_param("`limit` is below zero.").into());
    }
    let limit = limit.clamp(1, MOST);
    let only_highlights = parameter(&uri, "only").is_some_and(|only| only == "highlight");
    let mut db = &house.db;
    let user_id = &who.user_id;
    let page = store::notifications::page(&mut db, user_id, from, limit, only_highlights).await?;
    let positions = page.iter().map(|notification| notification.position);
    let events = store::events::at(&mut db, positions).await?;
    let scope = who.scope();
    let mut written = Vec::new();
    for notification in &page {
        let event = events.iter().find(|event| event.position == notification.position);
        let Some(event) = event else { continue };
        let view = View {
            room_id: &notification.room_id,
            with_room_id: false,
            now_ms: house.clock.now_ms(),
            viewer: Some((user_id, &scope)),
        };
        let event = client::full(event, &view).map_err(Error::internal)?;
        let actions: Box<RawValue> =
            serde_json::from_str(&notification.actions).map_err(Error::internal)?;
        written.push(json!({
            "actions": actions,
            "event": event,
            "read": notification.seen,
            "room_id": notification.room_id,
            "ts": notification.ts,
        }));
    }
    let mut answer = json!({ "notifications": written });
    let full = usize::try_from(limit).is_ok_and(|limit| page.len() == limit);
    if let Some(last) = page.last().filter(|_| full) {
        answer["next_token"] = last.position.to_string().into();
    }
    Ok(Json(answer))
}

fn number(uri: &Uri, key: &str) -> Result<Option<i64>, MatrixError> {
    let words = || MatrixError::invalid_param(format!("`{key}` is no number."));
    parameter(uri, key).map(|given| given.parse().map_err(|_| words())).transpose()
}

fn parameter(uri: &Uri, key: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}
