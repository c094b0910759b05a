//! From the connection to the core: takes what the keeper reports, in order, and commits it in
//! batches. Nothing waits on the server meanwhile; when the database is slow, lines pile up here.

use std::{sync::Arc, time::Duration};

use bridge_core::network::{
    Batch, BridgeState, BridgeStateKind, CommitError, RemoteEvent, RemoteSink,
};
use support_clock::SharedClock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::presence::Presence;
use crate::{
    channel_keys::ChannelKeys,
    connection::{Incoming, KeeperHandle, Link},
    error::bridge_state,
    to_matrix::{Merger, Translated, Translator},
    wire::Message,
};

/// Lines committed together at most.
const BATCH: usize = 256;

/// Between tries of a commit that failed.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Pump {
    pub(super) sink: RemoteSink,
    pub(super) keys: Arc<ChannelKeys>,
    pub(super) translator: Translator,
    pub(super) keeper: KeeperHandle,
    pub(super) clock: SharedClock,
    pub(super) give_up: CancellationToken,
    pub(super) wanted_nick: String,
    pub(super) merger: Merger,
    pub(super) presence: Arc<Presence>,
}

/// The core takes nothing more from this login.
struct Closed;

impl Pump {
    pub(super) async fn run(mut self, mut news: mpsc::Receiver<Incoming>) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let deadline = self.next_deadline();
            let clock = Arc::clone(&self.clock);
            let result = tokio::select! {
                biased;
                count = news.recv_many(&mut waiting, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.take(waiting.drain(..)).await
                }
                () = sleep(&clock, deadline) => self.tick().await,
            };
            if result.is_err() {
                tracing::info!("this login is served elsewhere or the bridge stops");
                self.keeper.stop();
                return;
            }
        }
        let held = self.merger.flush();
        if self.commit(held).await.is_err() {
            tracing::info!("the last lines came when the bridge had stopped");
        }
    }

    /// Returns how long until something held back is due.
    fn next_deadline(&self) -> Option<Duration> {
        let due = [self.translator.next_deadline(), self.merger.next_deadline()];
        let due = due.into_iter().flatten().min()?;
        Some(Duration::from_millis(u64::try_from(due - self.clock.now_ms()).unwrap_or(0)))
    }

    async fn tick(&mut self) -> Result<(), Closed> {
        let now = self.clock.now_ms();
        let events = self.translator.tick(now);
        let mut told = self.merger.push(events, now);
        told.extend(self.merger.tick(now));
        self.commit(told).await
    }

    async fn take(&mut self, news: impl Iterator<Item = Incoming>) -> Result<(), Closed> {
        let mut events = Vec::new();
        for incoming in news {
            match incoming {
                Incoming::Line { message, at_ms } => {
                    let translated = self.translator.line(&message, at_ms);
                    self.note(translated, &mut events);
                    if frees_nick(&message, &self.wanted_nick)
                        && let Some(link) = self.keeper.link()
                        && !link.with_session(|session| session.is_me(&self.wanted_nick))
                    {
                        link.want_nick(&self.wanted_nick);
                    }
                }
                // A change of health comes after what was said before it.
                other => {
                    let mut told =
                        self.merger.push(std::mem::take(&mut events), self.clock.now_ms());
                    told.extend(self.merger.flush());
                    self.commit(told).await?;
                    self.change(other).await?;
                }
            }
        }
        let told = self.merger.push(events, self.clock.now_ms());
        self.keys.seal(&self.sink).await;
        self.commit(told).await
    }

    fn note(&self, translated: Translated, events: &mut Vec<RemoteEvent>) {
        events.extend(translated.events);
        for entered in translated.entered {
            self.keeper.want(&entered, None);
        }
        for left in translated.left {
            let same = |one: &str, other: &str| self.translator.same_name(one, other);
            self.keeper.unwant(&left, &same);
            self.keys.forget(&left, &same);
        }
        for (channel, key) in translated.keys {
            self.keeper.key_changed(&channel, key.as_deref());
            self.keys.note(&channel, key.as_deref());
        }
        for event in translated.ephemeral {
            self.sink.ephemeral(event);
        }
        if let Some(link) = self.keeper.link() {
            for reply in translated.replies {
                link.tell(&reply);
            }
        }
    }

    async fn change(&mut self, incoming: Incoming) -> Result<(), Closed> {
        let now = self.clock.now_ms();
        match incoming {
            Incoming::Connecting => {
                self.sink.state(BridgeState::new(BridgeStateKind::Connecting)).await;
            }
            Incoming::Registered { link } => self.translator.registered(link.session(), now),
            Incoming::Ready { rejoined } => {
                let mut events = Vec::new();
                let translated = self.translator.ready(rejoined, now);
                self.note(translated, &mut events);
                self.commit(events).await?;
                self.keys.seal(&self.sink).await;
                self.presence.connected(self.clock.monotonic());
                self.sink.state(self.connected()).await;
            }
            Incoming::Lost { failure, next_try } => {
                self.translator.lost(now);
                self.sink.state(bridge_state(&failure, next_try.is_some())).await;
            }
            Incoming::Line { .. } => {}
        }
        Ok(())
    }

    /// Says so when the nick is not the wanted one.
    fn connected(&self) -> BridgeState {
        let nick = self.keeper.link().map(|link: Link| link.session().nick);
        match nick {
            Some(nick) if !nick.eq_ignore_ascii_case(&self.wanted_nick) => {
                let message = format!(
                    "Connected as {nick}, because {} is in use. The bridge asks for it again from time to time.",
                    self.wanted_nick
                );
                BridgeState::with_message(BridgeStateKind::Connected, message)
            }
            _ => BridgeState::new(BridgeStateKind::Connected),
        }
    }

    /// Commits, for as long as it takes: what is not stored is lost, since IRC sends nothing twice.
    async fn commit(&self, events: Vec<RemoteEvent>) -> Result<(), Closed> {
        if events.is_empty() {
            return Ok(());
        }
        let batch = Batch::events(events);
        loop {
            let error = match self.sink.commit(batch.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match error {
                CommitError::Closed => return Err(Closed),
                CommitError::NotStored(why) => {
                    tracing::error!(error = %why, "news cannot be stored; trying again");
                }
            }
            let clock = Arc::clone(&self.clock);
            tokio::select! {
                () = self.give_up.cancelled() => return Err(Closed),
                () = clock.sleep(PAUSE) => {}
            }
        }
    }
}

/// Waits for a while, or for good where there is nothing to wait for.
async fn sleep(clock: &SharedClock, pause: Option<Duration>) {
    match pause {
        Some(pause) => clock.sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// Says whether a line tells that the holder of a nick gave it up.
fn frees_nick(message: &Message, nick: &str) -> bool {
    let same = |other: &str| other.eq_ignore_ascii_case(nick);
    if message.is("QUIT") || message.is("NICK") {
        return same(&message.from().nick) && !same(message.param(0));
    }
    match message.numeric() {
        // RPL_MONOFFLINE.
        Some(731) => message.last().split(',').any(same),
        // RPL_ISON: we ask for this nick only.
        Some(303) => !message.last().split(' ').any(same),
        _ => false,
    }
}
