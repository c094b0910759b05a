//! IRC text to Matrix: control codes become HTML, and vanish from the plain body
//! (<https://modern.ircdocs.horse/formatting>).

use bridge_core::{
    ids::RemoteUserId,
    network::{FormattedText, Mention as Pill, Mentions, MessageContent, MessageKind},
};

use super::{
    mentions::{Mention, mentions},
    palette,
    style::{Colour, Run, Style, runs},
};

/// What reverse video shows where no colours are set: the usual ones, exchanged.
const REVERSE_FRONT: u32 = 0xff_ff_ff;
const REVERSE_BACK: u32 = 0x00_00_00;

/// Finds somebody called by nick; the flag says whether the text begins with it.
pub type PersonOf<'a> = &'a dyn Fn(&str, bool) -> Option<RemoteUserId>;

/// Reads a text with control codes.
#[must_use]
pub fn text_from_irc(text: &str) -> FormattedText {
    read(text, &|_, _| None).0
}

/// Reads a text with control codes as a message; nicks of people whom `person_of` knows become
/// mentions.
#[must_use]
pub fn message_from_irc(kind: MessageKind, text: &str, person_of: PersonOf<'_>) -> MessageContent {
    let (text, people) = read(text, person_of);
    let people = people.into_iter().map(Pill::remote).collect();
    MessageContent::new(kind, text).with_mentions(Mentions { people, room: false })
}

fn read(text: &str, person_of: PersonOf<'_>) -> (FormattedText, Vec<RemoteUserId>) {
    let runs = runs(text);
    let plain: String = runs.iter().map(|run| run.text).collect();
    let mentions = mentions(&plain, person_of);
    let spoilers = spoilers(&plain);
    let hidden_by_colour = runs.iter().any(|run| is_hidden(&run.style));
    let formatted = runs.iter().any(|run| !run.style.is_plain());
    if !formatted && mentions.is_empty() && spoilers.is_empty() {
        return (FormattedText { plain, html: None }, Vec::new());
    }
    let mut html = String::with_capacity(plain.len() * 2);
    let mut at = 0;
    for run in &runs {
        write_run(&mut html, run, at, &mentions, &spoilers);
        at += run.text.len();
    }
    let mut mentioned: Vec<RemoteUserId> = Vec::new();
    for Mention { person, .. } in &mentions {
        if !mentioned.contains(person) {
            mentioned.push(person.clone());
        }
    }
    let plain = if hidden_by_colour { with_marks(&runs) } else { plain };
    (FormattedText { plain, html: Some(html) }, mentioned)
}

/// A text in the colour of its background is marked in the body, where no colour hides it.
fn with_marks(runs: &[Run<'_>]) -> String {
    let mut plain = String::new();
    let mut hidden = false;
    for run in runs {
        if is_hidden(&run.style) != hidden {
            hidden = !hidden;
            plain.push_str("||");
        }
        plain.push_str(run.text);
    }
    if hidden {
        plain.push_str("||");
    }
    plain
}

fn is_hidden(style: &Style) -> bool {
    style.foreground.is_some() && style.foreground == style.background
}

/// Finds texts between `||`, which people brought from elsewhere: the ranges with their marks.
fn spoilers(plain: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = plain[from..].find("||").map(|at| at + from) {
        let inside = open + 2;
        let Some(close) = plain[inside..].find("||").map(|at| at + inside) else { break };
        // `a || b || c` is logic, not a secret: its marks have spaces inside.
        let text = &plain[inside..close];
        if text.is_empty() || text.starts_with(' ') || text.ends_with(' ') || text.contains('\n') {
            from = inside;
            continue;
        }
        found.push(open..close + 2);
        from = close + 2;
    }
    found
}

/// Writes a run of equal style, each piece closed in itself: IRC's toggles need not nest, HTML must.
fn write_run(
    html: &mut String,
    run: &Run<'_>,
    start: usize,
    mentions: &[Mention],
    spoilers: &[std::ops::Range<usize>],
) {
    let end = start + run.text.len();
    // Where something begins or ends inside of this run.
    let mut cuts = vec![start, end];
    for range in mentions.iter().map(|mention| &mention.range) {
        cuts.extend([range.start, range.end]);
    }
    for range in spoilers {
        cuts.extend([range.start, range.start + 2, range.end - 2, range.end]);
    }
    cuts.retain(|cut| (start..=end).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    for pair in cuts.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let spoiler = spoilers.iter().find(|range| range.start <= from && to <= range.end);
        if spoiler.is_some_and(|range| from < range.start + 2 || to > range.end - 2) {
            // The marks themselves are shown by the spoiler.
            continue;
        }
        let mention = mentions.iter().find(|one| one.range.start <= from && to <= one.range.end);
        let whole = mention.filter(|one| one.range.start == from && one.range.end == to);
        write_piece(
            html,
            &run.style,
            &run.text[from - start..to - start],
            whole.map(|mention| &mention.person),
            spoiler.is_some(),
        );
    }
}

fn write_piece(
    html: &mut String,
    style: &Style,
    text: &str,
    person: Option<&RemoteUserId>,
    hidden: bool,
) {
    let mut closing = Vec::new();
    if hidden || is_hidden(style) {
        html.push_str("<span data-mx-spoiler>");
        closing.push("</span>");
    } else if let Some((front, back)) = shown_colours(style) {
        html.push_str("<span");
        for (name, colour) in [("data-mx-color", front), ("data-mx-bg-color", back)] {
            if let Some(colour) = colour {
                html.push_str(&format!(" {name}=\"#{colour:06x}\""));
            }
        }
        html.push('>');
        closing.push("</span>");
    }
    for (on, open, close) in [
        (style.bold, "<b>", "</b>"),
        (style.italic, "<i>", "</i>"),
        (style.underline, "<u>", "</u>"),
        (style.strike, "<del>", "</del>"),
        (style.monospace, "<code>", "</code>"),
    ] {
        if on {
            html.push_str(open);
            closing.push(close);
        }
    }
    match person {
        Some(person) => html.push_str(&Pill::pill(person, text)),
        None => escape(html, text),
    }
    html.extend(closing.into_iter().rev());
}

fn escape(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            '\n' => html.push_str("<br>"),
            other => html.push(other),
        }
    }
}

/// Returns front and back as they are seen, or nothing where they are the reader's own.
fn shown_colours(style: &Style) -> Option<(Option<u32>, Option<u32>)> {
    let value = |colour: Option<Colour>| match colour? {
        Colour::Palette(number) => palette::value_of(number),
        Colour::Hex(value) => Some(value),
    };
    let (front, back) = (value(style.foreground), value(style.background));
    let shown = if style.reverse {
        (Some(back.unwrap_or(REVERSE_FRONT)), Some(front.unwrap_or(REVERSE_BACK)))
    } else {
        (front, back)
    };
    (shown != (None, None)).then_some(shown)
}
