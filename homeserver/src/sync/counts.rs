//! How much of each room is unread: told with every room that is told of, and of rooms where nothing else is new.

use ruma::api::client::sync::sync_events::v3::Response;
use support_db::Snapshot;

use super::answer::Question;
use crate::{error::Result, push, store};

impl Question {
    /// Adds the counts of the rooms in the answer, and those that changed between two positions.
    pub(super) async fn add_counts(
        &self,
        snapshot: &mut Snapshot,
        response: &mut Response,
        since: Option<i64>,
        upto: i64,
    ) -> Result<()> {
        if let Some(since) = since {
            let changed =
                store::notifications::changed(snapshot, &self.user_id, since, upto).await?;
            for room_id in changed {
                if self.wants_room(&room_id) {
                    response.rooms.join.entry(room_id).or_default();
                }
            }
        }
        if response.rooms.join.is_empty() {
            return Ok(());
        }
        let by_thread = self.filter.room.timeline.unread_thread_notifications;
        let rooms = response.rooms.join.keys();
        let counts = push::counts(snapshot, &self.user_id, rooms, by_thread).await?;
        for (room_id, counts) in counts {
            let room = response.rooms.join.entry(room_id).or_default();
            room.unread_notifications = counts.room;
            room.unread_thread_notifications = counts.threads;
        }
        Ok(())
    }
}
