//! The desk: where people ask after messages and set them going again, or take them out. Whoever asks
//! (the operator at a command line, a person at the bot), the answer is decided here and is plain data;
//! [`words`] puts it into sentences.
//!
//! The desk works beside a running bridge and on a database nobody has open: what it changes is
//! taken up at once by the lanes, or by the next start.

mod decide;
mod shapes;
mod time;
mod words;

use std::{
    fmt,
    sync::{Arc, Weak},
};

use support_clock::SharedClock;
use support_db::{Db, DbError};
use thiserror::Error;

pub use self::shapes::{
    JournalAnswer, JournalFilter, JournalLine, JournalNote, JournalOrder, JournalPage, JournalPair,
    JournalStep, JournalStory, JournalTrace,
};
use super::{
    Journal,
    lanes::News,
    row::RowState,
    store::{Act, Acted, Change, Listed, Store, Unacted},
};
use crate::{
    bot::state_words,
    ids::LoginId,
    permissions::{JournalReach, Permissions},
};

/// How many rows a page has, if nobody says.
const PAGE: i64 = 50;
/// How many rows a page has at most.
const LARGEST_PAGE: i64 = 1000;
/// For how long what ended badly is listed beside what is still open.
const LATELY: i64 = 24 * 60 * 60 * 1000;

/// The states a list can be asked for.
const STATES: [&str; 10] = [
    "queued",
    "sending",
    "awaiting",
    "lost",
    "retry",
    "parked",
    "reporting",
    "failed",
    "unknown",
    "expired",
];

/// Why the desk did nothing, in words for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// There is no such row, or it is not theirs to see.
    #[error("there is no row {0} in the journal; settled ones are kept for some days")]
    NoRow(i64),
    /// Nothing is known under this id.
    #[error(
        "nothing is known of {0}: it never came in, or it is not yours. A Matrix event's id begins with `$`; a remote message's is as the network gives it"
    )]
    NoMessage(String),
    /// The order makes no sense for this row, or is not theirs to give.
    #[error("{0}")]
    Refused(String),
    /// The database does not answer.
    #[error("the journal cannot be read: {0}")]
    Db(#[from] DbError),
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// As notes name them.
    name: String,
    reach: JournalReach,
    may_drop: bool,
}

impl Asker {
    /// The operator, who holds the data folder.
    fn operator() -> Self {
        Self { name: "the operator".to_owned(), reach: JournalReach::Everything, may_drop: true }
    }

    /// A person on Matrix; `None`: they may not ask.
    pub(crate) fn person(permissions: &Permissions, mxid: &str) -> Option<Self> {
        let reach = permissions.journal_reach(mxid)?;
        Some(Self { name: mxid.to_owned(), reach, may_drop: permissions.may_drop(mxid) })
    }

    fn own(&self) -> &str {
        match self.reach {
            JournalReach::Everything => "",
            JournalReach::Own => &self.name,
        }
    }

    fn may_see(&self, story: &JournalStory) -> bool {
        match self.reach {
            JournalReach::Everything => true,
            JournalReach::Own => {
                story.line.direction == "from_matrix"
                    && story.line.sender.as_deref() == Some(self.name.as_str())
            }
        }
    }
}

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct JournalDesk {
    store: Store,
    clock: SharedClock,
    /// The bridge that works on this journal, if one does.
    live: Option<Weak<Journal>>,
}

impl JournalDesk {
    /// Opens the desk of a bridge that does not run.
    #[must_use]
    pub fn of_stopped(db: Db, clock: SharedClock) -> Self {
        Self { store: Store::new(db), clock, live: None }
    }

    /// Does what the operator asks.
    ///
    /// # Errors
    /// See [`DeskError`].
    pub async fn serve(&self, order: JournalOrder) -> Result<JournalAnswer, DeskError> {
        self.answer(order, &Asker::operator()).await
    }

    /// Does what somebody asks.
    pub(crate) async fn answer(
        &self,
        order: JournalOrder,
        asker: &Asker,
    ) -> Result<JournalAnswer, DeskError> {
        match order {
            JournalOrder::List(filter) => self.list(&filter, asker).await.map(JournalAnswer::Page),
            JournalOrder::Show { id } => {
                let story = self.story(id, asker).await?;
                Ok(JournalAnswer::Story(Box::new(story)))
            }
            JournalOrder::Retry { id, even_if_doubled } => {
                self.retry(id, even_if_doubled, asker).await
            }
            JournalOrder::Drop { id } => self.drop_row(id, asker).await,
            JournalOrder::Trace { id } => self.trace(id, asker).await.map(JournalAnswer::Trace),
        }
    }

