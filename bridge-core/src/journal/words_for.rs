//! What is said to people where something cannot be carried as it is: the central fallbacks of
//! both directions. Pure.

use crate::media::in_words;
use crate::network::{
    FormattedText, MessageContent, MessageKind, Operation, RemoteEventKind, RemoteMembership,
};

/// Returns words for a person whose network cannot do what they did.
pub(crate) fn operation_words(operation: Operation, network: &str) -> String {
    let what = match operation {
        Operation::Message(kind) => format!("{} cannot be sent", plural(kind)),
        Operation::Edit => "Messages cannot be changed".to_owned(),
        Operation::Redaction => "Messages cannot be taken back".to_owned(),
        Operation::Reaction => "Reactions cannot be sent".to_owned(),
        Operation::Pin => "Messages cannot be pinned".to_owned(),
        Operation::Poll => "Polls cannot be started".to_owned(),
        Operation::Receipt => "Read marks cannot be sent".to_owned(),
        Operation::Typing => "Typing cannot be shown".to_owned(),
        Operation::Membership => "Members cannot be invited or removed from here".to_owned(),
        Operation::Name => "The room's name cannot be changed from here".to_owned(),
        Operation::Topic => "The topic cannot be changed from here".to_owned(),
        Operation::Avatar => "The room's picture cannot be changed from here".to_owned(),
        Operation::Reply | Operation::Thread => "Answers cannot be marked as such".to_owned(),
        Operation::Mention => "People cannot be called by name".to_owned(),
        Operation::PowerLevels => "Rights cannot be given or taken from here".to_owned(),
        Operation::Delivery => "What has arrived cannot be told".to_owned(),
        Operation::DisappearingTimer => "Messages cannot be made to disappear".to_owned(),
        Operation::Command => "There are no such commands".to_owned(),
        Operation::ChatDelete => "Chats cannot be deleted from here".to_owned(),
        Operation::Call => "Nobody can be called".to_owned(),
    };
    format!("{what} on {network}. This stays on Matrix only.")
}

/// Returns words for a person whose file is too large for the network.
pub(crate) fn too_large_words(size: u64, limit: u64, network: &str) -> String {
    let (size, limit) = (in_words(size), in_words(limit));
    format!(
        "This file has {size}, and {network} takes files up to {limit}. It stays on Matrix only."
    )
}

fn plural(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "Messages",
        MessageKind::Notice => "Notices",
        MessageKind::Emote => "Emotes",
        MessageKind::Image => "Pictures",
        MessageKind::Video => "Videos",
        MessageKind::Audio => "Sounds",
        MessageKind::Voice => "Voice messages",
        MessageKind::File => "Files",
        MessageKind::Sticker => "Stickers",
        MessageKind::Location => "Places",
        MessageKind::Contact => "Contacts",
    }
}

pub(crate) fn singular(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text | MessageKind::Notice | MessageKind::Emote => "a message",
        MessageKind::Image => "a picture",
        MessageKind::Video => "a video",
        MessageKind::Audio => "a sound",
        MessageKind::Voice => "a voice message",
        MessageKind::File => "a file",
        MessageKind::Sticker => "a sticker",
        MessageKind::Location => "a place",
        MessageKind::Contact => "a contact",
    }
}

/// What is shown in a portal for news no room can show as what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// Said by the bot.
    Notice(String),
    /// Not shown: nobody misses it.
    Ignored(&'static str),
}

/// Returns what is shown for remote news that is not carried as what it is. `who` is its sender.
pub(crate) fn fallback(kind: &RemoteEventKind, who: &str) -> Fallback {
    let notice = |words: String| Fallback::Notice(words);
    match kind {
        RemoteEventKind::Message(message) => {
            notice(format!("* {who} sent {}", describe(&message.content)))
        }
        RemoteEventKind::Edit { content, .. } => {
            notice(format!("* {who} edited a message: {}", content.text.plain))
        }
        RemoteEventKind::Redaction { .. } => notice(format!("* {who} took a message back")),
        RemoteEventKind::DisappearingTimer { timer } => {
            notice(format!("* {who} set messages to {}", timer.in_words()))
        }
        RemoteEventKind::Reaction { key, .. } => {
            notice(format!("* {who} reacted to a message with {key}"))
        }
        RemoteEventKind::ReactionRemove { key, .. } => {
            notice(format!("* {who} took back the reaction {key}"))
        }
        RemoteEventKind::Pin { pinned: true, .. } => notice(format!("* {who} pinned a message")),
        RemoteEventKind::Pin { pinned: false, .. } => notice(format!("* {who} unpinned a message")),
        RemoteEventKind::Poll { text } => notice(format!("* {who} started a poll: {}", text.plain)),
        RemoteEventKind::Call { video } => {
            let how = if *video { " to be seen and heard" } else { "" };
            notice(format!("* {who} calls{how}. Calls do not cross; answer on the network."))
        }
        RemoteEventKind::ChatDelete { reason: Some(reason) } => {
            notice(format!("* This chat no longer exists on the network: {reason}"))
        }
        RemoteEventKind::ChatDelete { reason: None } => {
            notice("* This chat no longer exists on the network.".to_owned())
        }
        RemoteEventKind::IdChanged { old, new, .. } => notice(format!("* {old} is now {new}")),
        RemoteEventKind::Gap(gap) => {
            notice(format!("* Messages may be missing here: {}", gap.reason))
        }
        RemoteEventKind::BridgeNotice { text } => notice(text.clone()),
        RemoteEventKind::Membership(change) => {
            notice(format!("* {who}: {}", membership(change.membership)))
        }
        RemoteEventKind::Topic(change) => {
            notice(format!("* {who} set the topic: {}", change.topic))
        }
        RemoteEventKind::PowerLevels { .. } => Fallback::Ignored("rights are not carried yet"),
        RemoteEventKind::ChatInfo(_) => Fallback::Ignored("facts about the chat"),
        RemoteEventKind::Receipt { .. } => Fallback::Ignored("receipts are not carried yet"),
        RemoteEventKind::Typing { .. } => Fallback::Ignored("typing is not carried yet"),
        RemoteEventKind::Delivery { .. } => Fallback::Ignored("of no message of ours"),
    }
}

fn membership(membership: RemoteMembership) -> &'static str {
    match membership {
        RemoteMembership::Invite => "was invited",
        RemoteMembership::Join => "came in",
        RemoteMembership::Leave => "left",
        RemoteMembership::Kick => "was removed",
        RemoteMembership::Ban => "was banned",
        RemoteMembership::Unban => "is no longer banned",
        RemoteMembership::Knock => "asks to come in",
    }
}

/// Describes a message that is not text.
fn describe(content: &MessageContent) -> String {
    let mut words = singular(content.kind).to_owned();
    if let Some(name) = content.media.as_ref().and_then(|media| media.filename.as_deref()) {
        words.push_str(&format!(" ({name})"));
    }
    if !content.text.plain.is_empty() {
        words.push_str(&format!(": {}", content.text.plain));
    }
    words.push_str(" (this bridge cannot show it yet)");
    words
}

/// Makes the visible text of a remote message: itself, or the fallback's.
pub(crate) fn plain_text(content: &MessageContent) -> FormattedText {
    match content.kind {
        MessageKind::Text | MessageKind::Notice | MessageKind::Emote => content.text.clone(),
        _ => FormattedText::plain(format!("sent {}", describe(content))),
    }
}
