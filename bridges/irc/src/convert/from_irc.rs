//! IRC text to Matrix: control codes become HTML, and vanish from the plain body
//! (<https://modern.ircdocs.horse/formatting>).

use bridge_core::network::FormattedText;

const BOLD: char = '\u{2}';
const COLOUR: char = '\u{3}';
const HEX_COLOUR: char = '\u{4}';
const RESET: char = '\u{f}';
const MONOSPACE: char = '\u{11}';
const REVERSE: char = '\u{16}';
const ITALIC: char = '\u{1d}';
const STRIKE: char = '\u{1e}';
const UNDERLINE: char = '\u{1f}';

/// The sixteen colours as clients commonly show them; beyond them are few users.
const PALETTE: [&str; 16] = [
    "#ffffff", "#000000", "#00007f", "#009300", "#ff0000", "#7f0000", "#9c009c", "#fc7f00",
    "#ffff00", "#00fc00", "#009393", "#00ffff", "#0000fc", "#ff00ff", "#7f7f7f", "#d2d2d2",
];

/// How text looks at one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Style {
    bold: bool,
    italic: bool,
    underline: bool,
    strike: bool,
    monospace: bool,
    foreground: Option<String>,
    background: Option<String>,
}

/// Reads a text with control codes.
#[must_use]
pub fn text_from_irc(text: &str) -> FormattedText {
    let mut plain = String::with_capacity(text.len());
    let mut html = String::new();
    let mut style = Style::default();
    let mut run = String::new();
    let mut formatted = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        let before = style.clone();
        match character {
            BOLD => style.bold = !style.bold,
            ITALIC => style.italic = !style.italic,
            UNDERLINE => style.underline = !style.underline,
            STRIKE => style.strike = !style.strike,
            MONOSPACE => style.monospace = !style.monospace,
            RESET => style = Style::default(),
            COLOUR => rest = take_colours(rest, &mut style, take_number),
            HEX_COLOUR => rest = take_colours(rest, &mut style, take_hex),
            REVERSE => {
                let Style { foreground, background, .. } = &mut style;
                std::mem::swap(foreground, background);
            }
            // Other control characters (but not tabs) have no meaning in a text.
            other if other.is_control() && other != '\t' => {}
            other => {
                plain.push(other);
                run.push(other);
            }
        }
        if style != before {
            formatted |= style != Style::default();
            flush(&mut html, &mut run, &before);
        }
    }
    flush(&mut html, &mut run, &style);
    FormattedText { plain, html: formatted.then_some(html) }
}

/// Takes `foreground[,background]`, or nothing, which ends the colours.
fn take_colours<'a>(
    rest: &'a str,
    style: &mut Style,
    take: impl Fn(&'a str) -> Option<(Option<String>, &'a str)>,
) -> &'a str {
    let Some((foreground, after)) = take(rest) else {
        (style.foreground, style.background) = (None, None);
        return rest;
    };
    style.foreground = foreground;
    if let Some((background, after)) = after.strip_prefix(',').and_then(take) {
        style.background = background;
        return after;
    }
    after
}

/// Takes one or two digits. 99 and what is beyond the palette mean the default colour.
fn take_number(rest: &str) -> Option<(Option<String>, &str)> {
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let number: usize = rest[..digits].parse().ok()?;
    Some((PALETTE.get(number).map(|&colour| colour.to_owned()), &rest[digits..]))
}

/// Takes six hexadecimal digits.
fn take_hex(rest: &str) -> Option<(Option<String>, &str)> {
    let digits = rest.get(..6).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((Some(format!("#{}", digits.to_ascii_lowercase())), &rest[6..]))
}

/// Writes a run of equal style, each run closed in itself: IRC's toggles need not nest, HTML must.
fn flush(html: &mut String, run: &mut String, style: &Style) {
    if run.is_empty() {
        return;
    }
    let mut closing = Vec::new();
    if style.foreground.is_some() || style.background.is_some() {
        html.push_str("<span");
        for (name, colour) in
            [("data-mx-color", &style.foreground), ("data-mx-bg-color", &style.background)]
        {
            if let Some(colour) = colour {
                html.push_str(&format!(" {name}=\"{colour}\""));
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
    for character in run.drain(..) {
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html.extend(closing.into_iter().rev());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(text: &str) -> String {
        text_from_irc(text).html.unwrap_or_default()
    }

    #[test]
    fn codes_become_html_and_vanish_from_the_body() {
        let text = text_from_irc("The \u{2}fox\u{f} and \u{11}dog\u{11} <&>");
        assert_eq!(text.plain, "The fox and dog <&>");
        assert_eq!(text.html.unwrap(), "The <b>fox</b> and <code>dog</code> &lt;&amp;&gt;");
        assert_eq!(text_from_irc("plain <text>"), FormattedText::plain("plain <text>"));
    }

    #[test]
    fn overlapping_toggles_are_closed_in_order() {
        assert_eq!(html("\u{2}a\u{1d}b\u{2}c"), "<b>a</b><b><i>b</i></b><i>c</i>");
    }

    #[test]
    fn colours_take_one_or_two_digits_and_end() {
        assert_eq!(
            html("\u{3}4,1red\u{3} 12"),
            "<span data-mx-color=\"#ff0000\" data-mx-bg-color=\"#000000\">red</span> 12"
        );
        assert_eq!(html("\u{3}0412"), "<span data-mx-color=\"#ff0000\">12</span>");
        assert_eq!(html("\u{3}4,x"), "<span data-mx-color=\"#ff0000\">,x</span>");
        assert_eq!(html("\u{4}FF8800x"), "<span data-mx-color=\"#ff8800\">x</span>");
        assert_eq!(text_from_irc("\u{3}99x").html, None);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_control_code_is_left(text in any::<String>()) {
            let read = text_from_irc(&text);
            prop_assert!(!read.plain.chars().any(|c| c.is_control() && c != '\t'));
        }
    }
}
