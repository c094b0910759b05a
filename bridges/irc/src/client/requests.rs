//! What a login does when asked: sends a stored step, joins, leaves, describes.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bridge_core::{
    ids::{RemoteChatId, RemoteUserId},
    network::{
        ChatInfo, ChatKind, Directory, Finds, FoundUser, JoinedChat, NetworkError, RemoteStep,
        SendOutcome, UserInfo,
    },
};

use super::IrcClient;
use crate::{
    chat_info::channel_info,
    connection::{AskError, Delivery, Link, send_refusal},
    convert::{split_formatted, without_codes},
    error::{join_error, send_outcome},
    from_matrix::{Payload, SayCommand, wire_text},
    ids::{
        make_chat_id, make_local_id, make_portal_key, make_user_id, parse_chat_id, parse_user_id,
    },
    ranks,
    to_matrix::{direct_info, look},
    wire::{ACTION_OVERHEAD, Message},
};

impl IrcClient {
    pub(super) async fn send_step(&self, link: &Link, step: &RemoteStep) -> SendOutcome {
        let payload = match serde_json::from_value::<Payload>(step.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, "a stored step cannot be read");
                let words = "The stored message cannot be read by this version.".to_owned();
                return SendOutcome::Failed { words };
            }
        };
        match payload {
            Payload::Say { command, target, text, action, reply_to } => {
                self.named(say(link, command, &target, &text, action, reply_to).await)
            }
            Payload::React { target, to, key, remove } => {
                let react = if remove { "+draft/unreact" } else { "+draft/react" };
                let tags = [(react.to_owned(), key), ("+draft/reply".to_owned(), to)];
                send_outcome(link.say_with_tags("TAGMSG", &target, "", &tags).await)
            }
            Payload::Redact { target, message } => {
                let line = Message::new("REDACT", [target.as_str(), &message]);
                request(link, line, &target).await
            }
            Payload::Rank { channel, nick, level } => {
                self.give_rank(link, &channel, &nick, level).await
            }
            Payload::Topic { channel, topic } => {
                let line = Message::new("TOPIC", [channel.as_str(), &topic]);
                request(link, line, &channel).await
            }
            Payload::Kick { channel, nick, reason } => {
                let line = Message::new("KICK", [channel.as_str(), &nick, &reason]);
                request(link, line, &channel).await
            }
            Payload::Invite { channel, nick } => {
                request(link, Message::new("INVITE", [nick.as_str(), &channel]), &channel).await
            }
        }
    }

    /// Gives a message an id that the server gave none: what is done to it later must have a name here.
    fn named(&self, outcome: SendOutcome) -> SendOutcome {
        match outcome {
            SendOutcome::Confirmed { remote_id: None, timestamp } => {
                let number = self.nameless.fetch_add(1, Ordering::Relaxed);
                let counter = format!("s{number:x}");
                let id = make_local_id(&self.login.id, self.clock.now_ms(), &counter);
                SendOutcome::Confirmed { remote_id: Some(id), timestamp }
            }
            outcome => outcome,
        }
    }

    /// Brings somebody's rank to a level, from the ranks they have now.
    async fn give_rank(&self, link: &Link, channel: &str, nick: &str, level: i64) -> SendOutcome {
        let changes = {
            let view = look(&self.view);
            let person = view.roster.person(&view.session, channel, nick);
            let Some(person) = person else {
                let words =
                    format!("{nick} is not in {channel} now, and ranks are for who is there.");
                return SendOutcome::Failed { words };
            };
            ranks::changes(&view.session.rules, &person.ranks, level)
        };
        for (set, letter) in changes {
            let sign = if set { '+' } else { '-' };
            let mode = format!("{sign}{letter}");
            let line = Message::new("MODE", [channel, mode.as_str(), nick]);
            let outcome = request(link, line, channel).await;
            if !matches!(outcome, SendOutcome::Confirmed { .. }) {
                return outcome;
            }
        }
        SendOutcome::Confirmed { remote_id: None, timestamp: None }
    }

    pub(super) fn describe_chat(&self, chat: &RemoteChatId) -> Result<ChatInfo, NetworkError> {
        let view = look(&self.view);
        let name = parse_chat_id(chat);
        if !view.session.rules.is_channel(name) {
            let spelled = view.roster.spelling(&view.session, name).unwrap_or(name);
            return Ok(direct_info(spelled));
        }
        let channel = view.roster.channel(&view.session, name).ok_or_else(|| {
            NetworkError::NotFound(format!(
                "This login is not in {name}, so nothing is known of it."
            ))
        })?;
        Ok(channel_info(
            &view.session,
            channel,
            &self.login.id,
            &self.own,
            self.clock.now_ms(),
            self.habits.members,
        ))
    }

    pub(super) fn describe_user(&self, user: &RemoteUserId) -> UserInfo {
        let view = look(&self.view);
        let nick = parse_user_id(user);
        let spelled = view.roster.spelling(&view.session, nick).unwrap_or(nick);
        UserInfo { name: Some(spelled.to_owned()), avatar: None, is_bot: false }
    }

    async fn join_channel(
        &self,
        name: &str,
        key: Option<&str>,
    ) -> Result<JoinedChat, NetworkError> {
        let (keeper, link) = self.online()?;
        let folded = link.with_session(|session| session.fold(name));
        let known = self.keys.of(&folded);
        let key = key.or(known.as_deref());
        let mut results = link.join(&[(name, key)]).await;
        if let Some(Err(error)) = results.pop() {
            return Err(join_error(error));
        }
        let session = link.session();
        keeper.want(&folded, key);
        if key.is_some() {
            self.keys.note(&folded, key);
            self.seal_keys().await;
        }
        let portal = make_portal_key(&self.network, &self.login.id, &session, name);
        let spelled = session.channels.get(&session.fold(name)).cloned();
        let info = ChatInfo {
            kind: Some(ChatKind::Group),
            name: Some(spelled.unwrap_or_else(|| name.to_owned())),
            ..ChatInfo::default()
        };
        Ok(JoinedChat { chat: portal.chat, receiver: portal.receiver, info })
    }

    /// Opens a conversation, if there is anybody to talk to.
    async fn open_conversation(&self, nick: &str) -> Result<JoinedChat, NetworkError> {
        let (_, link) = self.online()?;
        let lines = self.whois(&link, nick).await?;
        let Some(spelled) = spelling(&lines) else {
            return Err(NetworkError::NotFound(format!(
                "Nobody is called {nick} on the network now. If you meant a channel: their names begin with #."
            )));
        };
        let portal = make_portal_key(&self.network, &self.login.id, &link.session(), spelled);
        let mut info = direct_info(spelled);
        info.topic = whois_words(&lines);
        Ok(JoinedChat { chat: portal.chat, receiver: portal.receiver, info })
    }

    async fn whois(&self, link: &Link, nick: &str) -> Result<Vec<Message>, NetworkError> {
        link.ask(Message::new("WHOIS", [nick]), &[nick]).await.map_err(|error| {
            NetworkError::Offline(format!("The connection ended meanwhile ({error})."))
        })
    }
}

