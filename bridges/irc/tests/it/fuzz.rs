//! The fuzz targets: random input, grown from the pieces that matter, for a bounded time. Each target
//! is one function over bytes of randomness, so that a failing seed tells the whole story.
//!
//! `RIALTO_FUZZ_SECONDS` sets the time per target (ten by default); `RIALTO_FUZZ_SEED` begins with
//! the seed that a failure printed.

use std::time::{Duration, Instant};

use bridge_core::{
    ids::RemoteUserId,
    network::{FormattedText, MessageKind},
};
use bridge_irc::{
    convert::{message_from_irc, split_formatted, text_from_irc, text_to_irc, without_codes},
    wire::{Encoding, LineBudget, LineBuffer, Message},
};

/// A small generator of its own: the same seed tells the same story on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.roll() % most as u64).expect("it is below a usize")
    }

    fn one_of<'a>(&mut self, pieces: &[&'a str]) -> &'a str {
        pieces[self.below(pieces.len())]
    }

    /// Text grown from pieces, with a stray character now and then.
    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        let mut text = String::new();
        for _ in 0..self.below(most) {
            if self.below(8) == 0 {
                let code = u32::try_from(self.roll() % 0x11_0000).expect("it is below a u32");
                text.extend(char::from_u32(code));
            } else {
                text.push_str(self.one_of(pieces));
            }
        }
        text
    }
}

fn fuzz(target: impl Fn(&mut Dice)) {
    let seconds = std::env::var("RIALTO_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let first = std::env::var("RIALTO_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(10));
    let mut seed: u64 = first.unwrap_or(1);
    loop {
        let told = SeedTold(seed);
        target(&mut Dice(seed));
        std::mem::forget(told);
        seed += 1;
        if Instant::now() >= end {
            return;
        }
    }
}

/// Tells the seed when a target panics.
struct SeedTold(u64);

impl Drop for SeedTold {
    #[expect(clippy::print_stderr, reason = "a failed run is repeated from what it printed")]
    fn drop(&mut self) {
        eprintln!("RIALTO_FUZZ_SEED={}", self.0);
    }
}

const IRC: [&str; 34] = [
    "\u{2}",
    "\u{3}",
    "\u{4}",
    "\u{f}",
    "\u{11}",
    "\u{16}",
    "\u{1d}",
    "\u{1e}",
    "\u{1f}",
    "\u{1}",
    "04",
    "99",
    "1",
    ",",
    "01,01",
    "ff8800",
    "||",
    " ",
    "bob",
    ":",
    "@",
    "<",
    ">",
    "&",
    "\"",
    "ä",
    "\u{200d}",
    "👨‍👩‍👧",
    "https://x.test/bob",
    "word ",
    "\n",
    "\r",
    "\0",
    "'s",
];

const HTML: [&str; 58] = [
    "<b>",
    "</b>",
    "<i>",
    "</i>",
    "<u>",
    "<del>",
    "</del>",
    "<code>",
    "</code>",
    "<pre>",
    "</pre>",
    "<p>",
    "</p>",
    "<br>",
    "<ul>",
    "</ul>",
    "<ol start=\"9223372036854775807\">",
    "</ol>",
    "<li>",
    "<blockquote>",
    "</blockquote>",
    "<table>",
    "<tr>",
    "<td>",
    "</td>",
    "</table>",
    "<th>",
    "<h1>",
    "</h1>",
    "<a href=\"https://x.test/?a&amp;b\">",
    "<a href=\"https://matrix.to/#/@bob:x.test\">",
    "<a href=\"matrix:u/%ff%\">",
    "</a>",
    "<span data-mx-color=\"#f00\" data-mx-bg-color=\"blue\">",
    "<span data-mx-spoiler=\"why\">",
    "</span>",
    "<font color=\"#12345\">",
    "</font>",
    "<img alt=\"x\">",
    "<mx-reply>",
    "</mx-reply>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "&amp;",
    "&#3;",
    "&#0;",
    "&",
    "<",
    ">",
    "text ",
    "\n",
    "  ",
    "ä",
    "\u{3}04",
    "<template>",
    "<svg><p>",
];

