//! What goes wrong on the network, on demand.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use super::DemoNetwork;
use super::world::{Refused, Update};

/// What goes wrong with a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message arrives, its answer does not.
    AnswerLost,
    /// The message is refused for this reason.
    Refused(String),
    /// The network asks to wait.
    Busy(std::time::Duration),
}

/// What goes wrong again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// Every answer takes a while.
    Slow,
    /// The line drops, and is there again at once.
    Disconnecting,
    /// News is told twice.
    Duplicating,
    /// News is told in another order, and some of it later.
    Reordering,
    /// Every third message has to wait.
    RateLimiting,
    /// Every third message arrives without an answer.
    LosingAcknowledgements,
    /// Every second file is not there any more.
    ForgettingMedia,
}

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(120);
/// How long the network asks to wait out of habit.
const WAIT: Duration = Duration::from_millis(300);

/// What the network does out of habit, and how often it was asked for what.
#[derive(Debug, Default)]
pub(super) struct Habits {
    taken: BTreeSet<Habit>,
    posts: u64,
    questions: u64,
    files: u64,
}

impl Habits {
    fn has(&self, habit: Habit) -> bool {
        self.taken.contains(&habit)
    }

    /// What goes wrong with the next send.
    pub(super) fn with_a_send(&mut self) -> Option<Fault> {
        self.posts += 1;
        match self.posts % 3 {
            1 if self.has(Habit::RateLimiting) => Some(Fault::Busy(WAIT)),
            2 if self.has(Habit::LosingAcknowledgements) => Some(Fault::AnswerLost),
            _ => None,
        }
    }

    /// Whether the next file is not there.
    pub(super) fn forget_one(&mut self) -> bool {
        self.files += 1;
        self.has(Habit::ForgettingMedia) && self.files.is_multiple_of(2)
    }

    /// Tells news as it is the habit. Each piece names the one before it, so that whoever listens can
    /// put it right.
    pub(super) fn tell(&mut self, mut news: Vec<Update>) -> Result<Vec<Update>, Refused> {
        self.questions += 1;
        if self.has(Habit::Disconnecting) && self.questions.is_multiple_of(3) {
            return Err(Refused::Unreachable);
        }
        if self.has(Habit::Reordering) {
            // The second comes later, the rest from behind.
            if self.questions % 2 == 1 && news.len() > 2 {
                news.remove(1);
            }
            news.reverse();
        }
        if self.has(Habit::Duplicating) {
            news = news.into_iter().flat_map(|update| [update.clone(), update]).collect();
        }
        Ok(news)
    }
}

impl DemoNetwork {
    /// Chooses what goes wrong again and again, from now on.
    pub fn set_habits(&self, habits: impl IntoIterator<Item = Habit>) {
        self.world().habits.taken = habits.into_iter().collect();
    }

    /// Takes the time an answer takes.
    pub(crate) async fn take_time(&self) {
        if self.world().habits.has(Habit::Slow) {
            self.0.clock.sleep(SLOW).await;
        }
    }

    /// Takes the network away, or brings it back.
    pub fn set_reachable(&self, reachable: bool) {
        self.change(|world, _| world.reachable = reachable);
    }

    /// Deletes an account: its logins are no longer accepted.
    pub fn delete_account(&self, account: &str) {
        self.change(|world, _| world.delete_account(account));
    }

    /// Has the network lose every file there is.
    pub fn forget_files(&self) {
        self.change(|world, _| world.forget_files());
    }

    /// Makes a coming send go wrong; several are taken one after the other.
    pub fn fail_next(&self, fault: Fault) {
        self.world().faults.push_back(fault);
    }
}
