//! Who is in which channel, as one login sees it. IRC tells of a QUIT or NICK once for all
//! channels; to know which ones are meant, the bridge keeps the lists itself.

use std::collections::BTreeMap;

use crate::connection::Session;

/// The channels a login is in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    /// By folded name.
    channels: BTreeMap<String, Channel>,
}

/// One channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Channel {
    /// Its name as it is spelled.
    pub(crate) name: String,
    /// Its topic, once known; empty when there is none.
    pub(crate) topic: String,
    /// Whether the list of people is complete.
    pub(crate) complete: bool,
    /// People by folded nick: the nick as it is spelled, and their ranks' signs.
    pub(crate) people: BTreeMap<String, Person>,
    /// People of a NAMES reply that is not at its end.
    arriving: BTreeMap<String, Person>,
}

/// Somebody in a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// As it is spelled.
    pub(crate) nick: String,
    /// `@`, `+` and the like, highest first.
    pub(crate) ranks: String,
    /// User and host, where the list told them.
    pub(crate) mask: Option<(String, String)>,
    /// The account they are logged in to, where the server told.
    pub(crate) account: Option<String>,
    /// Their real name, where the server told.
    pub(crate) realname: Option<String>,
}

impl Roster {
    /// Returns a channel.
    pub(crate) fn channel(&self, session: &Session, name: &str) -> Option<&Channel> {
        self.channels.get(&session.fold(name))
    }

    fn channel_mut(&mut self, session: &Session, name: &str) -> Option<&mut Channel> {
        self.channels.get_mut(&session.fold(name))
    }

    /// We entered a channel.
    pub(crate) fn enter(&mut self, session: &Session, name: &str) {
        let channel = Channel { name: name.to_owned(), ..Channel::default() };
        self.channels.insert(session.fold(name), channel);
    }

    /// We left one.
    pub(crate) fn leave(&mut self, session: &Session, name: &str) {
        self.channels.remove(&session.fold(name));
    }

    /// Somebody came.
    pub(crate) fn add(&mut self, session: &Session, channel: &str, person: Person) {
        let key = session.fold(&person.nick);
        if let Some(channel) = self.channel_mut(session, channel) {
            channel.people.insert(key, person);
        }
    }

    /// Somebody left. Says whether they were there as far as we know.
    pub(crate) fn remove(&mut self, session: &Session, channel: &str, nick: &str) -> bool {
        let key = session.fold(nick);
        self.channel_mut(session, channel).is_some_and(|found| found.people.remove(&key).is_some())
    }

    /// Somebody left all channels; returns the names of those they were in.
    pub(crate) fn remove_everywhere(&mut self, session: &Session, nick: &str) -> Vec<String> {
        let key = session.fold(nick);
        let mut channels = Vec::new();
        for channel in self.channels.values_mut() {
            if channel.people.remove(&key).is_some() {
                channels.push(channel.name.clone());
            }
        }
        channels
    }

    /// Somebody is called otherwise now; returns the names of the channels they are in.
    pub(crate) fn rename(&mut self, session: &Session, old: &str, new: &str) -> Vec<String> {
        let (old, key) = (session.fold(old), session.fold(new));
        let mut channels = Vec::new();
        for channel in self.channels.values_mut() {
            if let Some(mut person) = channel.people.remove(&old) {
                new.clone_into(&mut person.nick);
                channel.people.insert(key.clone(), person);
                channels.push(channel.name.clone());
            }
        }
        channels
    }

    /// Somebody got or lost a rank (its mode letter); returns all their signs now.
    pub(crate) fn rank(
        &mut self,
        session: &Session,
        channel: &str,
        nick: &str,
        letter: char,
        set: bool,
    ) -> Option<&str> {
        let prefixes = &session.rules.prefixes;
        let key = session.fold(nick);
        let person = self.channel_mut(session, channel)?.people.get_mut(&key)?;
        let has = |&(known, sign): &(char, char)| {
            if known == letter { set } else { person.ranks.contains(sign) }
        };
        person.ranks = prefixes.iter().filter(|rank| has(rank)).map(|&(_, sign)| sign).collect();
        Some(&person.ranks)
    }

