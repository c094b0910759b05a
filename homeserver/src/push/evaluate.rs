//! Holds an event against the rules of everybody it could be for, in the write job that appends it, and remembers who
//! is to be told.

use std::collections::BTreeMap;

use ruma::{
    OwnedUserId, UInt, UserId,
    push::{Action, FlattenedJson, PushConditionRoomCtx},
    serde::Raw,
};
use serde_json::{json, value::to_raw_value};
use support_db::Tx;

use super::audience::{self, Person};
use crate::{
    error::{Error, Result},
    events::Pdu,
    house::House,
    rooms::tip::Tip,
    store::{
        memberships,
        notifications::{self, Notice},
    },
};

/// The thread of everything that is in none.
pub(crate) const MAIN: &str = "main";

/// Somebody's old notifications are looked through once in so many positions.
const PRUNE_EVERY: i64 = 256;

/// Remembers who is to be told of an event that was just written, and that its sender has seen what came before it.
/// [`audience::ensure`] was called before it was written.
pub(crate) async fn note(
    tx: &mut Tx,
    house: &House,
    tip: &mut Tip,
    event: &Pdu,
    position: i64,
) -> Result<()> {
    let nid = tip.room.nid;
    let mut audience = std::mem::take(&mut tip.audience);
    let has_come = audience.follow(tx, event).await?;
    tip.audience = audience;
    let thread = thread_of(event);
    let speaks = event.state_key.is_none() && tip.audience.has(&event.sender);
    match audience::target(event) {
        // Who comes begins with nothing unread, and who goes has nothing left to read.
        Some(target)
            if (has_come || !tip.audience.has(&target))
                && event.content_str("membership").as_deref() != Some("invite") =>
        {
            notifications::see(tx, &target, nid, None, position, position).await?;
        }
        _ if speaks => speak(tx, tip, &event.sender, &thread, position).await?,
        _ => {}
    }
    let listeners = listeners(tx, tip, event).await?;
    if !listeners.is_empty() {
        let told = judge(tx, house, tip, event, listeners).await?;
        tell(tx, nid, event, &thread, position, &told).await?;
        for user_id in told.values().flatten().filter(|_| thread == MAIN) {
            if let Some(person) = tip.audience.person(user_id) {
                person.may_have_missed = true;
            }
        }
    }
    tip.audience.trim();
    Ok(())
}

/// Who says something has seen what stands before it in the same thread.
async fn speak(
    tx: &mut Tx,
    tip: &mut Tip,
    sender: &UserId,
    thread: &str,
    position: i64,
) -> Result<()> {
    let nid = tip.room.nid;
    if thread == MAIN
        && let Some(person) = tip.audience.person(sender)
        && !std::mem::take(&mut person.may_have_missed)
    {
        return Ok(());
    }
    notifications::see(tx, sender, nid, Some(thread), position, position).await?;
    Ok(())
}

/// Returns everybody an event could be for: who is in the room, and who is invited by it.
async fn listeners(tx: &mut Tx, tip: &Tip, event: &Pdu) -> Result<Vec<Person>> {
    let people = tip.audience.people.iter().flatten();
    let mut listeners: Vec<_> =
        people.filter(|person| person.user_id != event.sender).cloned().collect();
    if let Some(target) = audience::target(event)
        && event.content_str("membership").as_deref() == Some("invite")
        && memberships::is_person(tx, &target).await?
    {
        listeners.push(Person::new(target, None, true));
    }
    Ok(listeners)
}

/// How people are to be told: whether it is a highlight, and the actions as JSON.
type Ways = BTreeMap<(bool, String), Vec<OwnedUserId>>;

async fn judge(
    tx: &mut Tx,
    house: &House,
    tip: &mut Tip,
    event: &Pdu,
    listeners: Vec<Person>,
) -> Result<Ways> {
    let flat = flatten(tip, event)?;
    let (levels_of, levels) = audience::take_levels(tx, tip).await?;
    let members = UInt::try_from(tip.room.joined_count).unwrap_or_default();
    let nobody = event.sender.clone();
    let mut place =
        PushConditionRoomCtx::new(tip.room.room_id.clone(), members, nobody, String::new());
    place.power_levels = Some(levels);
    let mut ways = Ways::new();
    for person in listeners {
        let rules = house.push.rules_of(tx, &person.user_id).await?;
        // Without a name in the room, people are called by their id.
        let name = person.name.filter(|name| !name.is_empty());
        place.user_display_name = name.unwrap_or_else(|| person.user_id.localpart().to_owned());
        place.user_id = person.user_id;
        for rule in rules.iter() {
            if rule.applies(&flat, &place).await {
                if rule.triggers_notification() {
                    let way = (rule.triggers_highlight(), write_actions(rule.actions())?);
                    ways.entry(way).or_default().push(place.user_id.clone());
                }
                break;
            }
        }
    }
    audience::give_levels(tip, levels_of, place.power_levels);
    Ok(ways)
}

async fn tell(
    tx: &mut Tx,
    room_nid: i64,
    event: &Pdu,
    thread: &str,
    position: i64,
    ways: &Ways,
) -> Result<()> {
    for ((highlight, actions), people) in ways {
        let highlight = *highlight;
        let ts = i64::from(event.origin_server_ts.0);
        let notice = Notice { position, room_nid, thread, highlight, actions, ts };
        let who: Vec<&UserId> = people.iter().map(|user_id| &**user_id).collect();
        notifications::add(tx, &who, &notice).await?;
        if position % PRUNE_EVERY == 0 {
            for user_id in who {
                notifications::prune(tx, user_id).await?;
            }
        }
    }
    Ok(())
}

/// Writes the event as its readers see it, flattened once for all of them.
fn flatten(tip: &Tip, event: &Pdu) -> Result<FlattenedJson> {
    let mut written = json!({
        "type": event.kind,
        "sender": event.sender,
        "event_id": event.event_id,
        "room_id": tip.room.room_id,
        "content": event.content,
    });
    if let Some(state_key) = &event.state_key {
        written["state_key"] = state_key.as_str().into();
    }
    let written = to_raw_value(&written).map_err(Error::internal)?;
    Ok(FlattenedJson::from_raw(&Raw::<serde_json::Value>::from_json(written)))
}

fn write_actions(actions: &[Action]) -> Result<String> {
    serde_json::to_string(actions).map_err(Error::internal)
}

/// Returns the thread an event is in.
fn thread_of(event: &Pdu) -> String {
    #[derive(serde::Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: Relation,
    }
    #[derive(serde::Deserialize)]
    struct Relation {
        rel_type: String,
        event_id: String,
    }
    let content = serde_json::from_str::<Content>(event.content.get()).ok();
    let relation = content.map(|content| content.relates_to);
    let relation = relation.filter(|relation| relation.rel_type == "m.thread");
    relation.map_or_else(|| MAIN.to_owned(), |relation| relation.event_id)
}
