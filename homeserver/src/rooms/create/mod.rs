//! Creating a room: everything it starts with, invitations and alias included, is one write job. Either the
//! room is there as a whole or it is not.

mod contents;
mod wish;

use std::sync::Arc;

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId, events::TimelineEventType,
    room_version_rules::RoomVersionRules,
};
use serde_json::json;
use support_db::Tx;
use support_matrix_http::MatrixError;

pub(crate) use self::wish::Wish;
use super::{
    aliases,
    append::{append_to, content},
    membership::{check_invitee, member_content},
    tip::Tip,
};
use crate::{
    error::{Error, Result},
    events::{Draft, Place, build, room_id_of},
    house::SharedHouse,
    requester::Requester,
    store::{
        self,
        rooms::{NewRoom, Room},
    },
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
    let drafts = drafts.into_iter().map(|(kind, state_key, value)| {
        let draft = Draft {
            sender: who.user_id.clone(),
            kind: TimelineEventType::from(kind),
            state_key: Some(state_key),
            content: content(value)?,
            origin_server_ts: now_ms,
        };
        draft.check()?;
        Ok(draft)
    });
    let work = Work {
        house: Arc::clone(house),
        // Versions like 12 make another one, of the create event.
        room_id: RoomId::parse(format!("!{}:{}", house.random.token(15), house.server_name))
            .expect("a token and a server name make a room id"),
        creator: who.user_id.clone(),
        drafts: drafts.collect::<Result<_>>()?,
        wish,
        rules: Arc::new(rules),
        now_ms,
    };
    let work = Arc::new(work);
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move { work.run(tx).await })
        })
        .await
}

/// Everything a write job needs to make the room.
struct Work {
    house: SharedHouse,
    room_id: OwnedRoomId,
    creator: OwnedUserId,
    drafts: Vec<Draft>,
    wish: Wish,
    rules: Arc<RoomVersionRules>,
    now_ms: i64,
}

impl Work {
    async fn run(&self, tx: &mut Tx) -> Result<OwnedRoomId> {
        let mut drafts = self.drafts.clone();
        let room_id = self.room_id(tx, &mut drafts[0]).await?;
        let nid = tx.next_position("events");
        let new = NewRoom {
            nid,
            room_id: &room_id,
            version: &self.wish.version,
            creator: &self.creator,
            published: self.wish.published,
            created_ms: self.now_ms,
        };
        store::rooms::insert(tx, &new).await?;
        if let Some(alias) = &self.wish.alias {
            if !store::aliases::insert(tx, alias, nid, &self.creator, self.now_ms).await? {
                let status = http::StatusCode::BAD_REQUEST;
                return Err(aliases::taken(alias, status, "M_ROOM_IN_USE").into());
            }
            self.house.appservices.alias_changed(tx, &room_id);
        }
        let room = Room {
            nid,
            room_id: room_id.clone(),
            version: self.wish.version.clone(),
            joined_count: 0,
            invited_count: 0,
        };
        let mut tip = Tip::of_new_room(room, Arc::clone(&self.rules));
        for draft in &drafts {
            append_to(tx, &self.house, &mut tip, draft, None).await.map_err(
                |error| match error {
                    Error::Matrix(error) if error.errcode == "M_FORBIDDEN" => {
                        let words = format!(
                            "The room would start with an event that is not allowed ({}): {}",
                            draft.kind, error.message
                        );
                        let status = http::StatusCode::BAD_REQUEST;
                        MatrixError::new(status, "M_INVALID_ROOM_STATE", words).into()
                    }
                    other => other,
                },
            )?;
        }
        tip.put_forward(tx, &self.house);
        Ok(room_id)
    }

    /// Returns the room's id. Two create events that say the same in the same millisecond would make the
    /// same id, so the later one becomes a little later still.
    async fn room_id(&self, tx: &mut Tx, create: &mut Draft) -> Result<OwnedRoomId> {
        if self.rules.event_format.require_room_create_room_id {
            return Ok(self.room_id.clone());
        }
        loop {
            let place = Place { room_id: None, prev_events: &[], auth_events: &[], depth: 1 };
            let house = &self.house;
            let built = build(create, &place, &self.rules, &house.server_name, house.keys.pair())?;
            let room_id = room_id_of(&built.pdu.event_id);
            if store::rooms::by_id(tx, &room_id).await?.is_none() {
                return Ok(room_id);
            }
            create.origin_server_ts += 1;
        }
    }
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
