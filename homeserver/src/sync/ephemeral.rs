//! What is told of rooms and not kept in them: receipts, and who types.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, api::client::sync::sync_events::v3::Response, serde::Raw};
use serde_json::{Map, Value, json, value::to_raw_value};
use support_db::Snapshot;

use super::answer::{Question, of_types, wants_type};
use crate::{
    error::{Error, Result},
    house::House,
    rooms::filter,
    store,
};

impl Question {
    /// Adds the receipts that came between two positions.
    pub(super) async fn add_receipts(
        &self,
        snapshot: &mut Snapshot,
        response: &mut Response,
        since: Option<i64>,
        upto: i64,
    ) -> Result<()> {
        if !self.wants_ephemeral("m.receipt") {
            return Ok(());
        }
        let since = since.filter(|_| !self.full_state).unwrap_or(-1);
        let mut of_rooms: BTreeMap<OwnedRoomId, Map<String, Value>> = BTreeMap::new();
        for (room_id, receipt) in
            store::receipts::news(snapshot, &self.user_id, since, upto).await?
        {
            let content = of_rooms.entry(room_id).or_default();
            let of_event = content.entry(receipt.event_id).or_insert_with(|| json!({}));
            let mut written = json!({ "ts": receipt.ts });
            if !receipt.thread.is_empty() {
                written["thread_id"] = receipt.thread.into();
            }
            of_event[receipt.kind][receipt.user_id] = written;
        }
        for (room_id, content) in of_rooms {
            self.add_ephemeral(
                response,
                room_id,
                &json!({ "type": "m.receipt", "content": content }),
            )?;
        }
        Ok(())
    }

    /// Adds who types in the user's rooms where that changed; returns up to where that was told.
    pub(super) async fn add_typing(
        &self,
        house: &House,
        response: &mut Response,
        since: i64,
    ) -> Result<i64> {
        let (upto, changed) = house.typists.changed(since);
        if !self.wants_ephemeral("m.typing") {
            return Ok(upto);
        }
        for room in changed {
            // A first answer needs no empty lists.
            if room.typists.is_empty() && since == 0 {
                continue;
            }
            let mut db = &house.db;
            let own = store::memberships::of_user_in(&mut db, &self.user_id, room.room_nid).await?;
            if own.is_none_or(|own| own.membership != "join") {
                continue;
            }
            let event = json!({ "type": "m.typing", "content": { "user_ids": room.typists } });
            self.add_ephemeral(response, room.room_id, &event)?;
        }
        Ok(upto)
    }

    fn add_ephemeral(
        &self,
        response: &mut Response,
        room_id: OwnedRoomId,
        event: &Value,
    ) -> Result<()> {
        let rooms = &self.filter.room;
        let is_wanted = rooms.rooms.as_ref().is_none_or(|rooms| rooms.contains(&room_id))
            && !rooms.not_rooms.contains(&room_id)
            && filter::wants_room(&rooms.ephemeral, &room_id);
        if is_wanted {
            let event = Raw::from_json(to_raw_value(event).map_err(Error::internal)?);
            let room = response.rooms.join.entry(room_id).or_default();
            room.ephemeral.events.push(event);
        }
        Ok(())
    }

    fn wants_ephemeral(&self, kind: &str) -> bool {
        wants_type(&of_types(&self.filter.room.ephemeral), kind)
    }
}
