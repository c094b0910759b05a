//! What the network's refusals mean: for a message, and for everything else.

use bridge_core::network::{NetworkError, SendOutcome};

use crate::network::Refused;

/// Returns what became of a send that was refused.
pub(crate) fn send_outcome(refused: Refused) -> SendOutcome {
    match refused {
        Refused::Unreachable => SendOutcome::Offline,
        Refused::Busy(after) => {
            SendOutcome::Retry { after, reason: "the network asks to wait".to_owned() }
        }
        Refused::NoAnswer => {
            SendOutcome::Unknown { reason: "the network did not answer".to_owned() }
        }
        Refused::NoSuchChat
        | Refused::NotAMember
        | Refused::NoSuchAccount
        | Refused::Because(_) => {
            SendOutcome::Failed { words: format!("Your message was not sent: {refused}.") }
        }
    }
}

/// Returns the error of a request that was refused.
pub(crate) fn network_error(refused: Refused) -> NetworkError {
    let words = format!("{refused}.");
    match refused {
        Refused::Unreachable => NetworkError::Offline(words),
        Refused::Busy(after) => NetworkError::RateLimited(after),
        Refused::NoAnswer => NetworkError::Unreachable(words),
        Refused::NoSuchChat => NetworkError::NotFound(words),
        Refused::NoSuchAccount => NetworkError::BadCredentials(words),
        Refused::NotAMember | Refused::Because(_) => NetworkError::Forbidden(words),
    }
}
