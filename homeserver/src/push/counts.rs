//! How much of each room somebody has not seen, for `/sync`.

use std::collections::BTreeMap;

use ruma::{
    OwnedEventId, OwnedRoomId, UInt, UserId,
    api::client::sync::sync_events::UnreadNotificationsCount,
};

use super::MAIN;
use crate::{
    error::Result,
    store::{Reader, notifications},
};

/// What somebody has not seen of one room.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The main timeline's, or the whole room's.
    pub(crate) room: UnreadNotificationsCount,
    /// Those of each thread, where they were asked for.
    pub(crate) threads: BTreeMap<OwnedEventId, UnreadNotificationsCount>,
}

/// Returns the counts of these rooms, also where they are zero. With `by_thread`, each thread has its own.
pub(crate) async fn counts<'a>(
    db: &mut impl Reader,
    user_id: &UserId,
    rooms: impl IntoIterator<Item = &'a OwnedRoomId>,
    by_thread: bool,
) -> Result<BTreeMap<OwnedRoomId, Counts>> {
    let rooms: Vec<_> = rooms.into_iter().collect();
    let ids = rooms.iter().map(|room_id| room_id.as_str());
    let mut counts = BTreeMap::new();
    for room_id in &rooms {
        let mut nothing = Counts::default();
        add(&mut nothing.room, 0, 0);
        counts.insert((*room_id).clone(), nothing);
    }
    for unread in notifications::counts(db, user_id, ids).await? {
        let Some(of_room) = counts.get_mut(&unread.room_id) else { continue };
        let of_thread = match OwnedEventId::try_from(unread.thread.as_str()) {
            Ok(thread) if by_thread && unread.thread != MAIN => {
                of_room.threads.entry(thread).or_default()
            }
            _ => &mut of_room.room,
        };
        add(of_thread, unread.notifications, unread.highlights);
    }
    Ok(counts)
}

fn add(count: &mut UnreadNotificationsCount, notifications: i64, highlights: i64) {
    let sum = |before: Option<UInt>, more: i64| {
        Some(before.unwrap_or_default().saturating_add(UInt::try_from(more).unwrap_or_default()))
    };
    count.notification_count = sum(count.notification_count, notifications);
    count.highlight_count = sum(count.highlight_count, highlights);
}
