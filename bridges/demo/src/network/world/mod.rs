//! Who and what there is on the network, and everything that has happened, in order.

mod deeds;
mod groups;
mod past;
mod reading;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub(crate) use self::deeds::{Deed, Happening, Refused, Update};
use super::trouble::Habits;
use super::{DemoFile, Fault, FileSource, HistoryPace, SaidKind};
use crate::ids::Place;

/// Where it happened, whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Room {
    Group(String),
    /// In the order of the alphabet.
    Between(String, String),
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) members: BTreeSet<String>,
    pub(crate) banned: BTreeSet<String>,
    pub(crate) invited: BTreeSet<String>,
    /// Who asks to come in.
    knocking: BTreeSet<String>,
    /// The number of the update that set its picture, and the picture.
    pub(crate) picture: Option<(i64, DemoFile)>,
    /// For how long messages stay, in milliseconds; 0: for good.
    pub(crate) disappearing_ms: i64,
    pub(crate) closed: bool,
    /// What it was called before, as the network addresses it.
    formerly: BTreeSet<String>,
    stays: Vec<Stay>,
}

/// Somebody's time in a group, by numbers: what they hear of it, even if they ask later.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stay {
    who: String,
    from: i64,
    until: Option<i64>,
}

/// Everything.
pub(super) struct World {
    pub(super) reachable: bool,
    pub(super) faults: VecDeque<Fault>,
    pub(super) habits: Habits,
    /// News up to here can no longer be asked for.
    pub(super) lost_up_to: Option<i64>,
    /// What asking for the past meets.
    pub(super) pace: HistoryPace,
    /// Up to where the gondolier has heard, if he is there.
    pub(super) gondolier_heard: Option<i64>,
    first: i64,
    log: Vec<Update>,
    groups: BTreeMap<String, Group>,
    people: BTreeSet<String>,
    accounts: BTreeSet<String>,
    by_key: HashMap<(String, String), i64>,
    /// Files that were brought by clients, in order.
    pub(super) uploads: Vec<DemoFile>,
    /// Files that are not held here, by the number of the message that shows them.
    pub(super) sources: HashMap<i64, FileSource>,
    /// Pictures people react with, by their names.
    pub(super) emojis: BTreeMap<String, DemoFile>,
}

impl Stay {
    fn spans(&self, number: i64) -> bool {
        self.from <= number && self.until.is_none_or(|until| number <= until)
    }
}

impl World {
    pub(super) fn new(first: i64, lobby: &str) -> Self {
        let mut world = Self {
            reachable: true,
            faults: VecDeque::new(),
            habits: Habits::default(),
            lost_up_to: None,
            pace: HistoryPace::default(),
            gondolier_heard: None,
            first,
            log: Vec::new(),
            groups: BTreeMap::new(),
            people: BTreeSet::new(),
            accounts: BTreeSet::new(),
            by_key: HashMap::new(),
            uploads: Vec::new(),
            sources: HashMap::new(),
            emojis: BTreeMap::new(),
        };
        world.add_group(lobby);
        world
    }

    pub(super) fn add_group(&mut self, name: &str) {
        let group = || Group { name: name.to_owned(), ..Group::default() };
        self.groups.entry(name.to_owned()).or_insert_with(group);
    }

    pub(super) fn has_group(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    pub(super) fn add_person(&mut self, name: &str) {
        self.people.insert(name.to_owned());
    }

    pub(super) fn knows(&self, person: &str) -> bool {
        self.people.contains(person)
    }

    /// Returns the people whose name has this in it, in order.
    pub(super) fn people_like(&self, part: &str) -> Vec<String> {
        let part = part.to_lowercase();
        self.people.iter().filter(|name| name.to_lowercase().contains(&part)).cloned().collect()
    }

    /// Returns the number of the newest update.
    pub(super) fn newest(&self) -> i64 {
        self.log.last().map_or(self.first, |update| update.number)
    }

    pub(super) fn sign_up(&mut self, account: &str) -> Result<i64, Refused> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if account.is_empty() || account.chars().count() > 32 || !account.chars().all(fits) {
            let words = "a name has 1 to 32 letters, digits, `-`, `_` or `.`";
            return Err(Refused::Because(words.to_owned()));
        }
        if self.gondolier_heard.is_some() && account == super::gondolier::NAME {
            return Err(Refused::Because("that name is taken".to_owned()));
        }
        if !self.reachable {
            return Err(Refused::Unreachable);
        }
        self.accounts.insert(account.to_owned());
        self.people.insert(account.to_owned());
        Ok(self.newest())
    }

    pub(super) fn delete_account(&mut self, account: &str) {
        self.accounts.remove(account);
    }