    async fn list(&self, filter: &JournalFilter, asker: &Asker) -> Result<JournalPage, DeskError> {
        if let Some(state) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
            let known = STATES.join(", ");
            return Err(DeskError::Refused(format!(
                "there is no state `{state}`; there is {known}"
            )));
        }
        let limit = filter.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
        let now = self.clock.now_ms();
        // Asked for by name, what ended badly is listed for as long as it is kept.
        let since = if filter.state.is_some() { 0 } else { now - LATELY };
        let mut listed = self.store.list(filter, asker.own(), limit + 1, since, now).await?;
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = listed.len() > full;
        listed.truncate(full);
        let rows: Vec<_> = listed.into_iter().map(|row| self.in_words(row).line).collect();
        let next = rows.last().filter(|_| more).map(|row| row.id);
        Ok(JournalPage { rows, next })
    }

    async fn story(&self, id: i64, asker: &Asker) -> Result<JournalStory, DeskError> {
        let found = self.store.stories(&[id], self.clock.now_ms()).await?.into_iter().next();
        let story = found.map(|row| self.in_words(row)).filter(|story| asker.may_see(story));
        story.ok_or(DeskError::NoRow(id))
    }

    async fn trace(&self, id: String, asker: &Asker) -> Result<JournalTrace, DeskError> {
        let rows = self.store.concerned(&id).await?;
        let stories = self.store.stories(&rows, self.clock.now_ms()).await?;
        let stories: Vec<_> = stories
            .into_iter()
            .map(|row| self.in_words(row))
            .filter(|story| asker.may_see(story))
            .collect();
        let pairs = self.store.known_pairs(&id).await?.into_iter();
        let own = asker.own();
        let pairs = pairs.filter(|(_, sender)| own.is_empty() || sender.as_deref() == Some(own));
        let pairs: Vec<_> = pairs.map(|(pair, _)| pair).collect();
        if stories.is_empty() && pairs.is_empty() {
            return Err(DeskError::NoMessage(id));
        }
        Ok(JournalTrace { id, stories, pairs })
    }

    async fn retry(
        &self,
        id: i64,
        even_if_doubled: bool,
        asker: &Asker,
    ) -> Result<JournalAnswer, DeskError> {
        let before = self.story(id, asker).await?;
        let decide =
            move |open: &_, again: Option<i64>| decide::retry(open, again, even_if_doubled);
        let acted = self.act(id, decide, asker).await?;
        self.wake(&acted, id);
        let words = if acted.seq != id {
            let when = if self.is_live() { "now" } else { "at the next start" };
            format!(
                "Row {id} was settled; its event is carried again {when}, as row {}. What was carried of it before is left out.",
                acted.seq
            )
        } else {
            self.what_now(&before, acted.login.as_ref())
        };
        Ok(JournalAnswer::Done { id: acted.seq, words })
    }

    fn what_now(&self, before: &JournalStory, login: Option<&LoginId>) -> String {
        let id = before.line.id;
        match (self.live(), login) {
            (None, _) => format!("Row {id} is tried at the next start."),
            (Some(journal), Some(login)) if !journal.can_send(login) => format!(
                "Row {id} still waits: {}.",
                login_words(login, journal.parts.logins.state(login).as_ref())
            ),
            _ => match before.line.waits_for.as_deref() {
                Some(waits) if before.line.state == "queued" || before.line.state == "awaiting" => {
                    format!("Row {id} has nothing to be tried again: it waits for {waits}.")
                }
                _ => format!("Row {id} is tried again now."),
            },
        }
    }

    async fn drop_row(&self, id: i64, asker: &Asker) -> Result<JournalAnswer, DeskError> {
        if !asker.may_drop {
            let words = "only an admin takes messages out of the journal; whoever wrote one may take it back on Matrix";
            return Err(DeskError::Refused(words.to_owned()));
        }
        self.story(id, asker).await?;
        let acted = self.act(id, |open: &_, _| decide::drop(open), asker).await?;
        self.wake(&acted, id);
        let told = match (acted.ended, self.is_live()) {
            (Some(RowState::Reporting), true) => " Whoever wrote it is told.",
            (Some(RowState::Reporting), false) => " Whoever wrote it is told at the next start.",
            _ => "",
        };
        let words = format!("Row {id} is out of the journal, and its content is wiped.{told}");
        Ok(JournalAnswer::Done { id, words })
    }

    async fn act<D>(&self, seq: i64, decide: D, asker: &Asker) -> Result<Acted, DeskError>
    where
        D: Fn(&super::machine::OpenRow, Option<i64>) -> Change + Send + Sync + 'static,
    {
        let (who, now) = (asker.name.clone(), self.clock.now_ms());
        let acted = self.store.db().run(Act { seq, decide, who, now }).await;
        acted.map_err(|error| match error {
            Unacted::NoRow => DeskError::NoRow(seq),
            Unacted::Refused(words) => DeskError::Refused(words),
            Unacted::Db(error) => DeskError::Db(error),
        })
    }

    /// Has the lanes look at what was changed behind their backs.
    fn wake(&self, acted: &Acted, asked: i64) {
        let Some(journal) = self.live() else { return };
        let news = if acted.seq == asked { News::Row(acted.seq) } else { News::Rows };
        journal.lanes.tell(&journal, &acted.lane, news);
        // The login's other rows in this lane wait beside it, in their order, and go on if they can.
        if let Some(login) = acted.login.as_ref().filter(|login| journal.can_send(login)) {
            journal.lanes.tell(&journal, &acted.lane, News::Login(login.clone()));
        }
        if acted.ended == Some(RowState::Reporting) {
            journal.reporter.add([acted.seq]);
        }
    }

    /// Adds what a row waits for.
    fn in_words(&self, row: Listed) -> JournalStory {
        let waits_for = self.waits_for(&row);
        let mut story = row.story;
        story.line.waits_for = waits_for;
        story
    }

    fn waits_for(&self, row: &Listed) -> Option<String> {
        let line = &row.story.line;
        match row.row_state {
            RowState::Settled => return None,
            RowState::Reporting => {
                let outcome = row.story.outcome.as_deref().unwrap_or("final");
                return Some(format!("whoever wrote it to be told that it is {outcome}"));
            }
            RowState::Parked => {
                let login = row.login.as_ref()?;
                return Some(match self.live() {
                    Some(journal) => login_words(login, journal.parts.logins.state(login).as_ref()),
                    None => format!("the login {login} to be connected; Rialto does not run"),
                });
            }
            RowState::Accepted | RowState::Planned => {}
        }
        if let Some(head) = row.head.filter(|head| *head < line.id) {
            return Some(format!("its turn behind row {head}"));
        }
        Some(match (line.state.as_str(), line.next_at, row.deadline) {
            ("awaiting", _, Some(until)) => {
                format!("the network to confirm it, until {}", time::utc(until))
            }
            ("lost", ..) => "finding out what became of it, since an answer was lost".to_owned(),
            ("sending", ..) => "the answer to an attempt that is under way".to_owned(),
            (_, Some(at), _) => format!("the next attempt at {}", time::utc(at)),
            _ if self.is_live() => "its turn, which is now".to_owned(),
            _ => "the next start; Rialto does not run".to_owned(),
        })
    }

    fn live(&self) -> Option<Arc<Journal>> {
        self.live.as_ref().and_then(Weak::upgrade).filter(|journal| !journal.is_halted())
    }

    fn is_live(&self) -> bool {
        self.live().is_some()
    }
}

impl Journal {
    /// Returns the desk.
    pub(crate) fn desk(self: &Arc<Self>) -> JournalDesk {
        JournalDesk {
            store: self.store.clone(),
            clock: self.parts.clock.clone(),
            live: Some(Arc::downgrade(self)),
        }
    }
}

fn login_words(login: &LoginId, state: Option<&crate::network::BridgeState>) -> String {
    match state {
        Some(_) => format!("the login {login} to be connected, which is {}", state_words(state)),
        None => format!("the login {login} to be connected, whose network is not configured now"),
    }
}

impl fmt::Debug for JournalDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalDesk").field("live", &self.live.is_some()).finish_non_exhaustive()
    }
}
