//! What a client may put into the events this server itself reads later. Everything else is the client's own
//! business and is kept as it came.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, RoomAliasId, RoomId,
    events::{StateEventType, TimelineEventType},
};
use support_matrix_http::MatrixError;

use crate::{error::Result, house::SharedHouse, store};

/// Checks the content of a message.
pub(crate) fn message(kind: &TimelineEventType, content: &CanonicalJsonObject) -> Result<()> {
    if *kind == TimelineEventType::RoomMessage {
        strings(content, &["body", "msgtype"])?;
    }
    Ok(())
}

/// Checks the content of a piece of state.
pub(crate) fn state(kind: &StateEventType, content: &CanonicalJsonObject) -> Result<()> {
    match kind {
        StateEventType::RoomCreate => {
            return Err(MatrixError::forbidden("A room is created once.").into());
        }
        StateEventType::RoomMember => {
            let membership = content.get("membership").and_then(|value| value.as_str());
            if !matches!(membership, Some("join" | "leave" | "invite" | "ban" | "knock")) {
                let words = "`membership` is one of join, leave, invite, ban and knock.";
                return Err(MatrixError::bad_json(words).into());
            }
            strings(content, &["displayname", "avatar_url", "reason"])?;
        }
        StateEventType::RoomName => strings(content, &["name"])?,
        StateEventType::RoomTopic => strings(content, &["topic"])?,
        StateEventType::RoomAvatar => strings(content, &["url"])?,
        StateEventType::RoomJoinRules => required(content, "join_rule")?,
        StateEventType::RoomHistoryVisibility => required(content, "history_visibility")?,
        StateEventType::RoomGuestAccess => required(content, "guest_access")?,
        StateEventType::RoomEncryption => required(content, "algorithm")?,
        StateEventType::RoomPowerLevels => power_levels(content)?,
        _ => {}
    }
    Ok(())
}

/// The aliases a room names as its own have to lead to it.
pub(crate) async fn canonical_alias(
    house: &SharedHouse,
    room_id: &RoomId,
    content: &CanonicalJsonObject,
) -> Result<()> {
    let mut named: Vec<&CanonicalJsonValue> = Vec::new();
    named.extend(content.get("alias").filter(|value| !is_empty(value)));
    match content.get("alt_aliases") {
        Some(CanonicalJsonValue::Array(aliases)) => named.extend(aliases),
        Some(CanonicalJsonValue::Null) | None => {}
        Some(_) => return Err(MatrixError::bad_json("`alt_aliases` is a list.").into()),
    }
    for value in named {
        let alias = value
            .as_str()
            .and_then(|alias| <&RoomAliasId>::try_from(alias).ok())
            .ok_or_else(|| MatrixError::invalid_param("A room alias looks like #name:server."))?;
        let found = store::aliases::by_name(&mut &house.db, alias).await?;
        if found.is_none_or(|found| found.room_id != room_id) {
            let words = format!("The alias {alias} does not lead to this room.");
            let bad = http::StatusCode::BAD_REQUEST;
            return Err(MatrixError::new(bad, "M_BAD_ALIAS", words).into());
        }
    }
    Ok(())
}

fn is_empty(value: &CanonicalJsonValue) -> bool {
    matches!(value, CanonicalJsonValue::Null) || value.as_str() == Some("")
}

/// The levels are integers since version 10; the rules would refuse others with `M_FORBIDDEN`.
fn power_levels(content: &CanonicalJsonObject) -> Result<()> {
    const LEVELS: [&str; 7] =
        ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];
    let bad = |key: &str| {
        MatrixError::bad_json(format!("`{key}` of the power levels is not made of integers."))
    };
    for key in LEVELS {
        if content.get(key).is_some_and(|value| !value.is_integer()) {
            return Err(bad(key).into());
        }
    }
    for key in ["users", "events", "notifications"] {
        match content.get(key) {
            None => {}
            Some(CanonicalJsonValue::Object(levels))
                if levels.values().all(CanonicalJsonValue::is_integer) => {}
            Some(_) => return Err(bad(key).into()),
        }
    }
    Ok(())
}

/// These keys hold strings where they are present. `null` is what some clients write for absence.
fn strings(content: &CanonicalJsonObject, keys: &[&str]) -> Result<()> {
    for &key in keys {
        match content.get(key) {
            None | Some(CanonicalJsonValue::String(_) | CanonicalJsonValue::Null) => {}
            Some(_) => {
                return Err(MatrixError::bad_json(format!("`{key}` is not a string.")).into());
            }
        }
    }
    Ok(())
}

fn required(content: &CanonicalJsonObject, key: &str) -> Result<()> {
    match content.get(key) {
        Some(CanonicalJsonValue::String(_)) => Ok(()),
        _ => Err(MatrixError::bad_json(format!("`{key}` is missing or not a string.")).into()),
    }
}
