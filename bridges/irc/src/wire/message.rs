//! One line of the protocol: `[@tags] [:source] COMMAND params`, parsed leniently (what servers
//! really send) and written strictly (nothing in a parameter can smuggle a second line).

use std::fmt::Write as _;

use super::{Encoding, Source, escape_tag_value, tags::parse_tags};

/// A parsed or to be written line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Tags in order of appearance, values unescaped; a tag without a value has an empty one.
    pub tags: Vec<(String, String)>,
    /// Who says so, without the leading colon.
    pub source: Option<String>,
    /// The command or numeric as it was written.
    pub command: String,
    /// The parameters; the last may hold anything but line ends.
    pub params: Vec<String>,
}

/// A line that is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but spaces or line ends.
    #[error("the line is empty")]
    Empty,
    /// Tags or source and then nothing.
    #[error("the line has no command")]
    NoCommand,
}

/// A message that has no spelling on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// CR, LF or NUL somewhere: it would end the line and begin another one.
    #[error("a line end or NUL cannot be part of an IRC message")]
    LineEnd,
    /// A parameter that is not the last one is empty, has a space or begins with a colon.
    #[error(
        "only the last parameter of an IRC message may be empty, hold spaces or begin with a colon"
    )]
    Middle,
    /// The command is not letters or digits, or the source has a space.
    #[error("the command or source of the message is malformed")]
    Head,
}

impl Message {
    /// Makes a message without tags and source.
    #[must_use]
    pub fn new<I, P>(command: &str, params: I) -> Self
    where
        I: IntoIterator<Item = P>,
        P: Into<String>,
    {
        Self {
            command: command.to_owned(),
            params: params.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Reads one line, with or without its line end.
    pub fn parse(line: &[u8], encoding: Encoding) -> Result<Self, ParseError> {
        let clean: Vec<u8>;
        let mut bytes = line;
        while let [front @ .., b'\r' | b'\n'] = bytes {
            bytes = front;
        }
        if bytes.iter().any(|byte| matches!(byte, b'\0' | b'\r' | b'\n')) {
            clean = bytes.iter().copied().filter(|b| !matches!(b, b'\0' | b'\r' | b'\n')).collect();
            bytes = &clean;
        }
        // Tags are UTF-8 by definition, so they never decide how the text is read.
        let (tags, rest) = match bytes.strip_prefix(b"@") {
            Some(tagged) => {
                let end = tagged.iter().position(|&byte| byte == b' ').unwrap_or(tagged.len());
                (parse_tags(&String::from_utf8_lossy(&tagged[..end])), &tagged[end..])
            }
            None => (Vec::new(), bytes),
        };
        let text = encoding.decode(rest);
        let mut rest = text.trim_start_matches(' ');
        if rest.is_empty() && tags.is_empty() {
            return Err(ParseError::Empty);
        }
        let mut source = None;
        if let Some(after_colon) = rest.strip_prefix(':') {
            let (name, after) = after_colon.split_once(' ').unwrap_or((after_colon, ""));
            source = Some(name.to_owned());
            rest = after.trim_start_matches(' ');
        }
        let (command, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if command.is_empty() {
            return Err(ParseError::NoCommand);
        }
        let mut params = Vec::new();
        loop {
            rest = rest.trim_start_matches(' ');
            if let Some(trailing) = rest.strip_prefix(':') {
                params.push(trailing.to_owned());
                break;
            }
            if rest.is_empty() {
                break;
            }
            let (param, after) = rest.split_once(' ').unwrap_or((rest, ""));
            params.push(param.to_owned());
            rest = after;
        }
        Ok(Self { tags, source, command: command.to_owned(), params })
    }

    /// Writes the message without its line end.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let mut line = String::new();
        for (index, (key, value)) in self.tags.iter().enumerate() {
            line.push(if index == 0 { '@' } else { ';' });
            line.push_str(key);
            if !value.is_empty() {
                line.push('=');
                line.push_str(&escape_tag_value(value));
            }
        }
        if !self.tags.is_empty() {
            line.push(' ');
        }
        if let Some(source) = &self.source {
            if source.contains(' ') || source.is_empty() {
                return Err(EncodeError::Head);
            }
            write!(line, ":{source} ").expect("writing to a String cannot fail");
        }
        if self.command.is_empty() || !self.command.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(EncodeError::Head);
        }
        line.push_str(&self.command);
        for (index, param) in self.params.iter().enumerate() {
            let bare = !param.is_empty() && !param.starts_with(':') && !param.contains(' ');
            line.push(' ');
            if index + 1 == self.params.len() {
                // A text is always written as a trailing parameter, even a single word: some old
                // servers cut it at the first space they find otherwise.
                if !bare || matches!(self.command.as_str(), "PRIVMSG" | "NOTICE" | "TOPIC") {
                    line.push(':');
                }
            } else if !bare {
                return Err(EncodeError::Middle);
            }
            line.push_str(param);
        }
        if line.contains(['\r', '\n', '\0']) {
            return Err(EncodeError::LineEnd);
        }
        Ok(line)
    }

    /// Compares the command without regard to case.
    #[must_use]
    pub fn is(&self, command: &str) -> bool {
        self.command.eq_ignore_ascii_case(command)
    }

    /// Returns the numeric, if the command is one.
    #[must_use]
    pub fn numeric(&self) -> Option<u16> {
        if self.command.len() == 3 { self.command.parse().ok() } else { None }
    }

    /// Returns a parameter, or the empty text where there is none: servers leave them out.
    #[must_use]
    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }

