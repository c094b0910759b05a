//! Rooms: how they are created, appended to, authorised and read.
use ruma::RoomVersionId;
pub(crate) const DEFAULT_VERSION: RoomVersionId = RoomVersionId::V11;
pub(crate) const VERSIONS: [RoomVersionId; 2] = [RoomVersionId::V10, RoomVersionId::V11];
#[derive(Debug, Default)]
pub(crate) struct Rooms;
impl Rooms {
    pub(crate) fn new() -> Self {
        Self
    }
}
pub(crate) mod membership {
    use crate::{error::Result, house::SharedHouse};
    use ruma::{RoomId, UserId};
    pub(crate) async fn refresh_profile(
        _house: &SharedHouse,
        _user_id: &UserId,
        _room_id: &RoomId,
    ) -> Result<()> {
        Ok(())
    }
    pub(crate) async fn leave_as(
        _house: &SharedHouse,
        _user_id: &UserId,
        _room_id: &RoomId,
    ) -> Result<()> {
        Ok(())
    }
}
pub(crate) mod read {
    use crate::{error::Result, house::House};
    use ruma::{OwnedRoomId, UserId};
    use serde_json::value::RawValue;
    use support_db::DbError;
    pub(crate) async fn joined_rooms(
        _house: &House,
        _user_id: &UserId,
    ) -> Result<Vec<OwnedRoomId>> {
        Ok(vec![])
    }
    pub(crate) async fn events_at(
        _house: &House,
        positions: &[i64],
    ) -> Result<Vec<Box<RawValue>>, DbError> {
        Ok(positions
            .iter()
            .map(|p| RawValue::from_string(format!("{{\"position\":{p}}}")).expect("json"))
            .collect())
    }
}
