//! Nicks in a text: where somebody is called by name.

use std::ops::Range;

use bridge_core::ids::RemoteUserId;

use super::from_irc::PersonOf;

/// Somebody called by nick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// Where the nick stands.
    pub(super) range: Range<usize>,
    /// Who it is.
    pub(super) person: RemoteUserId,
}

/// Finds the nicks that `person_of` knows. A nick stands between spaces or the marks that people
/// write around names; inside an address, a path or a longer word it is none.
pub(super) fn mentions(text: &str, person_of: PersonOf<'_>) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split_inclusive([' ', '\t', '\n']) {
        let bare = word.trim_end_matches([' ', '\t', '\n']);
        if let Some((range, person)) = in_word(bare, &|nick| person_of(nick, start == 0)) {
            found.push(Mention { range: start + range.start..start + range.end, person });
        }
        start += word.len();
    }
    found
}

/// Marks that may stand before a nick.
const BEFORE: [char; 6] = ['<', '(', '"', '\'', '@', '*'];
/// Marks that may stand behind one.
const BEHIND: [char; 12] = [':', ',', ';', '.', '!', '?', '>', ')', '"', '\'', '*', '\u{2026}'];

fn in_word(
    word: &str,
    person_of: &dyn Fn(&str) -> Option<RemoteUserId>,
) -> Option<(Range<usize>, RemoteUserId)> {
    let start = word.len() - word.trim_start_matches(BEFORE).len();
    let end = start + word[start..].trim_end_matches(BEHIND).len();
    // "JCDenton's" is JCDenton too.
    let short = word[start..end].strip_suffix("'s").map(|short| start + short.len());
    let candidates = [Some(end), short].into_iter().flatten();
    candidates.filter(|&end| start < end).find_map(|end| {
        let person = person_of(&word[start..end])?;
        Some((start..end, person))
    })
}
