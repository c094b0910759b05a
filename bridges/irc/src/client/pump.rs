//! From the connection to the core: takes what the keeper reports, in order, and commits it in
//! batches. Nothing waits on the server meanwhile; when the database is slow, lines pile up here.

use std::{sync::Arc, time::Duration};

use bridge_core::network::{
    Batch, BridgeState, BridgeStateKind, CommitError, RemoteEvent, RemoteSink,
};
use support_clock::SharedClock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    connection::{Incoming, KeeperHandle, Link},
    error::bridge_state,
    to_matrix::{Translated, Translator},
};

/// Lines committed together at most.
const BATCH: usize = 256;

/// Between tries of a commit that failed.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Pump {
    pub(super) sink: RemoteSink,
    pub(super) translator: Translator,
    pub(super) keeper: KeeperHandle,
    pub(super) clock: SharedClock,
    pub(super) give_up: CancellationToken,
    pub(super) wanted_nick: String,
}

/// The core takes nothing more from this login.
struct Closed;

impl Pump {
    pub(super) async fn run(mut self, mut news: mpsc::Receiver<Incoming>) {
        let mut waiting = Vec::with_capacity(BATCH);
        while news.recv_many(&mut waiting, BATCH).await > 0 {
            if self.take(waiting.drain(..)).await.is_err() {
                tracing::info!("this login is served elsewhere or the bridge stops");
                self.keeper.stop();
                return;
            }
        }
    }

    async fn take(&mut self, news: impl Iterator<Item = Incoming>) -> Result<(), Closed> {
        let mut events = Vec::new();
        for incoming in news {
            match incoming {
                Incoming::Line { message, at_ms } => {
                    let translated = self.translator.line(&message, at_ms);
                    self.note(translated, &mut events);
                }
                // A change of health comes after what was said before it.
                other => {
                    self.commit(std::mem::take(&mut events)).await?;
                    self.change(other).await?;
                }
            }
        }
        self.commit(events).await
    }

    fn note(&self, translated: Translated, events: &mut Vec<RemoteEvent>) {
        events.extend(translated.events);
        for entered in translated.entered {
            self.keeper.want(&entered, None);
        }
        for left in translated.left {
            self.keeper.unwant(&left, &|one, other| self.translator.same_name(one, other));
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
