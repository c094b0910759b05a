//! Replacing a room by one of another version: the new room with everything that can be taken along, the way there
//! from the old one, and the end of the old one are one write job.

mod carry_over;
mod contents;

use std::{collections::BTreeSet, sync::Arc};

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, events::StateEventType,
    room_version_rules::RoomVersionRules,
};
use serde_json::json;
use support_db::Tx;
use support_matrix_http::MatrixError;

pub(super) use self::carry_over::carry_over;
use self::contents::Old;
use super::{
    append::{append_to, not_in_room},
    create::{Aliases, Founding, check_version, draft_of, make_room_id},
    membership::member_content,
    power,
    tip::Tip,
};
use crate::{
    error::{Error, Result},
    events::Draft,
    house::SharedHouse,
    requester::Requester,
    store,
    users::Profile,
};

/// Replaces a room by a new one and returns the new one's id. Who asks the same again, because the answer was lost,
/// is told of the room that was made then.
pub(crate) async fn upgrade(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    version: RoomVersionId,
    additional_creators: Vec<OwnedUserId>,
) -> Result<OwnedRoomId> {
    let rules = check_version(&version)?;
    let mut creators = BTreeSet::new();
    if rules.authorization.additional_room_creators {
        creators.extend(additional_creators);
        creators.remove(&who.user_id);
    }
    let upgrade = Upgrade {
        upgrader: who.user_id.clone(),
        profile: house.users.profile(&who.user_id).await?,
        room_id: room_id.to_owned(),
        new_id: make_room_id(house),
        version,
        rules: Arc::new(rules),
        additional_creators: creators,
        now_ms: house.clock.now_ms(),
    };
    let work = Arc::new((house.clone(), upgrade));
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (house, upgrade) = &*work;
                upgrade.run(tx, house).await
            })
        })
        .await
}

/// What is asked for.
#[derive(Debug)]
struct Upgrade {
    upgrader: OwnedUserId,
    profile: Profile,
    room_id: OwnedRoomId,
    /// The new room's id, where its version leaves that to the server.
    new_id: OwnedRoomId,
    version: RoomVersionId,
    rules: Arc<RoomVersionRules>,
    additional_creators: BTreeSet<OwnedUserId>,
    now_ms: i64,
}

impl Upgrade {
    async fn run(&self, tx: &mut Tx, house: &SharedHouse) -> Result<OwnedRoomId> {
        let tip = Tip::take(tx, house, &self.room_id).await?;
        let mut old = tip.ok_or_else(|| not_in_room(&self.upgrader))?;
        // After an error the tip may be half moved: it is dropped and read again.
        self.check(tx, &mut old).await?;
        if let Some(room_id) = self.made_before(tx, &mut old).await? {
            old.put_back(house);
            return Ok(room_id);
        }
        let mut new = self.found(tx, house, &mut old).await?;
        self.end(tx, house, &mut old, &new.room.room_id).await?;
        carry_over(tx, house, &mut new, &self.upgrader).await?;
        let room_id = new.room.room_id.clone();
        old.put_forward(tx, house);
        new.put_forward(tx, house);
        Ok(room_id)
    }

    async fn check(&self, tx: &mut Tx, old: &mut Tip) -> Result<()> {
        let own = store::memberships::of_user_in(tx, &self.upgrader, old.room.nid).await?;
        if own.is_none_or(|own| own.membership != "join") {
            return Err(not_in_room(&self.upgrader).into());
        }
        if !power::may_set(tx, old, &self.upgrader, &StateEventType::RoomTombstone).await? {
            let words = "You do not have the power to replace this room.";
            return Err(MatrixError::forbidden(words).into());
        }
        Ok(())
    }

    /// Finds what the same person made of the room before, if it is what he asks for now.
    async fn made_before(&self, tx: &mut Tx, old: &mut Tip) -> Result<Option<OwnedRoomId>> {
        let Some(tombstone) = old.state(tx, &StateEventType::RoomTombstone, "").await? else {
            return Ok(None);
        };
        let replacement = tombstone.content_str("replacement_room");
        let replacement = replacement.and_then(|room_id| RoomId::parse(room_id).ok());
        let Some(room_id) = replacement.filter(|_| tombstone.sender == self.upgrader) else {
            return Ok(None);
        };
        let room = store::rooms::by_id(tx, &room_id).await?;
        Ok(room.filter(|room| room.version == self.version).map(|room| room.room_id))
    }

    async fn found(&self, tx: &mut Tx, house: &SharedHouse, old: &mut Tip) -> Result<Tip> {
        let published = store::rooms::is_published(tx, old.room.nid).await?;
        let state = Old::read(tx, old).await?;
        let creators = power::creators(tx, old).await?;
        let mut drafts = vec![self.draft("m.room.create", "", state.create(self, old)?)?];
        let member = member_content("join", self.profile.clone(), None, false);
        drafts.push(self.draft("m.room.member", self.upgrader.as_str(), member)?);
        let (first, last) = state.power_levels(self, &creators);
        drafts.push(self.draft("m.room.power_levels", "", first)?);
        for (kind, state_key, content) in state.carried() {
            drafts.push(self.draft(kind, state_key, content)?);
        }
        if let Some(levels) = last {
            drafts.push(self.draft("m.room.power_levels", "", levels)?);
        }
        let founding = Founding {
            room_id: self.new_id.clone(),
            creator: self.upgrader.clone(),
            version: self.version.clone(),
            rules: Arc::clone(&self.rules),
            published,
            aliases: Aliases::Of(old.room.clone()),
            drafts,
            now_ms: self.now_ms,
        };
        store::rooms::publish(tx, old.room.nid, false).await?;
        founding.run(tx, house).await
    }

    /// Shows the way to the new room, and closes the old one as far as the upgrader may.
    async fn end(
        &self,
        tx: &mut Tx,
        house: &SharedHouse,
        old: &mut Tip,
        new: &RoomId,
    ) -> Result<()> {
        let tombstone = json!({ "body": "This room has been replaced.", "replacement_room": new });
        let tombstone = self.draft("m.room.tombstone", "", tombstone)?;
        append_to(tx, house, old, &tombstone, None).await?;
        let alias = old.state(tx, &StateEventType::RoomCanonicalAlias, "").await?;
        let mut wishes = Vec::new();
        if alias.is_some_and(|alias| alias.content.get() != "{}") {
            wishes.push(self.draft("m.room.canonical_alias", "", json!({}))?);
        }
        if let Some(levels) = contents::closing_levels(tx, old).await? {
            wishes.push(self.draft("m.room.power_levels", "", levels)?);
        }
        for wish in wishes {
            match append_to(tx, house, old, &wish, None).await {
                Err(Error::Matrix(refusal)) => tracing::debug!(
                    room.id = %self.room_id,
                    event.r#type = %wish.kind,
                    errcode = %refusal.errcode,
                    "a replaced room stays open in part: who replaced it lacks the power"
                ),
                other => drop(other?),
            }
        }
        Ok(())
    }

    fn draft(&self, kind: &str, state_key: &str, content: serde_json::Value) -> Result<Draft> {
        draft_of(&self.upgrader, kind, state_key.to_owned(), content, self.now_ms)
    }
}
