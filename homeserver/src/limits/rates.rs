//! How often somebody may do what, as the operator says it.

use std::time::Duration;

use super::bucket::Rule;

/// So many at once, and so many in a second after that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many in a second, in the long run.
    pub per_second: f64,
    /// How many at once.
    pub burst: u32,
}

impl Rate {
    const fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst }
    }

    pub(super) fn rule(self) -> Rule {
        let every = Duration::try_from_secs_f64(1.0 / self.per_second);
        // A rate of nothing lets through the burst and then nobody for a day.
        Rule { burst: self.burst.max(1), every: every.unwrap_or(Duration::from_secs(86_400)) }
    }
}

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Messages,
    Joins,
    Invites,
    Rooms,
    Profiles,
    Signals,
    Uploads,
    Searches,
    Reports,
    Logins,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 10;

/// The rates of one homeserver. Each is one person's, but for those that say otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Messages, state, redactions, kicks and bans.
    pub messages: Rate,
    /// Joining and knocking.
    pub joins: Rate,
    /// Invitations.
    pub invites: Rate,
    /// Making and replacing rooms.
    pub rooms: Rate,
    /// Changes of one's own profile: each reaches every room.
    pub profiles: Rate,
    /// Receipts, typing, and what clients keep for themselves.
    pub signals: Rate,
    /// Files.
    pub uploads: Rate,
    /// Searches, and walks through directories and spaces.
    pub searches: Rate,
    /// Complaints.
    pub reports: Rate,
    /// Logins: into one account, and attempts from one address.
    pub logins: Rate,
    /// New accounts from one address.
    pub registrations: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            messages: Rate::new(5.0, 50),
            joins: Rate::new(0.5, 20),
            invites: Rate::new(0.5, 20),
            rooms: Rate::new(0.1, 10),
            profiles: Rate::new(0.2, 10),
            signals: Rate::new(10.0, 100),
            uploads: Rate::new(1.0, 30),
            searches: Rate::new(1.0, 20),
            reports: Rate::new(0.05, 10),
            logins: Rate::new(0.2, 30),
            registrations: Rate::new(0.02, 10),
        }
    }
}

impl Rates {
    pub(super) fn rule(&self, kind: Kind) -> Rule {
        let rate = match kind {
            Kind::Messages => self.messages,
            Kind::Joins => self.joins,
            Kind::Invites => self.invites,
            Kind::Rooms => self.rooms,
            Kind::Profiles => self.profiles,
            Kind::Signals => self.signals,
            Kind::Uploads => self.uploads,
            Kind::Searches => self.searches,
            Kind::Reports => self.reports,
            Kind::Logins => self.logins,
        };
        rate.rule()
    }
}
