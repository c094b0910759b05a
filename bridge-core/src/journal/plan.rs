//! What planning a row comes to, whichever direction it has.

use std::time::Duration;

use support_db::DbError;
use thiserror::Error;

use super::{
    Journal,
    machine::OpenRow,
    row::{Direction, Outcome},
    step::NewStep,
};
use crate::{ids::LoginId, matrix::MatrixTrouble};

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// Steps to store and to execute as stored.
    Steps(Vec<NewStep>),
    /// Nothing to send: the row is final.
    Done {
        /// What became of it.
        outcome: Outcome,
        /// In words.
        reason: Option<String>,
        /// Whether its sender is told.
        report: bool,
    },
    /// The row waits, aside, until this login is connected.
    Wait(LoginId),
    /// Something else has to be known first; the lane looks again after this pause.
    Soon(Duration),
}

impl Plan {
    /// Left out by rule; nobody misses it.
    pub(crate) fn ignored(reason: impl Into<String>) -> Self {
        Self::Done { outcome: Outcome::Ignored, reason: Some(reason.into()), report: false }
    }
}

/// Planning did not work this time.
#[derive(Debug, Error)]
pub(crate) enum PlanTrouble {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The homeserver.
    #[error(transparent)]
    Matrix(#[from] MatrixTrouble),
}

impl PlanTrouble {
    /// Returns the pause that is asked for.
    pub(crate) fn pause(&self) -> Duration {
        match self {
            Self::Matrix(MatrixTrouble::Retry { after, .. }) => *after,
            // A refusal is a matter of rights or configuration: it takes a person to mend it.
            Self::Matrix(MatrixTrouble::Refused { .. }) => Duration::from_secs(10),
            Self::Matrix(MatrixTrouble::Unknown { .. } | MatrixTrouble::Db(_)) | Self::Db(_) => {
                Duration::ZERO
            }
        }
    }
}

impl Journal {
    /// Plans a row; `target` names the placeholder of a target that is planned by itself.
    pub(crate) async fn plan(
        &self,
        open: &OpenRow,
        target: Option<i64>,
    ) -> Result<Plan, PlanTrouble> {
        match open.row.direction {
            // Boxed: either is larger than all else that a lane does.
            Direction::FromMatrix => Box::pin(self.plan_from_matrix(open, target)).await,
            Direction::ToMatrix => match Box::pin(self.plan_to_matrix(&open.row)).await {
                Err(PlanTrouble::Matrix(MatrixTrouble::Refused { errcode, words }))
                    if open.row.accepted_at + super::millis_of(self.options.expire_after)
                        <= self.now() =>
                {
                    let reason = Some(format!("{words} ({errcode})"));
                    Ok(Plan::Done { outcome: Outcome::Failed, reason, report: false })
                }
                planned => planned,
            },
        }
    }
}
