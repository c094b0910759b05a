//! Asking for what was said before a room was there, and hearing how far that is.

use std::collections::HashMap;

use support_db::DbError;

use super::parse::Word;
use super::{Bot, BotReply, CommandRequest};
use crate::jobs::job;
use crate::journal::{
    HistoryKind, HistoryState, HistoryTask, HistoryWish, history_tasks, want_history,
};
use crate::portals::Portal;

/// How many messages are brought when nobody says how many.
const USUAL: usize = 500;
/// How many can be asked for at once.
const MOST: usize = 100_000;

/// Why no history is brought.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHistory {
    /// There is nothing to be brought here; in words.
    #[error("{0}")]
    Not(String),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl NoHistory {
    fn not(words: impl Into<String>) -> Self {
        Self::Not(words.into())
    }
}

impl Bot {
    pub(super) async fn backfill(&self, request: &CommandRequest, rest: &[Word]) -> BotReply {
        let count = match rest {
            [] => None,
            [Word::Plain(word)] if word == "status" => return self.backfill_status(request).await,
            [Word::Plain(word)] => match word.parse::<usize>() {
                Ok(count) if count > 0 => Some(count),
                _ => return BotReply::new("Usage: backfill [COUNT], or backfill status"),
            },
            _ => return BotReply::new("Usage: backfill [COUNT], or backfill status"),
        };
        match self.want_history(&request.room, &request.sender, count).await {
            Ok(count) => BotReply::new(format!(
                "Up to {count} earlier messages are being brought. `backfill status` says how far that is."
            )),
            Err(NoHistory::Not(words)) => BotReply::new(words),
            Err(NoHistory::Db(error)) => {
                tracing::error!(%error, "history could not be asked for");
                BotReply::new("The bridge's storage does not answer. Send the command again.")
            }
        }
    }

    /// Has earlier messages of a room brought for somebody. Returns how many at most.
    pub(crate) async fn want_history(
        &self,
        room: &str,
        person: &str,
        count: Option<usize>,
    ) -> Result<usize, NoHistory> {
        let count = count.unwrap_or(USUAL).min(MOST);
        let Some(portal) = self.0.portals.by_room(room).await?.into_iter().next() else {
            return Err(NoHistory::not("This room belongs to no chat."));
        };
        let Some(login) = self.0.portals.speaker(&portal, person).await? else {
            return Err(NoHistory::not("You have no login that takes part in this chat."));
        };
        let client = self.0.logins.client(&login);
        if client.is_none_or(|client| client.history().is_none()) {
            return Err(NoHistory::not("This network does not show what was said before."));
        }
        match self.0.matrix.inserts_history().await {
            Ok(true) => {}
            Ok(false) => {
                return Err(NoHistory::not(
                    "This homeserver cannot put earlier messages where they belong, before those that are here.",
                ));
            }
            Err(trouble) => {
                return Err(NoHistory::Not(format!("The homeserver does not answer: {trouble}.")));
            }
        }
        let wish = HistoryWish {
            portal_id: portal.id,
            kind: HistoryKind::Past,
            login,
            row_seq: 0,
            stop_at: None,
            not_before: None,
            count: i64::try_from(count).unwrap_or(i64::MAX),
        };
        let now = self.0.clock.now_ms();
        let job = job(move |tx| {
            let wish = wish.clone();
            Box::pin(async move { want_history(tx, &wish, now).await })
        });
        self.0.db.write(job).await?;
        if let Some(intake) = self.0.logins.intake() {
            intake.history_wanted(portal.id);
        }
        Ok(count)
    }

    async fn backfill_status(&self, request: &CommandRequest) -> BotReply {
        match self.histories_of(request).await {
            Ok(lines) if lines.is_empty() => {
                BotReply::new("No earlier messages were asked for here.")
            }
            Ok(lines) => BotReply::new(lines.join("\n")),
            Err(error) => {
                tracing::error!(%error, "the state of history could not be read");
                BotReply::new("The bridge's storage does not answer. Send the command again.")
            }
        }
    }

    /// Describes what is read of the room's chats; said elsewhere, of all the person's.
    async fn histories_of(&self, request: &CommandRequest) -> Result<Vec<String>, DbError> {
        let here: HashMap<i64, Portal> = self
            .0
            .portals
            .by_room(&request.room)
            .await?
            .into_iter()
            .map(|portal| (portal.id, portal))
            .collect();
        let mut lines = Vec::new();
        for task in history_tasks(&self.0.db).await? {
            let is_theirs = self.0.logins.owner(&task.login).as_ref() == Some(&request.sender);
            let is_meant =
                if here.is_empty() { is_theirs } else { here.contains_key(&task.portal_id) };
            if !is_meant {
                continue;
            }
            let portal = self.0.portals.by_id(task.portal_id).await?;
            let name = portal.map(|portal| {
                let chat = portal.key.chat.as_str().to_owned();
                portal.name.unwrap_or(chat)
            });
            lines.push(describe(&task, &name.unwrap_or_default()));
        }
        Ok(lines)
    }
}

fn describe(task: &HistoryTask, name: &str) -> String {
    let what = match task.kind {
        HistoryKind::Past => "earlier messages",
        HistoryKind::Gap => "missed messages",
    };
    let carried = task.carried;
    let reason = task.reason.as_deref();
    match task.state {
        HistoryState::Fetching | HistoryState::Sending => {
            let waits = reason.map(|reason| format!("; waiting: {reason}")).unwrap_or_default();
            let remaining = task.remaining.max(0);
            format!(
                "{name}: {carried} {what} are here, up to {remaining} more are being brought{waits}"
            )
        }
        HistoryState::Done => format!("{name}: {carried} {what} are here, done"),
        HistoryState::Failed => {
            let reason = reason.unwrap_or("for no known reason");
            format!("{name}: {carried} {what} are here, then it ended: {reason}")
        }
    }
}
