//! Asking a network for a page, and planning it.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;

use super::{LOOK_AGAIN, Next};
use crate::{
    journal::{
        Journal,
        plan::PlanTrouble,
        store::{Covered, HistoryKind, HistoryState, HistoryTask, PlanPage},
        to_matrix::Past,
    },
    network::{HistoryPage, HistoryPlace, NetworkError, PastEvent},
    portals::Portal,
};

/// How soon it is looked again whether a network is configured.
const NOT_CONFIGURED: Duration = Duration::from_secs(5);

impl Journal {
    pub(super) async fn fetch_past(
        &self,
        task: &HistoryTask,
        portal: &Portal,
        room: &str,
        inserts: bool,
    ) -> Result<Next, PlanTrouble> {
        let policy = self.parts.networks.policy(&portal.key.network);
        let page = i64::try_from(policy.backfill_page.max(1)).unwrap_or(i64::MAX);
        let count = usize::try_from(task.remaining.min(page)).unwrap_or(0);
        if count == 0 {
            self.history_is(task, HistoryState::Sending, None).await?;
            return Ok(Next::Again);
        }
        let place = match &task.place {
            Some(place) => place.clone(),
            None => self.first_place(task).await?,
        };
        if !self.parts.networks.contains(&portal.key.network) {
            return Ok(Next::After(NOT_CONFIGURED));
        }
        let Some(client) = self.parts.logins.client(&task.login) else {
            let words = "the account was logged out".to_owned();
            self.history_is(task, HistoryState::Failed, Some(words)).await?;
            return Ok(Next::Again);
        };
        if !self.parts.logins.is_connected(&task.login) {
            return Ok(Next::After(LOOK_AGAIN));
        }
        let Some(history) = client.history() else {
            let words = "this network does not show what was said before".to_owned();
            self.history_is(task, HistoryState::Failed, Some(words)).await?;
            return Ok(Next::Again);
        };
        let asking = AssertUnwindSafe(history.page(&portal.key.chat, &place, count));
        let answer = asking.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(portal = portal.id, "a bridge panicked while reading history");
            Err(NetworkError::Unreachable("the bridge failed while reading history".to_owned()))
        });
        let page = match answer {
            Ok(page) => page,
            Err(NetworkError::RateLimited(after)) => return Ok(Next::After(after)),
            Err(NetworkError::Offline(_)) => return Ok(Next::After(LOOK_AGAIN)),
            Err(error @ NetworkError::Unreachable(_)) => {
                let pause = self.backoff(task.attempts);
                return Ok(self.history_trouble(task, error.to_string(), pause).await);
            }
            Err(error) => {
                self.history_is(task, HistoryState::Failed, Some(error.to_string())).await?;
                return Ok(Next::Again);
            }
        };
        // What one of ours is saying now may be in the page: once it is said, it is known.
        if self.store.has_any_open_send(portal.id).await? {
            return Ok(Next::After(LOOK_AGAIN));
        }
        self.plan_page(task, portal, room, inserts, place, page).await?;
        Ok(Next::After(Duration::from_millis(policy.backfill_pause_ms)))
    }

    /// Returns where the first page ends: before everything that is known, or at the gap's end.
    async fn first_place(&self, task: &HistoryTask) -> Result<HistoryPlace, PlanTrouble> {
        let covered = self.store.covered(task.portal_id).await?;
        let first = match task.kind {
            HistoryKind::Past => covered.first(),
            HistoryKind::Gap => covered.iter().find(|one| one.live),
        };
        Ok(first.map_or(HistoryPlace::Newest, |first| HistoryPlace::Before {
            order: first.from,
            cursor: None,
        }))
    }

    async fn plan_page(
        &self,
        task: &HistoryTask,
        portal: &Portal,
        room: &str,
        inserts: bool,
        place: HistoryPlace,
        page: HistoryPage,
    ) -> Result<(), PlanTrouble> {
        let HistoryPage { mut events, cursor, is_first } = page;
        let lowest = events.iter().map(|past| past.order).min();
        let highest = events.iter().map(|past| past.order).max();
        let is_known = |past: &PastEvent| task.stop_at.is_some_and(|at| past.order <= at);
        let is_too_old = |past: &PastEvent| {
            task.not_before.is_some_and(|at| past.event.timestamp.is_some_and(|ts| ts < at))
        };
        let reached = events.iter().any(|past| is_known(past) || is_too_old(past));
        events.retain(|past| !is_known(past) && !is_too_old(past));
        // A gap of which nothing more is to be had is filled down to what is known.
        let bottom = |lowest: i64| match task.stop_at {
            Some(at) if is_first || reached => at,
            _ => lowest,
        };
        // What fills a gap is next to what is heard now.
        let live = task.kind == HistoryKind::Gap;
        let covers = match (&place, lowest) {
            (HistoryPlace::Before { order, .. }, lowest) => {
                let from = bottom(lowest.unwrap_or(*order).min(*order));
                Some(Covered { from, to: *order, live })
            }
            (HistoryPlace::Newest, Some(lowest)) => {
                let to = highest.unwrap_or(lowest);
                Some(Covered { from: bottom(lowest).min(to), to, live })
            }
            (HistoryPlace::Newest, None) => None,
        };
        // A page that does not end before its place would be asked for again and again.
        let stands_still = match (&place, lowest) {
            (HistoryPlace::Before { order, .. }, Some(lowest)) => lowest >= *order,
            _ => lowest.is_none(),
        };
        let is_last = is_first || reached || stands_still;
        let next = match lowest {
            Some(order) => HistoryPlace::Before { order, cursor },
            None => place,
        };
        let past = Past { portal, login: &task.login, room, in_own_names: inserts };
        let steps = self.plan_past(&past, events).await?;
        let job = PlanPage {
            task: task.clone(),
            network: portal.key.network.clone(),
            steps,
            covers,
            place: next,
            is_last,
            now: self.now(),
        };
        let new = self.store.db().run(job).await?;
        tracing::debug!(portal = portal.id, new, "a page of history is planned");
        Ok(())
    }
}
