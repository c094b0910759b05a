//! Words, quotes and `key=value` pairs of a command.

use super::PREFIX;
pub(super) use crate::spelling::nearest;

/// A word of a command.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// Plain.
    Plain(String),
    /// `key=value`.
    Pair(String, String),
}

/// A quote was opened and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenQuote;

/// Returns what follows `!rialto`, if the text begins with it.
pub(super) fn after_prefix(body: &str) -> Option<&str> {
    let rest = body.trim_start().strip_prefix(PREFIX)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// Splits a command into words. Quotes (`"` or `'`) keep spaces; a backslash within double quotes
/// takes the next character as it is. The part before `=` in a pair is never quoted.
pub(super) fn words(text: &str) -> Result<Vec<Word>, OpenQuote> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(words);
        }
        let (mut word, mut key) = (String::new(), None);
        let mut quote = None;
        while let Some(c) = rest.next_if(|c| quote.is_some() || !c.is_whitespace()) {
            match (quote, c) {
                (Some('"'), '\\') => word.extend(rest.next()),
                (Some(open), c) if c == open => quote = None,
                (Some(_), c) => word.push(c),
                (None, '"' | '\'') if word.is_empty() => quote = Some(c),
                (None, '=') if key.is_none() && is_key(&word) => {
                    key = Some(std::mem::take(&mut word));
                }
                (None, c) => word.push(c),
            }
        }
        if quote.is_some() {
            return Err(OpenQuote);
        }
        words.push(match key {
            Some(key) => Word::Pair(key, word),
            None => Word::Plain(word),
        });
    }
}

fn is_key(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(text: &str) -> String {
        let spell = |word: &Word| match word {
            Word::Plain(word) => format!("[{word}]"),
            Word::Pair(key, value) => format!("[{key}|{value}]"),
        };
        words(text).map_or("open quote".to_owned(), |words| words.iter().map(spell).collect())
    }

    #[test]
    fn values_may_be_quoted() {
        assert_eq!(spell("login libera nick=alice"), "[login][libera][nick|alice]");
        assert_eq!(spell(r#"a password="two words" b='x"y'"#), r#"[a][password|two words][b|x"y]"#);
        assert_eq!(spell(r#"p="a\"b\\c""#), r#"[p|a"b\c]"#);
        assert_eq!(spell("p=a=b  q="), "[p|a=b][q|]");
        assert_eq!(spell(r#"p="open"#), "open quote");
        assert_eq!(spell("  "), "");
    }

    #[test]
    fn a_chat_name_with_an_equals_sign_is_no_pair() {
        assert_eq!(spell("join libera #c=d"), "[join][libera][#c=d]");
        assert_eq!(spell(r##"join libera "#a b""##), "[join][libera][#a b]");
    }

    #[test]
    fn the_prefix_is_a_word_of_its_own() {
        assert_eq!(after_prefix("!rialto help"), Some("help"));
        assert_eq!(after_prefix(" !rialto"), Some(""));
        assert_eq!(after_prefix("!rialtohelp"), None);
        assert_eq!(after_prefix("help !rialto"), None);
    }

    #[test]
    fn a_mistyped_command_finds_its_neighbour() {
        let commands = ["help", "login", "logout", "list-logins", "join", "ping", "cancel"];
        let near = |word| nearest(word, commands.into_iter());
        assert_eq!(near("hlep"), Some("help"));
        assert_eq!(near("logn"), Some("login"));
        assert_eq!(near("list-login"), Some("list-logins"));
        assert_eq!(near("xyzzy"), None);
    }
}
