//! Who could want to be told of what happens in a room: its local people. Ghosts are left out, nobody reads their
//! counts; in a room of ten thousand ghosts and two people, an event is held against two sets of rules.
//!
//! The list lives in the room's tip, follows its memberships, and is forgotten with the tip when a batch fails.

use ruma::{
    OwnedEventId, OwnedUserId, UserId,
    events::{
        StateEventType,
        room::power_levels::{RoomPowerLevels, RoomPowerLevelsEventContent, RoomPowerLevelsSource},
    },
    push::PushConditionPowerLevelsCtx,
};
use serde::Deserialize;
use support_db::Tx;

use crate::{
    error::Result,
    events::Pdu,
    rooms::{power, tip::Tip},
    store::memberships,
};

/// More people than this are not kept at hand but read for each event: so many rules cost more than the reading.
const MOST: usize = 500;

/// What a tip keeps for push rules.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    /// `None` until it was read.
    pub(super) people: Option<Vec<Person>>,
    /// The power levels as the rules read them, and of which event they are.
    levels: Option<(Option<OwnedEventId>, PushConditionPowerLevelsCtx)>,
}

/// Somebody in the room.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) user_id: OwnedUserId,
    /// What he is called in the room.
    pub(super) name: Option<String>,
    /// Whether something outside of threads may be unread: `false` spares a statement for everything he says.
    pub(super) may_have_missed: bool,
}

impl Person {
    pub(super) fn new(user_id: OwnedUserId, name: Option<String>, may_have_missed: bool) -> Self {
        Self { user_id, name, may_have_missed }
    }
}

#[derive(Debug, Deserialize)]
struct Member {
    #[serde(default)]
    displayname: Option<String>,
}

impl Audience {
    /// That of a room that does not exist yet.
    pub(crate) fn of_new_room() -> Self {
        Self { people: Some(Vec::new()), levels: None }
    }

    pub(super) fn has(&self, user_id: &UserId) -> bool {
        self.people.iter().flatten().any(|person| person.user_id == user_id)
    }

    /// Returns what is kept of somebody in the room.
    pub(super) fn person(&mut self, user_id: &UserId) -> Option<&mut Person> {
        self.people.iter_mut().flatten().find(|person| person.user_id == user_id)
    }

    /// Follows a member event. Returns whether one of our people has just come in.
    pub(super) async fn follow(&mut self, tx: &mut Tx, event: &Pdu) -> Result<bool> {
        let Some(target) = target(event) else { return Ok(false) };
        let Some(people) = &mut self.people else { return Ok(false) };
        let known = people.iter().position(|person| person.user_id == target);
        let joined = event.content_str("membership").as_deref() == Some("join");
        match (known, joined) {
            (Some(place), true) => people[place].name = name_of(event.content.get()),
            (Some(place), false) => {
                people.swap_remove(place);
            }
            (None, true) if memberships::is_person(tx, &target).await? => {
                // Who comes begins with nothing unread.
                people.push(Person::new(target, name_of(event.content.get()), false));
                return Ok(true);
            }
            (None, _) => {}
        }
        Ok(false)
    }

    /// Keeps no more than is allowed.
    pub(super) fn trim(&mut self) {
        if self.people.as_ref().is_some_and(|people| people.len() > MOST) {
            self.people = None;
        }
    }
}

/// Reads who is in the room, if that is not known. To be called before an event changes it.
pub(crate) async fn ensure(tx: &mut Tx, tip: &mut Tip) -> Result<()> {
    if tip.audience.people.is_none() {
        let found = memberships::people_of_room(tx, tip.room.nid).await?;
        let people =
            found.into_iter().map(|(user_id, json)| Person::new(user_id, name_in(&json), true));
        tip.audience.people = Some(people.collect());
    }
    Ok(())
}

/// Takes the power levels out, as rules read them; [`give_levels`] puts them back.
pub(super) async fn take_levels(
    tx: &mut Tx,
    tip: &mut Tip,
) -> Result<(Option<OwnedEventId>, PushConditionPowerLevelsCtx)> {
    let event = tip.state(tx, &StateEventType::RoomPowerLevels, "").await?;
    let event_id = event.as_ref().map(|event| event.event_id.clone());
    if let Some(levels) = tip.audience.levels.take()
        && levels.0 == event_id
    {
        return Ok(levels);
    }
    let content = event.and_then(|event| {
        serde_json::from_str::<RoomPowerLevelsEventContent>(event.content.get()).ok()
    });
    let source = content.map_or(RoomPowerLevelsSource::None, RoomPowerLevelsSource::Original);
    let creators = power::creators(tx, tip).await?;
    let levels = RoomPowerLevels::new(source, &tip.rules.authorization, creators);
    Ok((event_id, levels.into()))
}

pub(super) fn give_levels(
    tip: &mut Tip,
    event_id: Option<OwnedEventId>,
    levels: Option<PushConditionPowerLevelsCtx>,
) {
    tip.audience.levels = levels.map(|levels| (event_id, levels));
}

/// Returns whom a member event is about.
pub(super) fn target(event: &Pdu) -> Option<OwnedUserId> {
    let is_member = event.kind == ruma::events::TimelineEventType::RoomMember;
    let target = event.state_key.as_deref().filter(|_| is_member)?;
    UserId::parse(target).ok()
}

fn name_of(content: &str) -> Option<String> {
    serde_json::from_str::<Member>(content).ok()?.displayname
}

/// Finds the name in a whole member event.
fn name_in(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        content: Member,
    }
    serde_json::from_str::<Event>(json).ok()?.content.displayname
}