/// Returns how a nick is spelled, from the answers to a WHOIS; `None`: nobody has it.
fn spelling(lines: &[Message]) -> Option<&str> {
    // RPL_WHOISUSER
    lines.iter().find(|line| line.numeric() == Some(311)).map(|user| user.param(1))
}

/// Says who somebody is, from the answers to a WHOIS.
fn whois_words(lines: &[Message]) -> Option<String> {
    let line = |numeric| lines.iter().find(|line| line.numeric() == Some(numeric));
    let user = line(311)?;
    let mut words = without_codes(user.last());
    words.push_str(&format!(" ({}@{})", user.param(2), user.param(3)));
    if let Some(account) = line(330) {
        words.push_str(&format!(", logged in as {}", account.param(2)));
    }
    if let Some(away) = line(301) {
        words.push_str(&format!(", away: {}", without_codes(away.last())));
    }
    Some(words)
}

#[async_trait]
impl Directory for IrcClient {
    async fn join_chat(&self, name: &str) -> Result<JoinedChat, NetworkError> {
        let mut words = name.split_whitespace();
        let (name, key) = (words.next().unwrap_or(""), words.next());
        let malformed = name.is_empty()
            || name.contains(',')
            || key.is_some_and(|key| key.contains(',') || key.starts_with(':'))
            || name.starts_with(':')
            || words.next().is_some();
        if malformed {
            return Err(NetworkError::Invalid(
                "Name a channel (`#rust`, with its key behind it if it has one) or a nick."
                    .to_owned(),
            ));
        }
        let (_, link) = self.online()?;
        if link.with_session(|session| session.rules.is_channel(name)) {
            self.join_channel(name, key).await
        } else {
            self.open_conversation(name).await
        }
    }

