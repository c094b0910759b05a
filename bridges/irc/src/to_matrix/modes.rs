//! Modes of channels: ranks become power levels; what changes for everybody is told in words; a key is
//! kept for the next time we join.

use bridge_core::network::{PowerLevel, RemoteEvent, RemoteEventKind};

use super::{Heard, Translated, Translator, View};
use crate::{
    connection::Session,
    ids::{make_chat_id, make_user_id},
    ranks::level_of,
    roster::Person,
};

/// One letter of a MODE line.
struct Change<'a> {
    set: bool,
    letter: char,
    parameter: Option<&'a str>,
}

impl Translator {
    pub(super) fn modes(&self, heard: &Heard<'_>, view: &mut View) -> Translated {
        let View { session, roster, .. } = view;
        let channel = heard.message.param(0);
        let mut translated = Translated::default();
        if !session.rules.is_channel(channel) || roster.channel(session, channel).is_none() {
            return translated;
        }
        let mut changed: Vec<String> = Vec::new();
        let mut told: Vec<String> = Vec::new();
        for Change { set, letter, parameter } in changes(heard, session) {
            let rank = session.rules.prefixes.iter().any(|&(known, _)| known == letter);
            match parameter {
                Some(nick) if rank => {
                    roster.rank(session, channel, nick, letter, set);
                    let nick = session.fold(nick);
                    if !changed.contains(&nick) {
                        changed.push(nick);
                    }
                }
                _ => {
                    // Some servers hide a new key: then the known one is no worse than none.
                    if letter == 'k' && !(set && parameter.is_none_or(|key| key == "*")) {
                        let key = parameter.filter(|_| set).map(str::to_owned);
                        translated.keys.push((session.fold(channel), key));
                    }
                    told.extend(words(set, letter, parameter));
                }
            }
        }
        let people = changed.iter().filter_map(|nick| roster.person(session, channel, nick));
        let levels: Vec<PowerLevel> = people.map(|person| level(session, person)).collect();
        if !levels.is_empty() {
            let kind = RemoteEventKind::PowerLevels { levels };
            translated.events.push(self.in_channel(heard, session, channel, kind));
        }
        // What a login of ours changed, somebody on Matrix asked for.
        if !told.is_empty() && !self.is_sibling(heard, session) && !session.is_me(&heard.from.nick)
        {
            let text = format!("{} {}.", heard.from.nick, told.join(" and "));
            let kind = RemoteEventKind::BridgeNotice { text };
            let mut event = RemoteEvent::new(make_chat_id(session, channel), kind);
            event.id = heard.message.tag("msgid").map(crate::ids::make_message_id);
            translated.events.push(event);
        }
        translated
    }
}

fn level(session: &Session, person: &Person) -> PowerLevel {
    PowerLevel {
        user: make_user_id(session, &person.nick),
        is_me: session.is_me(&person.nick),
        level: level_of(&session.rules, &person.ranks),
    }
}

/// Returns the levels of everybody who has a rank.
pub(super) fn levels<'a>(
    session: &Session,
    people: impl Iterator<Item = &'a Person>,
) -> Vec<PowerLevel> {
    people.map(|person| level(session, person)).filter(|one| one.level > 0).collect()
}

fn changes<'a>(heard: &Heard<'a>, session: &Session) -> Vec<Change<'a>> {
    let message = heard.message;
    let mut parameters = message.params.iter().skip(2);
    let mut set = true;
    let mut changes = Vec::new();
    for letter in message.param(1).chars() {
        match letter {
            '+' => set = true,
            '-' => set = false,
            letter => {
                // A server names the key that is removed, or writes `*`, or leaves it out.
                let has = session.rules.mode_has_parameter(letter, set);
                let parameter = if has { parameters.next().map(String::as_str) } else { None };
                changes.push(Change { set, letter, parameter });
            }
        }
    }
    changes
}

/// What people in the room should know of a mode, in words.
fn words(set: bool, letter: char, parameter: Option<&str>) -> Option<String> {
    let words = match (letter, set) {
        ('m', true) => "made the channel moderated: only people with a rank can speak".to_owned(),
        ('m', false) => "lets everybody speak again".to_owned(),
        ('i', true) => "made the channel for invited people only".to_owned(),
        ('i', false) => "lets people in without an invitation again".to_owned(),
        ('t', true) => "lets only operators change the topic".to_owned(),
        ('t', false) => "lets everybody change the topic".to_owned(),
        ('k', true) => "set a key for the channel".to_owned(),
        ('k', false) => "removed the channel's key".to_owned(),
        ('b', true) => format!("banned {}", parameter?),
        ('b', false) => format!("lifted the ban on {}", parameter?),
        _ => return None,
    };
    Some(words)
}
