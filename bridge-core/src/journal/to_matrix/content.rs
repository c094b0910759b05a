//! Makes Matrix content of what a network said. Pure.

use serde_json::{Map, Value, json};

use crate::{
    html,
    ids::{NetworkId, RemoteMessageId, RemoteUserId, SendKey},
    journal::words_for::plain_text,
    matrix::{REMOTE_KEY, STEP_KEY},
    media::{KnownFile, content_type, file_name},
    network::{FormattedText, MediaRef, MessageContent, MessageKind, RemoteMessage, ReplyTo},
};

/// Something to be seen in a timeline.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Visible {
    /// `m.room.message` or `m.sticker`.
    pub(super) event_type: &'static str,
    /// `m.text`, `m.notice`, `m.image`, ...
    msgtype: &'static str,
    /// What it says, or its caption.
    pub(super) text: FormattedText,
    /// The remote message it answers.
    pub(super) reply_to: Option<ReplyTo>,
    /// The first remote message of its thread.
    pub(super) thread: Option<RemoteMessageId>,
    /// Its file.
    pub(super) media: Option<MediaRef>,
    /// Marked as spoken.
    voice: bool,
    /// A `geo:` URI.
    place: Option<String>,
    /// Who is meant, by Matrix id.
    people: Vec<String>,
    /// Everybody is meant.
    everybody: bool,
}

/// Where an event comes from.
pub(super) struct Origin<'a> {
    /// The network.
    pub(super) network: &'a NetworkId,
    /// The remote message.
    pub(super) id: &'a str,
    /// Which part of it.
    pub(super) part: i64,
    /// The step that sends it.
    pub(super) key: &'a SendKey,
}

/// Reads a message's parts, the first with what it answers. `mxid_of` says who a remote person is on
/// Matrix.
pub(super) fn message(
    message: &RemoteMessage,
    mxid_of: &dyn Fn(&RemoteUserId) -> String,
) -> Vec<Visible> {
    let mut parts = vec![Visible {
        reply_to: message.reply_to.clone(),
        thread: message.thread.clone(),
        ..Visible::of(&message.content, mxid_of)
    }];
    parts.extend(message.more.iter().map(|content| Visible {
        thread: message.thread.clone(),
        ..Visible::of(content, mxid_of)
    }));
    parts
}

impl Visible {
    /// Makes words of the bridge's own.
    pub(super) fn notice(words: impl Into<String>) -> Self {
        Self {
            event_type: "m.room.message",
            msgtype: "m.notice",
            text: FormattedText::plain(words),
            reply_to: None,
            thread: None,
            media: None,
            voice: false,
            place: None,
            people: Vec::new(),
            everybody: false,
        }
    }

    /// Reads content; kinds that cannot be shown as what they are are described, as a notice.
    pub(super) fn of(content: &MessageContent, mxid_of: &dyn Fn(&RemoteUserId) -> String) -> Self {
        let card = content.contact.as_ref().filter(|_| content.kind == MessageKind::Contact);
        let card = card.map(crate::network::Contact::file);
        let has_file = content.kind.is_media() || content.kind == MessageKind::Contact;
        let media = card.as_ref().or(content.media.as_ref()).filter(|_| has_file);
        let (event_type, msgtype) = match (content.kind, media) {
            (MessageKind::Text, _) => ("m.room.message", "m.text"),
            (MessageKind::Emote, _) => ("m.room.message", "m.emote"),
            (MessageKind::Sticker, Some(_)) => ("m.sticker", ""),
            (MessageKind::Image, Some(_)) => ("m.room.message", "m.image"),
            (MessageKind::Video, Some(_)) => ("m.room.message", "m.video"),
            (MessageKind::Audio | MessageKind::Voice, Some(_)) => ("m.room.message", "m.audio"),
            (MessageKind::File | MessageKind::Contact, Some(_)) => ("m.room.message", "m.file"),
            (MessageKind::Location, _) if content.place.is_some() => {
                ("m.room.message", "m.location")
            }
            _ => ("m.room.message", "m.notice"),
        };
        let as_it_is = media.is_some() || msgtype == "m.location";
        let mut text = match &content.contact {
            // For people to read, beside the card for their programs.
            Some(contact) if card.is_some() => FormattedText::plain(contact.in_words()),
            _ if as_it_is => content.text.clone(),
            _ => plain_text(content),
        };
        text.html = text.html.and_then(|html| html::sanitise(&html::link_pills(&html, mxid_of)));
        let people = content.mentions.people.iter().filter_map(|mention| match mention {
            mention if mention.user.is_some() => mention.user.as_ref().map(mxid_of),
            mention => mention.mxid.clone(),
        });
        Self {
            event_type,
            msgtype,
            text,
            media: media.cloned(),
            voice: content.kind == MessageKind::Voice,
            place: content.place.clone().filter(|_| msgtype == "m.location"),
            people: people.collect(),
            everybody: content.mentions.room,
            ..Self::notice("")
        }
    }

