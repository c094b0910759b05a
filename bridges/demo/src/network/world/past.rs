//! What was said before, as who asks now is shown it.

use std::collections::{HashMap, HashSet};

use super::{Happening, Update, World, room};
use crate::ids::Place;

impl World {
    /// Returns the newest messages before a number, oldest first, each with the reactions it has; and
    /// whether there is nothing before them.
    pub(in crate::network) fn past(
        &self,
        account: &str,
        place: &Place,
        before: Option<i64>,
        count: usize,
    ) -> (Vec<Update>, bool) {
        let room = room(place, account);
        let mut edits: HashMap<i64, &str> = HashMap::new();
        let mut gone: HashSet<i64> = HashSet::new();
        let mut reactions: HashMap<i64, Vec<&Update>> = HashMap::new();
        for update in self.log.iter().filter(|update| update.room == room) {
            match &update.what {
                Happening::Edited { target, text } => {
                    edits.insert(*target, text);
                }
                Happening::TakenBack { target } => {
                    gone.insert(*target);
                }
                Happening::Reacted { target, emoji, set } => {
                    let standing = reactions.entry(*target).or_default();
                    standing.retain(|one| {
                        !matches!(&one.what, Happening::Reacted { emoji: known, .. }
                            if known == emoji && one.by == update.by)
                    });
                    standing.extend(set.then_some(update));
                }
                _ => {}
            }
        }
        let is_meant = |update: &&Update| {
            update.room == room
                && before.is_none_or(|before| update.number < before)
                && !gone.contains(&update.number)
                && matches!(
                    update.what,
                    Happening::Said { .. } | Happening::Album { .. } | Happening::Asked { .. }
                )
        };
        let mut messages = self.log.iter().rev().filter(is_meant);
        let mut page: Vec<Update> = messages.by_ref().take(count).cloned().collect();
        let is_first = messages.next().is_none();
        page.reverse();
        let mut past = Vec::with_capacity(page.len());
        for mut message in page {
            let number = message.number;
            if let (Some(now), Happening::Said { text, html, .. }) =
                (edits.get(&number), &mut message.what)
            {
                (*text, *html) = ((*now).to_owned(), None);
            }
            past.push(message);
            for reaction in reactions.get(&number).into_iter().flatten() {
                past.push(Update { number, ..(*reaction).clone() });
            }
        }
        (past, is_first)
    }

    /// Returns the groups somebody is in.
    pub(in crate::network) fn groups_of(&self, account: &str) -> Vec<String> {
        let groups = self.groups.iter().filter(|(_, group)| group.members.contains(account));
        groups.map(|(name, _)| name.clone()).collect()
    }
}
