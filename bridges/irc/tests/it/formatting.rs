//! The pairs of `tests/data/formatting.md`, executed in the directions they declare.

use std::collections::BTreeMap;

use bridge_core::{
    ids::RemoteUserId,
    network::{FormattedText, MessageKind},
};
use bridge_irc::convert::{message_from_irc, text_to_irc};

const TABLE: &str = include_str!("../data/formatting.md");

/// One pair of the table.
struct Pair {
    construct: String,
    to_irc: bool,
    from_irc: bool,
    html: String,
    irc: String,
    body: Option<String>,
}

fn pairs() -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut construct = String::new();
    let mut lines = TABLE.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut construct);
        }
        let directions = [("<=> ", true, true), ("=> ", true, false), ("<= ", false, true)];
        let found = directions.iter().find_map(|(mark, to_irc, from_irc)| {
            line.strip_prefix(mark).map(|html| (html, *to_irc, *from_irc))
        });
        let Some((html, to_irc, from_irc)) = found else { continue };
        let irc = lines.next().and_then(|line| line.strip_prefix("    "));
        let irc = irc.unwrap_or_else(|| panic!("no text on IRC behind `{line}`"));
        let body = lines.next_if(|line| line.starts_with("    = "));
        pairs.push(Pair {
            construct: construct.clone(),
            to_irc,
            from_irc,
            html: html.replace('⏎', "\n").replace('␠', " "),
            irc: with_codes(irc),
            body: body.map(|line| line["    = ".len()..].to_owned()),
        });
    }
    pairs
}

/// Reads the letters that stand for codes.
fn with_codes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('‹') {
        out.push_str(before);
        let (name, after) = after.split_once('›').expect("every ‹ of the table is closed");
        match name {
            "B" => out.push('\u{2}'),
            "I" => out.push('\u{1d}'),
            "U" => out.push('\u{1f}'),
            "S" => out.push('\u{1e}'),
            "M" => out.push('\u{11}'),
            "R" => out.push('\u{16}'),
            "O" => out.push('\u{f}'),
            "C" => out.push('\u{3}'),
            "ctl" => out.push('\u{1}'),
            other => match other.strip_prefix('#') {
                Some(hex) => out.push_str(&format!("\u{4}{hex}")),
                None => out.push_str(&format!("\u{3}{other}")),
            },
        }
        rest = after;
    }
    out.push_str(rest);
    out.replace('⏎', "\n").replace('␠', " ")
}

fn nick_of(person: &str) -> Option<String> {
    (person == "@bob:x.test").then(|| "bob".to_owned())
}

fn person_of(nick: &str, _at_start: bool) -> Option<RemoteUserId> {
    ["bob", "[foo]", "Fo0"].contains(&nick).then(|| RemoteUserId::new(nick.to_lowercase()))
}

#[test]
fn every_pair_holds_in_the_directions_it_declares() {
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for pair in pairs() {
        let count = counts.entry(pair.construct.clone()).or_default();
        if pair.to_irc {
            count.0 += 1;
            let text = FormattedText { plain: String::new(), html: Some(pair.html.clone()) };
            let written = text_to_irc(&text, &nick_of);
            if written != pair.irc {
                wrong
                    .push(format!("=> {:?}\n  want {:?}\n  got  {written:?}", pair.html, pair.irc));
            }
        }
        if pair.from_irc {
            count.1 += 1;
            let read = message_from_irc(MessageKind::Text, &pair.irc, &person_of).text;
            let html = read.html.clone().unwrap_or_else(|| escaped(&read.plain));
            // Text without markup has no HTML of its own; the table writes it as it is.
            let same = html == pair.html || (read.html.is_none() && read.plain == pair.html);
            if !same {
                wrong.push(format!("<= {:?}\n  want {:?}\n  got  {html:?}", pair.irc, pair.html));
            }
            if let Some(body) = pair.body.as_ref().filter(|body| **body != read.plain) {
                wrong.push(format!("body of {:?} is {:?}, not {body:?}", pair.irc, read.plain));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the pairs do not hold:\n{}", wrong.len(), wrong.join("\n"));
    let pairs = pairs().len();
    assert!(pairs >= 120, "only {pairs} pairs");
    let few: Vec<_> = counts.iter().filter(|(_, (to, from))| to + from < 3).collect();
    assert!(few.is_empty(), "constructs with fewer than three pairs: {few:?}");
    let (to, from) = counts.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(to >= 60 && from >= 50, "{to} pairs to IRC, {from} from IRC: {counts:?}");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[test]
fn a_stranger_cannot_nest_us_to_death() {
    let text = |html: String| FormattedText { plain: "as said".to_owned(), html: Some(html) };
    let deep = text(format!("{}x", "<i><b><p>".repeat(650)));
    assert!(text_to_irc(&deep, &nick_of).ends_with("x\u{f}"));
    let endless = text("<b>".repeat(20_000));
    assert_eq!(text_to_irc(&endless, &nick_of), "as said");
}
