//! The way in from the networks: a batch is committed in one transaction, and only then does the
//! bridge acknowledge it. Who hears what is decided here, so that a chat several logins are in is
//! heard once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use async_trait::async_trait;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use support_db::{DbError, Job, Tx};

use super::{
    Journal,
    lanes::News,
    machine::{StepChange, millis},
    step::{StepState, hex},
    store::{
        HistoryKind, NewRemoteRow, Settled, accept_remote, heard_at, interrupted, move_cursor,
        settle_by_key,
    },
};
use crate::{
    ghosts::{self, Renamed},
    ids::{LoginId, NetworkId, PortalKey, RemoteChatId, RemoteUserId, SendKey},
    logins::LoginTrouble,
    network::{
        Batch, BridgeState, CommitError, Cursor, IdOf, RemoteEvent, RemoteEventKind, RemoteIntake,
        RemoteMembership, SendOutcome, Settlement,
    },
    portals::{Portal, Portals},
};

/// The lane of news that belongs to no portal; nothing in it is ever worked on.
const NOWHERE: &str = "p:none";
/// Marks ids that the core chose because the network gave none.
const RANDOM_ID: &str = "rialto:";
/// How many (portal, login) pairs are remembered as stored.
const TAKING_PART: usize = 10_000;

/// Which logins are known to take part in which portals, so that it is not written again with
/// every message.
#[derive(Debug, Default)]
pub(super) struct TakingPart(Mutex<HashSet<(i64, LoginId)>>);

impl TakingPart {
    fn contains(&self, portal: i64, login: &LoginId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(portal, login.clone()))
    }

    fn insert(&self, portal: i64, login: LoginId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TAKING_PART {
            known.clear();
        }
        known.insert((portal, login));
    }

    fn remove(&self, portal: i64, login: &LoginId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(portal, login.clone()));
    }
}

/// One event of a batch, with everything about it that is known before the transaction.
struct Heard {
    event: RemoteEvent,
    key: PortalKey,
    event_key: Option<String>,
    payload: String,
    /// The network's id, or a random one.
    remote_id: String,
    ids_shared: bool,
    /// Its place in the chat's history, where there is one.
    order: Option<i64>,
    /// The sender is the account of another login of ours, which reports it itself.
    told_by_its_own: bool,
}

/// Stores a batch.
struct AcceptRemote {
    journal: Weak<Journal>,
    portals: Portals,
    network: NetworkId,
    login: LoginId,
    heard: Vec<Heard>,
    cursors: Vec<Cursor>,
    settlements: Vec<(SendKey, StepChange)>,
    now: i64,
}

#[derive(Default)]
struct Woken {
    lanes: Vec<String>,
    settled: Vec<Settled>,
    taking_part: Vec<i64>,
    gone_from: Vec<i64>,
    renamed: Vec<Renamed>,
}

#[async_trait]
impl Job for AcceptRemote {
    type Output = ();
    type Error = DbError;

    async fn run(&self, tx: &mut Tx) -> Result<(), DbError> {
        let mut woken = Woken::default();
        for cursor in &self.cursors {
            move_cursor(tx, &self.network, &self.login, cursor).await?;
        }
        for (key, change) in &self.settlements {
            match settle_by_key(tx, key, change, self.now).await? {
                Some(settled) => woken.settled.push(settled),
                None => tracing::debug!(login = %self.login, "a settlement of an unknown step"),
            }
        }
        for heard in &self.heard {
            self.accept(tx, heard, &mut woken).await?;
        }
        if let Some(journal) = self.journal.upgrade() {
            let login = self.login.clone();
            tx.after_commit(move || journal.wake_after(woken, &login));
        }
        Ok(())
    }
}

