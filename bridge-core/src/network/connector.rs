//! The traits a bridge implements.

use std::sync::Arc;

use async_trait::async_trait;
use support_clock::{SharedClock, SharedRandom};
use thiserror::Error;

use super::{
    Capabilities, ChatInfo, Consent, Directory, History, LoginFlow, LoginProcess, MediaRef,
    MediaSource, MediaStream, NetworkError, Outgoing, OutgoingKind, PlumbRequest, Refusal,
    RemoteSink, RemoteStep, SendOutcome, StoredLogin, UserInfo,
};
use crate::ids::{NetworkId, PortalKey, RemoteChatId, RemoteUserId, SendKey};

/// What a bridge is handed when it is made: no global state.
#[derive(Clone, Debug)]
pub struct NetworkContext {
    /// The instance's id, the key in `[networks.<id>]`.
    pub id: NetworkId,
    /// The time.
    pub clock: SharedClock,
    /// Randomness.
    pub random: SharedRandom,
}

/// The section of a network could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// The key within the section, or empty.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Makes a connector from its section of the configuration (as JSON; `kind` is taken out).
pub type NetworkFactory = Arc<
    dyn Fn(NetworkContext, serde_json::Value) -> Result<Arc<dyn NetworkConnector>, ConfigError>
        + Send
        + Sync,
>;

/// What a network is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFacts {
    /// The kind, as in `kind = "irc"`: the protocol's id in `m.bridge`.
    pub kind: &'static str,
    /// The protocol's name for people.
    pub protocol_name: &'static str,
    /// This instance's name for people.
    pub display_name: String,
    /// The protocol's page.
    pub url: &'static str,
}

/// One configured network.
#[async_trait]
pub trait NetworkConnector: Send + Sync {
    /// Returns what the network is.
    fn facts(&self) -> NetworkFacts;

    /// Returns the ways to log in; the first is the default.
    fn login_flows(&self) -> Vec<LoginFlow>;

    /// Begins a login for a Matrix person.
    ///
    /// # Errors
    /// An unknown flow, with words.
    async fn start_login(
        &self,
        flow: &str,
        owner: &str,
    ) -> Result<Box<dyn LoginProcess>, NetworkError>;

    /// Makes the client of a stored login. Does no I/O: trouble shows when it connects.
    ///
    /// # Errors
    /// The record cannot be read (written by a newer version, damaged).
    fn load_login(&self, login: StoredLogin) -> Result<Arc<dyn NetworkClient>, NetworkError>;

    /// Web routes of this network (webhooks, landing pages), mounted under one prefix.
    fn routes(&self) -> Option<axum::Router> {
        None
    }
}

/// What a client should know when it connects.
#[derive(Clone, Debug, Default)]
pub struct ConnectContext {
    /// The portals this login takes part in: what to join again.
    pub portals: Vec<PortalKey>,
    /// When the login was last known to be connected, Unix milliseconds: the start of a gap.
    pub last_connected: Option<i64>,
    /// How files are read from Matrix while a step is sent.
    pub media: MediaSource,
}

/// One remote account.
#[async_trait]
pub trait NetworkClient: Send + Sync {
    /// Starts to connect and returns; stays connected by itself until `disconnect`. Trouble is
    /// reported as a `BridgeState`, never as a panic or return.
    async fn connect(&self, sink: RemoteSink, context: ConnectContext);

    /// Ends the connection and every task of it; sends under way end `Unknown` or are finished.
    async fn disconnect(&self);

    /// Ends the remote session for good, as far as the network knows such a thing.
    async fn logout(&self) {
        self.disconnect().await;
    }

    /// Returns what this chat can do now for this login.
    fn capabilities(&self, portal: &PortalKey) -> Capabilities;

    /// Returns the remote account, once it is known.
    fn own_user(&self) -> Option<RemoteUserId>;

    /// Describes a chat. May ask the network.
    ///
    /// # Errors
    /// As the network answers.
    async fn chat_info(&self, chat: &RemoteChatId) -> Result<ChatInfo, NetworkError>;

    /// Describes a person. May ask the network.
    ///
    /// # Errors
    /// As the network answers.
    async fn user_info(&self, user: &RemoteUserId) -> Result<UserInfo, NetworkError>;

    /// Turns what a person did into sends. Pure: no I/O, and the same for the same arguments.
    ///
    /// # Errors
    /// A refusal in words; nothing is sent.
    fn plan(
        &self,
        outgoing: &Outgoing,
        capabilities: &Capabilities,
    ) -> Result<Vec<RemoteStep>, Refusal>;

    /// Waits until this login may send the step: the network's rate, fair among rooms. Called before
    /// the attempt is marked, so that a crash during a wait of seconds finds the step unsent and
    /// not in doubt. Must end when the login disconnects.
    async fn turn(&self, _portal: &PortalKey, _step: &RemoteStep) {}

    /// Executes one stored step, at once. Called in the lane's order. Once bytes may have left,
    /// the only honest answers are `Confirmed`, `AwaitEcho`, `Failed` (as the network said) and
    /// `Unknown`. Must end by itself in bounded time.
    async fn send(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome;

    /// Finds out what became of a step whose answer was lost. Called after a restart or time-out
    /// for `EchoMatch`, `HistoryMatch` and `Barrier` steps; `Unknown` where nothing can be found.
    async fn resolve(&self, portal: &PortalKey, step: &RemoteStep, key: &SendKey) -> SendOutcome;

    /// Passes on what may be lost and of which the latest wins: typing and receipts. Called outside
    /// the lanes, only where the capabilities carry it; must not wait for the network.
    async fn ephemeral(&self, _portal: &PortalKey, _what: &OutgoingKind) {}

    /// Opens a file the network has. Called while a step is sent to Matrix; may be called again.
    ///
    /// # Errors
    /// As the network answers; [`NetworkError::Unreachable`], `Offline` and `RateLimited` are tried
    /// again.
    async fn fetch_media(&self, _media: &MediaRef) -> Result<MediaStream, NetworkError> {
        Err(NetworkError::NotFound("this network has no files".to_owned()))
    }

    /// Says whether somebody may link a chat this login is in to a room that is there already. This
    /// login will speak for people who have none.
    async fn may_plumb(&self, _request: &PlumbRequest) -> Consent {
        Consent::Unknown { words: "This network does not tell who may decide that.".to_owned() }
    }

    /// Reading what was said before, where the network shows that.
    fn history(&self) -> Option<&dyn History> {
        None
    }

    /// Finding and joining chats, where the network has that.
    fn directory(&self) -> Option<&dyn Directory> {
        None
    }
}
