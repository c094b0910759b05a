//! The IRC protocol on the wire, without any input or output: bytes become [`Message`]s and back,
//! and the rules of servers (case mapping, ISUPPORT, line lengths, rates) are plain values here.
//! Nothing in this room waits, spawns or remembers a connection.

mod casemap;
mod decode;
mod isupport;
mod lines;
mod mask;
mod message;
mod nick;
mod pacing;
mod sasl;
mod source;
mod split;
mod tags;
#[cfg(test)]
mod vectors;

pub(crate) use self::split::cut_position;
pub use self::{
    casemap::Casemap,
    decode::Encoding,
    isupport::Isupport,
    lines::{LineBuffer, MAX_LINE},
    mask::mask_matches,
    message::{EncodeError, Message, ParseError},
    nick::{NickCandidates, sanitise_nick, sanitise_username},
    pacing::TokenBucket,
    sasl::{plain_chunks, plain_response},
    source::Source,
    split::{ACTION_OVERHEAD, LineBudget, as_action, parse_action, split_text},
    tags::{escape_tag_value, unescape_tag_value},
};
