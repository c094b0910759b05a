//! What people say: PRIVMSG and NOTICE.

use bridge_core::network::{
    ChatKind, MessageContent, MessageKind, RemoteEvent, RemoteEventKind, RemoteMessage,
    RemoteSender,
};

use super::{Heard, Translator, View, profile};
use crate::{
    connection::Session,
    convert::text_from_irc,
    ids::{make_chat_id, make_message_id, make_user_id},
    wire::parse_action,
};

impl Translator {
    pub(super) fn text(&mut self, heard: &Heard<'_>, view: &View) -> Vec<RemoteEvent> {
        let session = &view.session;
        let target = session.rules.without_status(heard.message.param(0));
        if session.rules.is_channel(target) {
            self.text_in_channel(heard, session, target).into_iter().collect()
        } else {
            self.private_text(heard, session, target).into_iter().collect()
        }
    }

    fn text_in_channel(
        &self,
        heard: &Heard<'_>,
        session: &Session,
        channel: &str,
    ) -> Option<RemoteEvent> {
        // What another login of ours says comes from Matrix already.
        if self.is_sibling(heard, session) {
            return None;
        }
        let kind = self.content(heard)?;
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
        // We are in it because somebody asked: its first line may overtake the making of its room.
        event.creates = Some(ChatKind::Group);
        Some(event)
    }

    fn private_text(
        &mut self,
        heard: &Heard<'_>,
        session: &Session,
        target: &str,
    ) -> Option<RemoteEvent> {
        if heard.from.is_server() || heard.from.nick.is_empty() {
            tracing::debug!("a notice of the server");
            return None;
        }
        let from_me = session.is_me(&heard.from.nick);
        if from_me && session.is_me(target) {
            // A note to self comes twice, as echo and as message; it is on Matrix already.
            return None;
        }
        let kind = self.content(heard)?;
        // Our own words without a question of ours come from another client on a bouncer.
        let partner = if from_me { target } else { &heard.from.nick };
        self.conversations.insert(session.fold(partner));
        let mut event = RemoteEvent::new(make_chat_id(session, partner), kind);
        event.receiver = Some(self.login.clone());
        event.id = heard.message.tag("msgid").map(make_message_id);
        event.sender = Some(RemoteSender {
            user: make_user_id(session, &heard.from.nick),
            is_me: from_me,
            profile: Some(profile(&heard.from.nick)),
        });
        event.timestamp = Some(heard.at_ms);
        event.creates = Some(ChatKind::Direct);
        Some(event)
    }

    /// Reads the text. `None` for CTCP requests and answers, which are between programs.
    fn content(&self, heard: &Heard<'_>) -> Option<RemoteEventKind> {
        let notice = heard.message.is("NOTICE");
        let text = heard.message.last();
        let (kind, text) = match (parse_action(text), text.starts_with('\u{1}')) {
            (Some(action), _) if !notice => (MessageKind::Emote, action),
            (_, true) => return self.ctcp(heard, text),
            (_, false) if notice => (MessageKind::Notice, text),
            (_, false) => (MessageKind::Text, text),
        };
        let content = MessageContent::new(kind, text_from_irc(text));
        Some(RemoteEventKind::Message(RemoteMessage::new(content)))
    }

    fn ctcp(&self, heard: &Heard<'_>, text: &str) -> Option<RemoteEventKind> {
        let offer = text.trim_matches('\u{1}').strip_prefix("DCC ")?;
        if heard.message.is("NOTICE") {
            return None;
        }
        let what = if offer.starts_with("SEND") { "a file" } else { "a direct connection" };
        let text = format!(
            "{} offered {what} by DCC, which the bridge cannot take. Ask for a link instead.",
            heard.from.nick
        );
        Some(RemoteEventKind::BridgeNotice { text })
    }
}
