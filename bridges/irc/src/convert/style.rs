//! The control codes of IRC: how text looks at one place, and a scanner that tells where it changes.

/// Bold, on and off.
const BOLD: char = '\u{2}';
/// Colours of the palette.
const COLOUR: char = '\u{3}';
/// Any colour.
const HEX_COLOUR: char = '\u{4}';
/// Back to plain.
const RESET: char = '\u{f}';
const MONOSPACE: char = '\u{11}';
const REVERSE: char = '\u{16}';
const ITALIC: char = '\u{1d}';
const STRIKE: char = '\u{1e}';
const UNDERLINE: char = '\u{1f}';

/// The number that means "the client's own colour".
pub(super) const DEFAULT_COLOUR: u8 = 99;

/// A colour as a code names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// A number of the palette.
    Palette(u8),
    /// Red, green and blue.
    Hex(u32),
}

/// How text looks at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) underline: bool,
    pub(super) strike: bool,
    pub(super) monospace: bool,
    pub(super) reverse: bool,
    pub(super) foreground: Option<Colour>,
    pub(super) background: Option<Colour>,
}

impl Style {
    /// Whether text looks like any other.
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the codes that make plain text look so. Numbers always have two digits, because a
    /// digit of the text may follow.
    pub(super) fn codes(&self) -> String {
        let toggles = [
            (self.bold, BOLD),
            (self.italic, ITALIC),
            (self.underline, UNDERLINE),
            (self.strike, STRIKE),
            (self.monospace, MONOSPACE),
            (self.reverse, REVERSE),
        ];
        let mut codes: String =
            toggles.into_iter().filter(|(on, _)| *on).map(|(_, code)| code).collect();
        codes.push_str(&self.colour_codes());
        codes
    }

    /// Returns the codes in front of a text. A comma behind a colour would begin a background: bold on
    /// and off, which nobody sees, keeps the two apart.
    pub(super) fn codes_before(&self, text: &str) -> String {
        let mut codes = self.codes();
        if self.foreground.is_some() && self.background.is_none() && text.starts_with(',') {
            codes.extend([BOLD, BOLD]);
        }
        codes
    }

    fn colour_codes(&self) -> String {
        let number = |colour: Option<Colour>| match colour {
            Some(Colour::Palette(number)) => number,
            _ => DEFAULT_COLOUR,
        };
        match (self.foreground, self.background) {
            (None, None) => String::new(),
            (Some(Colour::Hex(front)), Some(Colour::Hex(back))) => {
                format!("{HEX_COLOUR}{front:06x},{back:06x}")
            }
            (Some(Colour::Hex(front)), None) => format!("{HEX_COLOUR}{front:06x}"),
            // Colours of both kinds need both codes; the second leaves what it does not name.
            (Some(Colour::Hex(front)), Some(back)) => {
                format!("{COLOUR}99,{:02}{HEX_COLOUR}{front:06x}", number(Some(back)))
            }
            (front, Some(Colour::Hex(back))) => {
                format!("{HEX_COLOUR}000000,{back:06x}{COLOUR}{:02}", number(front))
            }
            (front, None) => format!("{COLOUR}{:02}", number(front)),
            (front, back) => format!("{COLOUR}{:02},{:02}", number(front), number(back)),
        }
    }

    /// Takes one code with its numbers; returns how many bytes it has, 0 if `text` begins with none.
    pub(super) fn take_code(&mut self, text: &str) -> usize {
        let Some(code) = text.chars().next() else { return 0 };
        let rest = &text[code.len_utf8()..];
        let mut length = code.len_utf8();
        match code {
            BOLD => self.bold = !self.bold,
            ITALIC => self.italic = !self.italic,
            UNDERLINE => self.underline = !self.underline,
            STRIKE => self.strike = !self.strike,
            MONOSPACE => self.monospace = !self.monospace,
            REVERSE => self.reverse = !self.reverse,
            RESET => *self = Self::default(),
            COLOUR => length += self.take_colours(rest, take_number),
            HEX_COLOUR => length += self.take_colours(rest, take_hex),
            _ => return 0,
        }
        length
    }

    /// Takes `foreground[,background]`, or nothing, which ends the colours.
    fn take_colours(
        &mut self,
        rest: &str,
        take: impl Fn(&str) -> Option<(Option<Colour>, usize)>,
    ) -> usize {
        let Some((foreground, length)) = take(rest) else {
            (self.foreground, self.background) = (None, None);
            return 0;
        };
        self.foreground = foreground;
        let Some((background, more)) = rest[length..].strip_prefix(',').and_then(take) else {
            return length;
        };
        self.background = background;
        length + 1 + more
    }
}

/// Takes one or two digits. 99 means the default colour.
fn take_number(rest: &str) -> Option<(Option<Colour>, usize)> {
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let number: u8 = rest[..digits].parse().ok()?;
    Some(((number != DEFAULT_COLOUR).then_some(Colour::Palette(number)), digits))
}

/// Takes six hexadecimal digits.
fn take_hex(rest: &str) -> Option<(Option<Colour>, usize)> {
    let digits = rest.get(..6).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((Some(Colour::Hex(u32::from_str_radix(digits, 16).ok()?)), 6))
}

/// A piece of text of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run<'a> {
    pub(super) style: Style,
    pub(super) text: &'a str,
}

/// Cuts a text with codes into pieces of one look. Other control characters (but not tabs and line
/// ends) have no meaning in a text and are left out.
pub(super) fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut style = Style::default();
    let (mut start, mut at) = (0, 0);
    let mut push = |style, from: usize, to: usize| {
        if from < to {
            runs.push(Run { style, text: &text[from..to] });
        }
    };
    while let Some(character) = text[at..].chars().next() {
        let before = style;
        let mut length = style.take_code(&text[at..]);
        if length == 0 && character.is_control() && !matches!(character, '\t' | '\n') {
            length = character.len_utf8();
        }
        if length > 0 {
            push(before, start, at);
            at += length;
            start = at;
        } else {
            at += character.len_utf8();
        }
    }
    push(style, start, at);
    runs
}

/// Returns a text without its codes.
#[must_use]
pub fn without_codes(text: &str) -> String {
    runs(text).into_iter().map(|run| run.text).collect()
}