    pub(super) fn check(&self, account: &str) -> Result<(), Refused> {
        if !self.reachable {
            return Err(Refused::Unreachable);
        }
        match self.accounts.contains(account) {
            true => Ok(()),
            false => Err(Refused::NoSuchAccount),
        }
    }

    pub(super) fn describe(&self, group: &str) -> Result<Group, Refused> {
        self.group(group).cloned().ok_or(Refused::NoSuchChat)
    }

    /// Says something, without asking whether one may. Returns its number.
    pub(super) fn say(
        &mut self,
        who: &str,
        place: &Place,
        kind: SaidKind,
        text: &str,
        key: Option<&str>,
        now: i64,
    ) -> i64 {
        self.act(who, place, Deed::say(kind, text), key, now)
    }

    /// Does something, without asking whether one may. Returns its number.
    pub(super) fn act(
        &mut self,
        who: &str,
        place: &Place,
        deed: Deed,
        key: Option<&str>,
        now: i64,
    ) -> i64 {
        let before = self.newest();
        let what = match deed {
            Deed::Remove { who: whom, ban, reason } => {
                if let Place::Group(group) = place {
                    self.remove(who, &whom, group, ban, &reason, now);
                }
                return self.called(key, before);
            }
            Deed::Invite { who: whom } => {
                if let Place::Group(group) = place {
                    self.invite(who, &whom, group, now);
                }
                return self.called(key, before);
            }
            Deed::Unban { who: whom } => {
                if let Place::Group(group) = place {
                    self.unban(who, &whom, group, now);
                }
                return self.called(key, before);
            }
            Deed::Knock => {
                if let Place::Group(group) = place {
                    self.knock(who, group, now);
                }
                return self.called(key, before);
            }
            Deed::Leave => {
                if let Place::Group(group) = place {
                    self.go(who, group, now);
                }
                return self.called(key, before);
            }
            Deed::Command { name, arguments } => Happening::Said {
                kind: SaidKind::Emote,
                text: format!("uses /{name}: {arguments}").trim_end().to_owned(),
                html: None,
                reply_to: None,
                thread: None,
                file: None,
            },
            Deed::Picture { file } => {
                let number = before + 1;
                let picture = file.clone().map(|file| (number, file));
                self.describe_anew(place, |group| group.picture = picture);
                Happening::Pictured(file)
            }
            Deed::Timer { ms } => {
                self.describe_anew(place, |group| group.disappearing_ms = ms);
                Happening::Timed { ms }
            }
            Deed::Deliver { target } => Happening::Delivered { target },
            Deed::Name { name } => {
                self.describe_anew(place, |group| group.name.clone_from(&name));
                Happening::Named(name)
            }
            Deed::Topic { topic } => {
                self.describe_anew(place, |group| group.topic.clone_from(&topic));
                Happening::Topic(topic)
            }
            Deed::Close { reason } => {
                self.describe_anew(place, |group| group.closed = true);
                Happening::Closed { reason }
            }
            Deed::Album { files, caption } => Happening::Album { files, caption },
            Deed::Ask { question, answers } => Happening::Asked { question, answers },
            Deed::Call { video } => Happening::Called { video },
            Deed::Pin { target, pinned } => Happening::Pinned { target, pinned },
            Deed::Say { kind, text, html, reply_to, thread, file } => {
                Happening::Said { kind, text, html, reply_to, thread, file }
            }
            Deed::Edit { target, text } => Happening::Edited { target, text },
            Deed::TakeBack { target } => Happening::TakenBack { target },
            Deed::React { target, emoji, set } => Happening::Reacted { target, emoji, set },
            Deed::Rank { who, level } => Happening::Ranked { who, level },
            Deed::Read { target } => Happening::Read { target },
            Deed::Type { typing } => Happening::Typing { typing },
        };
        self.note(who, room(place, who), what, now);
        self.called(key, before)
    }

    /// Notes what a client calls the newest update, if there is one since. Returns its number.
    fn called(&mut self, key: Option<&str>, before: i64) -> i64 {
        let newest = self.newest();
        if let Some(update) = self.log.last_mut().filter(|_| newest > before) {
            update.key = key.map(str::to_owned);
        }
        newest
    }

    /// Takes a message from a client.
    pub(super) fn post(
        &mut self,
        account: &str,
        place: &Place,
        deed: Deed,
        key: &str,
        now: i64,
    ) -> Result<(i64, i64), Refused> {
        self.check(account)?;
        if let Some(known) = self.find_by_key(account, key) {
            return Ok(known);
        }
        match place {
            Place::Group(name) => self.may(account, name, &deed)?,
            Place::With(other) if !self.knows(other) => return Err(Refused::NoSuchChat),
            Place::With(_) => {}
        }
        let fault = self.faults.pop_front().or_else(|| self.habits.with_a_send());
        match fault {
            Some(Fault::Refused(why)) => return Err(Refused::Because(why)),
            Some(Fault::Busy(after)) => return Err(Refused::Busy(after)),
            Some(Fault::AnswerLost) | None => {}
        }
        let number = self.act(account, place, deed, Some(key), now);
        self.by_key.insert((account.to_owned(), key.to_owned()), number);
        match fault {
            Some(_) => Err(Refused::NoAnswer),
            None => Ok((number, now)),
        }
    }

