//! Texts and times between Matrix and IRC; no input, no output.

mod from_irc;
mod html;
mod time;
mod to_irc;

pub use self::{from_irc::text_from_irc, time::parse_time, to_irc::text_to_irc};
