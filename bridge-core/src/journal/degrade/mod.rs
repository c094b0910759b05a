//! What a network cannot carry becomes something it can: the one place where capabilities, the
//! operator's choice and a readable text meet. Pure.

use super::words_for::{operation_words, singular, too_large_words};
use crate::network::{
    Capabilities, Degrade, FormattedText, Level, MessageContent, MessageKind, NetworkPolicy,
    Operation, OutgoingKind, ReplyTo, is_card,
};

/// How much of a message is quoted.
const EXCERPT: usize = 80;

/// What is known beside the thing itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The message it concerns, in short.
    pub(crate) excerpt: Option<String>,
    /// The text an edit replaces.
    pub(crate) previous: Option<String>,
    /// How long ago the message it concerns was said, in milliseconds.
    pub(crate) age_ms: Option<i64>,
    /// The account that carries it speaks for several people.
    pub(crate) relayed: bool,
    /// The network does not know the message it concerns.
    pub(crate) unknown_target: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, taken apart at once")]
pub(crate) enum Carriage {
    /// Goes to the bridge; `in_words` names what is carried as text.
    Carried {
        /// What.
        kind: OutgoingKind,
        /// What of it lost its form.
        in_words: Option<Operation>,
    },
    /// Stays on Matrix; whoever did it is told.
    Refused(String),
    /// Stays on Matrix, silently.
    Dropped(&'static str),
}

/// Decides how something is carried.
pub(crate) fn carriage(
    kind: OutgoingKind,
    facts: &Facts,
    capabilities: &Capabilities,
    policy: &NetworkPolicy,
    network: &str,
) -> Carriage {
    let kind = as_contact(kind, capabilities);
    let operation = kind.operation();
    let level = level(&kind, facts, capabilities);
    let refusal = || match too_large(&kind, capabilities) {
        Some((size, limit)) => too_large_words(size, limit, network),
        None => operation_words(operation, network),
    };
    match level {
        Level::Rejected => return Carriage::Refused(operation_words(operation, network)),
        Level::Dropped => return Carriage::Dropped("left out where nobody misses it"),
        Level::Partial | Level::Full => {
            return match kind {
                OutgoingKind::Message { content, reply_to, thread } => {
                    message(content, reply_to, thread, None, capabilities, policy)
                }
                kind => Carriage::Carried { kind, in_words: None },
            };
        }
        Level::Degraded => {}
    }
    let choice = match operation {
        Operation::Redaction => policy.degrade_redactions,
        // A notice or an emote always has a readable form.
        Operation::Message(MessageKind::Notice | MessageKind::Emote | MessageKind::Text) => {
            Degrade::Text
        }
        _ => policy.degrade,
    };
    match choice {
        Degrade::Notice => return Carriage::Refused(refusal()),
        Degrade::Drop => return Carriage::Dropped("the network does not know such a thing"),
        Degrade::Text => {}
    }
    in_words(kind, facts, capabilities, policy)
}

/// A card is a contact where the network has such a thing, else the file it is.
fn as_contact(mut kind: OutgoingKind, capabilities: &Capabilities) -> OutgoingKind {
    if let OutgoingKind::Message { content, .. } = &mut kind
        && content.kind == MessageKind::File
        && content.media.as_ref().is_some_and(is_card)
        && capabilities.level(Operation::Message(MessageKind::Contact)) >= Level::Partial
    {
        content.kind = MessageKind::Contact;
    }
    kind
}

/// Returns the level of one thing: what the table says, and its limits.
fn level(kind: &OutgoingKind, facts: &Facts, capabilities: &Capabilities) -> Level {
    let level = capabilities.level(kind.operation());
    if level < Level::Partial {
        return level;
    }
    let limits = &capabilities.limits;
    let degraded = match kind {
        OutgoingKind::Message { .. } => too_large(kind, capabilities).is_some(),
        OutgoingKind::Edit { .. } => {
            let over = limits.edit_for_ms.zip(facts.age_ms).is_some_and(|(limit, age)| age > limit);
            over || facts.unknown_target
        }
        // One account cannot hold the reactions of several people.
        OutgoingKind::Reaction { key, .. } => {
            let offered =
                limits.reactions.as_ref().is_none_or(|offered| offered.iter().any(|k| k == key));
            !offered || facts.relayed
        }
        _ => false,
    };
    if degraded { Level::Degraded } else { level }
}

/// Returns size and limit of a file that is carried by this network, but is too large for it.
fn too_large(kind: &OutgoingKind, capabilities: &Capabilities) -> Option<(u64, u64)> {
    let OutgoingKind::Message { content, .. } = kind else { return None };
    if capabilities.level(kind.operation()) < Level::Partial {
        return None;
    }
    let size = content.media.as_ref().and_then(|media| media.size)?;
    let limit = capabilities.limits.media_bytes?;
    (size > limit).then_some((size, limit))
}

fn in_words(
    kind: OutgoingKind,
    facts: &Facts,
    capabilities: &Capabilities,
    policy: &NetworkPolicy,
) -> Carriage {
    let operation = kind.operation();
    let say = |kind: MessageKind, text: String| {
        let content = MessageContent::plain(kind, text);
        message(content, None, None, Some(operation), capabilities, policy)
    };
    let to = facts.excerpt.as_ref().map(|excerpt| format!(" to “{excerpt}”")).unwrap_or_default();
    match kind {
        OutgoingKind::Message { content, reply_to, thread } => {
            let content = words_of(content);
            message(content, reply_to, thread, Some(operation), capabilities, policy)
        }
        OutgoingKind::Edit { content, .. } => {
            let new = words_of(content).text.plain;
            match edit(facts.previous.as_deref(), &new, policy.edit_diff_longest) {
                Some(text) => say(MessageKind::Text, text),
                None => Carriage::Dropped("nothing a reader would see was changed"),
            }
        }
        OutgoingKind::Reaction { key, .. } => {
            say(MessageKind::Emote, format!("reacts with {key}{to}"))
        }
        OutgoingKind::ReactionRemove { key, .. } => {
            say(MessageKind::Emote, format!("no longer reacts with {key}{to}"))
        }
        OutgoingKind::Pin { pinned, .. } => {
            let what = facts.excerpt.as_ref().map(|excerpt| format!("“{excerpt}”"));
            let what = what.unwrap_or_else(|| "a message".to_owned());
            let verb = if pinned { "pins" } else { "unpins" };
            say(MessageKind::Emote, format!("{verb} {what}"))
        }
        OutgoingKind::Redaction { .. } => {
            say(MessageKind::Emote, "has taken a message back".to_owned())
        }
        OutgoingKind::Poll { content } => {
            let text = format!("asks: {}", content.text.plain);
            say(MessageKind::Text, text)
        }
        OutgoingKind::DisappearingTimer { timer } => {
            say(MessageKind::Emote, format!("asks that messages {}", timer.in_words()))
        }
        OutgoingKind::Call { .. } => {
            say(MessageKind::Emote, "calls on Matrix; calls do not cross".to_owned())
        }
        OutgoingKind::Command { name, arguments } => {
            say(MessageKind::Text, format!("/{name} {arguments}").trim_end().to_owned())
        }
        other => Carriage::Carried { kind: other, in_words: None },
    }
}

/// Finishes a message: what it refers to is carried, or told in its text.
fn message(
    content: MessageContent,
    reply_to: Option<ReplyTo>,
    thread: Option<crate::ids::RemoteMessageId>,
    mut in_words: Option<Operation>,
    capabilities: &Capabilities,
    policy: &NetworkPolicy,
) -> Carriage {
    let carries = |operation| capabilities.level(operation) >= Level::Partial;
    let mut content = match content.kind {
        MessageKind::Emote | MessageKind::Notice if !carries(Operation::Message(content.kind)) => {
            MessageContent { kind: MessageKind::Text, ..content }
        }
        _ => content,
    };
    let known =
        carries(Operation::Reply) && reply_to.as_ref().is_some_and(|reply| reply.target.is_some());
    let reply_to = match reply_to {
        Some(reply) if !known => {
            if policy.degrade == Degrade::Text {
                quote(&mut content, &reply, policy);
            }
            // It is said all the same; that it was an answer is lost, and its sender sees that.
            if policy.degrade != Degrade::Drop {
                in_words = in_words.or(Some(Operation::Reply));
            }
            None
        }
        reply => reply,
    };
    if !carries(Operation::Mention) {
        content.mentions = crate::network::Mentions::default();
    }
    let thread = thread.filter(|_| carries(Operation::Thread));
    Carriage::Carried { kind: OutgoingKind::Message { content, reply_to, thread }, in_words }
}

/// Puts the answered message before the answer, where there is something to quote.
fn quote(content: &mut MessageContent, reply: &ReplyTo, policy: &NetworkPolicy) {
    let (Some(author), Some(excerpt)) = (&reply.author, &reply.excerpt) else { return };
    let fill = |author: &str, excerpt: &str, text: &str| {
        fill_in(&policy.reply_template, &[("author", author), ("excerpt", excerpt), ("text", text)])
    };
    let text = &content.text;
    let html = text.html.as_ref().map(|html| {
        let template = crate::html::escape(&policy.reply_template).replace('\n', "<br>");
        let (author, excerpt) = (crate::html::escape(author), crate::html::escape(excerpt));
        fill_in(&template, &[("author", &author), ("excerpt", &excerpt), ("text", html)])
    });
    content.text = FormattedText { plain: fill(author, excerpt, &text.plain), html };
}

/// Fills `{name}` places of a template in one pass: what is filled in is not looked into.
pub(crate) fn fill_in(template: &str, places: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        let place = places.iter().find_map(|(name, value)| {
            let behind = rest.strip_prefix('{')?.strip_prefix(name)?.strip_prefix('}')?;
            Some((*value, behind))
        });
        match place {
            Some((value, behind)) => {
                filled.push_str(value);
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Makes text of a message whatever its kind.
fn words_of(content: MessageContent) -> MessageContent {
    let kind = content.kind;
    if matches!(kind, MessageKind::Text | MessageKind::Notice | MessageKind::Emote) {
        return content;
    }
    let media = content.media.as_ref();
    let name = media.and_then(|media| media.filename.as_deref());
    let caption = content.text.plain.trim();
    let caption = if Some(caption) == name { "" } else { caption };
    let place = content.place.as_deref();
    let mut what = match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("({}: {name})", singular(kind)),
        None => format!("({})", singular(kind)),
    };
    for more in [media.and_then(|media| media.link.as_deref()), place, Some(caption)] {
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            what.push(' ');
            what.push_str(more);
        }
    }
    let text = MessageContent::plain(MessageKind::Text, what);
    text.with_mentions(content.mentions)
}

/// Returns an edit in words: what changed where that is short, else the whole text. `None` where
/// the text is the same.
pub(crate) fn edit(previous: Option<&str>, new: &str, longest: usize) -> Option<String> {
    let whole = || Some(format!("* {new}"));
    let Some(previous) = previous else { return whole() };
    if previous == new {
        return None;
    }
    if previous.contains('\n') || new.contains('\n') {
        return whole();
    }
    let old_words: Vec<&str> = previous.split(' ').collect();
    let new_words: Vec<&str> = new.split(' ').collect();
    let same = |(one, other): &(&&str, &&str)| one == other;
    let mut before = old_words.iter().zip(&new_words).take_while(same).count();
    let shorter = old_words.len().min(new_words.len());
    let mut after = old_words
        .iter()
        .rev()
        .zip(new_words.iter().rev())
        .take_while(same)
        .count()
        .min(shorter - before);
    // Where words were only put in or taken out, a neighbour says where.
    if shorter == before + after {
        if before > 0 {
            before -= 1;
        } else {
            after = after.saturating_sub(1);
        }
    }
    let old = old_words[before..old_words.len() - after].join(" ");
    let changed = new_words[before..new_words.len() - after].join(" ");
    // A diff that stands for several places (they may overlap) says less than the text.
    let ambiguous = old.is_empty()
        || previous.matches(&old).count() > 1
        || previous.replacen(&old, &changed, 1) != new;
    if ambiguous || old.len() + changed.len() > longest {
        return whole();
    }
    let escaped = |text: &str| text.replace('/', "\\/");
    Some(format!("s/{}/{}/", escaped(&old), escaped(&changed)))
}

/// Returns the beginning of a message, on one line.
pub(crate) fn excerpt(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= EXCERPT {
        return line;
    }
    let cut: String = line.chars().take(EXCERPT - 1).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests;
