//! One accepted event, and the states it passes on its way to an outcome.

use support_db::{DbError, Row as DbRow};

use super::words::named;
use crate::ids::{LoginId, NetworkId};

named! {
    /// Where a row goes, seen from Matrix.
    Direction {
        /// A Matrix person did something.
        FromMatrix => "from_matrix",
        /// A network reported something.
        ToMatrix => "to_matrix",
    }
}

named! {
    /// Where a row is on its journey.
    RowState {
        /// Stored as received; nobody looked into it yet.
        Accepted => "accepted",
        /// Its steps are stored.
        Planned => "planned",
        /// All targets are final; the sender is still to be told.
        Reporting => "reporting",
        /// Set aside until a login is connected.
        Parked => "parked",
        /// In its final state.
        Settled => "settled",
    }
}

named! {
    /// What became of a row, or of one target of it. In the order of how bad it is.
    Outcome {
        /// Left out by rule.
        Ignored => "ignored",
        /// Carried.
        Sent => "sent",
        /// Taken out of the journal by an operator.
        Dropped => "dropped",
        /// Could not be carried in time.
        Expired => "expired",
        /// May or may not have been carried.
        Unknown => "unknown",
        /// Not carried; the reason says why.
        Failed => "failed",
    }
}

/// A row as the lane's worker holds it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Its place in acceptance order.
    pub(crate) seq: i64,
    /// Its direction.
    pub(crate) direction: Direction,
    /// The network it comes from (`to_matrix`).
    pub(crate) network: Option<NetworkId>,
    /// The portal it happened in (`to_matrix`).
    pub(crate) portal_id: Option<i64>,
    /// The login that heard it (`to_matrix`).
    pub(crate) login_id: Option<LoginId>,
    /// The room it happened in (`from_matrix`).
    pub(crate) room_id: Option<String>,
    /// The Matrix event (`from_matrix`).
    pub(crate) event_id: Option<String>,
    /// Who did it: a Matrix id or a remote one.
    pub(crate) sender: Option<String>,
    /// The network's id of it, or the one the core chose (`to_matrix`).
    pub(crate) remote_id: Option<String>,
    /// The event type or the remote kind's name.
    pub(crate) kind: String,
    /// The event as received; wiped when settled or redacted.
    pub(crate) payload: Option<String>,
    /// Where it is.
    pub(crate) state: RowState,
    /// Not to be planned (or reported) before this time.
    pub(crate) next_at: Option<i64>,
    /// How often planning or reporting was tried in vain.
    pub(crate) attempts: i64,
    /// What became of it.
    pub(crate) outcome: Option<Outcome>,
    /// In words.
    pub(crate) reason: Option<String>,
    /// When it was accepted.
    pub(crate) accepted_at: i64,
    /// The settled row whose event this one carries again.
    pub(crate) again_of: Option<i64>,
}

impl Row {
    /// Reads a row selected with the store's column list.
    pub(crate) fn read(row: &DbRow) -> Result<Self, DbError> {
        Ok(Self {
            seq: row.get("seq")?,
            direction: Direction::parse(row.get("direction")?)?,
            network: row.get::<Option<String>>("network")?.map(NetworkId::new),
            portal_id: row.get("portal_id")?,
            login_id: row.get::<Option<String>>("login_id")?.map(LoginId::new),
            room_id: row.get("room_id")?,
            event_id: row.get("event_id")?,
            sender: row.get("sender")?,
            remote_id: row.get("remote_id")?,
            kind: row.get("kind")?,
            payload: row.get("payload")?,
            state: RowState::parse(row.get("state")?)?,
            next_at: row.get("next_at")?,
            attempts: row.get("attempts")?,
            outcome: row.get::<Option<&str>>("outcome")?.map(Outcome::parse).transpose()?,
            reason: row.get("reason")?,
            accepted_at: row.get("accepted_at")?,
            again_of: row.get("again_of")?,
        })
    }
}
