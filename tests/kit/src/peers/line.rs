//! A line of IRC as the observer reads it. Written apart from the bridge's own parser on purpose: the observer must not
//! share its mistakes.

use std::collections::BTreeMap;

/// One parsed line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub tags: BTreeMap<String, String>,
    /// Who it is from: `nick!user@host` or a server name; empty when the line has none.
    pub source: String,
    pub command: String,
    pub params: Vec<String>,
}

impl Line {
    /// Reads a line without its line end.
    pub fn parse(text: &str) -> Line {
        let mut line = Line::default();
        let mut rest = text;
        if let Some(tagged) = rest.strip_prefix('@') {
            let (tags, after) = split_word(tagged);
            line.tags = tags.split(';').map(parse_tag).collect();
            rest = after;
        }
        if let Some(sourced) = rest.strip_prefix(':') {
            let (source, after) = split_word(sourced);
            source.clone_into(&mut line.source);
            rest = after;
        }
        let (command, mut rest) = split_word(rest);
        line.command = command.to_ascii_uppercase();
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                line.params.push(trailing.to_owned());
                break;
            }
            let (word, after) = split_word(rest);
            line.params.push(word.to_owned());
            rest = after;
        }
        line
    }

    /// Returns the nick of the source.
    pub fn nick(&self) -> &str {
        self.source.split(['!', '@']).next().unwrap_or_default()
    }

    /// Returns a parameter, or nothing where there is none.
    pub fn param(&self, at: usize) -> &str {
        self.params.get(at).map_or("", String::as_str)
    }

    /// Returns the last parameter: the text of messages and the words of refusals.
    pub fn text(&self) -> &str {
        self.params.last().map_or("", String::as_str)
    }

    /// Tells whether this is a PRIVMSG to `target` (compared without case).
    pub fn is_message_to(&self, target: &str) -> bool {
        self.command == "PRIVMSG" && self.param(0).eq_ignore_ascii_case(target)
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start_matches(' '))
}

fn parse_tag(tag: &str) -> (String, String) {
    let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
    (key.to_owned(), value.replace("\\:", ";").replace("\\s", " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_everything_is_taken_apart() {
        let line = Line::parse(
            "@time=2026-01-02T03:04:05.678Z;msgid=a\\:b :bob!b@host PRIVMSG #room :hello  there",
        );
        assert_eq!(line.tags["msgid"], "a;b");
        assert_eq!(line.nick(), "bob");
        assert!(line.is_message_to("#ROOM"));
        assert_eq!(line.text(), "hello  there");
    }

    #[test]
    fn a_line_may_have_no_source_and_no_trailing_parameter() {
        let line = Line::parse("PING irc.test");
        assert_eq!((line.command.as_str(), line.param(0)), ("PING", "irc.test"));
        assert_eq!(line.nick(), "");
    }
}
