//! What a chat can do, said in its rooms: the state event `com.beeper.room_features`, from which clients know which of their
//! buttons to offer. Made of the same table that the core itself decides by.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::{Portal, Portals, info};
use crate::ids::LoginId;
use crate::matrix::{MatrixOutcome, MatrixTrouble};
use crate::network::{Capabilities, Level, MessageKind, Operation};

/// The state event's type.
pub(super) const ROOM_FEATURES: &str = "com.beeper.room_features";

/// How many rooms are told at once: news that nobody waits for shall not crowd out messages.
const AT_ONCE: usize = 2;

/// The kinds of files, by the message types clients know them by. A GIF is a picture to every network there is here.
const FILES: [(&str, MessageKind); 7] = [
    ("m.image", MessageKind::Image),
    ("m.video", MessageKind::Video),
    ("m.audio", MessageKind::Audio),
    ("m.file", MessageKind::File),
    ("org.matrix.msc3245.voice", MessageKind::Voice),
    ("fi.mau.gif", MessageKind::Image),
    ("m.sticker", MessageKind::Sticker),
];

/// What the rooms of each portal say since this process started.
pub(super) struct Told {
    tables: Mutex<HashMap<i64, (LoginId, Capabilities)>>,
    turns: Semaphore,
}

impl Default for Told {
    fn default() -> Self {
        Self { tables: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Portals {
    /// Whether the rooms of a portal say something else about what it can do for a login. Says yes once for each table:
    /// whoever asked then calls [`Portals::tell_features`]. Where several logins differ, the first that speaks counts while
    /// it is connected: a room can say only one thing.
    pub(crate) fn has_new_features(
        &self,
        portal: &Portal,
        login: &LoginId,
        table: &Capabilities,
    ) -> bool {
        if portal.rooms.is_empty() {
            return false;
        }
        let mut tables = self.0.told.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((by, told)) = tables.get(&portal.id)
            && (told == table || (by != login && self.0.logins.is_connected(by)))
        {
            return false;
        }
        tables.insert(portal.id, (login.clone(), table.clone()));
        true
    }

    /// Says in a portal's rooms what it can do, where they do not say so already. What fails is tried again with the next
    /// message.
    pub(crate) async fn tell_features(&self, portal: &Portal, table: &Capabilities) {
        let Some(facts) = self.0.networks.facts(&portal.key.network) else { return };
        let Ok(_turn) = self.0.told.turns.acquire().await else { return };
        let key = info::bridge_info_key(portal, &facts);
        let features = self.room_features(table);
        for room in &portal.rooms {
            if let Err(trouble) = self.set_features(room, &key, &features).await {
                tracing::warn!(portal = portal.id, %trouble, "a room could not be told what its chat can do");
                let mut tables = self.0.told.tables.lock().unwrap_or_else(PoisonError::into_inner);
                tables.remove(&portal.id);
            }
        }
    }

    /// Returns the content of the state event.
    pub(super) fn room_features(&self, table: &Capabilities) -> Value {
        room_features(table, self.0.largest_file)
    }

    async fn set_features(
        &self,
        room: &str,
        key: &str,
        features: &Value,
    ) -> Result<(), MatrixTrouble> {
        let matrix = &self.0.matrix;
        if matrix.get_state(room, ROOM_FEATURES, key).await?.as_ref() == Some(features) {
            return Ok(());
        }
        let set = matrix.send_state(matrix.bot(), room, ROOM_FEATURES, key, features, None).await;
        match set {
            MatrixOutcome::Retry { after, reason } => Err(MatrixTrouble::Retry { after, reason }),
            // Refused: somebody took the bot's rights away, and will know.
            _ => Ok(()),
        }
    }
}

/// Returns the content of the state event. No file is larger than `largest` bytes, whatever the network takes.
fn room_features(table: &Capabilities, largest: u64) -> Value {
    let level = |operation| number(table.level(operation));
    let offered = |operation| table.level(operation) >= Level::Partial;
    let text = table.level(Operation::Message(MessageKind::Text));
    let limits = &table.limits;
    let mut features = json!({
        "location_message": level(Operation::Message(MessageKind::Location)),
        "poll": level(Operation::Poll),
        "thread": level(Operation::Thread),
        "reply": level(Operation::Reply),
        "edit": level(Operation::Edit),
        "delete": level(Operation::Redaction),
        "reaction": level(Operation::Reaction),
        "custom_emoji_reactions": offered(Operation::Reaction) && limits.reactions.is_none(),
        "read_receipts": offered(Operation::Receipt),
        "typing_notifications": offered(Operation::Typing),
        "delete_chat": offered(Operation::ChatDelete),
        "delete_chat_for_everyone": offered(Operation::ChatDelete),
        "state": {
            "m.room.name": { "level": level(Operation::Name) },
            "m.room.topic": { "level": level(Operation::Topic) },
            "m.room.avatar": { "level": level(Operation::Avatar) },
            "m.room.power_levels": { "level": level(Operation::PowerLevels) },
            "m.room.pinned_events": { "level": level(Operation::Pin) },
            "com.beeper.disappearing_timer": { "level": level(Operation::DisappearingTimer) },
        },
        "member_actions": {
            "invite": level(Operation::Membership),
            "kick": level(Operation::Membership),
            "ban": level(Operation::Membership),
        },
    });
    let formatting = table.formatting().iter().filter_map(|(formatting, level)| {
        let name = serde_json::to_value(formatting).ok()?;
        Some((name.as_str()?.to_owned(), number(*level)))
    });
    features["formatting"] = formatting.collect::<Map<String, Value>>().into();
    let files = FILES.map(|(name, kind)| {
        let level = table.level(Operation::Message(kind));
        let file = json!({
            "mime_types": { "*/*": number(level) },
            "caption": number(level.min(text)),
            "max_size": limits.media_bytes.unwrap_or(largest).min(largest),
        });
        (name.to_owned(), file)
    });
    features["file"] = Map::from_iter(files).into();
    if let Some(age) = limits.edit_for_ms {
        features["edit_max_age"] = json!(age / 1000);
    }
    if let Some(reactions) = &limits.reactions {
        features["allowed_reactions"] = json!(reactions);
    }
    // The longest text is not told: what is longer is carried in several messages, and nobody has to shorten it.
    let digest = Sha256::digest(features.to_string().as_bytes());
    let id: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    features["id"] = json!(format!("com.rialto.{id}"));
    features
}

/// The scale of the event: from -2 (refused) to 2 (carried in full).
fn number(level: Level) -> Value {
    json!(match level {
        Level::Rejected => -2,
        Level::Dropped => -1,
        Level::Degraded => 0,
        Level::Partial => 1,
        Level::Full => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{DeliveryFacts, Formatting, Limits, Ordering};

    fn table() -> Capabilities {
        let delivery =
            DeliveryFacts { ids_shared: true, ordering: Ordering::PerChat, max_inflight: 1 };
        Capabilities::none(delivery).with_text()
    }

    #[test]
    fn every_level_has_its_number() {
        let table = table()
            .with(Operation::Message(MessageKind::Image), Level::Degraded)
            .with(Operation::Edit, Level::Partial)
            .with(Operation::Reaction, Level::Full)
            .with_formatting(Level::Full, [Formatting::Bold, Formatting::Foreground]);
        let features = room_features(&table, 9000);
        assert_eq!(features["file"]["m.image"]["mime_types"]["*/*"], 0);
        assert_eq!(features["file"]["m.video"]["mime_types"]["*/*"], -2);
        assert_eq!(features["edit"], 1);
        assert_eq!(features["reaction"], 2);
        assert_eq!(features["custom_emoji_reactions"], true);
        assert_eq!(features["typing_notifications"], false);
        assert_eq!(features["formatting"], json!({ "bold": 2, "color.foreground": 2 }));
    }

    #[test]
    fn limits_are_told_in_their_units_and_another_table_has_another_id() {
        let limits = Limits {
            media_bytes: Some(5000),
            edit_for_ms: Some(90_000),
            reactions: Some(vec!["👍".to_owned()]),
            ..Limits::default()
        };
        let features = room_features(&table().with_limits(limits), 9000);
        assert_eq!(features["file"]["m.file"]["max_size"], 5000);
        assert_eq!(features["edit_max_age"], 90);
        assert_eq!(features["allowed_reactions"], json!(["👍"]));
        assert_ne!(features["id"], room_features(&table(), 9000)["id"]);
        assert_eq!(room_features(&table(), 9000), room_features(&table(), 9000));
    }
}
