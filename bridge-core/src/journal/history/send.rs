//! Bringing a planned page to Matrix.

use serde_json::{Value, json};

use super::Next;
use crate::{
    journal::{
        Journal,
        plan::PlanTrouble,
        store::{HistoryKind, HistoryTask, PastBatch, PastFate, PastStep, SettlePage},
    },
    matrix::{BatchPlace, MatrixOutcome, MatrixTrouble},
};

impl Journal {
    pub(super) async fn send_past(
        &self,
        task: &HistoryTask,
        room: &str,
        batch: PastBatch,
        inserts: bool,
        forward: bool,
    ) -> Result<Next, PlanTrouble> {
        let number = batch.number;
        let fate = match inserts {
            true => self.insert_past(room, task, batch, forward).await?,
            false => self.send_next(room, batch).await?,
        };
        let settle = SettlePage {
            portal_id: task.portal_id,
            kind: task.kind,
            number,
            fate,
            now: self.now(),
        };
        self.store.db().run(settle).await?;
        Ok(Next::Again)
    }

    async fn insert_past(
        &self,
        room: &str,
        task: &HistoryTask,
        batch: PastBatch,
        forward: bool,
    ) -> Result<PastFate, PlanTrouble> {
        let place = match (forward, task.kind, batch.number) {
            (true, ..) => BatchPlace::After,
            // A new room begins with the newest of its past, where clients look first.
            (false, HistoryKind::Past, 0) => BatchPlace::Beginning,
            (false, ..) => BatchPlace::Before,
        };
        let events: Vec<Value> = batch.steps.iter().map(written).collect();
        match self.parts.matrix.insert_history(room, place, &events).await {
            Ok(()) => Ok(PastFate::Inserted),
            Err(MatrixTrouble::Refused { errcode, words }) => {
                let reason = format!("the homeserver refuses: {words} ({errcode})");
                tracing::error!(room, reason, "a page of history was refused");
                Ok(PastFate::Refused { steps: batch.steps, reason })
            }
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Sends the next event of a page by itself. What an earlier attempt may have sent is looked for.
    async fn send_next(&self, room: &str, batch: PastBatch) -> Result<PastFate, PlanTrouble> {
        let matrix = &self.parts.matrix;
        let next = usize::try_from(batch.sent).unwrap_or(usize::MAX);
        let Some(step) = batch.steps.get(next).cloned() else { return Ok(PastFate::Inserted) };
        if !matrix.idempotent_for_good()
            && let Some(event_id) = matrix.find_by_tag(room, &step.key).await?
        {
            return Ok(PastFate::Sent { step: Box::new(step), event_id });
        }
        let PastStep { sender, event_type, key, content, ts, .. } = &step;
        match matrix.send_event(sender, room, event_type, key, content, *ts).await {
            MatrixOutcome::Done { event_id } => {
                Ok(PastFate::Sent { step: Box::new(step), event_id })
            }
            MatrixOutcome::Refused { errcode, words } => {
                let reason = format!("the homeserver refuses: {words} ({errcode})");
                let steps = batch.steps.into_iter().skip(next).collect();
                Ok(PastFate::Refused { steps, reason })
            }
            MatrixOutcome::Retry { after, reason } => {
                Err(MatrixTrouble::Retry { after, reason }.into())
            }
            MatrixOutcome::Unknown { reason } => Err(MatrixTrouble::Unknown { reason }.into()),
        }
    }
}

/// Writes an event as a batch has it.
fn written(step: &PastStep) -> Value {
    let mut event = json!({
        "event_id": step.event_id,
        "type": step.event_type,
        "sender": step.sender,
        "content": step.content,
    });
    if let Some(ts) = step.ts.filter(|ts| *ts >= 0) {
        event["origin_server_ts"] = ts.into();
    }
    event
}
