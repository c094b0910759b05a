//! Ranks in a channel and power levels in a room.
//!
//! Owners and administrators of a channel stand above operators on Matrix too, but nobody is made one
//! from there: who may do what an operator may (50) becomes operator, however high the number is.

use crate::wire::Isupport;

/// Levels of the usual ranks, by mode letter.
const LEVELS: [(char, i64); 7] =
    [('q', 95), ('Y', 95), ('y', 95), ('a', 75), ('o', 50), ('h', 25), ('v', 1)];

/// What can be given from Matrix, highest first.
const GIVEN: [(char, i64); 3] = [('o', 50), ('h', 25), ('v', 1)];

/// Who may give rank, link rooms and the like.
pub(crate) const OPERATOR: i64 = 50;

/// Returns the level of somebody with these signs.
pub(crate) fn level_of(rules: &Isupport, signs: &str) -> i64 {
    let letters = signs.chars().filter_map(|sign| letter_of(rules, sign));
    letters.map(|letter| level_of_letter(rules, letter)).max().unwrap_or(0)
}

/// Returns the mode changes (`+o`, `-v` and so on) that bring somebody with these signs to a level.
pub(crate) fn changes(rules: &Isupport, signs: &str, level: i64) -> Vec<(bool, char)> {
    let known = |letter: char| rules.prefixes.iter().any(|&(known, _)| known == letter);
    let wanted = GIVEN.iter().find(|(letter, least)| level >= *least && known(*letter));
    let letters: Vec<char> = signs.chars().filter_map(|sign| letter_of(rules, sign)).collect();
    let ceiling = wanted.map_or(0, |(_, level)| *level);
    let mut changes = Vec::new();
    // Who is above what can be given stays there as long as the level says so.
    if let Some((letter, _)) = wanted {
        let highest = letters.iter().map(|&letter| level_of_letter(rules, letter)).max();
        if level <= OPERATOR || highest.is_none_or(|highest| highest < ceiling) {
            if !letters.contains(letter) {
                changes.push((true, *letter));
            }
        } else {
            return changes;
        }
    }
    let too_high = letters.into_iter().filter(|&one| level_of_letter(rules, one) > ceiling);
    changes.extend(too_high.map(|letter| (false, letter)));
    changes
}

fn letter_of(rules: &Isupport, sign: char) -> Option<char> {
    rules.prefixes.iter().find(|&&(_, known)| known == sign).map(|&(letter, _)| letter)
}

fn level_of_letter(rules: &Isupport, letter: char) -> i64 {
    if let Some((_, level)) = LEVELS.iter().find(|(known, _)| *known == letter) {
        return *level;
    }
    // A rank of this server's own: as its place among the others says.
    let place = |letter: char| rules.prefixes.iter().position(|&(known, _)| known == letter);
    match (place(letter), place('o'), place('v')) {
        (Some(this), Some(operator), _) if this < operator => 60,
        (Some(this), _, Some(voice)) if this < voice => 10,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Isupport {
        let mut rules = Isupport::default();
        rules.update(["PREFIX=(qaohv)~&@%+"]);
        rules
    }

    #[test]
    fn the_highest_rank_counts() {
        let levels = ["", "+", "%+", "@", "@+", "&@", "~"].map(|signs| level_of(&rules(), signs));
        assert_eq!(levels, [0, 1, 25, 50, 50, 75, 95]);
    }

    #[test]
    fn a_level_becomes_the_rank_below_it_and_higher_ones_go() {
        let rules = rules();
        assert_eq!(changes(&rules, "", 50), [(true, 'o')]);
        assert_eq!(changes(&rules, "", 100), [(true, 'o')]);
        assert_eq!(changes(&rules, "+", 50), [(true, 'o')]);
        assert_eq!(changes(&rules, "@", 0), [(false, 'o')]);
        assert_eq!(changes(&rules, "@+", 1), [(false, 'o')]);
        assert_eq!(changes(&rules, "@", 25), [(true, 'h'), (false, 'o')]);
        assert_eq!(changes(&rules, "~@", 100), []);
        assert_eq!(changes(&rules, "@", 50), []);
        let plain = Isupport::default();
        assert_eq!(changes(&plain, "", 30), [(true, 'v')]);
    }
}
