//! Matrix text to IRC: HTML becomes control codes, everything else text. The result may have
//! several lines; codes are closed at the end of each and opened again on the next, since each
//! becomes a message of its own.

use bridge_core::network::FormattedText;

use super::html::{Tag, Token, tokens};

/// Names and values of the colours that HTML and IRC share.
const COLOURS: [(&str, u32); 16] = [
    ("white", 0xff_ff_ff),
    ("black", 0x00_00_00),
    ("blue4", 0x00_00_7f),
    ("green", 0x00_93_00),
    ("red", 0xff_00_00),
    ("maroon", 0x7f_00_00),
    ("purple", 0x9c_00_9c),
    ("orange", 0xfc_7f_00),
    ("yellow", 0xff_ff_00),
    ("lime", 0x00_fc_00),
    ("teal", 0x00_93_93),
    ("aqua", 0x00_ff_ff),
    ("blue", 0x00_00_fc),
    ("fuchsia", 0xff_00_ff),
    ("gray", 0x7f_7f_7f),
    ("silver", 0xd2_d2_d2),
];

/// Writes a text for IRC.
#[must_use]
pub fn text_to_irc(text: &FormattedText) -> String {
    match &text.html {
        Some(html) => html_to_irc(html),
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

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Style {
    bold: bool,
    italic: bool,
    underline: bool,
    strike: bool,
    monospace: bool,
    colour: Option<usize>,
}

impl Style {
    /// Returns the codes that make plain text look so. The colour always has two digits, because a
    /// digit of the text may follow.
    fn codes(&self) -> String {
        let toggles = [
            (self.bold, '\u{2}'),
            (self.italic, '\u{1d}'),
            (self.underline, '\u{1f}'),
            (self.strike, '\u{1e}'),
            (self.monospace, '\u{11}'),
        ];
        let mut codes: String =
            toggles.into_iter().filter(|(on, _)| *on).map(|(_, code)| code).collect();
        if let Some(colour) = self.colour {
            codes.push_str(&format!("\u{3}{colour:02}"));
        }
        codes
    }
}

#[derive(Debug, Default)]
struct Writer {
    out: String,
    written: Style,
    /// Open elements, each with the style outside of it and what is to be said at its end.
    open: Vec<Element>,
    style: Style,
    quotes: usize,
    lists: Vec<Option<usize>>,
    preformatted: usize,
    hidden: usize,
}

#[derive(Debug)]
struct Element {
    name: String,
    outside: Style,
    link: Option<(String, usize)>,
}

fn html_to_irc(html: &str) -> String {
    let mut writer = Writer::default();
    for token in tokens(html) {
        match token {
            Token::Text(text) => writer.text(&text),
            Token::Open(tag) => writer.open(&tag),
            Token::Close(name) => writer.close(&name),
        }
    }
    while let Some(name) = writer.open.last().map(|element| element.name.clone()) {
        writer.close(&name);
    }
    writer.reset();
    writer.out.trim_end_matches(['\n', ' ']).to_owned()
}

impl Writer {
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
            if self.written != Style::default() {
                self.reset();
            }
            self.out.push_str(&self.style.codes());
            self.written = self.style.clone();
        }
        self.out.push_str(text);
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    fn reset(&mut self) {
        if self.written != Style::default() {
            self.out.push('\u{f}');
            self.written = Style::default();
        }
    }

    fn new_line(&mut self) {
        if !self.at_line_start() {
            self.force_line();
        }
    }

    fn force_line(&mut self) {
        self.reset();
        self.out.push('\n');
    }

    fn open(&mut self, tag: &Tag) {
        let outside = self.style.clone();
        let mut link = None;
        match tag.name.as_str() {
            "br" => {
                self.force_line();
                return;
            }
            "hr" => {
                self.new_line();
                self.write("---");
                self.new_line();
                return;
            }
            "img" => {
                self.write(tag.attribute("alt").or(tag.attribute("title")).unwrap_or(""));
                return;
            }
            "b" | "strong" => self.style.bold = true,
            "i" | "em" => self.style.italic = true,
            "u" | "ins" => self.style.underline = true,
            "s" | "del" | "strike" => self.style.strike = true,
            "code" | "tt" => self.style.monospace = true,
            "font" | "span" => {
                let colour = tag.attribute("data-mx-color").or(tag.attribute("color"));
                self.style.colour = colour.and_then(nearest_colour).or(self.style.colour);
            }
            "a" => {
                let target = tag.attribute("href").filter(|href| !is_mention(href));
                link = target.map(|href| (href.to_owned(), self.out.len()));
            }
            "pre" => {
                self.new_line();
                self.preformatted += 1;
            }
            "blockquote" => {
                self.new_line();
                self.quotes += 1;
            }
            "ul" => self.lists.push(None),
            "ol" => self.lists.push(Some(1)),
            "li" => {
                self.new_line();
                self.bullet();
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.new_line();
                self.style.bold = true;
            }
            "p" | "div" | "tr" | "table" | "summary" | "details" => self.new_line(),
            // The quoted message is on IRC already.
            "mx-reply" => self.hidden += 1,
            _ => {}
        }
        self.open.push(Element { name: tag.name.clone(), outside, link });
    }

    fn bullet(&mut self) {
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "\u{2022} ".to_owned(),
        };
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        self.write(&format!("{indent}{bullet}"));
    }

    fn close(&mut self, name: &str) {
        // An end without a beginning says nothing; elements left open inside end with it.
        let Some(at) = self.open.iter().rposition(|element| element.name == name) else { return };
        for element in self.open.split_off(at).into_iter().rev() {
            self.close_element(element);
        }
    }

    fn close_element(&mut self, element: Element) {
        match element.name.as_str() {
            "a" => {
                if let Some((href, start)) = element.link {
                    let shown = self.out.get(start..).unwrap_or("").trim();
                    let same = shown == href || href.strip_prefix("mailto:") == Some(shown);
                    if !same {
                        self.write(&format!(" ({})", without_control(&href)));
                    }
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
            "td" | "th" => self.write(" "),
            "mx-reply" => self.hidden = self.hidden.saturating_sub(1),
            "p" | "div" | "li" | "tr" | "table" | "summary" | "details" | "h1" | "h2" | "h3"
            | "h4" | "h5" | "h6" => self.new_line(),
            _ => {}
        }
        self.style = element.outside;
    }
}

/// A mention's link says nothing on IRC; its text is the name.
fn is_mention(href: &str) -> bool {
    href.starts_with("https://matrix.to/#/") || href.starts_with("matrix:")
}

/// Finds the palette's number of a colour's name, or of the colour nearest to `#rrggbb`.
fn nearest_colour(colour: &str) -> Option<usize> {
    let lower = colour.to_ascii_lowercase();
    if let Some(named) = COLOURS.iter().position(|(name, _)| *name == lower) {
        return Some(named);
    }
    let digits = lower.strip_prefix('#')?;
    let wanted = match digits.len() {
        6 => u32::from_str_radix(digits, 16).ok()?,
        3 => {
            let doubled: String = digits.chars().flat_map(|digit| [digit, digit]).collect();
            u32::from_str_radix(&doubled, 16).ok()?
        }
        _ => return None,
    };
    let distance = |value: u32| -> u32 {
        (0..3)
            .map(|byte| {
                let part = |value: u32| (value >> (8 * byte)) & 0xff;
                part(value).abs_diff(part(wanted)).pow(2)
            })
            .sum()
    };
    COLOURS.iter().enumerate().min_by_key(|(_, (_, value))| distance(*value)).map(|(n, _)| n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn irc(html: &str) -> String {
        text_to_irc(&FormattedText { plain: String::new(), html: Some(html.to_owned()) })
    }

    // The pairs are noted from matrix-appservice-irc's formatting tests.
    #[test]
    fn inline_formatting_becomes_codes() {
        assert_eq!(irc("The <b>fox</b> and <b>dog</b>."), "The \u{2}fox\u{f} and \u{2}dog\u{f}.");
        assert_eq!(irc("a <code>fox</code> b"), "a \u{11}fox\u{f} b");
        assert_eq!(
            irc("%100 of \"homes\" should have <u>dogs</u>. Facts © Half-Shot"),
            "%100 of \"homes\" should have \u{1f}dogs\u{f}. Facts © Half-Shot"
        );
        assert_eq!(
            irc(
                "<font color=\"red\">R</font><font color=\"orange\">a</font><font color=\"yellow\">i</font><font color=\"green\">n</font><font color=\"blue\">b</font><font color=\"purple\">o</font><font color=\"fuchsia\">w</font>"
            ),
            "\u{3}04R\u{f}\u{3}07a\u{f}\u{3}08i\u{f}\u{3}03n\u{f}\u{3}12b\u{f}\u{3}06o\u{f}\u{3}13w\u{f}"
        );
        assert_eq!(irc("<b>a<i>b</i></b>c"), "\u{2}a\u{f}\u{2}\u{1d}b\u{f}c");
        assert_eq!(irc("<span data-mx-color=\"#fe0001\">1</span>"), "\u{3}041\u{f}");
    }

    #[test]
    fn blocks_become_lines() {
        assert_eq!(irc("<p>one</p>\n<p>two<br/>three</p>"), "one\ntwo\nthree");
        assert_eq!(
            irc("<ul><li>a</li>\n<li>b</li></ul><ol><li>c</li><li>d</li></ol>"),
            "\u{2022} a\n\u{2022} b\n1. c\n2. d"
        );
        assert_eq!(irc("<blockquote><p>a</p><p>b</p></blockquote><p>c</p>"), "> a\n> b\nc");
        assert_eq!(
            irc("<pre><code>fn a() {\n  b\n}\n</code></pre>"),
            "\u{11}fn a() {\u{f}\n\u{11}  b\u{f}\n\u{11}}\u{f}"
        );
        assert_eq!(irc("<strong>a<br>b</strong>"), "\u{2}a\u{f}\n\u{2}b\u{f}");
    }

    #[test]
    fn links_are_spelled_out_and_mentions_are_names() {
        assert_eq!(irc("<a href=\"https://a.test/\">here</a>"), "here (https://a.test/)");
        assert_eq!(irc("<a href=\"https://a.test/\">https://a.test/</a>"), "https://a.test/");
        assert_eq!(irc("<a href=\"https://matrix.to/#/@bob:test\">bob</a>: hi"), "bob: hi");
        assert_eq!(irc("<mx-reply><blockquote>old</blockquote></mx-reply>new"), "new");
    }

    #[test]
    fn nobody_can_type_a_control_code() {
        let text = FormattedText::plain("\u{1}DCC SEND x\u{1} \u{3}4red\ttab\r\nline");
        assert_eq!(text_to_irc(&text), "DCC SEND x 4red\ttab\nline");
        assert_eq!(irc("&#1;ACTION x&#1;"), "ACTION x");
    }

    proptest! {
        #[test]
        fn no_html_panics(html in "(<[a-z/]{0,6}( [a-z]{1,5}=\"?[^<]{0,5})?>?|[^<]{0,8}|&[a-z#0-9]{0,4};?){0,12}") {
            irc(&html);
        }
    }
}
