//! A gondolier: greets whoever comes into the lobby and answers whatever is said to him there or in
//! private, so that one person alone sees messages go both ways.

use super::SaidKind;
use super::world::{Happening, Update, World};

/// His name.
pub(super) const NAME: &str = "gondolier";

/// What he calls out, one after the other.
const CALLS: [&str; 4] = [
    "What news on the Rialto?",
    "Mind your head, here comes the bridge.",
    "The tide takes everything to its place; your message too.",
    "I have carried heavier words than these.",
];

pub(super) fn arrive(world: &mut World, group: &str, now: i64) {
    world.gondolier_heard = Some(world.newest());
    world.come(NAME, group, now);
}

/// Has him answer everything he has not heard yet.
pub(super) fn answer(world: &mut World, now: i64) {
    let Some(heard) = world.gondolier_heard else { return };
    world.gondolier_heard = Some(world.newest());
    for update in world.updates(NAME, heard, usize::MAX) {
        if let Some(words) = reply(&update) {
            let place = update.place_for(NAME);
            world.say(NAME, &place, SaidKind::Text, &words, None, now);
        }
    }
    // What he has just said himself needs no answer.
    world.gondolier_heard = Some(world.newest());
}

fn reply(update: &Update) -> Option<String> {
    if update.by == NAME {
        return None;
    }
    match &update.what {
        Happening::Came(who) => Some(format!("Welcome aboard, {who}! Say something, I listen.")),
        // A program's words are not answered: two programs would never stop.
        Happening::Said { kind: SaidKind::Notice, .. } => None,
        Happening::Said { text, .. } => {
            let call = CALLS[text.chars().count() % CALLS.len()];
            Some(format!("You said \"{}\", {}. {call}", shortened(text), update.by))
        }
        Happening::Invited(_)
        | Happening::Unbanned(_)
        | Happening::Knocked
        | Happening::Pictured(_)
        | Happening::Timed { .. }
        | Happening::Delivered { .. }
        | Happening::Renamed { .. }
        | Happening::Moved { .. }
        | Happening::Topic(_)
        | Happening::Named(_)
        | Happening::Pinned { .. }
        | Happening::Banned(..)
        | Happening::Album { .. }
        | Happening::Asked { .. }
        | Happening::Called { .. }
        | Happening::Closed { .. }
        | Happening::Went(_)
        | Happening::Removed(..)
        | Happening::Edited { .. }
        | Happening::TakenBack { .. }
        | Happening::Reacted { .. }
        | Happening::Ranked { .. }
        | Happening::Read { .. }
        | Happening::Typing { .. } => None,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
