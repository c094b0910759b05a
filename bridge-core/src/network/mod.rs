//! The network seam: what a bridge implements, and the plain data that crosses.
//!
//! A bridge is a [`NetworkConnector`] (one per configured network) that makes [`NetworkClient`]s
//! (one per login). Everything else on this seam is data: it can be printed, stored and replayed.
//!
//! ```text
//! network ── RemoteEvent ──> RemoteSink::commit   (returns when durable; only then acknowledge)
//! network <── RemoteStep ─── NetworkClient::send  (planned and committed before)
//! ```

mod capabilities;
mod chat;
mod connector;
mod contact;
mod content;
mod delivery;
mod disappearing;
mod error;
mod event;
mod finding;
mod formatting;
mod history;
mod kind;
mod login;
mod media;
mod outgoing;
mod plumbing;
mod policy;
mod sink;
mod state;

pub use capabilities::{Capabilities, DeliveryFacts, Level, Limits, Ordering};
pub use chat::{ChatInfo, ChatKind, Member, MemberList, RemoteMembership, UserInfo};
pub use connector::{
    ConfigError, ConnectContext, NetworkClient, NetworkConnector, NetworkContext, NetworkFactory,
    NetworkFacts,
};
pub use contact::Contact;
pub(crate) use contact::{INLINE, is_card};
pub(crate) use content::PILL_SCHEME;
pub use content::{
    FormattedText, MediaRef, Mention, Mentions, MessageContent, MessageKind, ReplyTo,
};
pub use delivery::{LostAnswer, Operation, RemoteStep, SendOutcome};
pub(crate) use disappearing::DISAPPEARING;
pub use disappearing::{CountsFrom, Disappearing};
pub use error::{NetworkError, Refusal};
pub use event::{
    Gap, IdOf, MembershipChange, PowerLevel, RemoteEvent, RemoteEventKind, RemoteMessage,
    RemoteSender, TopicChange,
};
pub use finding::{Directory, Finds, FoundUser, GroupKind, JoinedChat, NewGroup};
pub use formatting::Formatting;
pub use history::{History, HistoryPage, HistoryPlace, PastEvent};
pub use kind::{Kind, UnknownKind};
pub use login::{
    LoginField, LoginFieldKind, LoginFlow, LoginInput, LoginProcess, LoginRecord, LoginStep,
    StoredLogin,
};
pub(crate) use media::FileBody;
pub use media::{MatrixMedia, MediaFile, MediaSource, MediaStream};
pub use outgoing::{EventSource, Outgoing, OutgoingKind, Profile, Speaker};
pub use plumbing::{Consent, PlumbRequest};
pub use policy::{Degrade, NetworkPolicy};
pub use sink::{Batch, CommitError, Cursor, RemoteIntake, RemoteSink, Settlement};
pub use state::{BridgeState, BridgeStateKind};
