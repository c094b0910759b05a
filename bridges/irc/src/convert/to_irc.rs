//! Matrix text to IRC: HTML becomes control codes, everything else text. The result may have
//! several lines; codes are closed at the end of each and opened again on the next, since each
//! becomes a message of its own.

use bridge_core::network::FormattedText;

use super::{
    palette,
    style::{Colour, Style},
    tree::{NodeId, NodeKind, Step, Tag, Tree},
};

/// Black on black: how clients of IRC hide a text until it is pointed at.
const SPOILER: Colour = Colour::Palette(1);

/// Finds the nick of somebody mentioned by Matrix id, where they have one.
pub type NickOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Writes a text for IRC. `nick_of` names the people mentioned in it.
#[must_use]
pub fn text_to_irc(text: &FormattedText, nick_of: NickOf<'_>) -> String {
    let tree = text.html.as_deref().and_then(Tree::parse);
    match tree {
        Some(tree) => html_to_irc(&tree, nick_of),
        None => without_control(&text.plain),
    }
}

/// A control character typed by a person would start a CTCP request or colours.
fn without_control(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|character| if character == '\r' { '\n' } else { character })
        .filter(|&character| !character.is_control() || matches!(character, '\n' | '\t'))
        .collect()
}

fn html_to_irc(tree: &Tree, nick_of: NickOf<'_>) -> String {
    let mut writer = Writer::new(nick_of);
    for step in tree.walk() {
        match step {
            Step::Enter(id) => match tree.kind(id) {
                NodeKind::Text(text) => writer.text(text),
                NodeKind::Element(tag) => writer.enter(tag),
                NodeKind::Other => {}
            },
            Step::Leave(id) => {
                if let NodeKind::Element(tag) = tree.kind(id) {
                    writer.leave(tag, tree, id);
                }
            }
        }
    }
    writer.reset();
    writer.out.trim_end_matches(['\n', ' ']).to_owned()
}

struct Writer<'a> {
    nick_of: NickOf<'a>,
    out: String,
    written: Style,
    style: Style,
    /// The style outside of each open element, and whether it is hidden.
    outside: Vec<(Style, bool)>,
    quotes: usize,
    lists: Vec<Option<i64>>,
    preformatted: usize,
    hidden: usize,
    /// Cells written in the current row.
    cells: usize,
    /// Where the last bullet ends: what follows stays on its line.
    bullet_end: usize,
}

