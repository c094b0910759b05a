//! New rows: what is written before anybody is told that we have it.

use async_trait::async_trait;
use support_db::{DbError, Job, Tx, params};

use super::settle::{Settled, settle_by_key};
use crate::{
    ids::{LoginId, NetworkId, RemoteMessageId, SendKey},
    journal::{machine::StepChange, step::StepState},
    media,
    network::Cursor,
};

/// The stream that numbers rows.
pub(super) const JOURNAL: &str = "journal";
/// The version of what is stored in `payload`.
const VERSION: i64 = 1;

const INSERT: &str = "INSERT INTO journal_row (seq, direction, lane, event_key, network, portal_id,
        login_id, room_id, event_id, sender, remote_id, kind, payload, version, state, attempts,
        outcome, reason, accepted_at, settled_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, $18, $19)
    ON CONFLICT (event_key) DO NOTHING";
const WITNESS: &str = "INSERT INTO journal_witness (row_seq, login_id)
    SELECT seq, $2 FROM journal_row WHERE event_key = $1 AND login_id <> $2
    ON CONFLICT (row_seq, login_id) DO NOTHING";
const TRANSACTION: &str = "INSERT INTO as_transaction (txn_id, accepted_at) VALUES ($1, $2)
    ON CONFLICT (txn_id) DO NOTHING";
const WIPE_ROW: &str = "UPDATE journal_row SET payload = NULL
    WHERE event_id = $1 AND state <> 'settled' AND state IN ('accepted', 'planned', 'parked')
    RETURNING seq, lane";
const WIPE_STEPS: &str = "UPDATE journal_step
    SET state = 'ignored', payload = NULL, next_at = NULL, reason = 'taken back before it was sent'
    WHERE row_seq = $1 AND state IN ('queued', 'retry', 'unplanned')";
// What is planned is left alone: towards a homeserver that remembers transactions an attempt needs no
// mark, so a step that stands queued may be on its way. It is shown, and taken back behind that.
const WIPE_REMOTE: &str = "UPDATE journal_row SET payload = NULL
    WHERE lane = $1 AND state <> 'settled' AND remote_id = $2 AND direction = 'to_matrix'
        AND state IN ('accepted', 'parked')
    RETURNING seq";
const CURSOR: &str = "INSERT INTO journal_cursor (network, login_id, stream, value, place)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (network, login_id, stream) DO UPDATE
        SET value = excluded.value, place = excluded.place
        WHERE excluded.place >= journal_cursor.place";

#[cfg(test)]
pub(super) const STATEMENTS: &[&str] =
    &[INSERT, WITNESS, TRANSACTION, WIPE_ROW, WIPE_STEPS, WIPE_REMOTE, CURSOR];

/// Whose event this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    /// A person's: it goes its way.
    No,
    /// Ours coming back: nothing is left to do but to settle the step it names.
    Yes,
    /// Ours coming back in a room with several portals: the others may want it.
    Relayed,
}

/// An event of a transaction, as far as it was understood.
#[derive(Clone, Debug)]
pub(crate) struct MatrixEvent {
    /// What it is known by.
    pub(crate) key: String,
    /// Its lane.
    pub(crate) lane: String,
    /// The room, where it names one.
    pub(crate) room_id: Option<String>,
    /// Its id, where it has one.
    pub(crate) event_id: Option<String>,
    /// Its sender.
    pub(crate) sender: Option<String>,
    /// Its type.
    pub(crate) kind: String,
    /// As received.
    pub(crate) payload: String,
    /// Whose it is.
    pub(crate) ours: Ours,
    /// The step that announced it.
    pub(crate) tag: Option<SendKey>,
    /// The event it takes back.
    pub(crate) redacts: Option<String>,
    /// Why nothing can be done with it, if so.
    pub(crate) useless: Option<&'static str>,
}

/// What a transaction woke.
#[derive(Clone, Debug, Default)]
pub(crate) struct Woken {
    /// Lanes with new rows.
    pub(crate) lanes: Vec<String>,
    /// Steps that were settled.
    pub(crate) settled: Vec<Settled>,
}

/// Stores a transaction of the homeserver. `wake` runs after the commit.
pub(crate) struct AcceptMatrix<F> {
    /// The transaction's id.
    pub(crate) txn_id: String,
    /// Its events.
    pub(crate) events: Vec<MatrixEvent>,
    /// The time.
    pub(crate) now: i64,
    /// What follows the commit.
    pub(crate) wake: F,
}

#[async_trait]
impl<F> Job for AcceptMatrix<F>
where
    F: Fn(Woken) + Clone + Send + Sync + 'static,
{
    type Output = usize;
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<usize, DbError> {
        let mut woken = Woken::default();
        let mut new = 0;
        tx.execute(TRANSACTION, params![self.txn_id.as_str(), self.now]).await?;
        for event in &self.events {
            if let Some(redacted) = &event.redacts {
                media::revoke(tx, redacted).await?;
                for row in tx.fetch_all(WIPE_ROW, params![redacted.as_str()]).await? {
                    let row_seq: i64 = row.get("seq")?;
                    tx.execute(WIPE_STEPS, params![row_seq]).await?;
                    woken.settled.push(Settled { lane: row.get("lane")?, row_seq, room_id: None });
                }
            }
            if let (Some(tag), Ours::Yes | Ours::Relayed) = (&event.tag, event.ours) {
                let change = StepChange {
                    event_id: event.event_id.clone(),
                    ..StepChange::to(StepState::Sent)
                };
                woken.settled.extend(settle_by_key(tx, tag, &change, self.now).await?);
            }
            if self.insert(tx, event).await? {
                new += 1;
                if event.ours != Ours::Yes && event.useless.is_none() {
                    woken.lanes.push(event.lane.clone());
                }
            }
        }
        let wake = self.wake.clone();
        tx.after_commit(move || wake(woken));
        Ok(new)
    }
}

