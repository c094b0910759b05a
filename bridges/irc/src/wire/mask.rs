//! Hostmasks as ban lists use them: `*` for anything, `?` for one character.

/// Says whether `text` (`nick!user@host`) is meant by `mask`, without regard to ASCII case.
/// Runs in linear space and quadratic time at worst, so a hostile mask costs nothing.
#[must_use]
pub fn mask_matches(mask: &str, text: &str) -> bool {
    let mask: Vec<char> = mask.chars().map(|c| c.to_ascii_lowercase()).collect();
    let text: Vec<char> = text.chars().map(|c| c.to_ascii_lowercase()).collect();
    let (mut m, mut t) = (0, 0);
    // The last star seen and the text position its run would end at next.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match mask.get(m) {
            Some('*') => {
                star = Some((m, t));
                m += 1;
            }
            Some(&expected) if expected == '?' || expected == text[t] => {
                m += 1;
                t += 1;
            }
            _ => {
                let Some((star_at, covered)) = star else { return false };
                star = Some((star_at, covered + 1));
                m = star_at + 1;
                t = covered + 1;
            }
        }
    }
    mask[m..].iter().all(|&rest| rest == '*')
}
