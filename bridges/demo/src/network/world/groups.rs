//! Groups: who is in them, who may come, and what they are called.

use super::{Deed, Group, Happening, Refused, Room, Stay, World};
use crate::ids::Place;

impl World {
    /// Returns a group by the name it has, or had.
    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        let by_name = self.groups.get(name);
        by_name.or_else(|| self.groups.values().find(|group| group.formerly.contains(name)))
    }

    /// Returns a room by the name it has now.
    pub(super) fn now(&self, room: &Room) -> Room {
        let Room::Group(name) = room else { return room.clone() };
        if self.groups.contains_key(name) {
            return room.clone();
        }
        let mut groups = self.groups.iter();
        let found = groups.find(|(_, group)| group.formerly.contains(name));
        found.map_or_else(|| room.clone(), |(now, _)| Room::Group(now.clone()))
    }

    pub(in crate::network) fn come(&mut self, who: &str, group: &str, now: i64) {
        self.people.insert(who.to_owned());
        let from = self.newest() + 1;
        let Some(entered) = self.groups.get_mut(group) else { return };
        if !entered.banned.contains(who) && entered.members.insert(who.to_owned()) {
            entered.invited.remove(who);
            entered.knocking.remove(who);
            entered.stays.push(Stay { who: who.to_owned(), from, until: None });
            self.note(who, Room::Group(group.to_owned()), Happening::Came(who.to_owned()), now);
        }
    }

    pub(in crate::network) fn go(&mut self, who: &str, group: &str, now: i64) {
        self.end_membership(who, who, group, Happening::Went(who.to_owned()), now);
    }

    /// Removes somebody who is there; `ban` keeps them out.
    pub(super) fn remove(
        &mut self,
        by: &str,
        who: &str,
        group: &str,
        ban: bool,
        reason: &str,
        now: i64,
    ) {
        let (whom, reason) = (who.to_owned(), reason.to_owned());
        let what = match ban {
            true => Happening::Banned(whom, reason),
            false => Happening::Removed(whom, reason),
        };
        if let Some(there) = self.groups.get_mut(group).filter(|_| ban) {
            there.banned.insert(who.to_owned());
        }
        self.end_membership(by, who, group, what, now);
    }

    fn end_membership(&mut self, by: &str, who: &str, group: &str, what: Happening, now: i64) {
        let end = self.newest() + 1;
        let Some(left) = self.groups.get_mut(group) else { return };
        if left.members.remove(who) {
            let stay = left.stays.iter_mut().find(|stay| stay.who == who && stay.until.is_none());
            if let Some(stay) = stay {
                stay.until = Some(end);
            }
            self.note(by, Room::Group(group.to_owned()), what, now);
        }
    }

    pub(super) fn describe_anew(&mut self, place: &Place, change: impl FnOnce(&mut Group)) {
        if let Place::Group(name) = place
            && let Some(group) = self.groups.get_mut(name)
        {
            change(group);
        }
    }

    /// Has somebody ask to come in.
    pub(super) fn knock(&mut self, who: &str, name: &str, now: i64) {
        self.people.insert(who.to_owned());
        if let Some(group) = self.groups.get_mut(name)
            && !group.members.contains(who)
        {
            group.knocking.insert(who.to_owned());
            self.note(who, Room::Group(name.to_owned()), Happening::Knocked, now);
        }
    }

    /// Asks somebody in; who has asked for it comes at once.
    pub(super) fn invite(&mut self, by: &str, who: &str, name: &str, now: i64) {
        self.people.insert(who.to_owned());
        let Some(group) = self.groups.get_mut(name) else { return };
        let asked = group.knocking.remove(who);
        group.invited.insert(who.to_owned());
        let what = Happening::Invited(who.to_owned());
        self.note(by, Room::Group(name.to_owned()), what, now);
        if asked {
            self.come(who, name, now);
        }
    }

    pub(super) fn unban(&mut self, by: &str, who: &str, name: &str, now: i64) {
        let Some(group) = self.groups.get_mut(name) else { return };
        if group.banned.remove(who) {
            let what = Happening::Unbanned(who.to_owned());
            self.note(by, Room::Group(name.to_owned()), what, now);
        }
    }

    /// Gives a group another id. Who was there is told.
    pub(in crate::network) fn move_group(&mut self, by: &str, old: &str, new: &str, now: i64) {
        if self.groups.contains_key(new) {
            return;
        }
        let Some(mut group) = self.groups.remove(old) else { return };
        group.formerly.insert(old.to_owned());
        self.groups.insert(new.to_owned(), group);
        let what = Happening::Moved { old: old.to_owned(), new: new.to_owned() };
        self.note(by, Room::Group(new.to_owned()), what, now);
    }

    /// Gives somebody another id. Every group they are in is told.
    pub(in crate::network) fn rename_person(&mut self, old: &str, new: &str, now: i64) {
        self.people.remove(old);
        self.people.insert(new.to_owned());
        let mut there = Vec::new();
        for (name, group) in &mut self.groups {
            for stay in group.stays.iter_mut().filter(|stay| stay.who == old) {
                new.clone_into(&mut stay.who);
            }
            if group.members.remove(old) {
                group.members.insert(new.to_owned());
                there.push(name.clone());
            }
        }
        for name in there {
            let what = Happening::Renamed { old: old.to_owned(), new: new.to_owned() };
            self.note(new, Room::Group(name), what, now);
        }
    }

    /// Whether an account may do this to a group.
    pub(super) fn may(&self, account: &str, name: &str, deed: &Deed) -> Result<(), Refused> {
        let group = self.groups.get(name).filter(|group| !group.closed);
        let group = group.ok_or(Refused::NoSuchChat)?;
        if !group.members.contains(account) {
            return Err(Refused::NotAMember);
        }
        let because = |words: String| Err(Refused::Because(words));
        match deed {
            Deed::Remove { who, .. } if !group.members.contains(who) => {
                because(format!("{who} is not there"))
            }
            Deed::Unban { who } if !group.banned.contains(who) => {
                because(format!("{who} is not banned"))
            }
            Deed::Invite { who } if group.members.contains(who) => {
                because(format!("{who} is there already"))
            }
            Deed::Close { .. } if self.level(account, name) < OPERATOR => {
                because("only its operators end a group".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// The rank from which one decides what becomes of a group.
const OPERATOR: i64 = 50;
