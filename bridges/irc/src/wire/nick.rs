//! Nicks that a server accepts: made from any name, with alternates for when one is taken.

/// What servers without NICKLEN accept (RFC 2812 says 9, nobody still does).
const DEFAULT_NICK_LENGTH: usize = 16;

/// Returns `name` with everything replaced that no nick may hold. Never empty.
#[must_use]
pub fn sanitise_nick(name: &str, max_length: Option<usize>) -> String {
    let max_length = max_length.unwrap_or(DEFAULT_NICK_LENGTH).max(1);
    let mut nick: String = name
        .trim()
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => character,
            '[' | ']' | '\\' | '`' | '_' | '^' | '{' | '|' | '}' | '-' => character,
            _ => '_',
        })
        .collect();
    // A nick may not begin with a digit or a hyphen.
    if nick.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        nick.insert(0, '_');
    }
    if nick.is_empty() {
        nick.push_str("guest");
    }
    nick.truncate(max_length);
    nick
}

/// Returns a user name ("ident") made from `name`: letters and digits, at most ten.
#[must_use]
pub fn sanitise_username(name: &str) -> String {
    let mut user: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(10)
        .collect();
    if user.is_empty() {
        user.push_str("rialto");
    }
    user
}

/// The wanted nick, and then others like it, for as long as the server says "in use".
#[derive(Debug, Clone)]
pub struct NickCandidates {
    wanted: String,
    max_length: Option<usize>,
    tried: u32,
}

impl NickCandidates {
    /// Begins with `wanted` itself.
    #[must_use]
    pub fn new(wanted: &str) -> Self {
        Self { wanted: wanted.to_owned(), max_length: None, tried: 0 }
    }

    /// Remembers that the server cuts nicks at this length.
    pub fn limit_length(&mut self, max_length: usize) {
        self.max_length = Some(max_length);
    }

    /// Returns the next nick to try: `nick`, `nick_`, `nick__`, then `nick1` up to `nick97`, and
    /// then gives up. The suffix stays when the nick is cut, else all alternates would be one.
    pub fn next_nick(&mut self) -> Option<String> {
        let suffix = match self.tried {
            0 => String::new(),
            1 => "_".to_owned(),
            2 => "__".to_owned(),
            number if number < 100 => (number - 2).to_string(),
            _ => return None,
        };
        self.tried += 1;
        let room = self.max_length.map_or(usize::MAX, |max| max.saturating_sub(suffix.len()));
        let mut end = self.wanted.len().min(room);
        while !self.wanted.is_char_boundary(end) {
            end -= 1;
        }
        Some(format!("{}{suffix}", &self.wanted[..end]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_nicks() {
        assert_eq!(sanitise_nick("alice", None), "alice");
        assert_eq!(sanitise_nick("J\u{fc}rgen M.", None), "J_rgen_M_");
        assert_eq!(sanitise_nick("42", None), "_42");
        assert_eq!(sanitise_nick("", None), "guest");
        assert_eq!(sanitise_nick("averyveryverylongname", Some(9)), "averyvery");
        assert_eq!(sanitise_username("@al.ice:example.org"), "al.iceexam");
        assert_eq!(sanitise_username("\u{fc}\u{fc}"), "rialto");
    }

    #[test]
    fn alternates_keep_their_suffix_within_the_length() {
        let mut nicks = NickCandidates::new("alice");
        nicks.limit_length(5);
        let first: Vec<_> = std::iter::from_fn(|| nicks.next_nick()).take(4).collect();
        assert_eq!(first, ["alice", "alic_", "ali__", "alic1"]);
        assert_eq!(std::iter::from_fn(|| nicks.next_nick()).count(), 96);
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_nick(name in ".*", max in 1_usize..40) {
            let nick = sanitise_nick(&name, Some(max));
            prop_assert!(!nick.is_empty() && nick.len() <= max);
            prop_assert!(!nick.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
        }
    }
}
