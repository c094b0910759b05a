//! The witness: a client that sees everything and says nothing. Its lines become what people see.

use std::collections::BTreeMap;

use bridge_core::network::MessageKind;
use bridge_testkit::conformance::{Heard, Seen};
use bridge_testkit::peers::Line;

/// Reads what was said in a chat, and what was said to that without words.
pub(crate) fn said_in<'l>(lines: impl Iterator<Item = &'l Line>, chat: &str) -> Vec<Heard> {
    let mut all: Vec<Heard> = Vec::new();
    for line in lines {
        if let Some(mut heard) = said(line, chat) {
            call_less(&mut heard, &all);
            all.push(heard);
        } else if line.command == "TAGMSG" && line.param(0) == chat {
            react(&mut all, line);
        }
    }
    all
}

/// An answer begins with the name of who is answered, as people write it on IRC; who sees by the tag
/// what it answers reads the rest.
fn call_less(heard: &mut Heard, before: &[Heard]) {
    let Some(answered) = &heard.reply_to else { return };
    let Some(answered) = before.iter().find(|heard| heard.id == *answered) else { return };
    if let Some(rest) = heard.text.strip_prefix(&format!("{}: ", answered.by)) {
        heard.text = rest.to_owned();
    }
}

fn react(all: &mut [Heard], line: &Line) {
    let tag = |name: &str| line.tags.get(name).cloned();
    let Some(target) = tag("+draft/reply") else { return };
    let Some(heard) = all.iter_mut().find(|heard| heard.id == target) else { return };
    if let Some(key) = tag("+draft/react") {
        heard.reactions.push((line.nick().to_owned(), key));
    }
    if let Some(key) = tag("+draft/unreact") {
        heard.reactions.retain(|set| *set != (line.nick().to_owned(), key.clone()));
    }
}

/// Reads what somebody said in a chat.
fn said(line: &Line, chat: &str) -> Option<Heard> {
    if !matches!(line.command.as_str(), "PRIVMSG" | "NOTICE") || line.param(0) != chat {
        return None;
    }
    let text = line.text();
    let action = text.strip_prefix("\u{1}ACTION ").map(|text| text.trim_end_matches('\u{1}'));
    let kind = match (line.command.as_str(), action) {
        (_, Some(_)) => MessageKind::Emote,
        ("NOTICE", None) => MessageKind::Notice,
        _ => MessageKind::Text,
    };
    let text = action.unwrap_or(text);
    // Every second piece between two marks of bold is bold.
    let bold = text.split('\u{2}').skip(1).step_by(2).map(str::to_owned).collect();
    let plain = text.replace(['\u{2}', '\u{f}'], "");
    let id = line.tags.get("msgid").cloned().unwrap_or_default();
    let reply_to = line.tags.get("+draft/reply").cloned();
    Some(Heard { id, kind, bold, reply_to, ..Heard::text(line.nick(), plain) })
}

/// Follows who is in a chat, who operates it, who types, and its topic.
pub(crate) fn look(seen: &mut Seen, line: &Line, chat: &str) {
    let gone = |members: &mut Vec<String>, who: &str| members.retain(|member| member != who);
    match line.command.as_str() {
        "353" if line.param(2) == chat => {
            let names = line.text().split_whitespace();
            seen.members =
                names.map(|name| name.trim_start_matches(['@', '+']).to_owned()).collect();
        }
        "JOIN" if line.param(0) == chat => seen.members.push(line.nick().to_owned()),
        "PART" if line.param(0) == chat => gone(&mut seen.members, line.nick()),
        "KICK" if line.param(0) == chat => gone(&mut seen.members, line.param(1)),
        "QUIT" => gone(&mut seen.members, line.nick()),
        "TOPIC" if line.param(0) == chat => seen.topic = Some(line.text().to_owned()),
        "MODE" if line.param(0) == chat => rank(&mut seen.ranks, line),
        "TAGMSG" if line.param(0) == chat && line.tags.contains_key("+typing") => {
            seen.typed.push(line.nick().to_owned());
        }
        _ => {}
    }
}

fn rank(ranks: &mut BTreeMap<String, i64>, line: &Line) {
    let level = match line.param(1) {
        "+o" => 50,
        "-o" => 0,
        _ => return,
    };
    ranks.insert(line.param(2).to_owned(), level);
}