    fn finds(&self) -> Finds {
        Finds { by_name: true, ..Finds::default() }
    }

    async fn resolve(&self, identifier: &str) -> Result<Option<FoundUser>, NetworkError> {
        let nick = identifier.strip_prefix("irc:").unwrap_or(identifier);
        let malformed =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '*' | '?');
        if nick.is_empty() || nick.starts_with(':') || nick.contains(malformed) {
            return Err(NetworkError::Invalid(format!("`{identifier}` cannot be a nick.")));
        }
        let (_, link) = self.online()?;
        let lines = self.whois(&link, nick).await?;
        let session = link.session();
        Ok(spelling(&lines).map(|spelled| FoundUser {
            user: make_user_id(&session, spelled),
            name: Some(spelled.to_owned()),
            identifiers: vec![format!("irc:{spelled}")],
            direct: Some(make_chat_id(&session, spelled)),
        }))
    }

    async fn leave_chat(&self, chat: &RemoteChatId) -> Result<(), NetworkError> {
        let name = parse_chat_id(chat);
        let (keeper, link) = self.online()?;
        let session = link.session();
        let same = |one: &str, other: &str| session.rules.casemap.same(one, other);
        keeper.unwant(name, &same);
        self.keys.forget(name, &same);
        self.seal_keys().await;
        if !session.is_in(name) {
            return Ok(());
        }
        let parted = link.ask(Message::new("PART", [name]), &[name]).await;
        parted.map(drop).map_err(|error| {
            NetworkError::Offline(format!("The connection ended meanwhile ({error})."))
        })
    }
}

async fn say(
    link: &Link,
    command: SayCommand,
    target: &str,
    text: &str,
    action: bool,
    reply_to: Option<String>,
) -> SendOutcome {
    let overhead = if action { ACTION_OVERHEAD } else { 0 };
    let (absent, budget) = link.with_session(|session| {
        let absent = session.rules.is_channel(target) && !session.is_in(target);
        (absent, session.budget(target, overhead))
    });
    if absent {
        return SendOutcome::Failed {
            words: format!(
                "This login is not in {target} (any more), so it was not sent. Join it again with the `join` command."
            ),
        };
    }
    // The plan left room for the longest mask there is. Should ours be longer all the same, two
    // lines are better than one that the server cuts.
    let pieces = split_formatted(text, budget);
    let mut first = None;
    for (index, piece) in pieces.iter().enumerate() {
        let reply_to = reply_to.clone().filter(|_| index == 0);
        let tags: Vec<_> = reply_to.map(|id| ("+draft/reply".to_owned(), id)).into_iter().collect();
        let tags =
            if link.with_session(|s| s.has_client_tag("draft/reply")) { &tags[..] } else { &[] };
        let text = wire_text(piece, action);
        let delivery = link.say_with_tags(command.as_str(), target, &text, tags).await;
        let confirmed = matches!(delivery, Delivery::Confirmed { .. });
        let outcome = send_outcome(delivery);
        if index > 0 && !confirmed {
            return SendOutcome::Unknown {
                reason: "Only the beginning of this line is known to have been sent.".to_owned(),
            };
        }
        if !confirmed {
            return outcome;
        }
        first.get_or_insert(outcome);
    }
    first.unwrap_or(SendOutcome::Confirmed { remote_id: None, timestamp: None })
}

/// Sends a request about a channel; what the server does not refuse, it has done.
async fn request(link: &Link, line: Message, channel: &str) -> SendOutcome {
    match link.ask(line, &[channel]).await {
        Ok(answers) => {
            // Errors are the numerics from 400 on, and FAIL.
            let refused = answers.iter().find(|answer| {
                answer.is("FAIL") || answer.numeric().is_some_and(|n| (400..600).contains(&n))
            });
            match refused {
                Some(answer) => SendOutcome::Failed { words: send_refusal(answer, channel).words },
                None => SendOutcome::Confirmed { remote_id: None, timestamp: None },
            }
        }
        Err(AskError::NotSent) => SendOutcome::Offline,
        Err(AskError::Lost(why)) => SendOutcome::Unknown {
            reason: format!("The connection ended before the server answered ({why})."),
        },
        Err(AskError::Unsendable(error)) => {
            SendOutcome::Failed { words: format!("This cannot be written on IRC: {error}.") }
        }
    }
}
