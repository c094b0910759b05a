//! Memberships.
use ruma::RoomId;
use support_db::{DbError, Tx};
pub(crate) async fn joined_of_room(
    _tx: &mut Tx,
    _room_id: &RoomId,
) -> Result<Vec<String>, DbError> {
    Ok(vec![])
}
