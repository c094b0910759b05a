//! What is said without words: reactions, typing, messages taken back.

use bridge_core::{
    ids::RemoteUserId,
    network::{ChatKind, RemoteEvent, RemoteEventKind, ReplyTo},
};

use super::{Heard, Translated, Translator, View};
use crate::{connection::Session, ids::make_message_id};

/// How long somebody is shown as typing: their client repeats it every three seconds.
const TYPING_MS: i64 = 6_000;

impl Translator {
    /// TAGMSG.
    pub(super) fn tags(&self, heard: &Heard<'_>, view: &View) -> Translated {
        let session = &view.session;
        let mut translated = Translated::default();
        if let Some(state) = heard.message.tag("+typing") {
            let timeout_ms = if state == "active" { TYPING_MS } else { 0 };
            let kind = RemoteEventKind::Typing { timeout_ms };
            if !session.is_me(&heard.from.nick) {
                translated.ephemeral.extend(self.at_target(heard, session, kind));
            }
            return translated;
        }
        let Some(target) = answered(heard) else { return translated };
        let tag = |name| heard.message.tag(name).filter(|key| !key.is_empty()).map(str::to_owned);
        let kind = if let Some(key) = tag("+draft/react") {
            RemoteEventKind::Reaction { target, key, picture: None }
        } else if let Some(key) = tag("+draft/unreact") {
            RemoteEventKind::ReactionRemove { target, key }
        } else {
            return translated;
        };
        translated.events.extend(self.at_target(heard, session, kind));
        translated
    }

    /// REDACT: `target msgid [reason]`.
    pub(super) fn redact(&self, heard: &Heard<'_>, view: &View) -> Option<RemoteEvent> {
        let target = make_message_id(heard.message.param(1));
        let kind = RemoteEventKind::Redaction { target: target.clone() };
        let mut event = self.at_target(heard, &view.session, kind)?;
        // Every login hears of it; the message can be taken back only once.
        event.id = Some(target);
        Some(event)
    }

    /// Makes an event where the line was sent to: a channel, or the conversation with its sender.
    fn at_target(
        &self,
        heard: &Heard<'_>,
        session: &Session,
        kind: RemoteEventKind,
    ) -> Option<RemoteEvent> {
        let target = session.rules.without_status(heard.message.param(0));
        if session.rules.is_channel(target) {
            let own = self.is_sibling(heard, session);
            return (!own).then(|| self.in_channel(heard, session, target, kind));
        }
        if heard.from.is_server() || heard.from.nick.is_empty() {
            return None;
        }
        let from_me = session.is_me(&heard.from.nick);
        let partner = if from_me { target } else { &heard.from.nick };
        let mut event = self.in_channel(heard, session, partner, kind);
        event.receiver = Some(self.login.clone());
        Some(event)
    }

    /// Returns the message a line answers.
    pub(super) fn reply_to(heard: &Heard<'_>) -> Option<ReplyTo> {
        answered(heard).map(ReplyTo::message)
    }

    /// Finds somebody called by nick in a text: anybody in the channel when it begins with their
    /// nick, as people write to each other, and people of ours wherever they are called.
    pub(super) fn called(
        &self,
        heard: &Heard<'_>,
        view: &View,
        nick: &str,
        at_start: bool,
    ) -> Option<RemoteUserId> {
        let session = &view.session;
        let target = session.rules.without_status(heard.message.param(0));
        let ours = session.is_me(nick) || self.own.is_ours(nick, session);
        let here = if session.rules.is_channel(target) {
            view.roster.person(session, target, nick).is_some()
        } else {
            ours
        };
        (here && (at_start || ours)).then(|| crate::ids::make_user_id(session, nick))
    }
}

fn answered(heard: &Heard<'_>) -> Option<bridge_core::ids::RemoteMessageId> {
    let tag = heard.message.tag("+draft/reply").or(heard.message.tag("+reply"))?;
    (!tag.is_empty()).then(|| make_message_id(tag))
}

/// The kind of room that a private line opens.
pub(super) const DIRECT: Option<ChatKind> = Some(ChatKind::Direct);