    /// Returns the last parameter, where servers put words for people.
    #[must_use]
    pub fn last(&self) -> &str {
        self.params.last().map_or("", String::as_str)
    }

    /// Returns a tag's value.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns the source in its parts; empty where the line has none.
    #[must_use]
    pub fn from(&self) -> Source {
        Source::parse(self.source.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(line: &str) -> Message {
        Message::parse(line.as_bytes(), Encoding::default()).unwrap()
    }

    #[test]
    fn nothing_and_half_a_line_are_told_apart_from_messages() {
        let parse = |line: &[u8]| Message::parse(line, Encoding::default());
        assert_eq!(parse(b""), Err(ParseError::Empty));
        assert_eq!(parse(b"  \r\n"), Err(ParseError::Empty));
        assert_eq!(parse(b"@a=b"), Err(ParseError::NoCommand));
        assert_eq!(parse(b":only.source "), Err(ParseError::NoCommand));
    }

    #[test]
    fn a_text_with_a_line_end_is_refused_instead_of_becoming_two_commands() {
        let smuggler = Message::new("PRIVMSG", ["#a", "hi\r\nQUIT"]);
        assert_eq!(smuggler.encode(), Err(EncodeError::LineEnd));
        assert_eq!(Message::new("JOIN", ["#a b", "key"]).encode(), Err(EncodeError::Middle));
    }

    #[test]
    fn a_tag_section_of_the_full_length_is_read() {
        let value = "x".repeat(8191 - 6);
        let message = parse(&format!("@key={value} PING :a"));
        assert_eq!(message.tag("key").map(str::len), Some(value.len()));
    }

    #[test]
    fn tags_stay_utf8_when_the_text_is_not() {
        let mut line = "@display=\u{fc} :a!b@c PRIVMSG #d :".as_bytes().to_vec();
        line.push(0xfc);
        let message = Message::parse(&line, Encoding::default()).unwrap();
        assert_eq!(message.tag("display"), Some("\u{fc}"));
        assert_eq!(message.last(), "\u{fc}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(message) = Message::parse(&bytes, Encoding::default()) {
                prop_assert!(!message.command.is_empty());
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            tags in proptest::collection::btree_map("[a-z+/-]{1,9}", "[^\0]{0,20}", 0..4),
            source in proptest::option::of("[^ :@\r\n\0][^ \r\n\0]{0,20}"),
            command in "[A-Z]{1,10}|[0-9]{3}",
            middle in proptest::collection::vec("[^ :\r\n\0][^ \r\n\0]{0,12}", 0..5),
            last in proptest::option::of("[^\r\n\0]{0,200}"),
        ) {
            let message = Message {
                tags: tags.into_iter().collect(),
                source,
                command,
                params: middle.into_iter().chain(last).collect(),
            };
            let line = message.encode().unwrap();
            prop_assert_eq!(parse(&line), message.clone());
            prop_assert_eq!(parse(&format!("{line}\r\n")), message);
        }
    }
}
