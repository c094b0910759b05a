//! What can be seen on the network, and waited for.

use super::{DemoFile, DemoNetwork, Said};
use crate::ids::Place;

impl DemoNetwork {
    /// Returns up to which message somebody has read a group.
    pub fn read_up_to(&self, who: &str, group: &str) -> Option<i64> {
        self.world().read_up_to(who, group)
    }

    /// Whether somebody types in a group.
    pub fn is_typing(&self, who: &str, group: &str) -> bool {
        self.world().types(who, group)
    }

    /// Waits until something is so.
    pub async fn wait_until(&self, is_so: impl Fn(&Self) -> bool) {
        let mut news = self.0.news.subscribe();
        while !is_so(self) {
            if news.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns how many files clients have brought.
    pub fn uploads(&self) -> usize {
        self.world().uploads.len()
    }

    /// Returns the pinned messages of a group.
    pub fn pinned(&self, group: &str) -> Vec<i64> {
        self.world().pinned(group)
    }

    /// Returns what a group is called.
    pub fn name(&self, group: &str) -> Option<String> {
        self.describe(group).ok().map(|group| group.name)
    }

    /// Returns what was said in a group, in order.
    pub fn said_in(&self, group: &str) -> Vec<Said> {
        self.world().said(&Place::Group(group.to_owned()), "")
    }

    /// Returns what was said between two people, in order.
    pub fn said_between(&self, one: &str, other: &str) -> Vec<Said> {
        self.world().said(&Place::With(other.to_owned()), one)
    }

    /// Returns who is in a group.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.describe(group).map(|group| group.members.into_iter().collect()).unwrap_or_default()
    }

    /// Returns a group's topic.
    pub fn topic(&self, group: &str) -> String {
        self.describe(group).map(|group| group.topic).unwrap_or_default()
    }

    /// Returns somebody's rank in a group, as a Matrix power level.
    pub fn rank(&self, who: &str, group: &str) -> i64 {
        self.level(who, group)
    }

    /// Returns who was asked into a group and has not come.
    pub fn invited(&self, group: &str) -> Vec<String> {
        self.describe(group).map(|group| group.invited.into_iter().collect()).unwrap_or_default()
    }

    /// Returns who is kept out of a group.
    pub fn banned(&self, group: &str) -> Vec<String> {
        self.describe(group).map(|group| group.banned.into_iter().collect()).unwrap_or_default()
    }

    /// Returns a group's picture.
    pub fn picture(&self, group: &str) -> Option<DemoFile> {
        self.describe(group).ok()?.picture.map(|(_, file)| file)
    }

    /// Returns for how long a group's messages stay, in milliseconds; 0: for good.
    pub fn disappearing_ms(&self, group: &str) -> i64 {
        self.describe(group).map(|group| group.disappearing_ms).unwrap_or_default()
    }

    /// Whether a group was ended.
    pub fn is_closed(&self, group: &str) -> bool {
        self.describe(group).is_ok_and(|group| group.closed)
    }

    /// Waits until what was said in a group fits, and returns it.
    pub async fn wait_said_in(&self, group: &str, fits: impl Fn(&[Said]) -> bool) -> Vec<Said> {
        let mut news = self.0.news.subscribe();
        loop {
            let said = self.said_in(group);
            if fits(&said) {
                return said;
            }
            if news.changed().await.is_err() {
                return said;
            }
        }
    }

    /// Whether the network is there.
    pub(crate) fn is_reachable(&self) -> bool {
        self.world().reachable
    }

    /// Waits until more has happened than was seen, and returns how much has.
    pub(crate) async fn news_after(&self, seen: u64) -> u64 {
        let mut news = self.0.news.subscribe();
        match news.wait_for(|count| *count != seen).await {
            Ok(count) => *count,
            Err(_) => seen,
        }
    }
}
