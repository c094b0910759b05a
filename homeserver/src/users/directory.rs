//! Finding people: by the beginnings of the words of their names, among those who share a room with whoever asks and
//! those who are in rooms open to everybody. Ghosts are people too, but come after them.

use ruma::{OwnedUserId, UserId};

use super::Users;
use crate::{
    error::Result,
    store::users::{self, Found},
};

/// The longest answer.
const MOST: usize = 500;

/// Somebody who was found.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) user_id: OwnedUserId,
    pub(crate) displayname: Option<String>,
    pub(crate) avatar_url: Option<String>,
}

impl Users {
    /// Returns who is found, and whether there are more than the limit allows.
    pub(crate) async fn search(
        &self,
        searcher: &UserId,
        term: &str,
        limit: usize,
    ) -> Result<(Vec<Person>, bool)> {
        let Some(term) = Term::read(term) else { return Ok((Vec::new(), false)) };
        let visible = users::visible_to(&self.db, searcher.as_str()).await?;
        let mut found: Vec<_> =
            visible.into_iter().filter_map(|one| Some((term.rank(&one)?, one))).collect();
        found.sort_by(|(rank_a, a), (rank_b, b)| {
            (rank_a, a.is_ghost, &a.user_id).cmp(&(rank_b, b.is_ghost, &b.user_id))
        });
        let limit = limit.min(MOST);
        let limited = found.len() > limit;
        let people = found.into_iter().take(limit).filter_map(|(_, one)| {
            Some(Person {
                user_id: UserId::parse(one.user_id).ok()?,
                displayname: one.displayname,
                avatar_url: one.avatar_url,
            })
        });
        Ok((people.collect(), limited))
    }
}

/// What is looked for.
struct Term {
    /// The whole, folded.
    whole: String,
    words: Vec<String>,
}

impl Term {
    fn read(text: &str) -> Option<Self> {
        let whole = fold(text.trim());
        let words = words(&whole).map(str::to_owned).collect();
        (!whole.is_empty()).then_some(Self { whole, words })
    }

    /// Says how well somebody fits, the best lowest; `None` if not at all.
    fn rank(&self, one: &Found) -> Option<u8> {
        let user_id = fold(&one.user_id);
        let localpart = user_id.trim_start_matches('@').split(':').next().unwrap_or_default();
        let name = fold(one.displayname.as_deref().unwrap_or_default());
        if self.whole == user_id || self.whole == localpart || self.whole == name {
            return Some(0);
        }
        if self.whole.starts_with('@') {
            return user_id.starts_with(&self.whole).then_some(1);
        }
        if name.starts_with(&self.whole) || localpart.starts_with(&self.whole) {
            return Some(1);
        }
        let begins = |word: &String| {
            words(&name).chain(words(localpart)).any(|one| one.starts_with(word.as_str()))
        };
        (!self.words.is_empty() && self.words.iter().all(begins)).then_some(2)
    }
}

/// Makes texts equal that differ only in case, in any script: ß and SS, Σ and ς.
pub(crate) fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(term: &str, user_id: &str, displayname: Option<&str>) -> Option<u8> {
        let one = Found {
            user_id: user_id.to_owned(),
            displayname: displayname.map(str::to_owned),
            avatar_url: None,
            is_ghost: false,
        };
        Term::read(term)?.rank(&one)
    }

    #[test]
    fn people_are_found_by_how_the_words_of_their_names_begin() {
        for (term, name, expected) in [
            ("alice", None, Some(0)),
            ("@alice:hs", None, Some(0)),
            ("al", None, Some(1)),
            ("@ali", None, Some(1)),
            ("lice", None, None),
            ("liddell", Some("Alice Liddell"), Some(2)),
            ("lid ali", Some("Alice Liddell"), Some(2)),
            ("alice li", Some("Alice Liddell"), Some(1)),
            ("lid bob", Some("Alice Liddell"), None),
            ("МОСК", Some("из Москвы"), Some(2)),
            ("strasse", Some("Große Straße"), Some(2)),
            ("%", Some("100%"), None),
            ("", Some("Alice"), None),
            ("hs", None, None),
        ] {
            assert_eq!(rank(term, "@alice:hs", name), expected, "{term} {name:?}");
        }
    }
}
