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

    /// Returns when the server says that this happened (`server-time`): milliseconds since 1970.
    pub fn server_time_ms(&self) -> Option<i64> {
        parse_time(self.tags.get("time")?)
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

/// Reads `2026-01-02T03:04:05.678Z`, the one form that server-time has.
fn parse_time(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, milliseconds) = time.split_once('.')?;
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    let seconds = ((days_since_1970(year, month, day) * 24 + hours) * 60 + minutes) * 60 + seconds;
    Some(seconds * 1000 + milliseconds.parse::<i64>().ok()?)
}

/// Counts days with years that begin in March, so that the leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
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
        assert_eq!(line.server_time_ms(), Some(1_767_323_045_678));
    }

    #[test]
    fn a_line_may_have_no_source_and_no_trailing_parameter() {
        let line = Line::parse("PING irc.test");
        assert_eq!((line.command.as_str(), line.param(0)), ("PING", "irc.test"));
        assert_eq!(line.nick(), "");
    }
}
