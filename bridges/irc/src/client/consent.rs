//! Whether the people of a channel agree to its being linked with a room.

use std::time::Duration;

use bridge_core::network::{Consent, PlumbRequest};
use tokio::sync::oneshot;

use super::IrcClient;
use crate::{
    connection::Delivery,
    ids::{parse_chat_id, parse_user_id},
    ranks::{OPERATOR, level_of},
    to_matrix::{Question, look},
};

/// How long operators have to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the server has to list who is in a channel that was just joined.
const LISTING: Duration = Duration::from_secs(10);

impl IrcClient {
    /// Waits until it is known who is in a channel: joining is over before the list has been read.
    async fn people_are_known(&self, channel: &str) {
        let listed = {
            let mut view = look(&self.view);
            let here = view.roster.channel(&view.session, channel);
            if here.is_some_and(|here| here.complete) {
                return;
            }
            let (sender, listed) = oneshot::channel();
            let folded = view.session.fold(channel);
            // Who gave up waiting is not kept for as long as the connection lasts.
            view.waiting.retain(|(_, waiter)| !waiter.is_closed());
            view.waiting.push((folded, sender));
            listed
        };
        tokio::select! {
            _ = listed => {}
            () = self.clock.sleep(LISTING) => {}
        }
    }

    /// An operator of the channel decides: one who asks on Matrix, or one who answers in the channel.
    pub(super) async fn consent(&self, request: &PlumbRequest) -> Consent {
        let channel = parse_chat_id(&request.chat);
        let Some(link) = self.link() else {
            let words = "The login that would speak there is not connected now.".to_owned();
            return Consent::No { words };
        };
        if link.session().channels.contains_key(&link.with_session(|session| session.fold(channel)))
        {
            self.people_are_known(channel).await;
        }
        let (sender, answer) = oneshot::channel();
        let me = {
            let mut view = look(&self.view);
            let session = &view.session;
            if !session.rules.is_channel(channel) {
                let words = format!("{channel} is no channel; only channels can be linked.");
                return Consent::No { words };
            }
            let Some(here) = view.roster.channel(session, channel) else {
                let words = format!(
                    "The login that would speak there is not in {channel}. Have it join the channel first."
                );
                return Consent::No { words };
            };
            let is_operator = |nick: &str| {
                let person = here.people.get(&session.fold(nick));
                person.is_some_and(|person| level_of(&session.rules, &person.ranks) >= OPERATOR)
            };
            if request.accounts.iter().any(|account| is_operator(parse_user_id(account))) {
                return Consent::Yes;
            }
            let me = session.nick.clone();
            if !here.people.values().any(|p| p.nick != me && is_operator(&p.nick)) {
                let words = format!("{channel} has no operator who could be asked now.");
                return Consent::Unknown { words };
            }
            let channel = session.fold(channel);
            view.questions.retain(|question| question.channel != channel);
            view.questions.push(Question { channel, answer: sender });
            me
        };
        let question = format!(
            "{} would like to link this channel with a Matrix room; I would pass on what is said in both. An operator of the channel can agree by saying \"{me}: yes\" within {} seconds, or refuse with \"{me}: no\".",
            request.mxid,
            PATIENCE.as_secs()
        );
        link.turn().await;
        if !matches!(link.say("PRIVMSG", channel, &question).await, Delivery::Confirmed { .. }) {
            let words = format!("The operators of {channel} could not be asked.");
            return Consent::Unknown { words };
        }
        let answer = tokio::select! {
            answer = answer => answer.ok(),
            () = self.clock.sleep(PATIENCE) => None,
        };
        match answer {
            Some((nick, true)) => {
                tracing::info!(%nick, "an operator agreed to the linking of a channel");
                Consent::Yes
            }
            Some((nick, false)) => {
                Consent::No { words: format!("{nick}, an operator of {channel}, said no.") }
            }
            None => Consent::No {
                words: format!(
                    "No operator of {channel} agreed in time. Ask one to say yes when the bridge asks, then try again."
                ),
            },
        }
    }
}