    pub(super) fn forget_files(&mut self) {
        for update in &mut self.log {
            if let Happening::Said { file: Some(file), .. } = &mut update.what {
                file.bytes.clear();
            }
        }
    }

    /// Shows a message's file once more. Returns the new message's number.
    pub(super) fn show_again(&mut self, who: &str, place: &Place, number: i64, now: i64) -> i64 {
        let file = self.file(number);
        let mut deed = Deed::say(SaidKind::File, "");
        if let Deed::Say { file: shown, .. } = &mut deed {
            *shown = file;
        }
        let shown = self.act(who, place, deed, None, now);
        if let Some(update) = self.log.last_mut() {
            update.file_of = number;
        }
        shown
    }

    fn note(&mut self, by: &str, room: Room, what: Happening, at: i64) -> i64 {
        let number = self.newest() + 1;
        let by = by.to_owned();
        self.log.push(Update { number, after: 0, at, by, what, key: None, file_of: number, room });
        number
    }
}

fn room(place: &Place, seen_by: &str) -> Room {
    match place {
        Place::Group(name) => Room::Group(name.clone()),
        Place::With(other) if other.as_str() < seen_by => {
            Room::Between(other.clone(), seen_by.to_owned())
        }
        Place::With(other) => Room::Between(seen_by.to_owned(), other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::LOBBY;

    fn say(text: &str) -> Deed {
        Deed::say(SaidKind::Text, text)
    }

    #[test]
    fn the_same_key_is_the_same_message() {
        let mut world = World::new(0, LOBBY);
        world.sign_up("alice").unwrap();
        world.come("alice", LOBBY, 1);
        let lobby = Place::Group(LOBBY.to_owned());
        world.faults.push_back(Fault::AnswerLost);
        let first = world.post("alice", &lobby, say("hi"), "k1", 2);
        assert_eq!(first, Err(Refused::NoAnswer));
        let (number, _) = world.post("alice", &lobby, say("hi"), "k1", 3).unwrap();
        assert_eq!(world.find_by_key("alice", "k1"), Some((number, 2)));
        assert_eq!(world.said(&lobby, "").len(), 1);
    }

    #[test]
    fn only_who_is_there_hears() {
        let mut world = World::new(0, LOBBY);
        for account in ["alice", "bob", "carol"] {
            world.sign_up(account).unwrap();
        }
        world.come("alice", LOBBY, 1);
        let said = |world: &mut World, who: &str, place: Place| {
            world.say(who, &place, SaidKind::Text, "hi", None, 2)
        };
        let private = said(&mut world, "bob", Place::With("alice".to_owned()));
        let numbers = |world: &World, who: &str| -> Vec<i64> {
            world.updates(who, 0, 10).iter().map(|update| update.number).collect()
        };
        assert_eq!(numbers(&world, "alice"), [1, private]);
        assert_eq!(numbers(&world, "bob"), [private]);
        assert!(numbers(&world, "carol").is_empty());
        world.come("carol", LOBBY, 3);
        let heard = said(&mut world, "alice", Place::Group(LOBBY.to_owned()));
        world.go("carol", LOBBY, 4);
        said(&mut world, "alice", Place::Group(LOBBY.to_owned()));
        assert_eq!(numbers(&world, "carol"), [heard - 1, heard, heard + 1], "from coming to going");
        let seen = &world.updates("bob", 0, 10)[0];
        assert_eq!(seen.place_for("bob"), Place::With("alice".to_owned()));
        assert_eq!(seen.place_for("alice"), Place::With("bob".to_owned()));
    }

    #[test]
    fn the_gondolier_greets_and_answers_once() {
        let mut world = World::new(0, LOBBY);
        super::super::gondolier::arrive(&mut world, LOBBY, 1);
        world.sign_up("alice").unwrap();
        world.come("alice", LOBBY, 2);
        super::super::gondolier::answer(&mut world, 2);
        let lobby = Place::Group(LOBBY.to_owned());
        world.post("alice", &lobby, say("ciao"), "k1", 3).unwrap();
        super::super::gondolier::answer(&mut world, 3);
        super::super::gondolier::answer(&mut world, 3);
        let said = world.said(&lobby, "");
        let by: Vec<&str> = said.iter().map(|said| said.by.as_str()).collect();
        assert_eq!(by, ["gondolier", "alice", "gondolier"]);
        assert!(said[2].text.contains("ciao"));
    }
}
