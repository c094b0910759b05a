//! Who somebody is beside their nick: account, user and host, real name. A nick is anybody's; an account
//! is proved to the network. In a conversation both are told: the real name as its topic, and a warning
//! when the nick is no longer behind the account it was.

use bridge_core::network::{RemoteEvent, RemoteEventKind, TopicChange};

use super::{Heard, Translator, View};
use crate::{connection::Session, convert::without_codes, ids::make_chat_id, roster::Person};

impl Translator {
    /// ACCOUNT, CHGHOST, SETNAME and AWAY: what is known of people changes.
    pub(super) fn about(&mut self, heard: &Heard<'_>, view: &mut View) -> Vec<RemoteEvent> {
        let View { session, roster, .. } = view;
        let (nick, message) = (&heard.from.nick, heard.message);
        if message.is("AWAY") {
            if message.params.is_empty() {
                // Back: should they go away again, it is told again.
                self.away_told.remove(&session.fold(nick));
            }
            return Vec::new();
        }
        if message.is("ACCOUNT") {
            let account = Some(message.param(0).to_owned()).filter(|name| name != "*");
            roster.update(session, nick, |person| person.account.clone_from(&account));
        } else if message.is("CHGHOST") {
            let mask = (message.param(0).to_owned(), message.param(1).to_owned());
            roster.update(session, nick, |person| person.mask = Some(mask.clone()));
        } else {
            let realname = message.last().to_owned();
            let mask = heard.from.user.clone().zip(heard.from.host.clone());
            roster.update(session, nick, |person| {
                person.realname = Some(realname.clone());
                person.mask = mask.clone().or(person.mask.take());
            });
        }
        if !self.conversations.contains(&session.fold(nick)) || session.is_me(nick) {
            return Vec::new();
        }
        let topic = roster.somewhere(session, nick).and_then(described);
        let event = topic.map(|topic| {
            let kind = RemoteEventKind::Topic(TopicChange { topic });
            let mut event = RemoteEvent::new(make_chat_id(session, nick), kind);
            event.receiver = Some(self.login.clone());
            event
        });
        event.into_iter().collect()
    }

    /// Compares the account behind a private line with the one that was there before.
    pub(super) fn guard(&mut self, heard: &Heard<'_>, session: &Session) -> Option<RemoteEvent> {
        let nick = &heard.from.nick;
        if !session.has("account-tag") || session.is_me(nick) {
            return None;
        }
        let account = heard.message.tag("account").map(str::to_owned);
        let before = self.accounts.insert(session.fold(nick), account.clone())??;
        let same = account.as_deref().is_some_and(|now| session.rules.casemap.same(now, &before));
        if same {
            return None;
        }
        let now = account.map_or_else(
            || "is logged in to no account now".to_owned(),
            |now| format!("is logged in as {now} now"),
        );
        let text = format!(
            "{nick} {now}, and was logged in as {before} before: this may be somebody else."
        );
        let kind = RemoteEventKind::BridgeNotice { text };
        let mut notice = RemoteEvent::new(make_chat_id(session, nick), kind);
        notice.receiver = Some(self.login.clone());
        Some(notice)
    }
}

/// Says who somebody is, as a WHOIS does.
fn described(person: &Person) -> Option<String> {
    let mut words = without_codes(person.realname.as_deref()?);
    if let Some((user, host)) = &person.mask {
        words.push_str(&format!(" ({user}@{host})"));
    }
    if let Some(account) = &person.account {
        words.push_str(&format!(", logged in as {account}"));
    }
    Some(words)
}
