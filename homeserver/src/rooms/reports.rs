//! Complaints about people, rooms and what was said: kept, and told to the operator in the log.

use std::sync::Arc;

use ruma::{EventId, RoomId, UserId};
use support_matrix_http::MatrixError;

use super::read;
use crate::{
    error::{Error, Result},
    house::SharedHouse,
    requester::Requester,
    store::{self, reports::Report},
};

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 10_000;

/// Takes a complaint about an event the reporter can see.
pub(crate) async fn event(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    event_id: &EventId,
    reason: Option<String>,
) -> Result<()> {
    let hidden = |error: Error| match error {
        Error::Matrix(_) => MatrixError::not_found("You are not in this room.").into(),
        other => other,
    };
    read::check_joined(house, &who.user_id, room_id).await.map_err(hidden)?;
    read::seen_event(house, who, room_id, event_id).await?;
    let report = Report {
        room_id: Some(room_id.to_string()),
        event_id: Some(event_id.to_string()),
        reason,
        ..Report::default()
    };
    keep(house, who, report).await
}

/// Takes a complaint about a room.
pub(crate) async fn room(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    reason: String,
) -> Result<()> {
    if store::rooms::by_id(&mut &house.db, room_id).await?.is_none() {
        return Err(MatrixError::not_found("There is no such room on this server.").into());
    }
    let (room_id, reason) = (Some(room_id.to_string()), Some(reason));
    keep(house, who, Report { room_id, reason, ..Report::default() }).await
}

/// Takes a complaint about somebody.
pub(crate) async fn user(
    house: &SharedHouse,
    who: &Requester,
    user_id: &UserId,
    reason: String,
) -> Result<()> {
    if !house.users.exists(user_id).await? {
        return Err(MatrixError::not_found("There is no such user on this server.").into());
    }
    let (user_id, reason) = (Some(user_id.to_string()), Some(reason));
    keep(house, who, Report { user_id, reason, ..Report::default() }).await
}

async fn keep(house: &SharedHouse, who: &Requester, report: Report) -> Result<()> {
    if report.reason.as_ref().is_some_and(|reason| reason.contains('\0')) {
        return Err(MatrixError::invalid_param("The reason holds NUL.").into());
    }
    if report.reason.as_ref().is_some_and(|reason| reason.len() > LONGEST_REASON) {
        return Err(MatrixError::too_large().into());
    }
    tracing::warn!(
        reporter = %who.user_id,
        user.id = report.user_id,
        room.id = report.room_id,
        event.id = report.event_id,
        "something was reported; the reason is in the table reports"
    );
    let work = Arc::new((who.user_id.clone(), report, house.clock.now_ms()));
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (reporter, report, now_ms) = &*work;
                let id = tx.next_position("reports");
                store::reports::add(tx, id, reporter.as_str(), report, *now_ms).await?;
                Ok::<_, Error>(())
            })
        })
        .await
}
