//! One connection to a server, kept up: dialling, registration, keep-alive, paced sending with
//! confirmation, reconnecting. What enters are requests ([`Link`]); what leaves are lines and
//! changes of state ([`Incoming`]) in the order they happened, through one bounded channel. This
//! room knows IRC and nothing of Matrix, portals or journals.
//!
//! ```text
//!             Keeper ── dial ── Handshake ──> Link
//!                │                            ├─ reader:    socket -> session, pending, Incoming
//!   Incoming <───┴────────────────────────────┤─ writer:    outbox -> pacing -> socket
//!                                             └─ keepalive: PING, dead detection
//! ```

mod backoff;
mod dial;
mod failure;
mod handshake;
mod keeper;
mod link;
mod nickserv;
mod outbox;
mod pacer;
mod pending;
mod reader;
mod refusal;
mod session;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

pub use self::{
    dial::{Established, TlsError, connect, tls_config},
    failure::{Failure, FailureKind, Retry},
    keeper::{Incoming, Keeper, KeeperHandle, Rejoined},
    link::{AskError, Delivery, JoinError, Link},
    refusal::{Refusal, RefusalKind, join_refusal, send_refusal},
    session::Session,
    settings::{Pacing, Sasl, Settings, Timing, Tls},
};
