//! One login: keeps its connection, translates both ways, tells its health.

mod consent;
mod presence;
mod pump;
mod requests;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use bridge_core::{
    ids::{NetworkId, PortalKey, RemoteChatId, RemoteUserId, SendKey},
    network::{
        Capabilities, ChatInfo, ConnectContext, Consent, Directory, NetworkClient, NetworkError,
        Outgoing, OutgoingKind, PlumbRequest, Refusal, RemoteSink, RemoteStep, SendOutcome,
        StoredLogin, UserInfo,
    },
};
use support_clock::{SharedClock, SharedRandom};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{presence::Presence, pump::Pump};
use crate::{
    capabilities::capabilities,
    channel_keys::{ChannelKeys, KeyRing},
    connection::{Keeper, KeeperHandle, Link, Settings},
    from_matrix,
    habits::Habits,
    ids::{is_channel, make_user_id, parse_chat_id},
    own_nicks::OwnNicks,
    to_matrix::{Merger, SharedView, Translator, look},
    wire::Message,
};

/// Lines that may wait for their commit: minutes of a busy network.
const NEWS_ROOM: usize = 8192;

/// How long a goodbye may take before the tasks are left to end by themselves.
const GOODBYE: Duration = Duration::from_secs(8);

/// Between two notes that somebody types.
const TYPING_PAUSE: Duration = Duration::from_secs(3);

/// One login.
pub(crate) struct IrcClient {
    network: NetworkId,
    login: StoredLogin,
    settings: Settings,
    habits: Habits,
    clock: SharedClock,
    random: SharedRandom,
    own: Arc<OwnNicks>,
    keys: Arc<ChannelKeys>,
    view: SharedView,
    presence: Arc<Presence>,
    /// Counts messages the server gave no id.
    nameless: AtomicU64,
    /// When typing was last told, per target, in monotonic milliseconds.
    typing: Mutex<BTreeMap<String, Duration>>,
    running: Mutex<Option<Running>>,
}

/// The tasks of a connected login.
struct Running {
    keeper: KeeperHandle,
    sink: RemoteSink,
    tasks: TaskTracker,
    /// Cancelled when commits are no longer worth waiting for.
    give_up: CancellationToken,
}

impl IrcClient {
    pub(crate) fn new(
        login: StoredLogin,
        settings: Settings,
        habits: Habits,
        clock: SharedClock,
        random: SharedRandom,
        own: Arc<OwnNicks>,
        ring: Arc<KeyRing>,
    ) -> Self {
        let secret = login.record.secret.as_deref();
        let keys = Arc::new(ChannelKeys::new(login.id.clone(), secret, ring));
        Self {
            network: login.network.clone(),
            keys,
            login,
            settings,
            habits,
            presence: Arc::default(),
            nameless: AtomicU64::new(0),
            typing: Mutex::default(),
            clock,
            random,
            own,
            view: SharedView::default(),
            running: Mutex::new(None),
        }
    }

    fn link(&self) -> Option<Link> {
        self.keeper().and_then(|keeper| keeper.link())
    }

    fn keeper(&self) -> Option<KeeperHandle> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| running.keeper.clone())
    }

    /// Has what changed about channel keys sealed.
    async fn seal_keys(&self) {
        let sink = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.as_ref().map(|running| running.sink.clone())
        };
        if let Some(sink) = sink {
            self.keys.seal(&sink).await;
        }
    }

    fn online(&self) -> Result<(KeeperHandle, Link), NetworkError> {
        let keeper = self.keeper();
        let link = keeper.as_ref().and_then(KeeperHandle::link);
        keeper.zip(link).ok_or_else(|| {
            NetworkError::Offline(
                "This login is not connected to the network now. Try again when it is.".to_owned(),
            )
        })
    }
}

impl IrcClient {
    /// Tells that somebody types: at most once in a while, as the specification asks.
    fn tell_typing(&self, link: &Link, target: &str, typing: bool) {
        let usable = link.with_session(|session| {
            session.has_client_tag("typing")
                && (!session.rules.is_channel(target) || session.is_in(target))
        });
        if !usable {
            return;
        }
        let now = self.clock.monotonic();
        let mut told = self.typing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = if typing {
            let since = told.get(target).map(|last| now.saturating_sub(*last));
            if since.is_some_and(|since| since < TYPING_PAUSE) {
                return;
            }
            told.insert(target.to_owned(), now);
            "active"
        } else {
            // Only who was told that somebody types must be told that they stopped.
            if told.remove(target).is_none() {
                return;
            }
            "done"
        };
        link.tell(&Message::new("TAGMSG", [target]).with_tag("+typing", state));
    }
}

