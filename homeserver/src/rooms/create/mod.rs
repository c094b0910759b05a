//! Creating a room: everything it starts with, invitations and alias included, is one write job. Either the
//! room is there as a whole or it is not.

mod contents;
mod founding;
mod wish;

use std::sync::Arc;

use ruma::{
    OwnedRoomId, RoomId, RoomVersionId, UserId, events::TimelineEventType,
    room_version_rules::RoomVersionRules,
};
use serde_json::{Value, json};
use support_matrix_http::MatrixError;

pub(super) use self::founding::{Aliases, Founding};
pub(crate) use self::wish::Wish;
use super::{
    aliases,
    append::content,
    membership::{check_invitee, member_content},
};
use crate::{
    error::Result,
    events::Draft,
    house::{House, SharedHouse},
    requester::Requester,
};

/// Creates a room as somebody wishes it.
pub(crate) async fn create(
    house: &SharedHouse,
    who: &Requester,
    wish: Wish,
) -> Result<OwnedRoomId> {
    let rules = wish.rules()?;
    if let Some(alias) = &wish.alias {
        aliases::check_ours(house, alias)?;
        house.appservices.check_alias(who, alias)?;
    }
    for target in &wish.invite {
        check_invitee(house, target).await?;
    }
    let mut drafts = vec![contents::create_event(&wish, &rules, &who.user_id)?];
    let profile = house.users.profile(&who.user_id).await?;
    drafts.push((
        "m.room.member",
        who.user_id.to_string(),
        member_content("join", profile, None, false),
    ));
    drafts.extend(contents::state(&wish, &rules, &who.user_id)?);
    for target in &wish.invite {
        let profile = house.users.profile(target).await?;
        let content = member_content("invite", profile, None, wish.is_direct);
        drafts.push(("m.room.member", target.to_string(), content));
    }
    let now_ms = house.clock.now_ms();
    let drafts = drafts_of(&who.user_id, drafts, now_ms)?;
    let founding = Founding {
        room_id: make_room_id(house),
        creator: who.user_id.clone(),
        version: wish.version,
        rules: Arc::new(rules),
        published: wish.published,
        aliases: wish.alias.map_or(Aliases::None, Aliases::New),
        drafts,
        now_ms,
    };
    let work = Arc::new((house.clone(), founding));
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (house, founding) = &*work;
                let tip = founding.run(tx, house).await?;
                let room_id = tip.room.room_id.clone();
                tip.put_forward(tx, house);
                Ok(room_id)
            })
        })
        .await
}

/// Makes drafts of what a room starts with.
fn drafts_of<'a>(
    sender: &UserId,
    events: impl IntoIterator<Item = contents::Event<'a>>,
    now_ms: i64,
) -> Result<Vec<Draft>> {
    events
        .into_iter()
        .map(|(kind, key, value)| draft_of(sender, kind, key, value, now_ms))
        .collect()
}

/// Makes the draft of a piece of state.
pub(super) fn draft_of(
    sender: &UserId,
    kind: &str,
    state_key: String,
    value: Value,
    now_ms: i64,
) -> Result<Draft> {
    let draft = Draft {
        sender: sender.to_owned(),
        kind: TimelineEventType::from(kind),
        state_key: Some(state_key),
        content: content(value)?,
        origin_server_ts: now_ms,
    };
    draft.check()?;
    Ok(draft)
}

/// Makes an id for a room of a version that does not make it of the create event.
pub(super) fn make_room_id(house: &House) -> OwnedRoomId {
    RoomId::parse(format!("!{}:{}", house.random.token(15), house.server_name))
        .expect("a token and a server name make a room id")
}

/// Refuses versions that are not offered.
pub(crate) fn check_version(version: &RoomVersionId) -> Result<RoomVersionRules> {
    let offered = super::VERSIONS.contains(version);
    version.rules().filter(|_| offered).ok_or_else(|| {
        let words = format!("Room version {version} is not offered here.");
        let status = http::StatusCode::BAD_REQUEST;
        MatrixError::new(status, "M_UNSUPPORTED_ROOM_VERSION", words).into()
    })
}

/// Makes the JSON of power levels by which a creator rules.
pub(crate) fn creator_levels(rules: &RoomVersionRules, creator: &UserId) -> serde_json::Value {
    if rules.authorization.explicitly_privilege_room_creators {
        json!({})
    } else {
        json!({ creator.as_str(): 100 })
    }
}
