//! Persistent data units: canonical JSON, hashes, signatures, ids, redaction and the shape clients see.
//!
//! Everything here is pure: a [`Draft`] and its [`Place`] in the room go in, a signed event comes out
//! ([`build`]); a stored event goes in, what a client may see comes out ([`client`]).

mod build;
mod canonical;
pub(crate) mod client;
pub(crate) mod fields;
mod limits;
mod pdu;
mod redact;
#[cfg(test)]
mod vectors;

pub(crate) use self::{
    build::{Built, Draft, Place, build, room_id_of},
    canonical::{canonical_object, canonical_value},
    pdu::Pdu,
    redact::{redacts_of, strip},
};

/// Why an event cannot exist.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    /// It or one of its ids is over the limit of the specification.
    #[error("{0}")]
    TooLarge(String),
    /// Its JSON cannot be written canonically.
    #[error("{0}")]
    BadJson(String),
}
