//! Who may read what: a room's history visibility, judged at the time of each event.
//!
//! Membership and visibility change rarely, so the answer is a few ranges of stream positions. Everything that
//! reads events asks for them first and reads nothing else.

use ruma::UserId;
use support_db::DbError;

use crate::store::{self, Reader, events::Change};

/// The parts of a room's history that somebody may read, as inclusive ranges in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    ranges: Vec<(i64, i64)>,
}

impl Sight {
    /// Finds out what a user may read in a room.
    pub(crate) async fn of(
        db: &mut impl Reader,
        room_nid: i64,
        user_id: &UserId,
    ) -> Result<Self, DbError> {
        let membership = store::memberships::of_user_in(db, user_id, room_nid).await?;
        if membership.as_ref().is_some_and(|membership| membership.forgotten) {
            return Ok(Self { ranges: Vec::new() });
        }
        let members = match membership {
            Some(_) => {
                store::events::history_of(db, room_nid, "m.room.member", user_id.as_str()).await?
            }
            None => Vec::new(),
        };
        let rules =
            store::events::history_of(db, room_nid, "m.room.history_visibility", "").await?;
        Ok(Self::of_histories(&members, &rules))
    }

    /// Sees all there is.
    pub(crate) fn everything() -> Self {
        Self { ranges: vec![(0, i64::MAX)] }
    }

    /// Finds out what a user may read from what became of him and of the room's rule, oldest first.
    pub(crate) fn of_histories(members: &[Change], rules: &[Change]) -> Self {
        let members = members.iter().map(|change| {
            let membership =
                change.membership.as_deref().map_or(Membership::Leave, Membership::read);
            (change.position, membership)
        });
        let rules = rules.iter().map(|change| (change.position, Rule::read(change)));
        Self::from_changes(&members.collect::<Vec<_>>(), &rules.collect::<Vec<_>>())
    }

    /// Returns whether the event at a position may be read.
    pub(crate) fn sees(&self, position: i64) -> bool {
        self.ranges.iter().any(|&(from, to)| from <= position && position <= to)
    }

    /// Returns the last position that may be read.
    pub(crate) fn last(&self) -> i64 {
        self.ranges.last().map_or(-1, |range| range.1)
    }

    /// Returns the readable parts between two positions (both inclusive), ascending.
    pub(crate) fn between(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        self.ranges
            .iter()
            .map(|&(start, end)| (start.max(from), end.min(to)))
            .filter(|(start, end)| start <= end)
            .collect()
    }

    fn from_changes(members: &[(i64, Membership)], rules: &[(i64, Rule)]) -> Self {
        let last_join = members
            .iter()
            .rev()
            .find(|(_, membership)| *membership == Membership::Join)
            .map_or(0, |(position, _)| *position);
        let mut turns: Vec<i64> =
            members.iter().map(|c| c.0).chain(rules.iter().map(|c| c.0)).collect();
        turns.sort_unstable();
        turns.dedup();
        let mut sight = Self { ranges: Vec::new() };
        // What was inserted before everything has no rule of its own: it is shown where all of a room's past is.
        match rules.last().map_or(Rule::Shared, |(_, rule)| *rule) {
            Rule::WorldReadable => sight.add(i64::MIN, 0),
            Rule::Shared if last_join > 0 => sight.add(i64::MIN, 0),
            _ => {}
        }
        let mut now = (Membership::Leave, Rule::Shared);
        let mut from = 1;
        for turn in turns {
            sight.add_span(from, turn - 1, now, last_join);
            let before = now;
            now.0 = at(members, turn).unwrap_or(now.0);
            now.1 = at(rules, turn).unwrap_or(now.1);
            // The event that changes something may be read by who could read before or can read now, and
            // everybody may read what happened to himself.
            if at(members, turn).is_some()
                || may_read(before, turn, last_join)
                || may_read(now, turn, last_join)
            {
                sight.add(turn, turn);
            }
            from = turn + 1;
        }
        sight.add_span(from, i64::MAX, now, last_join);
        sight
    }

    /// Adds the readable part of a span in which nothing changed.
    fn add_span(&mut self, from: i64, to: i64, now: (Membership, Rule), last_join: i64) {
        if may_read(now, to, last_join) {
            self.add(from, to);
        } else if now.1 == Rule::Shared {
            self.add(from, to.min(last_join));
        }
    }