    /// Makes the event's content, tagged with where it comes from and with its step.
    pub(super) fn content(
        &self,
        reply_to: Option<String>,
        thread: Option<String>,
        origin: &Origin<'_>,
    ) -> Value {
        let mut content = self.bare(reply_to.is_none() && thread.is_none());
        let relation = match (thread, reply_to) {
            (Some(thread), reply) => Some(json!({
                "rel_type": "m.thread",
                "event_id": thread,
                "is_falling_back": reply.is_none(),
                "m.in_reply_to": { "event_id": reply.unwrap_or_else(|| thread.clone()) },
            })),
            (None, Some(reply)) => Some(json!({ "m.in_reply_to": { "event_id": reply } })),
            (None, None) => None,
        };
        if let Some(relation) = relation {
            content.insert("m.relates_to".to_owned(), relation);
        }
        tag(&mut content, origin);
        Value::Object(content)
    }

    /// Makes the content of an edit of an event.
    pub(super) fn replacement(&self, event_id: &str, origin: &Origin<'_>) -> Value {
        let new = self.bare(false);
        let mut content = new.clone();
        for field in ["body", "formatted_body"] {
            if let Some(text) = content.get(field).and_then(Value::as_str) {
                let marked = format!("* {text}");
                content.insert(field.to_owned(), json!(marked));
            }
        }
        content.insert("m.new_content".to_owned(), Value::Object(new));
        let relation = json!({ "rel_type": "m.replace", "event_id": event_id });
        content.insert("m.relates_to".to_owned(), relation);
        tag(&mut content, origin);
        Value::Object(content)
    }

    /// Makes what it says. `quoting`: an answer to something that is not here quotes it.
    fn bare(&self, quoting: bool) -> Map<String, Value> {
        let mut content = Map::new();
        if !self.msgtype.is_empty() {
            content.insert("msgtype".to_owned(), json!(self.msgtype));
        }
        let quoted = self.reply_to.as_ref().filter(|_| quoting).and_then(quote);
        let text = match quoted {
            Some((plain, html)) => FormattedText {
                html: self.text.html.as_ref().map(|text| format!("{html}{text}")),
                plain: format!("{plain}\n\n{}", self.text.plain),
            },
            None => self.text.clone(),
        };
        match &self.media {
            Some(media) => add_media(&mut content, media, &text, self.voice),
            None => {
                // A place always has words: at least where it is.
                let place = self.place.as_ref().filter(|_| text.plain.is_empty());
                content.insert("body".to_owned(), json!(place.unwrap_or(&text.plain)));
            }
        }
        if let Some(place) = &self.place {
            content.insert("geo_uri".to_owned(), json!(place));
        }
        if let Some(html) = &text.html {
            content.insert("format".to_owned(), json!("org.matrix.custom.html"));
            content.insert("formatted_body".to_owned(), json!(html));
        }
        // Where nobody is named, clients look for names in the text, as they always did.
        if !self.people.is_empty() || self.everybody {
            let mut mentions = json!({});
            if !self.people.is_empty() {
                mentions["user_ids"] = json!(self.people);
            }
            if self.everybody {
                mentions["room"] = json!(true);
            }
            content.insert("m.mentions".to_owned(), mentions);
        }
        content
    }
}

fn tag(content: &mut Map<String, Value>, origin: &Origin<'_>) {
    let Origin { network, id, part, key } = origin;
    let remote = json!({ "network": network.as_str(), "id": id, "part": part });
    content.insert(REMOTE_KEY.to_owned(), remote);
    content.insert(STEP_KEY.to_owned(), json!(key.as_str()));
}