const ALLOWED: [&str; 8] = ["b", "i", "u", "del", "code", "span", "br", "a"];

/// Reads our own strict HTML: every tag is allowed, carries only what it may and is closed.
fn assert_allowed(html: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("every tag is whole");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "wrongly nested: {html}");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(ALLOWED.contains(&name), "<{name}> in {html}");
        for attribute in attributes.split(' ').filter(|one| !one.is_empty()) {
            let known = attribute == "data-mx-spoiler"
                || attribute.starts_with("data-mx-color=\"#")
                || attribute.starts_with("data-mx-bg-color=\"#")
                || attribute.starts_with("href=\"rialto-user:bob\"");
            assert!(known, "{attribute} in {html}");
        }
        if name != "br" {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "never closed: {open:?} in {html}");
}

fn person_of(nick: &str, _at_start: bool) -> Option<RemoteUserId> {
    (nick == "bob").then(|| RemoteUserId::new("bob"))
}

#[test]
fn any_text_of_irc_becomes_allowed_html() {
    fuzz(|dice| {
        let text = dice.text(&IRC, 40);
        let read = message_from_irc(MessageKind::Text, &text, &person_of).text;
        assert!(!read.plain.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')));
        if let Some(html) = &read.html {
            assert_allowed(html);
        }
    });
}

#[test]
fn any_html_becomes_lines_without_foreign_codes() {
    fuzz(|dice| {
        let html = dice.text(&HTML, 60);
        let text = FormattedText { plain: String::new(), html: Some(html) };
        let irc = text_to_irc(&text, &|_| Some("bob".to_owned()));
        assert!(!irc.contains(['\u{1}', '\r', '\0', '\u{4}']), "{irc:?}");
        // Read back, it is still allowed.
        if let Some(html) = text_from_irc(&irc).html {
            assert_allowed(&html);
        }
    });
}

#[test]
fn split_lines_fit_and_put_together_are_the_text() {
    fuzz(|dice| {
        let text = dice.text(&IRC, 120);
        let budget = 40 + dice.below(120);
        let pieces = split_formatted(&text, LineBudget::bytes(budget));
        assert!(pieces.iter().all(|piece| piece.len() <= budget), "{pieces:?}");
        assert!(pieces.iter().all(|piece| !piece.contains(['\r', '\n', '\0'])));
        let lines = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
        let lines = lines.split('\n').map(without_codes).filter(|line| !line.trim().is_empty());
        let whole: String = lines.collect();
        let together: String = pieces.iter().map(|piece| without_codes(piece)).collect();
        assert_eq!(together, whole);
        // Every character looks as it did.
        let looks = |text: &str| text_from_irc(text).html.unwrap_or_default().len();
        if pieces.len() == 1 && !text.contains(['\n', '\r', '\0']) {
            assert_eq!(looks(&pieces[0]), looks(&text));
        }
    });
}

#[test]
fn any_bytes_become_messages_that_can_be_written_again() {
    const WIRE: [&str; 16] = [
        "@a=b;",
        "+draft/react=\\:",
        " ",
        ":",
        "nick!u@h",
        "PRIVMSG",
        "#room",
        "\r",
        "\n",
        "\0",
        "\\s",
        ";",
        "=",
        "001",
        "TAGMSG",
        "\u{1}VERSION\u{1}",
    ];
    fuzz(|dice| {
        let mut bytes = dice.text(&WIRE, 30).into_bytes();
        for _ in 0..dice.below(4) {
            let at = dice.below(bytes.len() + 1);
            bytes.insert(at, u8::try_from(dice.below(256)).expect("it is below 256"));
        }
        let mut buffer = LineBuffer::default();
        buffer.push(&bytes);
        buffer.push(b"\r\n");
        while let Some(line) = buffer.next_line() {
            let Ok(message) = Message::parse(line, Encoding::default()) else { continue };
            let Ok(written) = message.encode() else { continue };
            let again = Message::parse(written.as_bytes(), Encoding::default());
            let again = again.expect("what we write can be read");
            assert_eq!((again.params, again.command), (message.params, message.command));
        }
    });
}
