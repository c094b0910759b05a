//! Who comes and goes, what they are called, and what a channel is about.

use bridge_core::network::{
    ChatKind, MembershipChange, RemoteEvent, RemoteEventKind, RemoteMembership, TopicChange,
};

use super::{Heard, Translated, Translator, View, profile};
use crate::{
    connection::Session,
    ids::{make_chat_id, make_user_id},
    roster::Person,
    wire::Source,
};

impl Translator {
    pub(super) fn join(&mut self, heard: &Heard<'_>, view: &mut View) -> Translated {
        let View { session, roster, .. } = view;
        // Some servers put several channels into one line.
        let channels: Vec<&str> = heard.message.param(0).split(',').collect();
        let mut translated = Translated::default();
        for channel in channels {
            let nick = &heard.from.nick;
            if session.is_me(nick) {
                roster.enter(session, channel);
                let mut event =
                    self.membership(heard, session, channel, nick, RemoteMembership::Join, None);
                // Also when we were made to join: then the room is news to its owner.
                event.creates = Some(ChatKind::Group);
                translated.events.push(event);
                translated.entered.push(session.fold(channel));
                continue;
            }
            // extended-join tells the account (`*` is none) and the real name.
            let told = |at: usize| heard.message.params.get(at).cloned();
            let account = told(1).filter(|name| name != "*");
            roster.add(
                session,
                channel,
                Person {
                    nick: nick.clone(),
                    ranks: String::new(),
                    mask: heard.from.user.clone().zip(heard.from.host.clone()),
                    account: account.or_else(|| heard.message.tag("account").map(str::to_owned)),
                    realname: told(2),
                },
            );
            let back = self.is_back(session, nick, channel);
            if !back && self.habits.members.shows_joins() && !self.is_sibling(heard, session) {
                translated.events.push(self.membership(
                    heard,
                    session,
                    channel,
                    nick,
                    RemoteMembership::Join,
                    None,
                ));
            }
        }
        translated
    }

    pub(super) fn part(&self, heard: &Heard<'_>, view: &mut View) -> Translated {
        let View { session, roster, .. } = view;
        let nick = &heard.from.nick;
        let reason = words(heard.message.params.get(1));
        let mut translated = Translated::default();
        for channel in heard.message.param(0).split(',') {
            let me = session.is_me(nick);
            if me {
                roster.leave(session, channel);
                translated.left.push(channel.to_owned());
            } else {
                roster.remove(session, channel, nick);
                if self.is_sibling(heard, session) || !self.habits.members.shows_leaves() {
                    continue;
                }
            }
            translated.events.push(self.membership(
                heard,
                session,
                channel,
                nick,
                RemoteMembership::Leave,
                reason.clone(),
            ));
        }
        translated
    }

    pub(super) fn kick(&self, heard: &Heard<'_>, view: &mut View) -> Translated {
        let View { session, roster, .. } = view;
        let (channel, nick) = (heard.message.param(0), heard.message.param(1));
        let reason = words(heard.message.params.get(2));
        let mut translated = Translated::default();
        let kicked =
            |reason| self.membership(heard, session, channel, nick, RemoteMembership::Kick, reason);
        if session.is_me(nick) {
            translated.events.push(kicked(reason.clone()));
            roster.leave(session, channel);
            translated.left.push(channel.to_owned());
            let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            let text = format!(
                "{nick} was kicked from {channel} by {}{why}. Nothing crosses here for this login until it joins again.",
                heard.from.nick
            );
            let chat = make_chat_id(session, channel);
            translated.events.push(RemoteEvent::new(chat, RemoteEventKind::BridgeNotice { text }));
            return translated;
        }
        let sibling = self.is_own(nick, session, heard.now_ms);
        if !sibling {
            translated.events.push(kicked(reason));
        }
        roster.remove(session, channel, nick);
        translated
    }

    pub(super) fn quit(&mut self, heard: &Heard<'_>, view: &mut View) -> Vec<RemoteEvent> {
        let View { session, roster, .. } = view;
        let nick = &heard.from.nick;
        let channels = roster.remove_everywhere(session, nick);
        if session.is_me(nick) || self.is_sibling(heard, session) {
            return Vec::new();
        }
        if !self.habits.members.shows_leaves() || self.hold(heard, session, &channels) {
            return Vec::new();
        }
        let reason = words(heard.message.params.first()).map_or_else(
            || "Quit".to_owned(),
            |reason| if reason.starts_with("Quit") { reason } else { format!("Quit: {reason}") },
        );
        let left = RemoteMembership::Leave;
        let event = |channel: &String| {
            self.membership(heard, session, channel, nick, left, Some(reason.clone()))
        };
        channels.iter().map(event).collect()
    }

