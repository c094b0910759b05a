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
    from_irc::{PersonOf, text_from_irc, text_with_mentions},
    split::split_formatted,
    style::without_codes,
    time::parse_time,
    to_irc::{NickOf, text_to_irc},
};