impl AcceptRemote {
    async fn accept(&self, tx: &mut Tx, heard: &Heard, woken: &mut Woken) -> Result<(), DbError> {
        let event = &heard.event;
        self.follow_id(tx, heard, woken).await?;
        let portal = match Portals::find(tx, &heard.key).await? {
            Some(portal) => Some(portal),
            None => match event.creates {
                Some(kind) => Some(Portals::ensure(tx, &heard.key, kind, self.now).await?),
                None => None,
            },
        };
        let mut done = None;
        if let Some(key) = &event.echo_of {
            let change = StepChange {
                remote_id: event.id.clone(),
                remote_ts: event.timestamp,
                ..StepChange::to(StepState::Sent)
            };
            if let Some(settled) = settle_by_key(tx, key, &change, self.now).await? {
                woken.settled.push(settled);
                done = Some("own echo");
            }
        }
        match &portal {
            None => done = done.or(Some("no portal")),
            Some(portal) => {
                self.take_part(tx, portal, event, woken).await?;
                if done.is_none() && !self.hears(tx, portal, heard).await? {
                    return Ok(());
                }
                let shows = event.creates.is_some() || !portal.rooms.is_empty();
                if let Some(order) = heard.order.filter(|_| shows) {
                    heard_at(tx, portal.id, order).await?;
                } else if let RemoteEventKind::Gap(_) = &event.kind {
                    interrupted(tx, portal.id).await?;
                }
            }
        }
        let lane = portal.as_ref().map_or_else(|| NOWHERE.to_owned(), |p| format!("p:{}", p.id));
        let row = NewRemoteRow {
            lane: &lane,
            event_key: heard.event_key.as_deref(),
            network: &self.network,
            portal_id: portal.as_ref().map(|portal| portal.id),
            login: &self.login,
            sender: event.sender.as_ref().map(|sender| sender.user.as_str()),
            remote_id: &heard.remote_id,
            kind: event.kind.name(),
            payload: &heard.payload,
            done,
            redacts: match &event.kind {
                RemoteEventKind::Redaction { target } => Some(target),
                _ => None,
            },
            now: self.now,
        };
        let accepted = accept_remote(tx, &row).await?;
        let wiped = accepted.wiped.into_iter();
        woken.settled.extend(wiped.map(|row_seq| Settled {
            lane: lane.clone(),
            row_seq,
            room_id: None,
        }));
        if accepted.new && done.is_none() {
            woken.lanes.push(lane);
        }
        Ok(())
    }

    /// A chat or person with a new id stays the same: what comes behind in this batch knows it by that.
    async fn follow_id(
        &self,
        tx: &mut Tx,
        heard: &Heard,
        woken: &mut Woken,
    ) -> Result<(), DbError> {
        let RemoteEventKind::IdChanged { old, new, of } = &heard.event.kind else { return Ok(()) };
        match of {
            IdOf::Name => {}
            _ if old == new => {}
            IdOf::Chat => {
                let old = PortalKey { chat: RemoteChatId::new(old), ..heard.key.clone() };
                Portals::change_id(tx, &old, &RemoteChatId::new(new)).await?;
            }
            IdOf::Person => {
                let Some(journal) = self.journal.upgrade() else { return Ok(()) };
                let (old, new) = (RemoteUserId::new(old), RemoteUserId::new(new));
                let made = journal.parts.ghosts.made_for(&self.network, &old);
                let renamed = ghosts::rename(tx, &self.network, (&old, &new), made).await?;
                woken.renamed.push(renamed);
            }
        }
        Ok(())
    }

    /// Whether this login's copy counts. An account's own words and moves are told by its own
    /// login; what has an id that all logins share is known by it; of everything else the portal's
    /// listener tells.
    async fn hears(&self, tx: &mut Tx, portal: &Portal, heard: &Heard) -> Result<bool, DbError> {
        if is_about_me(&heard.event) {
            return Ok(true);
        }
        if heard.ids_shared && heard.event_key.is_some() {
            return Ok(true);
        }
        if heard.told_by_its_own {
            return Ok(false);
        }
        if portal.key.receiver.is_some() {
            return Ok(true);
        }
        self.portals.hears(tx, portal, &self.login).await
    }

    async fn take_part(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        event: &RemoteEvent,
        woken: &mut Woken,
    ) -> Result<(), DbError> {
        if let RemoteEventKind::Membership(change) = &event.kind
            && change.is_me
            && matches!(
                change.membership,
                RemoteMembership::Leave | RemoteMembership::Kick | RemoteMembership::Ban
            )
        {
            Portals::remove_login(tx, portal.id, &self.login).await?;
            woken.gone_from.push(portal.id);
            return Ok(());
        }
        let known = self
            .journal
            .upgrade()
            .is_none_or(|journal| journal.taking_part.contains(portal.id, &self.login));
        if !known {
            Portals::add_login(tx, portal.id, &self.login, self.now).await?;
            woken.taking_part.push(portal.id);
        }
        Ok(())
    }
}