impl<'a> Writer<'a> {
    fn new(nick_of: NickOf<'a>) -> Self {
        Self {
            nick_of,
            out: String::new(),
            written: Style::default(),
            style: Style::default(),
            outside: Vec::new(),
            quotes: 0,
            lists: Vec::new(),
            preformatted: 0,
            hidden: 0,
            cells: 0,
            bullet_end: 0,
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        let text = without_control(text);
        if self.preformatted > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.force_line();
                }
                self.write(line);
            }
            return;
        }
        let mut collapsed = String::with_capacity(text.len());
        for character in text.chars() {
            let space = character.is_ascii_whitespace();
            let after_space = match collapsed.chars().next_back() {
                Some(last) => last == ' ',
                None => self.at_line_start() || self.out.ends_with(' '),
            };
            if !space {
                collapsed.push(character);
            } else if !after_space {
                collapsed.push(' ');
            }
        }
        self.write(&collapsed);
    }

    fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.at_line_start() {
            self.out.push_str(&"> ".repeat(self.quotes));
        }
        if self.written != self.style {
            self.reset();
            self.out.push_str(&self.style.codes_before(text));
            self.written = self.style;
        }
        self.out.push_str(text);
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    fn reset(&mut self) {
        if !self.written.is_plain() {
            self.out.push('\u{f}');
            self.written = Style::default();
        }
    }

    fn new_line(&mut self) {
        if !self.at_line_start() && self.bullet_end != self.out.len() {
            self.force_line();
        }
    }

    fn force_line(&mut self) {
        self.reset();
        while self.preformatted == 0 && self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
    }

    fn enter(&mut self, tag: &Tag) {
        let hides = self.hides(tag);
        self.outside.push((self.style, hides));
        if hides {
            self.hidden += 1;
        }
        if self.hidden > 0 {
            return;
        }
        match tag.name() {
            "br" => self.force_line(),
            "hr" => {
                self.new_line();
                self.write("---");
                self.new_line();
            }
            "img" => {
                let words = tag.attribute("alt").or(tag.attribute("title")).unwrap_or("");
                self.write(&one_line(words));
            }
            "b" | "strong" => self.style.bold = true,
            "i" | "em" | "cite" | "dfn" | "var" => self.style.italic = true,
            "u" | "ins" => self.style.underline = true,
            "s" | "del" | "strike" => self.style.strike = true,
            "code" | "tt" | "kbd" | "samp" => self.style.monospace = true,
            "mark" => self.style.reverse = true,
            "sup" => self.write("^"),
            "sub" => self.write("_"),
            "font" | "span" => self.colours(tag),
            "pre" => {
                self.new_line();
                self.preformatted += 1;
                self.style.monospace = true;
            }
            "blockquote" => {
                self.new_line();
                self.quotes += 1;
            }
            "ul" => self.lists.push(None),
            "ol" => {
                let start = tag.attribute("start").and_then(|start| start.parse().ok());
                self.lists.push(Some(start.unwrap_or(1)));
            }
            "li" => {
                self.new_line();
                self.bullet();
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.new_line();
                self.style.bold = true;
            }
            "tr" => {
                self.new_line();
                self.cells = 0;
            }
            "td" | "th" => {
                if self.cells > 0 {
                    self.trim_space();
                    self.write(" | ");
                }
                self.cells += 1;
                self.style.bold |= tag.name() == "th";
            }
            "p" | "div" | "table" | "caption" | "summary" | "details" | "dl" | "dt" | "dd" => {
                self.new_line();
            }
            _ => {}
        }
    }

    /// Writes what stands for an element and says whether its content is left out.
    fn hides(&mut self, tag: &Tag) -> bool {
        if self.hidden > 0 {
            return false;
        }
        match tag.name() {
            // The quoted message is on IRC already.
            "mx-reply" | "script" | "style" | "title" | "template" => true,
            "span" | "div" => match tag.attribute("data-mx-maths") {
                Some(formula) => {
                    self.write(&one_line(formula));
                    true
                }
                None => false,
            },
            "a" => {
                let person = tag.attribute("href").and_then(mentioned);
                match person.filter(|id| id.starts_with('@')).and_then(|id| (self.nick_of)(&id)) {
                    Some(nick) => {
                        self.write(&one_line(&nick));
                        true
                    }
                    None => false,
                }
            }
            _ => false,
        }
    }

    fn colours(&mut self, tag: &Tag) {
        if let Some(reason) = tag.attribute("data-mx-spoiler") {
            if !reason.is_empty() {
                self.write(&format!("({}) ", one_line(reason)));
            }
            (self.style.foreground, self.style.background) = (Some(SPOILER), Some(SPOILER));
            return;
        }
        let colour = |name: &str, old: &str| {
            let named = tag.attribute(name).or(tag.attribute(old));
            named.and_then(palette::nearest).map(Colour::Palette)
        };
        let (front, back) = (colour("data-mx-color", "color"), colour("data-mx-bg-color", ""));
        self.style.foreground = front.or(self.style.foreground);
        self.style.background = back.or(self.style.background);
    }

    fn bullet(&mut self) {
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                let this = *number;
                *number = number.saturating_add(1);
                format!("{this}. ")
            }
            _ => "\u{2022} ".to_owned(),
        };
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(8));
        self.write(&format!("{indent}{bullet}"));
        self.bullet_end = self.out.len();
    }

    fn trim_space(&mut self) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
    }

    fn leave(&mut self, tag: &Tag, tree: &Tree, id: NodeId) {
        let Some((outside, hid)) = self.outside.pop() else { return };
        if self.hidden == 0 {
            self.end(tag, tree, id);
        }
        if hid {
            self.hidden -= 1;
        }
        self.style = outside;
    }

    fn end(&mut self, tag: &Tag, tree: &Tree, id: NodeId) {
        match tag.name() {
            "a" => {
                let href = tag.attribute("href").filter(|href| mentioned(href).is_none());
                let Some(href) = href.map(one_line).filter(|href| !href.is_empty()) else { return };
                let shown = one_line(&tree.text_of(id));
                let shown = shown.trim();
                if shown.is_empty() {
                    self.write(&href);
                } else if shown != href && href.strip_prefix("mailto:") != Some(shown) {
                    self.write(&format!(" ({href})"));
                }
            }
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.new_line();
            }
            "blockquote" => {
                self.new_line();
                self.quotes = self.quotes.saturating_sub(1);
            }
            "ul" | "ol" => {
                self.lists.pop();
                self.new_line();
            }
            "p" | "div" | "li" | "tr" | "table" | "caption" | "summary" | "details" | "h1"
            | "h2" | "h3" | "h4" | "h5" | "h6" | "dl" | "dt" | "dd" => self.new_line(),
            _ => {}
        }
    }
}

fn one_line(text: &str) -> String {
    without_control(text).replace('\n', " ")
}

/// Returns the person, room or alias a link mentions: its link says nothing on IRC, its text is the
/// name. A link to an event is a link.
fn mentioned(href: &str) -> Option<String> {
    if let Some(rest) = href.strip_prefix("https://matrix.to/#/") {
        let id = percent_decoded(rest.split(['?', '/']).next().unwrap_or_default());
        let event =
            rest.split('?').next().unwrap_or_default().contains("/$") || rest.contains("/%24");
        return (!event && id.starts_with(['@', '#', '!'])).then_some(id);
    }
    let rest = href.strip_prefix("matrix:")?;
    let rest = rest.split('?').next().unwrap_or_default();
    let (kind, id) = rest.split_once('/')?;
    let sigil = match kind {
        "u" | "user" => '@',
        "r" | "room" => '#',
        "roomid" => '!',
        _ => return None,
    };
    (!id.contains('/')).then(|| format!("{sigil}{}", percent_decoded(id)))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
