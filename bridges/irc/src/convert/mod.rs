//! Texts and times between Matrix and IRC; no input, no output.

mod from_irc;
mod mentions;
mod palette;
mod split;
mod style;
mod time;
mod to_irc;
mod tree;

pub use self::{
    from_irc::{PersonOf, message_from_irc, text_from_irc},
    split::split_formatted,
    style::without_codes,
    time::{format_time, parse_time},
    to_irc::{NickOf, text_to_irc},
};
