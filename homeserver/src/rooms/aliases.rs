//! The names under which rooms can be found here.

use std::sync::Arc;

use ruma::{OwnedRoomId, RoomAliasId, RoomId, events::StateEventType};
use support_matrix_http::MatrixError;

use super::{power, tip::Tip};
use crate::{
    error::{Error, Result},
    house::{House, SharedHouse},
    requester::Requester,
    store,
    users::check_opaque,
};

/// Finds the room behind an alias; application services are asked before giving up.
pub(crate) async fn resolve(house: &House, alias: &RoomAliasId) -> Result<OwnedRoomId> {
    let not_found = || MatrixError::not_found(format!("There is no room {alias} on this server."));
    if alias.server_name() != house.server_name {
        return Err(not_found().into());
    }
    if let Some(found) = store::aliases::by_name(&mut &house.db, alias).await? {
        return Ok(found.room_id);
    }
    if !house.appservices.ensure_alias(alias).await? {
        return Err(not_found().into());
    }
    let found = store::aliases::by_name(&mut &house.db, alias).await?;
    Ok(found.ok_or_else(not_found)?.room_id)
}

/// Gives a room an alias.
pub(crate) async fn create(
    house: &SharedHouse,
    who: &Requester,
    alias: &RoomAliasId,
    room_id: &RoomId,
) -> Result<()> {
    check_ours(house, alias)?;
    house.appservices.check_alias(who, alias)?;
    let work = Arc::new((house.clone(), who.user_id.clone(), alias.to_owned(), room_id.to_owned()));
    let now_ms = house.clock.now_ms();
    let is_appservice = who.appservice.is_some();
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (house, user_id, alias, room_id) = &*work;
                let room = store::rooms::by_id(tx, room_id).await?;
                let room = room.ok_or_else(|| MatrixError::not_found("There is no such room."))?;
                if !is_appservice {
                    let own = store::memberships::of_user_in(tx, user_id, room.nid).await?;
                    if own.is_none_or(|own| own.membership != "join") {
                        return Err(super::append::not_in_room(user_id).into());
                    }
                }
                if !store::aliases::insert(tx, alias, room.nid, user_id, now_ms).await? {
                    return Err(taken(alias, http::StatusCode::CONFLICT, "M_UNKNOWN").into());
                }
                house.appservices.alias_changed(tx, room_id);
                Ok::<_, Error>(())
            })
        })
        .await
}

/// Takes an alias away. The one who made it may, whoever may name the room's main alias, administrators, and
/// the application service that owns the name.
pub(crate) async fn delete(
    house: &SharedHouse,
    who: &Requester,
    alias: &RoomAliasId,
) -> Result<()> {
    house.appservices.check_alias(who, alias)?;
    let work = Arc::new((house.clone(), who.user_id.clone(), alias.to_owned()));
    let may_anyway = who.admin || who.appservice.is_some();
    house
        .db
        .write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let (house, user_id, alias) = &*work;
                let not_found = || MatrixError::not_found(format!("There is no alias {alias}."));
                let found = store::aliases::by_name(tx, alias).await?.ok_or_else(not_found)?;
                if !may_anyway && found.creator != *user_id {
                    let tip = Tip::take(tx, house, &found.room_id).await?;
                    let mut tip = tip.ok_or_else(|| Error::internal("an alias of no room"))?;
                    let kind = StateEventType::RoomCanonicalAlias;
                    let may = power::may_set(tx, &mut tip, user_id, &kind).await;
                    let member =
                        store::memberships::of_user_in(tx, user_id, found.room_nid).await?;
                    tip.put_back(house);
                    if !may? || member.is_none_or(|member| member.membership != "join") {
                        let words = "You may only delete aliases you made.";
                        return Err(MatrixError::forbidden(words).into());
                    }
                }
                store::aliases::delete(tx, alias).await?;
                house.appservices.alias_changed(tx, &found.room_id);
                Ok::<_, Error>(())
            })
        })
        .await
}

/// Refuses names of other servers.
pub(crate) fn check_ours(house: &House, alias: &RoomAliasId) -> Result<()> {
    check_opaque("room alias", alias.as_str())?;
    if alias.server_name() != house.server_name {
        let words = format!("Aliases made here end in :{}.", house.server_name);
        return Err(MatrixError::invalid_param(words).into());
    }
    Ok(())
}

/// What somebody hears whose alias is another room's already.
pub(crate) fn taken(alias: &RoomAliasId, status: http::StatusCode, errcode: &str) -> MatrixError {
    MatrixError::new(status, errcode, format!("The alias {alias} is taken."))
}
