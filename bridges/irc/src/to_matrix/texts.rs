//! What people say: PRIVMSG and NOTICE.

use bridge_core::network::{
    ChatKind, MessageKind, RemoteEvent, RemoteEventKind, RemoteMessage, RemoteSender,
};

use super::{Heard, Translator, View, profile, tags::DIRECT};
use crate::{
    convert::{message_from_irc, without_codes},
    ids::{make_chat_id, make_user_id},
    ranks::{OPERATOR, level_of},
    wire::parse_action,
};

impl Translator {
    pub(super) fn text(&mut self, heard: &Heard<'_>, view: &mut View) -> Vec<RemoteEvent> {
        self.hear_answer(heard, view);
        let view = &*view;
        let session = &view.session;
        let target = session.rules.without_status(heard.message.param(0));
        if session.rules.is_channel(target) {
            self.text_in_channel(heard, view, target).into_iter().collect()
        } else {
            let told = self.private_text(heard, view, target);
            let warning = told.as_ref().and_then(|_| self.guard(heard, session));
            warning.into_iter().chain(told).collect()
        }
    }

    fn text_in_channel(
        &mut self,
        heard: &Heard<'_>,
        view: &View,
        channel: &str,
    ) -> Option<RemoteEvent> {
        let session = &view.session;
        // What another login of ours says comes from Matrix already.
        if self.is_sibling(heard, session) {
            return None;
        }
        let kind = self.content(heard, view, false)?;
        let kind = match kind {
            RemoteEventKind::Message(mut message) if heard.message.param(0) != channel => {
                // Said to some ranks only: the others must not think everybody read it.
                let text = &mut message.content.text;
                text.plain = format!("[{}] {}", heard.message.param(0), text.plain);
                text.html =
                    text.html.take().map(|html| format!("[{}] {html}", heard.message.param(0)));
                RemoteEventKind::Message(message)
            }
            RemoteEventKind::Message(message) if heard.from.is_server() => {
                let text = format!("{}: {}", heard.from.nick, message.content.text.plain);
                RemoteEventKind::BridgeNotice { text }
            }
            kind => kind,
        };
        let mut event = self.in_channel(heard, session, channel, kind);
        if matches!(event.kind, RemoteEventKind::Message(_)) {
            event.id = self.message_id(heard);
        }
        // We are in it because somebody asked: its first line may overtake the making of its room.
        event.creates = Some(ChatKind::Group);
        Some(event)
    }

    fn private_text(
        &mut self,
        heard: &Heard<'_>,
        view: &View,
        target: &str,
    ) -> Option<RemoteEvent> {
        let session = &view.session;
        if heard.from.is_server() || heard.from.nick.is_empty() {
            tracing::debug!("a notice of the server");
            return None;
        }
        let from_me = session.is_me(&heard.from.nick);
        if from_me && session.is_me(target) {
            // A note to self comes twice, as echo and as message; it is on Matrix already.
            return None;
        }
        let kind = self.content(heard, view, true)?;
        // Our own words without a question of ours come from another client on a bouncer.
        let partner = if from_me { target } else { &heard.from.nick };
        self.conversations.insert(session.fold(partner));
        let mut event = RemoteEvent::new(make_chat_id(session, partner), kind);
        event.receiver = Some(self.login.clone());
        event.id = self.message_id(heard);
        event.sender = Some(RemoteSender {
            user: make_user_id(session, &heard.from.nick),
            is_me: from_me,
            profile: Some(profile(&heard.from.nick)),
        });
        event.timestamp = Some(heard.at_ms);
        event.creates = DIRECT;
        Some(event)
    }

    /// Reads the text. `None` for CTCP requests and answers, which are between programs.
    fn content(
        &mut self,
        heard: &Heard<'_>,
        view: &View,
        private: bool,
    ) -> Option<RemoteEventKind> {
        let notice = heard.message.is("NOTICE");
        let text = heard.message.last();
        let (kind, text) = match (parse_action(text), text.starts_with('\u{1}')) {
            (Some(action), _) if !notice => (MessageKind::Emote, action),
            (_, true) => return self.ctcp(heard, text, private),
            (_, false) if notice => (MessageKind::Notice, text),
            (_, false) => (MessageKind::Text, text),
        };
        let person_of = |nick: &str, at_start| self.called(heard, view, nick, at_start);
        let mut message = RemoteMessage::new(message_from_irc(kind, text, &person_of));
        message.reply_to = Self::reply_to(heard);
        Some(RemoteEventKind::Message(message))
    }

    /// Hears whether an operator of a channel answers a question of ours: `nick: yes` or `nick: no`.
    fn hear_answer(&self, heard: &Heard<'_>, view: &mut View) {
        let View { session, roster, questions, .. } = view;
        if questions.is_empty() || !heard.message.is("PRIVMSG") {
            return;
        }
        let channel = heard.message.param(0);
        let words = without_codes(heard.message.last());
        let mut words =
            words.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '.' | '!'));
        let to_us = words.next().is_some_and(|nick| session.is_me(nick));
        let answer = words.find(|word| !word.is_empty()).map(str::to_ascii_lowercase);
        let yes = match answer.as_deref().filter(|_| to_us) {
            Some("yes") => true,
            Some("no") => false,
            _ => return,
        };
        let person = roster.person(session, channel, &heard.from.nick);
        if person.is_none_or(|person| level_of(&session.rules, &person.ranks) < OPERATOR) {
            return;
        }
        let folded = session.fold(channel);
        let asked = questions.iter().position(|question| question.channel == folded);
        if let Some(question) = asked.map(|at| questions.remove(at)) {
            // Whoever asked may have stopped waiting.
            drop(question.answer.send((heard.from.nick.clone(), yes)));
        }
    }
}