/// Whether it is the reporting login's own account that did it, or that it was done to.
fn is_about_me(event: &RemoteEvent) -> bool {
    let by_me = event.sender.as_ref().is_some_and(|sender| sender.is_me);
    let to_me = matches!(&event.kind, RemoteEventKind::Membership(change) if change.is_me);
    by_me || to_me
}

/// Makes what a remote event is known by: the same for every login that hears it and for every
/// time it is delivered. Where ids belong to the account, the login is part of it.
fn event_key(key: &PortalKey, event: &RemoteEvent, login: Option<&LoginId>) -> Option<String> {
    let id = event.id.as_ref()?;
    if event.kind.is_repeatable() {
        return None;
    }
    let mut hash = Sha256::new();
    let receiver = key.receiver.as_ref().map_or("", LoginId::as_str);
    let login = login.map_or("", LoginId::as_str);
    let revision = event.revision.as_deref().unwrap_or_default();
    let network = key.network.as_str();
    let chat = key.chat.as_str();
    for field in [network, chat, receiver, login, event.kind.name(), id.as_str(), revision] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    Some(format!("net:{}", hex(&hash.finalize()[..16])))
}

/// Returns what a settlement changes.
fn settled(settlement: Settlement, now: i64) -> (SendKey, StepChange) {
    let change = match settlement.outcome {
        SendOutcome::Confirmed { remote_id, timestamp } => {
            StepChange { remote_id, remote_ts: timestamp, ..StepChange::to(StepState::Sent) }
        }
        SendOutcome::AwaitEcho { within } => StepChange {
            deadline: Some(now.saturating_add(millis(within))),
            ..StepChange::to(StepState::Awaiting)
        },
        SendOutcome::Retry { after, reason } => StepChange {
            next_at: Some(now.saturating_add(millis(after))),
            reason: Some(reason),
            ..StepChange::to(StepState::Retry)
        },
        SendOutcome::Offline => StepChange::to(StepState::Queued),
        SendOutcome::Failed { words } => StepChange::to(StepState::Failed).because(words),
        SendOutcome::Unknown { reason } => StepChange::to(StepState::Unknown).because(reason),
    };
    (settlement.key, change)
}

impl Journal {
    fn heard(&self, network: &NetworkId, login: &LoginId, event: RemoteEvent) -> Heard {
        let key = PortalKey {
            network: network.clone(),
            chat: event.chat.clone(),
            receiver: event.receiver.clone(),
        };
        let client = self.parts.logins.client(login);
        let ids_shared =
            client.as_ref().is_some_and(|client| client.capabilities(&key).delivery.ids_shared);
        let order = match &event.kind {
            RemoteEventKind::Message(_) | RemoteEventKind::Poll { .. } => {
                client.as_ref().and_then(|client| client.history()?.order(&event))
            }
            _ => None,
        };
        let remote_id = match &event.id {
            Some(id) => id.as_str().to_owned(),
            None => format!("{RANDOM_ID}{}", self.parts.random.hex(8)),
        };
        let sender = event.sender.as_ref();
        let own = sender.and_then(|sender| self.login_of(network, &sender.user));
        let told_by_its_own =
            own.is_some_and(|own| own != *login && self.parts.logins.is_connected(&own));
        Heard {
            event_key: event_key(&key, &event, (!ids_shared).then_some(login)),
            payload: serde_json::to_string(&event).expect("remote events have text keys only"),
            event,
            key,
            remote_id,
            ids_shared,
            order,
            told_by_its_own,
        }
    }

    /// Returns the login whose remote account this is.
    pub(super) fn login_of(&self, network: &NetworkId, user: &RemoteUserId) -> Option<LoginId> {
        let logins = &self.parts.logins;
        logins.of_network(network).into_iter().find(|login| {
            logins.client(login).and_then(|client| client.own_user()).as_ref() == Some(user)
        })
    }

    fn wake_after(self: &Arc<Self>, woken: Woken, login: &LoginId) {
        for renamed in woken.renamed {
            self.parts.ghosts.renamed(renamed);
        }
        for settled in woken.settled {
            self.lanes.tell(self, &settled.lane, News::Row(settled.row_seq));
        }
        for lane in woken.lanes {
            self.lanes.tell(self, &lane, News::Rows);
        }
        for portal in woken.taking_part {
            self.taking_part.insert(portal, login.clone());
        }
        for portal in woken.gone_from {
            self.taking_part.remove(portal, login);
        }
    }
}

