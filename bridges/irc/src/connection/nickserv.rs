//! Accounts without SASL: the network's services are asked by message, after registration, and their
//! answer in words is waited for. Services agree on no wording; these are the words of Atheme, Anope
//! and their kin.

use super::{Failure, FailureKind};
use crate::{convert::without_codes, wire::Message};

/// How far the services have got.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Services {
    /// Not needed.
    NotWanted,
    /// To be asked once the server has let us in.
    Wanted,
    /// Asked; the answer decides.
    Asked,
}

/// Reads a line as the services' answer. `None`: it is something else.
pub(super) fn answer_of(message: &Message, services: &str) -> Option<Result<(), Failure>> {
    match message.numeric() {
        // RPL_LOGGEDIN.
        Some(900) => return Some(Ok(())),
        Some(401) if message.param(1).eq_ignore_ascii_case(services) => {
            let words = format!("there is no {services} to ask ({})", message.last());
            return Some(Err(Failure::new(FailureKind::SaslUnavailable, words)));
        }
        _ => {}
    }
    let from_services = message.from().nick.eq_ignore_ascii_case(services);
    if !from_services || !(message.is("NOTICE") || message.is("PRIVMSG")) {
        return None;
    }
    let said = without_codes(message.last());
    let lower = said.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&[
        "you are now identified",
        "you are now logged in",
        "you are already logged in",
        "you are already identified",
        "password accepted",
        "successfully identified",
        "you have been identified",
        "you are now recognized",
    ]) {
        return Some(Ok(()));
    }
    if says(&[
        "invalid password",
        "password incorrect",
        "incorrect password",
        "wrong password",
        "password mismatch",
        "not registered",
        "isn't registered",
        "not a registered",
        "no such account",
        "authentication failed",
        "suspended",
        "frozen",
        "forbidden",
    ]) {
        let words = format!("{services} says: {said}");
        return Some(Err(Failure::new(FailureKind::BadCredentials, words)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &str) -> Option<Result<(), FailureKind>> {
        let mut message = Message::new("NOTICE", ["alice", words]);
        message.source = Some("NickServ!services@services.test".to_owned());
        answer_of(&message, "nickserv").map(|answer| answer.map_err(|failure| failure.kind))
    }

    #[test]
    fn services_are_understood_in_their_dialects() {
        let yes = [
            "You are now identified for \u{2}alice\u{2}.",
            "Password accepted - you are now recognized.",
        ];
        for words in yes {
            assert_eq!(said(words), Some(Ok(())), "{words}");
        }
        let no = [
            "Invalid password for \u{2}alice\u{2}.",
            "Password incorrect.",
            "\u{2}alice\u{2} is not registered.",
        ];
        for words in no {
            assert_eq!(said(words), Some(Err(FailureKind::BadCredentials)), "{words}");
        }
        assert_eq!(said("This nickname is registered. Please identify."), None);
    }

    #[test]
    fn nobody_else_answers_for_the_services() {
        let mut message = Message::new("NOTICE", ["alice", "You are now identified for alice."]);
        message.source = Some("mallory!m@h".to_owned());
        assert_eq!(answer_of(&message, "NickServ"), None);
    }
}