#[async_trait]
impl NetworkClient for IrcClient {
    async fn connect(&self, sink: RemoteSink, context: ConnectContext) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return;
        }
        let (sender, news) = tokio::sync::mpsc::channel(NEWS_ROOM);
        let (keeper, handle) = Keeper::new(
            self.settings.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.random),
            sender,
        );
        let mut conversations = BTreeSet::new();
        for portal in context.portals.iter().filter(|portal| portal.network == self.network) {
            if is_channel(portal) {
                let channel = parse_chat_id(&portal.chat);
                handle.want(channel, self.keys.of(channel).as_deref());
            } else {
                conversations.insert(parse_chat_id(&portal.chat).to_owned());
            }
        }
        let translator = Translator::new(
            self.login.id.clone(),
            self.login.owner.clone(),
            Arc::clone(&self.own),
            Arc::clone(&self.view),
            context.last_connected,
            conversations,
            self.habits.clone(),
        );
        let give_up = CancellationToken::new();
        let pump = Pump {
            sink: sink.clone(),
            keys: Arc::clone(&self.keys),
            translator,
            keeper: handle.clone(),
            clock: Arc::clone(&self.clock),
            give_up: give_up.clone(),
            wanted_nick: self.settings.nick.clone(),
            merger: Merger::new(self.habits.merge_lines),
            presence: Arc::clone(&self.presence),
        };
        let tasks = TaskTracker::new();
        tasks.spawn(keeper.run());
        tasks.spawn(pump.run(news));
        if let Some(after) = self.habits.away_after {
            let presence = Arc::clone(&self.presence);
            let message = self.habits.away_message.clone();
            let clock = Arc::clone(&self.clock);
            tasks.spawn(presence::watch(presence, handle.clone(), clock, after, message));
        }
        tasks.close();
        *running = Some(Running { keeper: handle, sink, tasks, give_up });
    }

    async fn disconnect(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { keeper, tasks, give_up, .. }) = running else { return };
        keeper.stop();
        tokio::select! {
            () = tasks.wait() => {}
            () = self.clock.sleep(GOODBYE) => {
                give_up.cancel();
                tracing::warn!("the connection did not end in time");
            }
        }
        self.own.leave(&self.login.id, self.clock.now_ms());
    }

    async fn logout(&self) {
        self.disconnect().await;
        self.keys.forget_all();
    }

    fn capabilities(&self, portal: &PortalKey) -> Capabilities {
        capabilities(&look(&self.view).session, parse_chat_id(&portal.chat), is_channel(portal))
    }

    fn own_user(&self) -> Option<RemoteUserId> {
        let view = look(&self.view);
        let known = !view.session.nick.is_empty();
        known.then(|| make_user_id(&view.session, &view.session.nick))
    }

    async fn chat_info(&self, chat: &RemoteChatId) -> Result<ChatInfo, NetworkError> {
        self.describe_chat(chat)
    }

    async fn user_info(&self, user: &RemoteUserId) -> Result<UserInfo, NetworkError> {
        Ok(self.describe_user(user))
    }

    fn plan(
        &self,
        outgoing: &Outgoing,
        capabilities: &Capabilities,
    ) -> Result<Vec<RemoteStep>, Refusal> {
        from_matrix::plan(outgoing, capabilities, self.habits.max_lines)
    }

    async fn turn(&self, _portal: &PortalKey, _step: &RemoteStep) {
        if let Some(link) = self.link() {
            link.turn().await;
        }
    }

    async fn send(&self, _portal: &PortalKey, step: &RemoteStep, _key: &SendKey) -> SendOutcome {
        let Some(link) = self.link() else { return SendOutcome::Offline };
        self.presence.active(&link, self.clock.monotonic());
        self.send_step(&link, step).await
    }

    async fn ephemeral(&self, portal: &PortalKey, what: &OutgoingKind) {
        let OutgoingKind::Typing { typing } = what else { return };
        if let Some(link) = self.link() {
            self.tell_typing(&link, parse_chat_id(&portal.chat), *typing);
        }
    }

    async fn may_plumb(&self, request: &PlumbRequest) -> Consent {
        self.consent(request).await
    }

    async fn resolve(
        &self,
        _portal: &PortalKey,
        _step: &RemoteStep,
        _key: &SendKey,
    ) -> SendOutcome {
        // Echoes and barriers belong to the connection that is gone, and there is no history.
        SendOutcome::Unknown {
            reason: "The bridge stopped before the IRC server confirmed it, and IRC keeps no history to look it up in.".to_owned(),
        }
    }

    fn directory(&self) -> Option<&dyn Directory> {
        Some(self)
    }
}