    /// A nick is all the identity there is, and the next to use it may be somebody else: so the old
    /// ghost leaves and the new one comes, with words that tell what happened.
    pub(super) fn nick(&mut self, heard: &Heard<'_>, view: &mut View) -> Vec<RemoteEvent> {
        let View { session, roster, .. } = view;
        let (old, new) = (heard.from.nick.as_str(), heard.message.param(0));
        let channels = roster.rename(session, old, new);
        if session.is_me(old) || self.is_sibling(heard, session) {
            return Vec::new();
        }
        if session.rules.casemap.same(old, new) {
            return Vec::new();
        }
        let mut events = Vec::new();
        for channel in &channels {
            if !self.habits.members.shows_leaves() {
                break;
            }
            let reason = Some(format!("is now known as {new}"));
            events.push(self.membership(
                heard,
                session,
                channel,
                old,
                RemoteMembership::Leave,
                reason,
            ));
            if !self.habits.members.shows_joins() {
                continue;
            }
            let reason = Some(format!("was {old}"));
            let mut joined =
                self.membership(heard, session, channel, new, RemoteMembership::Join, reason);
            if let (Some(sender), RemoteEventKind::Membership(change)) =
                (&mut joined.sender, &joined.kind)
            {
                sender.user = change.user.clone();
                sender.profile = change.profile.clone();
            }
            events.push(joined);
        }
        if self.conversations.remove(&session.fold(old)) {
            self.conversations.insert(session.fold(new));
            let text = format!(
                "{old} is now known as {new}. What {new} says comes in a conversation of its own."
            );
            let mut notice = RemoteEvent::new(
                make_chat_id(session, old),
                RemoteEventKind::BridgeNotice { text },
            );
            notice.receiver = Some(self.login.clone());
            events.push(notice);
        }
        events
    }

    pub(super) fn topic(&self, heard: &Heard<'_>, view: &mut View) -> Vec<RemoteEvent> {
        let View { session, roster, .. } = view;
        let (channel, topic) = (heard.message.param(0), heard.message.param(1));
        roster.topic(session, channel, topic);
        let kind = RemoteEventKind::Topic(TopicChange { topic: topic.to_owned() });
        vec![self.in_channel(heard, session, channel, kind)]
    }

    /// Somebody asks us in, which a person must decide.
    pub(super) fn invite(&self, heard: &Heard<'_>, view: &View) -> Option<RemoteEvent> {
        let session = &view.session;
        let (nick, channel) = (heard.message.param(0), heard.message.param(1));
        if !session.is_me(nick) || heard.from.is_server() || session.is_in(channel) {
            return None;
        }
        let text = format!(
            "{} invites you to {channel}. Join it with the `join` command.",
            heard.from.nick
        );
        let mut notice = RemoteEvent::new(
            make_chat_id(session, &heard.from.nick),
            RemoteEventKind::BridgeNotice { text },
        );
        notice.receiver = Some(self.login.clone());
        notice.creates = Some(ChatKind::Direct);
        Some(notice)
    }

    /// Somebody we wrote to is away: told once for each thing they say about it.
    pub(super) fn away(&mut self, heard: &Heard<'_>, session: &Session) -> Option<RemoteEvent> {
        let nick = heard.message.param(1);
        let words = words(heard.message.params.get(2)).unwrap_or_default();
        let key = session.fold(nick);
        if !self.conversations.contains(&key) || self.away_told.get(&key) == Some(&words) {
            return None;
        }
        let text = if words.is_empty() {
            format!("{nick} is away.")
        } else {
            format!("{nick} is away: {words}")
        };
        self.away_told.insert(key, words);
        let kind = RemoteEventKind::BridgeNotice { text };
        let mut notice = RemoteEvent::new(make_chat_id(session, nick), kind);
        notice.receiver = Some(self.login.clone());
        Some(notice)
    }

    fn membership(
        &self,
        heard: &Heard<'_>,
        session: &Session,
        channel: &str,
        nick: &str,
        membership: RemoteMembership,
        reason: Option<String>,
    ) -> RemoteEvent {
        let change = MembershipChange {
            user: make_user_id(session, nick),
            is_me: session.is_me(nick),
            profile: Some(profile(nick)),
            membership,
            reason,
        };
        self.in_channel(heard, session, channel, RemoteEventKind::Membership(change))
    }

    /// Says whether a nick without a mask is another login of ours.
    fn is_own(&self, nick: &str, session: &Session, now_ms: i64) -> bool {
        let source = Source { nick: nick.to_owned(), ..Source::default() };
        self.own.is_sibling(&source, &self.login, session, now_ms)
    }
}

fn words(param: Option<&String>) -> Option<String> {
    param.map(|words| crate::convert::text_from_irc(words).plain).filter(|words| !words.is_empty())
}
