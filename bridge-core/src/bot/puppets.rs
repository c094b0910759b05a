//! `login-matrix` and `logout-matrix`: letting the bridge act in a person's own name, by a token of theirs.

use secrecy::SecretString;

use super::commands::with;
use super::parse::Word;
use super::{Bot, BotReply, CommandRequest};
use crate::puppets::PuppetTrouble;

const HOW: &str = "Usage: login-matrix TOKEN\nTOKEN is the access token of a session of yours that is used for nothing else: log in once more with any client (Element shows the token under Settings, Help & About), close the client without logging out, and give me the token. I join you to your rooms with it, and what you say from other programs appears under your own name. Your message with it is removed from this room. `logout-matrix` ends it.";

impl Bot {
    /// `login-matrix TOKEN`
    pub(super) async fn login_matrix(&self, request: &CommandRequest, rest: &[Word]) -> BotReply {
        let matrix = &self.0.matrix;
        let person = request.sender.as_str();
        let by_server = matrix.can_puppet(person) && !matrix.has_own_token(person);
        let Some(token) = token_in(rest) else {
            // Whatever was said, it may have been meant as one.
            let left = if rest.is_empty() { None } else { self.wipe_message(request).await };
            return with(left, if by_server { NOT_NEEDED } else { HOW });
        };
        if by_server || !matrix.names().is_local(person) {
            let words = if by_server { NOT_NEEDED } else { ELSEWHERE };
            return with(self.wipe_message(request).await, words);
        }
        let kept = self.0.puppets.keep(person, token).await;
        // After it is kept, so that the message can be taken back by who wrote it.
        let left = self.wipe_message(request).await;
        let words = match kept {
            Ok(()) => "I act in your name now: you are joined to your rooms, and what you say from other programs is yours. `logout-matrix` ends it.".to_owned(),
            Err(trouble @ (PuppetTrouble::Unknown | PuppetTrouble::SomebodyElses(_))) => {
                format!("That does not work: {trouble}. Nothing was stored.")
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "a person's token could not be kept");
                format!("That did not work: {trouble}. Nothing was stored; try again later.")
            }
        };
        with(left, &words)
    }

    /// `logout-matrix`
    pub(super) async fn logout_matrix(&self, request: &CommandRequest) -> BotReply {
        BotReply::new(match self.0.puppets.forget(&request.sender).await {
            Ok(true) => "I do not act in your name any more, and your token is deleted here. To make it useless everywhere, log that session out in your client.".to_owned(),
            Ok(false) => "I have no token of yours.".to_owned(),
            Err(error) => {
                tracing::error!(%error, "a token could not be deleted");
                format!("The token could not be deleted: {error}. Try again.")
            }
        })
    }
}

const NOT_NEEDED: &str =
    "There is no need to: the operator of this server lets me act in your name already.";
const ELSEWHERE: &str = "That works only for people of this server.";

/// One word; a token with `=` in it was read as a pair.
fn token_in(rest: &[Word]) -> Option<SecretString> {
    match rest {
        [Word::Plain(token)] => Some(SecretString::from(token.as_str())),
        [Word::Pair(key, value)] if matches!(key.as_str(), "token" | "access_token") => {
            Some(SecretString::from(value.as_str()))
        }
        [Word::Pair(key, value)] => Some(SecretString::from(format!("{key}={value}"))),
        _ => None,
    }
}
