//! Power levels, as ruma's rules read them.

use std::{collections::HashSet, sync::Arc};

use ruma::{
    OwnedUserId, UserId,
    events::{StateEventType, room::power_levels::UserPowerLevel},
    state_res::events::{RoomCreateEvent, RoomPowerLevelsEvent, RoomPowerLevelsIntField},
};
use support_db::Tx;

use super::tip::Tip;
use crate::{
    error::{Error, Result},
    events::Pdu,
};

/// What a user may do beyond sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Redact,
    Invite,
}

/// Returns whether a user has the power for something.
pub(crate) async fn may(
    tx: &mut Tx,
    tip: &mut Tip,
    user_id: &UserId,
    action: Action,
) -> Result<bool> {
    let field = match action {
        Action::Redact => RoomPowerLevelsIntField::Redact,
        Action::Invite => RoomPowerLevelsIntField::Invite,
    };
    let powers = Powers::of(tx, tip).await?;
    let rules = &tip.rules.authorization;
    let needed = match &powers.levels {
        Some(levels) => levels.get_as_int_or_default(field, rules).map_err(Error::internal)?,
        None => field.default_value(),
    };
    Ok(powers.of_user(tip, user_id)? >= needed)
}

/// Returns whether a user has the power to set a piece of state.
pub(crate) async fn may_set(
    tx: &mut Tx,
    tip: &mut Tip,
    user_id: &UserId,
    kind: &StateEventType,
) -> Result<bool> {
    let powers = Powers::of(tx, tip).await?;
    // Without power levels everybody may set state.
    let Some(levels) = &powers.levels else { return Ok(true) };
    let kind = kind.to_string().into();
    let needed = levels
        .event_power_level(&kind, Some(""), &tip.rules.authorization)
        .map_err(Error::internal)?;
    Ok(powers.of_user(tip, user_id)? >= needed)
}

/// Returns who the power levels name, creators first: whoever has more power than a newcomer is among them.
pub(crate) async fn named(tx: &mut Tx, tip: &mut Tip) -> Result<Vec<OwnedUserId>> {
    let powers = Powers::of(tx, tip).await?;
    let rules = &tip.rules.authorization;
    let mut named: Vec<_> = powers.creators.iter().cloned().collect();
    if let Some(levels) = &powers.levels {
        let users = levels.users(rules).map_err(Error::internal)?;
        named.extend(users.into_iter().flat_map(|users| users.keys().cloned()));
    }
    Ok(named)
}

/// Returns who made the room.
pub(crate) async fn creators(tx: &mut Tx, tip: &mut Tip) -> Result<HashSet<OwnedUserId>> {
    Ok(Powers::of(tx, tip).await?.creators)
}

struct Powers {
    creators: HashSet<OwnedUserId>,
    levels: Option<RoomPowerLevelsEvent<Arc<Pdu>>>,
}

impl Powers {
    async fn of(tx: &mut Tx, tip: &mut Tip) -> Result<Self> {
        let create = tip.state(tx, &StateEventType::RoomCreate, "").await?;
        let create = create.ok_or_else(|| Error::internal("a room without a create event"))?;
        let levels = tip.state(tx, &StateEventType::RoomPowerLevels, "").await?;
        let levels = levels.map(RoomPowerLevelsEvent::new);
        let rules = &tip.rules.authorization;
        let creators = RoomCreateEvent::new(create).creators(rules).map_err(Error::internal)?;
        Ok(Self { creators, levels })
    }

    fn of_user(&self, tip: &Tip, user_id: &UserId) -> Result<UserPowerLevel> {
        let rules = &tip.rules.authorization;
        let is_creator = self.creators.contains(user_id);
        if is_creator && rules.explicitly_privilege_room_creators {
            return Ok(UserPowerLevel::Infinite);
        }
        let level = match &self.levels {
            Some(levels) => levels.user_power_level(user_id, rules).map_err(Error::internal)?,
            None if is_creator => ruma::int!(100),
            None => ruma::int!(0),
        };
        Ok(UserPowerLevel::Int(level))
    }
}
