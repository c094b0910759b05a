//! What became of a request to the homeserver, told by what happens next.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use support_db::DbError;
use support_matrix_http::TransportError;
use thiserror::Error;

/// The fate of one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MatrixOutcome {
    /// The homeserver has it.
    Done {
        /// The event; empty for calls that name none (joining, leaving).
        event_id: String,
    },
    /// Certainly not applied, or harmless to do again.
    Retry {
        /// Not before this has passed.
        after: Duration,
        /// For the log and the status.
        reason: String,
    },
    /// Refused for good.
    Refused {
        /// The homeserver's code.
        errcode: String,
        /// For people.
        words: String,
    },
    /// May or may not have been applied: look it up before sending again.
    Unknown {
        /// For the log and the status.
        reason: String,
    },
}

/// Why a request did not work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum MatrixTrouble {
    /// Worth another attempt.
    #[error("{reason}")]
    Retry {
        /// Not before this has passed.
        after: Duration,
        /// Why.
        reason: String,
    },
    /// Refused for good.
    #[error("the homeserver refuses: {words} ({errcode})")]
    Refused {
        /// The homeserver's code.
        errcode: String,
        /// Its words.
        words: String,
    },
    /// May or may not have been applied.
    #[error("{reason}")]
    Unknown {
        /// Why.
        reason: String,
    },
    /// Our own storage failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MatrixTrouble {
    /// Returns the homeserver's code, if it refused.
    pub(crate) fn errcode(&self) -> Option<&str> {
        match self {
            Self::Refused { errcode, .. } => Some(errcode),
            _ => None,
        }
    }

    /// Returns the trouble as the fate of a send.
    pub(crate) fn outcome(self) -> MatrixOutcome {
        match self {
            Self::Retry { after, reason } => MatrixOutcome::Retry { after, reason },
            Self::Refused { errcode, words } => MatrixOutcome::Refused { errcode, words },
            Self::Unknown { reason } => MatrixOutcome::Unknown { reason },
            Self::Db(error) => {
                MatrixOutcome::Retry { after: Duration::from_secs(1), reason: error.to_string() }
            }
        }
    }

    /// Takes an unknown fate as a reason to do it again: for what may be done twice.
    pub(crate) fn repeatable(self) -> Self {
        match self {
            Self::Unknown { reason } => Self::Retry { after: SOON, reason },
            other => other,
        }
    }
}

impl MatrixOutcome {
    /// Returns the event, or the trouble.
    pub(crate) fn into_result(self) -> Result<String, MatrixTrouble> {
        match self {
            Self::Done { event_id } => Ok(event_id),
            Self::Retry { after, reason } => Err(MatrixTrouble::Retry { after, reason }),
            Self::Refused { errcode, words } => Err(MatrixTrouble::Refused { errcode, words }),
            Self::Unknown { reason } => Err(MatrixTrouble::Unknown { reason }),
        }
    }
}

impl From<Result<String, MatrixTrouble>> for MatrixOutcome {
    fn from(result: Result<String, MatrixTrouble>) -> Self {
        match result {
            Ok(event_id) => Self::Done { event_id },
            Err(trouble) => trouble.outcome(),
        }
    }
}

/// A pause that gives a homeserver time to breathe without holding up a lane.
const SOON: Duration = Duration::from_millis(100);
/// A pause after which a restarting homeserver or a mended configuration may be there.
const LATER: Duration = Duration::from_secs(5);

/// Reads an answer, or the lack of one.
pub(crate) fn read_answer(
    answer: Result<http::Response<bytes::Bytes>, TransportError>,
) -> Result<Value, MatrixTrouble> {
    let response = match answer {
        Ok(response) => response,
        Err(TransportError::NotSent(reason)) => {
            return Err(MatrixTrouble::Retry { after: Duration::from_secs(1), reason });
        }
        Err(TransportError::Unanswered(reason)) => return Err(MatrixTrouble::Unknown { reason }),
    };
    let status = response.status();
    let body: Option<Value> = serde_json::from_slice(response.body()).ok();
    if status.is_success() {
        // The request was applied; only its answer makes no sense.
        return body.ok_or_else(|| MatrixTrouble::Unknown {
            reason: "the homeserver's answer is not JSON".to_owned(),
        });
    }
    Err(trouble(status, body.as_ref()))
}

fn trouble(status: StatusCode, body: Option<&Value>) -> MatrixTrouble {
    let text = |key: &str| body.and_then(|b| b.get(key)).and_then(Value::as_str);
    let Some(errcode) = text("errcode") else { return not_matrix(status) };
    let words = text("error").unwrap_or_default().to_owned();
    if status == StatusCode::TOO_MANY_REQUESTS || errcode == "M_LIMIT_EXCEEDED" {
        let wait = body.and_then(|b| b.get("retry_after_ms")).and_then(Value::as_u64);
        let after = wait.map_or(Duration::from_secs(1), Duration::from_millis);
        return MatrixTrouble::Retry { after, reason: "the homeserver asks to wait".to_owned() };
    }
    // Whoever asked for the file knows how long it is worth waiting.
    if status.is_server_error() && errcode != "M_NOT_YET_UPLOADED" {
        return MatrixTrouble::Retry { after: Duration::from_secs(1), reason: words };
    }
    // The homeserver does not know our registration (yet): nobody's message is to blame for that.
    if matches!(errcode, "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN") {
        let reason = "the homeserver does not accept the bridge's token".to_owned();
        return MatrixTrouble::Retry { after: LATER, reason };
    }
    MatrixTrouble::Refused { errcode: errcode.to_owned(), words }
}

/// Answers without an errcode come from something in front of the homeserver.
fn not_matrix(status: StatusCode) -> MatrixTrouble {
    let reason = format!("something in front of the homeserver answers {status}");
    if status.is_client_error() {
        MatrixTrouble::Retry { after: LATER, reason }
    } else {
        MatrixTrouble::Unknown { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, body: &str) -> Result<Value, MatrixTrouble> {
        let response = http::Response::builder().status(status);
        read_answer(Ok(response.body(bytes::Bytes::copy_from_slice(body.as_bytes())).unwrap()))
    }

    #[test]
    fn answers_are_told_apart_by_what_happens_next() {
        assert_eq!(answer(200, r#"{"event_id":"$1"}"#), Ok(json!({"event_id": "$1"})));
        assert!(matches!(
            answer(429, r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#),
            Err(MatrixTrouble::Retry { after, .. }) if after == Duration::from_millis(2500)
        ));
        assert!(matches!(
            answer(500, r#"{"errcode":"M_UNKNOWN"}"#),
            Err(MatrixTrouble::Retry { .. })
        ));
        assert!(matches!(answer(502, "<html>"), Err(MatrixTrouble::Unknown { .. })));
        assert!(matches!(answer(404, "<html>"), Err(MatrixTrouble::Retry { .. })));
        assert!(matches!(
            answer(401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#),
            Err(MatrixTrouble::Retry { .. })
        ));
        let refused = answer(403, r#"{"errcode":"M_FORBIDDEN","error":"You are not in the room"}"#);
        assert_eq!(refused.unwrap_err().errcode(), Some("M_FORBIDDEN"));
    }

    #[test]
    fn a_lost_answer_is_unknown_and_a_refused_connection_is_not() {
        let lost = read_answer(Err(TransportError::Unanswered("reset".to_owned())));
        assert!(matches!(lost, Err(MatrixTrouble::Unknown { .. })));
        let refused = read_answer(Err(TransportError::NotSent("refused".to_owned())));
        assert!(matches!(refused, Err(MatrixTrouble::Retry { .. })));
    }
}
