//! Foreign ids as Matrix localparts, by the mapping the specification suggests ("Mapping from
//! other character sets"): readable where possible, and different for ids that differ.

use std::fmt::Write as _;

/// Escapes an id for use in a localpart: `A` becomes `_a`, `_` becomes `__`, every other byte that
/// is not allowed becomes `=` and two hexadecimal digits.
pub(crate) fn escape(id: &str) -> String {
    let mut escaped = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' => {
                escaped.push('_');
                escaped.push(char::from(byte.to_ascii_lowercase()));
            }
            b'_' => escaped.push_str("__"),
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'/' | b'+' => {
                escaped.push(char::from(byte));
            }
            other => write!(escaped, "={other:02x}").expect("a String takes every write"),
        }
    }
    escaped
}

/// Reads an escaped id back. `None` for text that [`escape`] never makes.
pub(crate) fn unescape(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'_' => match rest.next()? {
                b'_' => bytes.push(b'_'),
                letter @ b'a'..=b'z' => bytes.push(letter.to_ascii_uppercase()),
                _ => return None,
            },
            b'=' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    let id = String::from_utf8(bytes).ok()?;
    (escape(&id) == escaped).then_some(id)
}

/// Escapes one segment of a URL's path.
pub(crate) fn path_segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            other => write!(escaped, "%{other:02X}").expect("a String takes every write"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn foreign_ids_are_mapped_as_the_specification_suggests() {
        assert_eq!(
            escape("This local+part contains IlLeGaL chäracters 🚨"),
            "_this=20local+part=20contains=20_il_le_ga_l=20ch=c3=a4racters=20=f0=9f=9a=a8"
        );
        assert_eq!(escape("#rust"), "=23rust");
        assert_eq!(escape("a_B=c"), "a___b=3dc");
    }

    #[test]
    fn path_segments_keep_no_slash() {
        assert_eq!(path_segment("foo/bar%2F🐈 1"), "foo%2Fbar%252F%F0%9F%90%88%201");
    }

    #[test]
    fn what_was_never_escaped_is_not_read() {
        for wrong in ["_", "_1", "=", "=4", "=zz", "=+f", "=41", "A", "=.abc"] {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back(id in ".*") {
            let escaped = escape(&id);
            prop_assert!(escaped.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'=' | b'-' | b'/' | b'+')));
            prop_assert_eq!(unescape(&escaped), Some(id));
        }
    }
}