    fn add(&mut self, from: i64, to: i64) {
        if from > to {
            return;
        }
        match self.ranges.last_mut() {
            Some((_, end)) if *end + 1 == from => *end = to,
            _ => self.ranges.push((from, to)),
        }
    }
}

fn at<T: Copy>(changes: &[(i64, T)], position: i64) -> Option<T> {
    changes.iter().find(|(known, _)| *known == position).map(|(_, value)| *value)
}

fn may_read((membership, rule): (Membership, Rule), position: i64, last_join: i64) -> bool {
    match rule {
        Rule::WorldReadable => true,
        _ if membership == Membership::Join => true,
        Rule::Shared => position <= last_join,
        Rule::Invited => membership == Membership::Invite,
        Rule::Joined => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    Join,
    Invite,
    Leave,
}

impl Membership {
    fn read(text: &str) -> Self {
        match text {
            "join" => Self::Join,
            "invite" => Self::Invite,
            _ => Self::Leave,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    WorldReadable,
    Shared,
    Invited,
    Joined,
}

impl Rule {
    fn read(change: &Change) -> Self {
        #[derive(serde::Deserialize)]
        struct Event {
            content: Content,
        }
        #[derive(serde::Deserialize)]
        struct Content {
            history_visibility: String,
        }
        let event: Option<Event> = serde_json::from_str(&change.json).ok();
        match event.as_ref().map(|event| event.content.history_visibility.as_str()) {
            Some("world_readable") => Self::WorldReadable,
            Some("invited") => Self::Invited,
            Some("joined") => Self::Joined,
            _ => Self::Shared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Membership::*, *};

    fn ranges(members: &[(i64, Membership)], rules: &[(i64, Rule)]) -> Vec<(i64, i64)> {
        Sight::from_changes(members, rules).between(1, i64::MAX)
    }

    #[test]
    fn a_member_of_a_shared_room_reads_everything() {
        assert_eq!(ranges(&[(9, Join)], &[(4, Rule::Shared)]), [(1, i64::MAX)]);
    }

    #[test]
    fn who_left_reads_up_to_the_leave() {
        assert_eq!(ranges(&[(2, Join), (9, Leave)], &[]), [(1, 9)]);
        let back = [(2, Join), (9, Leave), (12, Join)];
        assert_eq!(ranges(&back, &[(1, Rule::Joined)]), [(1, 9), (12, i64::MAX)]);
        assert_eq!(ranges(&back, &[(1, Rule::Shared)]), [(1, i64::MAX)]);
    }

    #[test]
    fn who_is_only_invited_reads_his_invitation_and_what_the_rule_allows() {
        assert_eq!(ranges(&[(5, Invite)], &[(1, Rule::Invited)]), [(5, i64::MAX)]);
        assert_eq!(ranges(&[(5, Invite)], &[(1, Rule::Shared)]), [(5, 5)]);
        assert_eq!(ranges(&[], &[(3, Rule::WorldReadable), (7, Rule::Joined)]), [(3, 7)]);
    }

    #[test]
    fn a_rule_holds_from_its_change_on() {
        let members = [(10, Join)];
        let rules = [(1, Rule::Shared), (5, Rule::Joined), (8, Rule::Shared)];
        assert_eq!(ranges(&members, &rules), [(1, 5), (8, i64::MAX)]);
    }

    #[test]
    fn inserted_history_is_shown_where_the_whole_past_is() {
        let sees = |members: &[_], rules: &[_]| Sight::from_changes(members, rules).sees(-7);
        assert!(sees(&[(9, Join)], &[]) && sees(&[(9, Join), (12, Leave)], &[(4, Rule::Shared)]));
        assert!(sees(&[], &[(4, Rule::WorldReadable)]));
        assert!(!sees(&[(9, Invite)], &[]) && !sees(&[], &[]));
        for rule in [Rule::Joined, Rule::Invited] {
            assert!(!sees(&[(9, Join)], &[(4, rule)]));
        }
    }

    #[test]
    fn ranges_are_cut_to_what_is_asked_for() {
        let sight = Sight { ranges: vec![(0, 5), (8, i64::MAX)] };
        assert_eq!(sight.between(3, 9), [(3, 5), (8, 9)]);
        assert_eq!(sight.between(6, 7), []);
        assert!(sight.sees(5) && !sight.sees(6));
    }
}
