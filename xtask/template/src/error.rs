//! What the network's refusals mean: for a message, and for everything else.

use bridge_core::network::{NetworkError, SendOutcome};

use crate::network::Refused;

/// Returns what became of a send that was refused.
pub(crate) fn send_outcome(refused: Refused) -> SendOutcome {
    SendOutcome::Failed { words: format!("Your message was not sent: {refused}.") }
}

/// Returns the error of a request that was refused.
pub(crate) fn network_error(refused: Refused) -> NetworkError {
    let words = format!("{refused}.");
    match refused {
        Refused::NoSuchChat => NetworkError::NotFound(words),
        Refused::NotThere => NetworkError::Forbidden(words),
        Refused::NoSuchAccount => NetworkError::BadCredentials(words),
        Refused::BadName => NetworkError::Invalid(words),
    }
}