#[async_trait]
impl RemoteIntake for Journal {
    async fn commit(&self, login: &LoginId, batch: Batch) -> Result<(), CommitError> {
        if self.is_halted() {
            return Err(CommitError::Closed);
        }
        let Some(network) = self.parts.logins.network(login) else {
            return Err(CommitError::Closed);
        };
        let now = self.now();
        let Batch { events, cursors, settlements } = batch;
        let heard = events.into_iter().map(|event| self.heard(&network, login, event)).collect();
        let job = AcceptRemote {
            journal: self.me.clone(),
            portals: self.parts.portals.clone(),
            network,
            login: login.clone(),
            heard,
            cursors,
            settlements: settlements.into_iter().map(|one| settled(one, now)).collect(),
            now,
        };
        let clock = &self.parts.clock;
        let begun = clock.monotonic();
        self.store.db().run(job).await.map_err(closed_or_not_stored)?;
        self.parts.metrics.acknowledged("to_matrix", clock.monotonic().saturating_sub(begun));
        self.parts.logins.heard(login);
        Ok(())
    }

    fn ephemeral(&self, login: &LoginId, event: RemoteEvent) {
        if !self.is_halted() {
            self.parts.logins.heard(login);
            self.hear_ephemeral(login, event);
        }
    }

    async fn state(&self, login: &LoginId, state: BridgeState) {
        self.parts.logins.set_state(login, state).await;
    }

    async fn keep_secret(
        &self,
        login: &LoginId,
        secret: Option<SecretString>,
    ) -> Result<(), CommitError> {
        if self.is_halted() {
            return Err(CommitError::Closed);
        }
        match self.parts.logins.keep_secret(login, secret).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CommitError::Closed),
            Err(LoginTrouble::Db(error)) => Err(closed_or_not_stored(error)),
            Err(trouble) => Err(CommitError::NotStored(trouble.to_string())),
        }
    }

    fn history_wanted(&self, portal: i64) {
        self.begin_history(portal, HistoryKind::Past);
    }

    async fn cursor(&self, login: &LoginId, stream: &str) -> Result<Option<Cursor>, CommitError> {
        let Some(network) = self.parts.logins.network(login) else {
            return Err(CommitError::Closed);
        };
        self.store.cursor(&network, login, stream).await.map_err(closed_or_not_stored)
    }
}

fn closed_or_not_stored(error: DbError) -> CommitError {
    match error {
        DbError::Closed | DbError::Fenced { .. } => CommitError::Closed,
        error => CommitError::NotStored(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RemoteChatId, RemoteMessageId};
    use crate::network::{MembershipChange, MessageContent, RemoteMessage};

    fn message(id: Option<&str>) -> RemoteEvent {
        let said = RemoteMessage::new(MessageContent::text("hi"));
        let chat = RemoteChatId::new("#rust");
        let mut event = RemoteEvent::new(chat, RemoteEventKind::Message(said));
        event.id = id.map(RemoteMessageId::new);
        event
    }

    fn portal() -> PortalKey {
        PortalKey {
            network: NetworkId::new("demo"),
            chat: RemoteChatId::new("#rust"),
            receiver: None,
        }
    }

    #[test]
    fn news_is_known_by_its_id_whoever_hears_it() {
        let first = event_key(&portal(), &message(Some("1")), None);
        assert!(first.is_some());
        assert_eq!(first, event_key(&portal(), &message(Some("1")), None));
        assert_ne!(first, event_key(&portal(), &message(Some("2")), None));
        let login = LoginId::new("demo-1");
        assert_ne!(first, event_key(&portal(), &message(Some("1")), Some(&login)));
        assert_eq!(event_key(&portal(), &message(None), None), None);
    }

    #[test]
    fn an_edit_of_an_edit_is_news_by_its_revision() {
        let mut edit = message(Some("1"));
        edit.revision = Some("a".to_owned());
        let first = event_key(&portal(), &edit, None);
        edit.revision = Some("b".to_owned());
        assert_ne!(first, event_key(&portal(), &edit, None));
    }

    #[test]
    fn what_may_happen_again_has_no_key() {
        let change = MembershipChange {
            user: RemoteUserId::new("bob"),
            is_me: false,
            profile: None,
            membership: RemoteMembership::Join,
            reason: None,
        };
        let mut join = message(Some("1"));
        join.kind = RemoteEventKind::Membership(change);
        assert_eq!(event_key(&portal(), &join, None), None);
    }
}
