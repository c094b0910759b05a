//! What can be read off all that has happened.

use super::{Happening, Room, Update, World, room};
use crate::ids::Place;
use crate::network::{DemoFile, Said};

impl World {
    /// Returns what is pinned in a group, in order.
    pub(in crate::network) fn pinned(&self, group: &str) -> Vec<i64> {
        let there = Room::Group(group.to_owned());
        let mut pinned = Vec::new();
        for update in self.log.iter().filter(|update| self.now(&update.room) == there) {
            if let Happening::Pinned { target, pinned: set } = &update.what {
                pinned.retain(|number| number != target);
                pinned.extend(set.then_some(*target));
            }
        }
        pinned
    }

    pub(in crate::network) fn find_by_key(&self, account: &str, key: &str) -> Option<(i64, i64)> {
        let number = *self.by_key.get(&(account.to_owned(), key.to_owned()))?;
        let update = self.log.iter().rev().find(|update| update.number == number)?;
        Some((number, update.at))
    }

    /// Returns what happened after a number where an account was.
    pub(in crate::network) fn updates(
        &self,
        account: &str,
        after: i64,
        most: usize,
    ) -> Vec<Update> {
        let first = self.log.partition_point(|update| update.number <= after);
        let heard = self.log[first..].iter().filter(|update| self.hears(account, update));
        let mut before = after;
        let told = heard.take(most).map(|update| {
            let after = std::mem::replace(&mut before, update.number);
            Update { after, ..update.clone() }
        });
        told.collect()
    }

    fn hears(&self, account: &str, update: &Update) -> bool {
        match &update.room {
            Room::Between(one, other) => one == account || other == account,
            Room::Group(name) => self.group(name).is_some_and(|group| {
                group.stays.iter().any(|stay| stay.who == account && stay.spans(update.number))
            }),
        }
    }

    pub(in crate::network) fn said(&self, place: &Place, seen_by: &str) -> Vec<Said> {
        let room = room(place, seen_by);
        let mut said: Vec<Said> = Vec::new();
        for update in self.log.iter().filter(|update| self.now(&update.room) == room) {
            let by = update.by.clone();
            match &update.what {
                Happening::Said { kind, text, html, reply_to, thread, file } => said.push(Said {
                    number: update.number,
                    by,
                    kind: *kind,
                    text: text.clone(),
                    html: html.clone(),
                    edited: false,
                    reply_to: *reply_to,
                    thread: *thread,
                    file: file.clone(),
                    reactions: Vec::new(),
                }),
                Happening::Edited { target, text } => {
                    for one in said.iter_mut().filter(|one| one.number == *target) {
                        (one.text, one.html, one.edited) = (text.clone(), None, true);
                    }
                }
                Happening::TakenBack { target } => said.retain(|one| one.number != *target),
                Happening::Reacted { target, emoji, set } => {
                    for one in said.iter_mut().filter(|one| one.number == *target) {
                        // Kept as often as it was set: a doubled reaction is to be seen.
                        match set {
                            true => one.reactions.push((by.clone(), emoji.clone())),
                            false => one.reactions.retain(|(who, e)| (who, e) != (&by, emoji)),
                        }
                    }
                }
                _ => {}
            }
        }
        said
    }

    /// Returns up to where somebody has read in a group, as far as is known.
    pub(in crate::network) fn read_up_to(&self, who: &str, group: &str) -> Option<i64> {
        let there = Room::Group(group.to_owned());
        let mut news = self.log.iter().rev().filter(|update| self.now(&update.room) == there);
        news.find_map(|update| match &update.what {
            Happening::Read { target } if update.by == who => Some(*target),
            _ => None,
        })
    }

    /// Whether somebody types in a group.
    pub(in crate::network) fn types(&self, who: &str, group: &str) -> bool {
        let there = Room::Group(group.to_owned());
        let mut news = self.log.iter().rev().filter(|update| self.now(&update.room) == there);
        let last = news.find_map(|update| match &update.what {
            Happening::Typing { typing } if update.by == who => Some(*typing),
            _ => None,
        });
        last.unwrap_or(false)
    }

    /// Returns the picture an update gave a group.
    pub(in crate::network) fn group_picture(&self, number: i64) -> Option<DemoFile> {
        let update = self.log.iter().find(|update| update.number == number)?;
        match &update.what {
            Happening::Pictured(file) => file.clone(),
            _ => None,
        }
    }

    /// Returns one file of an album.
    pub(in crate::network) fn picture(&self, number: i64, part: usize) -> Option<DemoFile> {
        let update = self.log.iter().find(|update| update.number == number)?;
        match &update.what {
            Happening::Album { files, .. } => files.get(part).cloned(),
            _ => None,
        }
    }

    pub(in crate::network) fn file(&self, number: i64) -> Option<DemoFile> {
        let update = self.log.iter().find(|update| update.number == number)?;
        match &update.what {
            // What was forgotten has no bytes left.
            Happening::Said { file, .. } => file.clone().filter(|file| !file.bytes.is_empty()),
            _ => None,
        }
    }

    /// Returns somebody's rank in a group.
    pub(in crate::network) fn level(&self, who: &str, group: &str) -> i64 {
        let there = Room::Group(group.to_owned());
        let mut news = self.log.iter().rev().filter(|update| self.now(&update.room) == there);
        let ranked = news.find_map(|update| match &update.what {
            Happening::Ranked { who: ranked, level } if ranked == who => Some(*level),
            _ => None,
        });
        ranked.unwrap_or(0)
    }
}
