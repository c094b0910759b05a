//! Long texts to lines that arrive whole. The limit counts what the *server* writes in front when
//! it passes the line on, so the budget is made from our own mask as others see it.

use unicode_segmentation::UnicodeSegmentation as _;

use super::Isupport;

/// `\x01ACTION ` before and `\x01` behind.
pub const ACTION_OVERHEAD: usize = 9;

/// Room that is always left for text, however long mask and target pretend to be.
const SMALLEST_BUDGET: usize = 64;

/// How many bytes of text one line can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineBudget(usize);

impl LineBudget {
    /// Computes the room in `:nick!user@host COMMAND target :text\r\n`. `mask_length` is the length
    /// of our `nick!user@host`; `overhead` is what the text itself is wrapped in.
    #[must_use]
    pub fn new(
        rules: &Isupport,
        mask_length: usize,
        command: &str,
        target: &str,
        overhead: usize,
    ) -> Self {
        let around = 1 + mask_length + 1 + command.len() + 1 + target.len() + 2 + overhead + 2;
        Self(rules.linelen.saturating_sub(around).max(SMALLEST_BUDGET))
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(self) -> usize {
        self.0
    }

    /// A budget of exactly that many bytes; at least four, the longest character.
    #[must_use]
    pub fn bytes(bytes: usize) -> Self {
        Self(bytes.max(4))
    }
}

/// Cuts a text into lines: at its own line ends, and where a line is longer than the budget, behind
/// a space if one is near, else between characters as people see them, else between code points.
/// The pieces of one line put together are that line. NUL and CR, which no line can hold, are
/// dropped, and so are empty lines, which IRC cannot send.
#[must_use]
pub fn split_text(text: &str, budget: LineBudget) -> Vec<String> {
    let text: String = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
    let mut pieces = Vec::new();
    for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
        let mut rest = line;
        while rest.len() > budget.0 {
            let (piece, after) = rest.split_at(cut_position(rest, budget.0));
            pieces.push(piece.to_owned());
            rest = after;
        }
        pieces.push(rest.to_owned());
    }
    pieces
}

/// Finds where to cut `text`, which is longer than `budget` bytes.
pub(crate) fn cut_position(text: &str, budget: usize) -> usize {
    let mut whole_character = 0;
    let mut word = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        if at > budget {
            break;
        }
        whole_character = at;
        let behind_space = text[..at].ends_with(' ');
        if (behind_space && !cluster.starts_with(' ')) || (cluster == " " && !behind_space) {
            word = at;
        }
    }
    // A space too far back would waste most of the line: languages without spaces have few.
    if word >= budget.div_ceil(2) {
        return word;
    }
    if whole_character > 0 {
        return whole_character;
    }
    // One visible character longer than a line (a tower of combining marks).
    let mut code_point = budget;
    while !text.is_char_boundary(code_point) {
        code_point -= 1;
    }
    code_point
}

/// Wraps a text as a CTCP ACTION, which is what `/me` sends.
#[must_use]
pub fn as_action(text: &str) -> String {
    format!("\u{1}ACTION {text}\u{1}")
}

/// Returns the text of a CTCP ACTION. The closing mark may be missing: a server that cuts a line
/// cuts it off.
#[must_use]
pub fn parse_action(text: &str) -> Option<&str> {
    let body = text.strip_prefix('\u{1}')?;
    let body = body.strip_suffix('\u{1}').unwrap_or(body);
    let (command, text) = body.split_once(' ').unwrap_or((body, ""));
    command.eq_ignore_ascii_case("ACTION").then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str, bytes: usize) -> Vec<String> {
        split_text(text, LineBudget::bytes(bytes))
    }

    // The two long texts and where they are cut are noted from matterbridge's helper tests.
    #[test]
    fn words_stay_whole_where_a_space_is_near() {
        let text = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod \
                    tempor incididunt ut labore et dolore magna aliqua.";
        assert_eq!(
            split(text, 50),
            [
                "Lorem ipsum dolor sit amet, consectetur adipiscing",
                " elit, sed do eiusmod tempor incididunt ut labore ",
                "et dolore magna aliqua."
            ]
        );
    }

    #[test]
    fn characters_stay_whole_where_no_space_is_near() {
        let text = "人人生而自由，在尊嚴和權利上一律平等。 他們都具有理性和良知，應該以兄弟情誼的精神對待彼此。";
        assert_eq!(
            split(text, 50),
            [
                "人人生而自由，在尊嚴和權利上一律",
                "平等。 他們都具有理性和良知，應該",
                "以兄弟情誼的精神對待彼此。"
            ]
        );
    }

    #[test]
    fn a_family_emoji_is_one_character() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(split(&format!("abcd{family}"), 20), ["abcd", family]);
        assert_eq!(split(family, 10).concat(), family);
    }

    #[test]
    fn line_ends_make_lines_and_empty_ones_vanish() {
        assert_eq!(
            split("I\ncan't\n\n \nget\r\nno\rsatisfaction!\n", 64),
            ["I", "can't", "get", "no", "satisfaction!"]
        );
        assert_eq!(split("\n\n", 64), Vec::<String>::new());
    }

    #[test]
    fn the_budget_counts_what_the_server_writes_in_front() {
        let budget =
            LineBudget::new(&Isupport::default(), "nick!user@host".len(), "PRIVMSG", "#chan", 0);
        let text = "x".repeat(600);
        let line = format!(":nick!user@host PRIVMSG #chan :{}\r\n", split_text(&text, budget)[0]);
        assert_eq!(line.len(), 512);
    }

    #[test]
    fn actions_are_wrapped_and_found() {
        assert_eq!(as_action("waves").len(), "waves".len() + ACTION_OVERHEAD);
        assert_eq!(parse_action(&as_action("waves at you")), Some("waves at you"));
        assert_eq!(parse_action("\u{1}ACTION cut of"), Some("cut of"));
        assert_eq!(parse_action("\u{1}VERSION\u{1}"), None);
        assert_eq!(parse_action("ACTION waves"), None);
    }

    proptest! {
        #[test]
        fn pieces_fit_and_put_together_are_the_text(text in "[^\r\n\0]{0,400}", bytes in 4_usize..120) {
            let pieces = split(&text, bytes);
            if text.trim().is_empty() {
                prop_assert!(pieces.is_empty());
            } else {
                prop_assert!(pieces.iter().all(|piece| piece.len() <= bytes && !piece.is_empty()));
                prop_assert_eq!(pieces.concat(), text);
            }
        }

        #[test]
        fn any_text_becomes_lines_without_line_ends(text in any::<String>(), bytes in 4_usize..120) {
            for piece in split(&text, bytes) {
                prop_assert!(piece.len() <= bytes && !piece.contains(['\r', '\n', '\0']));
            }
        }
    }
}
