//! What is given to be inserted, and what of it is refused without looking into the room.

use ruma::{EventId, OwnedEventId, OwnedUserId};
use support_matrix_http::MatrixError;

use crate::{error::Result, events::Draft, rooms::validate};

/// The most events of one batch.
const MOST: usize = 1000;

/// Events that belong together, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// After everything there is, and not before it.
    pub(crate) forward: bool,
    /// After everything there is if nobody has said anything yet.
    pub(crate) forward_if_no_messages: bool,
    /// Whether people are told as of any news. Only what goes after can be news.
    pub(crate) send_notification: bool,
    /// Who has read all this elsewhere.
    pub(crate) mark_read_by: Option<OwnedUserId>,
    pub(crate) events: Vec<Given>,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// The id it is to have; else it is made of its content.
    pub(crate) event_id: Option<OwnedEventId>,
    pub(crate) draft: Draft,
}

impl Batch {
    /// Refuses what is too much or no timeline event.
    pub(super) fn check(&self) -> Result<()> {
        if self.events.len() > MOST {
            let words = format!("A batch has at most {MOST} events.");
            return Err(MatrixError::invalid_param(words).into());
        }
        self.events.iter().try_for_each(Given::check)
    }
}

impl Given {
    fn check(&self) -> Result<()> {
        if self.draft.state_key.is_some() {
            let words = "State is no part of history: only timeline events can be inserted.";
            return Err(MatrixError::bad_json(words).into());
        }
        if self.event_id.as_deref().is_some_and(|id| !may_be_id(id)) {
            let words = "An event id begins with `$` and is made of visible characters.";
            return Err(MatrixError::invalid_param(words).into());
        }
        if self.draft.origin_server_ts < 0 {
            return Err(MatrixError::invalid_param("A time before 1970 is none.").into());
        }
        self.draft.check()?;
        validate::message(&self.draft.kind, &self.draft.content)
    }
}

fn may_be_id(id: &EventId) -> bool {
    let id = id.as_str();
    id.len() > 1 && id.len() <= 255 && id.bytes().all(|byte| byte.is_ascii_graphic())
}
