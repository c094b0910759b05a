//! Compiled namespaces: whom does an id belong to?
//!
//! **Anchoring.** The specification leaves open whether a pattern has to match the whole id, and homeservers differ: Synapse anchors it
//! at the start, the others not at all. Read so, `@_irc_.*:example\.org` would also claim `@_irc_x:example.org.evil.net`, and `@irc` any
//! user whose name contains it. Here a pattern has to match the *whole* id. For patterns that end in `.*` or `:server`, which is what
//! every bridge in use generates, that is what Synapse does too; and Rialto writes its own files so that all readings agree.

use crate::{Namespace, Registration, RegistrationError};
use regex::{RegexSet, RegexSetBuilder};
use ruma::{OwnedServerName, OwnedUserId, RoomAliasId, RoomId, ServerName, UserId};

/// Compiled patterns stay below this size, so that a hostile file cannot eat the memory.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;

/// What a registration says about an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It does not care.
    None,
    /// It wants to hear of it, others may have it too.
    Shared,
    /// It belongs to it alone.
    Exclusive,
}

impl Claim {
    /// Whether the service is interested at all.
    pub fn is_any(self) -> bool {
        self != Claim::None
    }

    /// Whether nobody else may have it.
    pub fn is_exclusive(self) -> bool {
        self == Claim::Exclusive
    }
}

/// The namespaces of one registration on one homeserver, compiled.
#[derive(Debug, Clone)]
pub struct Matcher {
    server_name: OwnedServerName,
    sender: OwnedUserId,
    users: Patterns,
    aliases: Patterns,
    rooms: Patterns,
}

impl Registration {
    /// Compiles the namespaces for a homeserver.
    pub fn matcher(&self, server_name: &ServerName) -> Result<Matcher, RegistrationError> {
        let sender = UserId::parse(format!("@{}:{server_name}", self.sender_localpart))
            .map_err(|error| RegistrationError::field("sender_localpart", error.to_string()))?;
        Ok(Matcher {
            server_name: server_name.to_owned(),
            sender,
            users: Patterns::compile("users", &self.namespaces.users)?,
            aliases: Patterns::compile("aliases", &self.namespaces.aliases)?,
            rooms: Patterns::compile("rooms", &self.namespaces.rooms)?,
        })
    }
}

impl Matcher {
    /// Returns the service's own account.
    pub fn sender(&self) -> &UserId {
        &self.sender
    }

    /// Tells whom a user belongs to. Users of other servers never match, the sender always does, exclusively.
    pub fn user(&self, user: &UserId) -> Claim {
        if user == self.sender {
            Claim::Exclusive
        } else if user.server_name() == self.server_name {
            self.users.claim(user.as_str())
        } else {
            Claim::None
        }
    }

    /// Tells whom an alias belongs to.
    pub fn alias(&self, alias: &RoomAliasId) -> Claim {
        self.aliases.claim(alias.as_str())
    }

    /// Tells whom a room belongs to, by its id alone.
    pub fn room(&self, room: &RoomId) -> Claim {
        self.rooms.claim(room.as_str())
    }
}

/// All patterns of one kind. A set of patterns is matched in one pass however many they are.
#[derive(Debug, Clone)]
struct Patterns {
    exclusive: RegexSet,
    shared: RegexSet,
}

impl Patterns {
    fn compile(kind: &str, namespaces: &[Namespace]) -> Result<Patterns, RegistrationError> {
        let set = |exclusive: bool| {
            let patterns = namespaces
                .iter()
                .filter(|namespace| namespace.exclusive == exclusive)
                .map(|namespace| whole(&namespace.regex));
            RegexSetBuilder::new(patterns).size_limit(SIZE_LIMIT).build().map_err(|error| {
                RegistrationError::field(format!("namespaces.{kind}"), words(&error))
            })
        };
        Ok(Patterns { exclusive: set(true)?, shared: set(false)? })
    }

    fn claim(&self, id: &str) -> Claim {
        if self.exclusive.is_match(id) {
            Claim::Exclusive
        } else if self.shared.is_match(id) {
            Claim::Shared
        } else {
            Claim::None
        }
    }
}

/// Anchors a pattern at both ends, all its alternatives together.
fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// Compiles one pattern by itself (so that `)(` is not healed by the anchors around it) and as it will be used.
pub(crate) fn compile(pattern: &str) -> Result<(), regex::Error> {
    for pattern in [pattern, &whole(pattern)] {
        regex::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build()?;
    }
    Ok(())
}

/// The parser's last line says what is wrong; the lines before it draw where.
pub(crate) fn words(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            let last = last.strip_prefix("error: ").unwrap_or(last);
            format!("it is no regular expression this program reads: {last}")
        }
    }
}