    /// Returns somebody in a channel.
    pub(crate) fn person(&self, session: &Session, channel: &str, nick: &str) -> Option<&Person> {
        self.channel(session, channel)?.people.get(&session.fold(nick))
    }

    /// Returns somebody as they are known in some channel.
    pub(crate) fn somewhere(&self, session: &Session, nick: &str) -> Option<&Person> {
        let key = session.fold(nick);
        self.channels.values().find_map(|channel| channel.people.get(&key))
    }

    /// Changes what is known of somebody wherever they are.
    pub(crate) fn update(&mut self, session: &Session, nick: &str, change: impl Fn(&mut Person)) {
        let key = session.fold(nick);
        for channel in self.channels.values_mut() {
            if let Some(person) = channel.people.get_mut(&key) {
                change(person);
            }
        }
    }

    /// A part of a NAMES reply.
    pub(crate) fn names(&mut self, session: &Session, channel: &str, list: &str) {
        let Some(channel) = self.channel_mut(session, channel) else { return };
        for entry in list.split(' ').filter(|entry| !entry.is_empty()) {
            let (ranks, name) = session.rules.split_ranks(entry);
            let source = crate::wire::Source::parse(name);
            let person = Person {
                nick: source.nick.clone(),
                ranks: ranks.to_owned(),
                mask: source.user.zip(source.host),
                account: None,
                realname: None,
            };
            let key = session.fold(&source.nick);
            // A list tells less than what was heard before.
            let known = channel.people.get(&key);
            let person = Person {
                mask: person.mask.or_else(|| known.and_then(|known| known.mask.clone())),
                account: known.and_then(|known| known.account.clone()),
                realname: known.and_then(|known| known.realname.clone()),
                ..person
            };
            channel.arriving.insert(key, person);
        }
    }

    /// The end of a NAMES reply: it replaces what we thought. One without any names says nothing,
    /// since we at least are there.
    pub(crate) fn end_of_names(&mut self, session: &Session, channel: &str) -> Option<&Channel> {
        let channel = self.channel_mut(session, channel)?;
        if channel.arriving.is_empty() {
            return None;
        }
        channel.people = std::mem::take(&mut channel.arriving);
        channel.complete = true;
        Some(channel)
    }

    /// A channel's topic.
    pub(crate) fn topic(&mut self, session: &Session, channel: &str, topic: &str) {
        if let Some(channel) = self.channel_mut(session, channel) {
            topic.clone_into(&mut channel.topic);
        }
    }

    /// Returns how somebody spells their nick, where we see them.
    pub(crate) fn spelling(&self, session: &Session, nick: &str) -> Option<&str> {
        self.somewhere(session, nick).map(|person| person.nick.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quit_and_a_nick_change_are_known_per_channel() {
        let session = Session::default();
        let mut roster = Roster::default();
        for channel in ["#One", "#two", "#three"] {
            roster.enter(&session, channel);
        }
        roster.names(&session, "#one", "@alice +Bob!b@host");
        roster.names(&session, "#one", "carol");
        assert_eq!(roster.end_of_names(&session, "#ONE").unwrap().people.len(), 3);
        let bob = Person { nick: "bob".to_owned(), ..Person::default() };
        roster.add(&session, "#two", bob);
        assert_eq!(roster.spelling(&session, "BOB"), Some("Bob"));
        assert_eq!(roster.rename(&session, "bob", "bob2"), ["#One", "#two"]);
        assert_eq!(roster.channel(&session, "#one").unwrap().people["bob2"].ranks, "+");
        assert!(!roster.remove(&session, "#three", "bob2"));
        assert_eq!(roster.remove_everywhere(&session, "Bob2"), ["#One", "#two"]);
    }
}
