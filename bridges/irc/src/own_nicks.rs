//! Which nicks on this network are logins of ours. One login hears what another one says in a
//! channel; bridging that back would double every message.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bridge_core::ids::LoginId;

use crate::{connection::Session, wire::Source};

/// How long a nick stays ours after its connection ended: lines said just before may still be on
/// their way to the other logins.
const GRACE_MS: i64 = 300_000;

/// The nicks of all logins of one network. Shared by its clients.
#[derive(Debug, Default)]
pub(crate) struct OwnNicks {
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    login: LoginId,
    owner: String,
    nick: String,
    user: Option<String>,
    host: Option<String>,
    /// Set once the nick is given up.
    until: Option<i64>,
}

impl OwnNicks {
    /// Notes how a login is seen now. A nick it had before stays known for a while.
    pub(crate) fn update(&self, login: &LoginId, owner: &str, session: &Session, now: i64) {
        let entry = Entry {
            login: login.clone(),
            owner: owner.to_owned(),
            nick: session.fold(&session.nick),
            user: session.user.clone(),
            host: session.host.clone(),
            until: None,
        };
        let mut entries = self.entries();
        entries.retain(|known| known.until.is_none_or(|until| until > now));
        for known in entries.iter_mut().filter(|known| known.login == *login) {
            if known.nick != entry.nick && known.until.is_none() {
                known.until = Some(now + GRACE_MS);
            }
        }
        entries.retain(|known| known.login != *login || known.nick != entry.nick);
        entries.push(entry);
    }

    /// Notes that a login's connection ended.
    pub(crate) fn leave(&self, login: &LoginId, now: i64) {
        for known in self.entries().iter_mut().filter(|known| known.login == *login) {
            known.until.get_or_insert(now + GRACE_MS);
        }
    }

    /// Says whether `source` is a login of ours other than `login`. Somebody who has the nick but
    /// another user or host took it over and is a stranger; so is, once our connection has ended,
    /// whoever shows no mask at all.
    pub(crate) fn is_sibling(
        &self,
        source: &Source,
        login: &LoginId,
        session: &Session,
        now: i64,
    ) -> bool {
        let nick = session.fold(&source.nick);
        self.entries().iter().any(|known| {
            known.login != *login
                && known.nick == nick
                && match known.until {
                    None => known.may_be(source),
                    Some(until) => until > now && known.certainly_is(source),
                }
        })
    }

    /// Says whether an owner's own connection has the nick now.
    pub(crate) fn is_held_by(&self, nick: &str, owner: &str) -> bool {
        let same = |known: &Entry| known.nick.eq_ignore_ascii_case(nick) && known.owner == owner;
        self.entries().iter().any(|known| known.until.is_none() && same(known))
    }

    /// Says whether a nick is a login of ours now.
    pub(crate) fn is_ours(&self, nick: &str, session: &Session) -> bool {
        let nick = session.fold(nick);
        self.entries().iter().any(|known| known.until.is_none() && known.nick == nick)
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn may_be(&self, source: &Source) -> bool {
        let differ = |known: &Option<String>, seen: &Option<String>| match (known, seen) {
            (Some(known), Some(seen)) => !known.eq_ignore_ascii_case(seen),
            _ => false,
        };
        !differ(&self.user, &source.user) && !differ(&self.host, &source.host)
    }

    fn certainly_is(&self, source: &Source) -> bool {
        self.may_be(source) && self.host.is_some() && source.host.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(nick: &str) -> Session {
        Session {
            nick: nick.to_owned(),
            user: Some("al".to_owned()),
            host: Some("host".to_owned()),
            ..Session::default()
        }
    }

    #[test]
    fn siblings_are_known_by_nick_and_mask_and_for_a_while_after() {
        let nicks = OwnNicks::default();
        let (one, two) = (LoginId::new("irc-1"), LoginId::new("irc-2"));
        nicks.update(&one, "@alice:test", &session("Alice"), 0);
        let seen = |source: &str, login, now| {
            nicks.is_sibling(&Source::parse(source), login, &session("bob"), now)
        };
        assert!(seen("alice!al@host", &two, 0));
        assert!(seen("alice", &two, 0));
        assert!(!seen("alice!al@host", &one, 0));
        assert!(!seen("alice!mallory@elsewhere", &two, 0));
        assert!(
            nicks.is_held_by("ALICE", "@alice:test") && !nicks.is_held_by("alice", "@bob:test")
        );

        nicks.update(&one, "@alice:test", &session("alice2"), 0);
        assert!(seen("alice!al@host", &two, GRACE_MS - 1) && seen("alice2!al@host", &two, 0));
        assert!(!seen("alice!al@host", &two, GRACE_MS));
        nicks.leave(&one, GRACE_MS);
        assert!(seen("alice2!al@host", &two, GRACE_MS + 1));
        assert!(!seen("alice2", &two, GRACE_MS + 1));
        assert!(!seen("alice2!al@host", &two, 3 * GRACE_MS));
    }
}
