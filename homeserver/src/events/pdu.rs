//! An event as the authorisation rules read it: the fields they look at, the content raw.

use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::TimelineEventType, state_res,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event that ruma's rules can judge.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pdu {
    /// Its id; the hash of the event, so it is not part of the JSON.
    #[serde(skip, default = "no_event_id")]
    pub(crate) event_id: OwnedEventId,
    /// Its place in the stream; 0 before it has one.
    #[serde(skip)]
    pub(crate) position: i64,
    /// The room; absent in the create event of room version 12.
    #[serde(default)]
    pub(crate) room_id: Option<OwnedRoomId>,
    pub(crate) sender: OwnedUserId,
    pub(crate) origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(rename = "type")]
    pub(crate) kind: TimelineEventType,
    #[serde(default)]
    pub(crate) state_key: Option<String>,
    pub(crate) content: Box<RawValue>,
    #[serde(default)]
    pub(crate) prev_events: Vec<OwnedEventId>,
    #[serde(default)]
    pub(crate) auth_events: Vec<OwnedEventId>,
    #[serde(default)]
    pub(crate) redacts: Option<OwnedEventId>,
}

/// Stands in until the real id is set by [`Pdu::parse`].
fn no_event_id() -> OwnedEventId {
    OwnedEventId::try_from("$none").expect("this is an event id")
}

impl Pdu {
    /// Reads a stored event.
    pub(crate) fn parse(
        event_id: OwnedEventId,
        position: i64,
        json: &str,
    ) -> serde_json::Result<Self> {
        let mut pdu: Self = serde_json::from_str(json)?;
        pdu.event_id = event_id;
        pdu.position = position;
        Ok(pdu)
    }

    /// Returns one string of the content, if there is one.
    pub(crate) fn content_str(&self, key: &str) -> Option<String> {
        let content: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(self.content.get()).ok()?;
        content.get(key)?.as_str().map(str::to_owned)
    }
}

impl state_res::Event for Pdu {
    type Id = OwnedEventId;

    fn event_id(&self) -> &Self::Id {
        &self.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        self.room_id.as_deref()
    }

    fn sender(&self) -> &UserId {
        &self.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.kind
    }

    fn content(&self) -> &RawValue {
        &self.content
    }

    fn state_key(&self) -> Option<&str> {
        self.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &Self::Id> + '_> {
        Box::new(self.auth_events.iter())
    }

    fn redacts(&self) -> Option<&Self::Id> {
        self.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        // Only events that passed every check are stored.
        false
    }
}