impl<F> AcceptMatrix<F> {
    async fn insert(&self, tx: &mut Tx, event: &MatrixEvent) -> Result<bool, DbError> {
        let done = match event.ours {
            Ours::Yes => Some("ours"),
            Ours::No | Ours::Relayed => event.useless,
        };
        let row = NewRow {
            direction: "from_matrix",
            lane: &event.lane,
            event_key: Some(&event.key),
            network: None,
            portal_id: None,
            login_id: None,
            room_id: event.room_id.as_deref(),
            event_id: event.event_id.as_deref(),
            sender: event.sender.as_deref(),
            remote_id: None,
            kind: &event.kind,
            payload: &event.payload,
            done,
            now: self.now,
        };
        insert_row(tx, &row).await
    }
}

/// A remote event that is about to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewRemoteRow<'a> {
    /// Its lane.
    pub(crate) lane: &'a str,
    /// What it is known by, where it can be known again.
    pub(crate) event_key: Option<&'a str>,
    /// The network.
    pub(crate) network: &'a NetworkId,
    /// The portal, where there is one.
    pub(crate) portal_id: Option<i64>,
    /// The login that heard it.
    pub(crate) login: &'a LoginId,
    /// Who did it.
    pub(crate) sender: Option<&'a str>,
    /// The network's id of it, or a random one.
    pub(crate) remote_id: &'a str,
    /// Its kind.
    pub(crate) kind: &'a str,
    /// As received.
    pub(crate) payload: &'a str,
    /// Why nothing is left to do, if so.
    pub(crate) done: Option<&'a str>,
    /// A message this takes back.
    pub(crate) redacts: Option<&'a RemoteMessageId>,
    /// The time.
    pub(crate) now: i64,
}

/// What became of a remote event that was to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AcceptedRemote {
    /// Whether it is new.
    pub(crate) new: bool,
    /// Rows it wiped: whoever holds one has to read it again.
    pub(crate) wiped: Vec<i64>,
}

/// Stores a remote event, or notes a further witness of one that is known.
pub(crate) async fn accept_remote(
    tx: &mut Tx,
    row: &NewRemoteRow<'_>,
) -> Result<AcceptedRemote, DbError> {
    let mut accepted = AcceptedRemote::default();
    if let Some(redacted) = row.redacts {
        for wiped in tx.fetch_all(WIPE_REMOTE, params![row.lane, redacted.as_str()]).await? {
            accepted.wiped.push(wiped.get("seq")?);
        }
    }
    let new = NewRow {
        direction: "to_matrix",
        lane: row.lane,
        event_key: row.event_key,
        network: Some(row.network.as_str()),
        portal_id: row.portal_id,
        login_id: Some(row.login.as_str()),
        room_id: None,
        event_id: None,
        sender: row.sender,
        remote_id: Some(row.remote_id),
        kind: row.kind,
        payload: row.payload,
        done: row.done,
        now: row.now,
    };
    accepted.new = insert_row(tx, &new).await?;
    if let Some(key) = row.event_key.filter(|_| !accepted.new) {
        tx.execute(WITNESS, params![key, row.login.as_str()]).await?;
    }
    Ok(accepted)
}

/// Moves a cursor, never back.
pub(crate) async fn move_cursor(
    tx: &mut Tx,
    network: &NetworkId,
    login: &LoginId,
    cursor: &Cursor,
) -> Result<(), DbError> {
    let params = params![
        network.as_str(),
        login.as_str(),
        cursor.stream.as_str(),
        cursor.value.as_str(),
        cursor.order
    ];
    tx.execute(CURSOR, params).await?;
    Ok(())
}

struct NewRow<'a> {
    direction: &'static str,
    lane: &'a str,
    event_key: Option<&'a str>,
    network: Option<&'a str>,
    portal_id: Option<i64>,
    login_id: Option<&'a str>,
    room_id: Option<&'a str>,
    event_id: Option<&'a str>,
    sender: Option<&'a str>,
    remote_id: Option<&'a str>,
    kind: &'a str,
    payload: &'a str,
    done: Option<&'a str>,
    now: i64,
}

async fn insert_row(tx: &mut Tx, row: &NewRow<'_>) -> Result<bool, DbError> {
    let seq = tx.next_position(JOURNAL);
    let settled = row.done.is_some();
    let touched = tx
        .execute(
            INSERT,
            params![
                seq,
                row.direction,
                row.lane,
                row.event_key,
                row.network,
                row.portal_id,
                row.login_id,
                row.room_id,
                row.event_id,
                row.sender,
                row.remote_id,
                row.kind,
                (!settled).then_some(row.payload),
                VERSION,
                if settled { "settled" } else { "accepted" },
                settled.then_some("ignored"),
                row.done,
                row.now,
                settled.then_some(row.now),
            ],
        )
        .await?;
    Ok(touched > 0)
}
