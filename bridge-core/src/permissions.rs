//! Who may do what: the one place that decides.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// What a Matrix person may do, each more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing; not even a relay carries what they say.
    Block,
    /// Be carried by a relay.
    Relay,
    /// Log in, join chats.
    User,
    /// Everything.
    Admin,
}

/// The table: most specific wins (user, server, `*`).
#[derive(Debug, Default)]
pub struct Permissions {
    rules: RwLock<BTreeMap<String, Permission>>,
}

impl Clone for Permissions {
    fn clone(&self) -> Self {
        Self::new(self.rules.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Permissions {
    /// Makes a table from `user id | server name | "*"` to permission.
    pub fn new(rules: BTreeMap<String, Permission>) -> Self {
        Self { rules: RwLock::new(rules) }
    }

    /// Puts another table in the place of this one.
    pub(crate) fn replace(&self, other: Self) {
        let new = other.rules.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Makes the table that applies where none is configured: the own server's people are users,
    /// others are carried by a relay.
    pub fn of_server(server_name: &str) -> Self {
        let rules = [("*", Permission::Relay), (server_name, Permission::User)];
        Self::new(rules.into_iter().map(|(who, what)| (who.to_owned(), what)).collect())
    }

    /// Returns what a person may do; nobody named means [`Permission::Block`].
    pub fn of(&self, mxid: &str) -> Permission {
        let server = mxid.split_once(':').map_or("", |(_, server)| server);
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        [mxid, server, "*"]
            .iter()
            .find_map(|who| rules.get(*who))
            .copied()
            .unwrap_or(Permission::Block)
    }
}

/// Which messages somebody may ask after and set going again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JournalReach {
    /// Their own.
    Own,
    /// Everybody's.
    Everything,
}

impl Permissions {
    /// Returns which messages a person may ask after and set going again; `None`: not even their own.
    pub(crate) fn journal_reach(&self, mxid: &str) -> Option<JournalReach> {
        match self.of(mxid) {
            Permission::Admin => Some(JournalReach::Everything),
            Permission::User => Some(JournalReach::Own),
            Permission::Relay | Permission::Block => None,
        }
    }

    /// Whether a person may take messages out of the journal.
    pub(crate) fn may_drop(&self, mxid: &str) -> bool {
        self.of(mxid) == Permission::Admin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_rule_wins() {
        let rules = [
            ("*", Permission::Relay),
            ("example.org", Permission::User),
            ("@root:example.org", Permission::Admin),
            ("@troll:example.org", Permission::Block),
        ];
        let table = Permissions::new(rules.map(|(who, what)| (who.to_owned(), what)).into());
        assert_eq!(table.of("@root:example.org"), Permission::Admin);
        assert_eq!(table.of("@troll:example.org"), Permission::Block);
        assert_eq!(table.of("@alice:example.org"), Permission::User);
        assert_eq!(table.of("@bob:elsewhere.org"), Permission::Relay);
        assert_eq!(Permissions::new(BTreeMap::new()).of("@bob:b.org"), Permission::Block);
        let reach = |mxid| (table.journal_reach(mxid), table.may_drop(mxid));
        assert_eq!(reach("@root:example.org"), (Some(JournalReach::Everything), true));
        assert_eq!(reach("@alice:example.org"), (Some(JournalReach::Own), false));
        assert_eq!(reach("@bob:elsewhere.org"), (None, false));
        assert_eq!(reach("@troll:example.org"), (None, false));
    }
}