fn quote(reply: &ReplyTo) -> Option<(String, String)> {
    let (author, excerpt) = (reply.author.as_ref()?, reply.excerpt.as_ref()?);
    let escaped = format!("{}: {}", html::escape(author), html::escape(excerpt));
    Some((format!("> <{author}> {excerpt}"), format!("<blockquote>{escaped}</blockquote>")))
}

/// Adds what is known about a file; its address comes when it is uploaded.
fn add_media(
    content: &mut Map<String, Value>,
    media: &MediaRef,
    text: &FormattedText,
    voice: bool,
) {
    let name = file_name(media);
    let caption = text.plain.as_str();
    content.insert("body".to_owned(), json!(if caption.is_empty() { &name } else { caption }));
    content.insert("filename".to_owned(), json!(name));
    let mut info = Map::new();
    let facts = [
        ("mimetype", media.content_type.as_deref().map(|kind| json!(content_type(kind)))),
        ("size", media.size.map(|size| json!(size))),
        ("w", media.width.map(|width| json!(width))),
        ("h", media.height.map(|height| json!(height))),
        ("duration", media.duration_ms.map(|duration| json!(duration))),
    ];
    for (key, value) in facts {
        if let Some(value) = value {
            info.insert(key.to_owned(), value);
        }
    }
    content.insert("info".to_owned(), Value::Object(info));
    if voice {
        content.insert("org.matrix.msc3245.voice".to_owned(), json!({}));
    }
}

/// Puts the address of a file into the event that shows it, and what the file really is.
pub(crate) fn show_file(content: &mut Value, address: &str, known: Option<&KnownFile>) {
    show_in(content, address, known);
    if let Some(new) = content.get_mut("m.new_content").filter(|new| new.is_object()) {
        show_in(new, address, known);
    }
}

fn show_in(content: &mut Value, address: &str, known: Option<&KnownFile>) {
    if content["m.relates_to"]["rel_type"] == "m.annotation" {
        content["m.relates_to"]["key"] = address.into();
        return;
    }
    content["url"] = address.into();
    let Some(known) = known else { return };
    if !content["info"].is_object() {
        content["info"] = json!({});
    }
    content["info"]["mimetype"] = known.content_type.as_str().into();
    content["info"]["size"] = known.size.into();
    let shown_as = content["msgtype"].as_str().unwrap_or_default();
    // A client that is told of a picture tries to show one.
    let family = match shown_as {
        "m.image" => "image/",
        "m.video" => "video/",
        "m.audio" => "audio/",
        _ => return,
    };
    // Sounds are kept in containers that are called videos.
    let sound_in_video = shown_as == "m.audio" && known.content_type.starts_with("video/");
    let svg = known.content_type == "image/svg+xml";
    if svg || !(known.content_type.starts_with(family) || sound_in_video) {
        content["msgtype"] = "m.file".into();
    }
}

