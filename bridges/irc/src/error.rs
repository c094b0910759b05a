//! What the connection says, in the core's terms.

use bridge_core::network::{BridgeState, BridgeStateKind, NetworkError, SendOutcome};

use crate::connection::{Delivery, Failure, FailureKind, JoinError, Refusal, RefusalKind};
use crate::{convert::parse_time, ids::make_message_id};

/// A failed connection as an answer to a request (a login, mostly).
pub(crate) fn network_error(failure: &Failure) -> NetworkError {
    let words = failure.words();
    match failure.kind {
        FailureKind::BadCredentials => NetworkError::BadCredentials(words),
        FailureKind::Banned | FailureKind::Killed | FailureKind::BadServerPassword => {
            NetworkError::Forbidden(words)
        }
        FailureKind::NickInUse | FailureKind::NickRefused => NetworkError::Invalid(words),
        FailureKind::Stopped => NetworkError::Offline(words),
        FailureKind::Unreachable
        | FailureKind::Tls
        | FailureKind::Throttled
        | FailureKind::TooManyConnections
        | FailureKind::SaslUnavailable
        | FailureKind::Flooded
        | FailureKind::PingTimeout
        | FailureKind::Closed => NetworkError::Unreachable(words),
    }
}

/// A lost connection as the login's health.
pub(crate) fn bridge_state(failure: &Failure, comes_back: bool) -> BridgeState {
    let kind = match failure.kind {
        FailureKind::BadCredentials | FailureKind::NickRefused => BridgeStateKind::BadCredentials,
        // Tried again, but so rarely that the person had better do something.
        FailureKind::Banned => BridgeStateKind::UnknownError,
        _ if comes_back => BridgeStateKind::TransientDisconnect,
        _ => BridgeStateKind::UnknownError,
    };
    BridgeState::with_message(kind, failure.words())
}

/// A refused JOIN.
pub(crate) fn join_error(error: JoinError) -> NetworkError {
    match error {
        JoinError::Offline(why) => NetworkError::Offline(format!(
            "The connection ended before the channel was joined ({why}). Try again when the login is connected."
        )),
        JoinError::Refused(Refusal { kind, words }) => match kind {
            RefusalKind::NotFound => NetworkError::NotFound(words),
            RefusalKind::Forbidden => NetworkError::Forbidden(words),
            RefusalKind::Wait(_) | RefusalKind::Failed => NetworkError::Invalid(words),
        },
    }
}

/// What became of a line.
pub(crate) fn send_outcome(delivery: Delivery) -> SendOutcome {
    match delivery {
        Delivery::Confirmed { msgid, time } => SendOutcome::Confirmed {
            remote_id: msgid.as_deref().map(make_message_id),
            timestamp: time.as_deref().and_then(parse_time),
        },
        Delivery::Refused(Refusal { kind: RefusalKind::Wait(after), words }) => {
            SendOutcome::Retry { after, reason: words }
        }
        Delivery::Refused(Refusal { words, .. }) => SendOutcome::Failed { words },
        Delivery::NotSent(_) => SendOutcome::Offline,
        Delivery::Unknown(why) => SendOutcome::Unknown {
            reason: format!("The connection ended before the server confirmed the line ({why})."),
        },
        Delivery::Unsendable(error) => {
            SendOutcome::Failed { words: format!("This cannot be written on IRC: {error}.") }
        }
    }
}
