//! The Matrix seam: everything the bridge asks of a homeserver goes through [`Matrix`], over
//! whichever transport it was given. Who acts (bot, ghost or the person themselves) is the
//! `as_user` of each call.

mod call;
pub(crate) mod escape;
mod history;
mod layers;
mod media;
mod names;
mod outcome;
mod own;
mod people;
mod rooms;
mod send;

use std::fmt;
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;
use support_clock::SharedClock;
use support_matrix_http::HttpTransport;

use crate::metrics::Metrics;

pub(crate) use history::BatchPlace;
pub(crate) use media::{Download, Upload};
pub use names::{NameError, blueprint};
pub(crate) use names::{Names, Sender};
pub(crate) use outcome::{MatrixOutcome, MatrixTrouble};
use own::OwnTokens;
pub(crate) use rooms::CreateRoom;

/// The content key that says which remote message an event mirrors.
pub(crate) const REMOTE_KEY: &str = "com.rialto.remote";
/// The content key that says which step an event comes from.
pub(crate) const STEP_KEY: &str = "com.rialto.step";

/// The homeserver, as the bridge sees it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Matrix(Arc<Inner>);

struct Inner {
    transport: Arc<dyn HttpTransport>,
    as_token: SecretString,
    puppet_token: Option<SecretString>,
    own: OwnTokens,
    names: Names,
    idempotent: bool,
    /// Whether history can be inserted, once that was asked.
    inserts_history: OnceLock<bool>,
}

/// What a [`Matrix`] is made of.
pub(crate) struct MatrixSettings {
    /// How requests travel.
    pub(crate) transport: Arc<dyn HttpTransport>,
    /// The token of our registration.
    pub(crate) as_token: SecretString,
    /// The token of a second registration with which local people can be asserted.
    pub(crate) puppet_token: Option<SecretString>,
    /// Names.
    pub(crate) names: Names,
    /// Whether the homeserver remembers transaction ids for good.
    pub(crate) idempotent: bool,
    /// The time.
    pub(crate) clock: SharedClock,
    /// Where requests are counted.
    pub(crate) metrics: Metrics,
}

impl Matrix {
    pub(crate) fn new(settings: MatrixSettings) -> Self {
        let MatrixSettings { transport, as_token, puppet_token, .. } = settings;
        let MatrixSettings { names, idempotent, clock, metrics, .. } = settings;
        let transport = layers::layered(transport, clock, metrics);
        let own = OwnTokens::default();
        let inserts_history = OnceLock::new();
        Self(Arc::new(Inner {
            transport,
            as_token,
            puppet_token,
            own,
            names,
            idempotent,
            inserts_history,
        }))
    }

    /// Returns the bot's user id.
    pub(crate) fn bot(&self) -> &str {
        self.0.names.bot()
    }

    /// Returns how requests travel.
    fn transport(&self) -> &dyn HttpTransport {
        &*self.0.transport
    }

    /// Returns how our names are formed.
    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    /// Says whose user id this is.
    pub(crate) fn kind_of(&self, sender: &str) -> Sender {
        self.0.names.sender(sender)
    }

    /// Whether the homeserver remembers transaction ids for good: then a send whose answer was
    /// lost is simply sent again.
    pub(crate) fn idempotent_for_good(&self) -> bool {
        self.0.idempotent
    }

    /// Whether we may act as this person (double puppeting).
    pub(crate) fn can_puppet(&self, mxid: &str) -> bool {
        (self.0.puppet_token.is_some() || self.0.own.has(mxid))
            && self.0.names.is_local(mxid)
            && self.kind_of(mxid) == Sender::Other
    }

    /// Whether a person has handed in a token of theirs.
    pub(crate) fn has_own_token(&self, mxid: &str) -> bool {
        self.0.own.has(mxid)
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrix").field("bot", &self.bot()).finish_non_exhaustive()
    }
}
