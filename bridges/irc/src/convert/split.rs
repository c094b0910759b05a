//! Long texts with control codes to lines: cut as any other text, but never inside a code, and what
//! was switched on before a cut is switched on again behind it.

use super::style::{Style, without_codes};
use crate::wire::{LineBudget, cut_position};

/// What must be left for text behind the codes that are opened again.
const SMALLEST_ROOM: usize = 24;

/// Cuts a text into lines within the budget. Put together and without codes they are the text
/// without codes, but for the line ends and lines without visible text.
#[must_use]
pub fn split_formatted(text: &str, budget: LineBudget) -> Vec<String> {
    let text: String = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
    let mut pieces = Vec::new();
    for line in text.split('\n').filter(|line| !without_codes(line).trim().is_empty()) {
        split_line(line, budget.as_bytes(), &mut pieces);
    }
    pieces
}

fn split_line(line: &str, budget: usize, pieces: &mut Vec<String>) {
    let mut rest = line;
    let mut style = Style::default();
    loop {
        let mut piece = style.codes_before(rest);
        if piece.len() + SMALLEST_ROOM > budget {
            piece.clear();
        }
        let room = budget - piece.len();
        if rest.len() <= room {
            piece.push_str(rest);
            if !without_codes(&piece).is_empty() {
                pieces.push(piece);
            }
            return;
        }
        let cut = outside_of_codes(rest, cut_position(rest, room));
        let (now, later) = rest.split_at(cut);
        piece.push_str(now);
        style = style_behind(style, now);
        if !without_codes(&piece).is_empty() {
            pieces.push(piece);
        }
        rest = later;
    }
}

/// Moves a cut that falls into a code to the code's beginning.
fn outside_of_codes(text: &str, cut: usize) -> usize {
    let mut style = Style::default();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next().filter(|_| at < cut) {
        let length = style.take_code(&text[at..]);
        if length > 0 && at + length > cut && at > 0 {
            return at;
        }
        at += length.max(character.len_utf8());
    }
    cut
}

fn style_behind(mut style: Style, text: &str) -> Style {
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        at += style.take_code(&text[at..]).max(character.len_utf8());
    }
    style
}
