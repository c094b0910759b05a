//! Levels: what is read at the moment somebody asks.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::Registry;

use super::{Direction, LevelFamilies};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct JournalLabels {
    direction: &'static str,
    state: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct LoginLabels {
    login: String,
    network: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct LoginName {
    login: String,
    network: String,
}

/// Rows of one direction in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JournalLevel {
    pub(crate) direction: &'static str,
    pub(crate) state: String,
    pub(crate) rows: i64,
    /// How long the oldest has waited.
    pub(crate) oldest: Duration,
}

/// One login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginLevel {
    pub(crate) login: String,
    pub(crate) network: String,
    pub(crate) state: &'static str,
    /// How long nothing was heard of it, if it is connected.
    pub(crate) silent_for: Option<Duration>,
}

/// All levels at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) journal: Vec<JournalLevel>,
    /// Lanes with a worker.
    pub(crate) lanes: usize,
    pub(crate) logins: Vec<LoginLevel>,
}

impl LevelFamilies {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { journal_rows, journal_oldest, lanes, logins, login_silence } = self.clone();
        registry.register("journal_rows", "Events that are not settled", journal_rows);
        registry.register(
            "journal_oldest_seconds",
            "How long the oldest event that is not settled has waited",
            journal_oldest,
        );
        registry.register("lanes", "Lanes with something to do", lanes);
        registry.register("login_state", "1 for the state a login is in", logins);
        registry.register(
            "login_silent_seconds",
            "How long nothing was heard from a connected login",
            login_silence,
        );
    }

    pub(super) fn set(&self, levels: &Levels) {
        self.journal_rows.clear();
        self.logins.clear();
        self.login_silence.clear();
        for direction in ["from_matrix", "to_matrix"] {
            let oldest = levels.journal.iter().filter(|level| level.direction == direction);
            let oldest = oldest.map(|level| level.oldest).max().unwrap_or_default();
            self.journal_oldest.get_or_create(&Direction { direction }).set(whole(oldest));
        }
        for level in &levels.journal {
            let labels = JournalLabels { direction: level.direction, state: level.state.clone() };
            self.journal_rows.get_or_create(&labels).set(level.rows);
        }
        self.lanes.set(i64::try_from(levels.lanes).unwrap_or(i64::MAX));
        for level in &levels.logins {
            let (login, network) = (level.login.clone(), level.network.clone());
            let name = LoginName { login: login.clone(), network: network.clone() };
            if let Some(silent_for) = level.silent_for {
                self.login_silence.get_or_create(&name).set(whole(silent_for));
            }
            self.logins.get_or_create(&LoginLabels { login, network, state: level.state }).set(1);
        }
    }
}

fn whole(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