/// Says in words what became of a file that could not be brought.
pub(crate) fn tell_of_file(content: &mut Value, reason: &str) {
    // A reaction whose picture is lost still has its name.
    if content["m.relates_to"]["rel_type"] == "m.annotation" {
        return;
    }
    let Some(fields) = content.as_object_mut() else { return };
    let take = |fields: &mut Map<String, Value>, key: &str| match fields.remove(key) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let name = take(fields, "filename");
    let caption = take(fields, "body");
    for key in ["url", "info", "format", "formatted_body", "org.matrix.msc3245.voice"] {
        fields.remove(key);
    }
    let what = if name.is_empty() { "a file".to_owned() } else { name.clone() };
    let reason = reason.trim_end_matches('.');
    let mut body =
        format!("({what} could not be shown here: {reason}. It can still be seen on the network.)");
    if !caption.is_empty() && caption != name {
        body.push(' ');
        body.push_str(&caption);
    }
    fields.insert("msgtype".to_owned(), json!("m.notice"));
    fields.insert("body".to_owned(), json!(body));
    if let Some(new) = fields.get_mut("m.new_content") {
        tell_of_file(new, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin<'a>(network: &'a NetworkId, key: &'a SendKey) -> Origin<'a> {
        Origin { network, id: "m1", part: 0, key }
    }

    fn ghost(user: &RemoteUserId) -> String {
        format!("@{user}:x")
    }

    fn shown(content: &MessageContent) -> Value {
        let (network, key) = (NetworkId::new("demo"), SendKey::new("00ff"));
        Visible::of(content, &ghost).content(None, None, &origin(&network, &key))
    }

    #[test]
    fn text_carries_its_origin_and_its_step() {
        let said = MessageContent::plain(MessageKind::Emote, "waves");
        let (network, key) = (NetworkId::new("demo"), SendKey::new("00ff"));
        let content = Visible::of(&said, &ghost).content(
            Some("$a".to_owned()),
            None,
            &origin(&network, &key),
        );
        assert_eq!(
            content,
            json!({
                "msgtype": "m.emote",
                "body": "waves",
                "m.relates_to": { "m.in_reply_to": { "event_id": "$a" } },
                "com.rialto.remote": { "network": "demo", "id": "m1", "part": 0 },
                "com.rialto.step": "00ff",
            })
        );
    }

    #[test]
    fn picture_without_a_file_is_described_and_not_dropped() {
        let content = shown(&MessageContent::plain(MessageKind::Image, "sunset"));
        assert_eq!(content["msgtype"], "m.notice");
        let body = content["body"].as_str().expect("it says something");
        assert!(body.contains("a picture: sunset"), "{body}");
    }

    #[test]
    fn contact_is_a_card_with_words_beside_it() {
        let contact = crate::network::Contact::new("Carlo Goldoni", "+39 041");
        let content = shown(&MessageContent::contact(contact));
        assert_eq!(content["msgtype"], "m.file");
        assert_eq!(content["filename"], "Carlo Goldoni.vcf");
        assert_eq!(content["body"], "Carlo Goldoni\n+39 041");
        assert_eq!(content["info"]["mimetype"], "text/vcard");
    }

    #[test]
    fn file_has_its_name_and_its_caption() {
        let media = MediaRef {
            filename: Some("../../x/gondola.jpg".to_owned()),
            content_type: Some("image/JPEG; x=y".to_owned()),
            width: Some(3),
            ..MediaRef::default()
        };
        let mut said = MessageContent::plain(MessageKind::Image, "at dusk").with_media(media);
        let content = shown(&said);
        assert_eq!(
            (&content["body"], &content["filename"]),
            (&json!("at dusk"), &json!("gondola.jpg"))
        );
        assert_eq!(content["info"], json!({ "mimetype": "image/jpeg", "w": 3 }));
        said.text.plain.clear();
        assert_eq!(shown(&said)["body"], "gondola.jpg");
    }

    #[test]
    fn an_edit_says_what_it_replaces() {
        let (network, key) = (NetworkId::new("demo"), SendKey::new("00ff"));
        let new = MessageContent::text("tea");
        let content = Visible::of(&new, &ghost).replacement("$old", &origin(&network, &key));
        assert_eq!(content["body"], "* tea");
        assert_eq!(content["m.new_content"], json!({ "msgtype": "m.text", "body": "tea" }));
        assert_eq!(content["m.relates_to"], json!({ "rel_type": "m.replace", "event_id": "$old" }));
    }

    #[test]
    fn an_answer_to_something_unknown_quotes_it() {
        let mut said = RemoteMessage::new(MessageContent::text("yes"));
        said.reply_to = Some(ReplyTo {
            author: Some("bob".to_owned()),
            excerpt: Some("shall we?".to_owned()),
            ..ReplyTo::default()
        });
        let (network, key) = (NetworkId::new("demo"), SendKey::new("00ff"));
        let visible = message(&said, &ghost).remove(0);
        let content = visible.content(None, None, &origin(&network, &key));
        assert_eq!(content["body"], "> <bob> shall we?\n\nyes");
    }

    #[test]
    fn people_are_called_by_their_matrix_ids() {
        let bob = RemoteUserId::new("bob");
        let mut said = MessageContent::text("bob: hi");
        said.text.html =
            Some(format!("{}: hi<script>", crate::network::Mention::pill(&bob, "bob")));
        said.mentions.people.push(crate::network::Mention::remote(bob));
        let content = shown(&said);
        assert_eq!(content["m.mentions"], json!({ "user_ids": ["@bob:x"] }));
        let html = content["formatted_body"].as_str().expect("it has markup");
        assert_eq!(html, "<a href=\"https://matrix.to/#/%40bob%3Ax\">bob</a>: hi");
    }
}
