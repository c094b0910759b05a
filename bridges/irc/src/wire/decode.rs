//! Bytes to text. IRC has no declared encoding: nearly everybody sends UTF-8, some old clients send
//! an eight-bit character set. A line is read as UTF-8 when it is UTF-8, else in the network's
//! fallback, which maps every byte to some character, so nothing is thrown away.

use encoding_rs::{Encoding as Charset, WINDOWS_1252};

/// How lines that are not UTF-8 are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    fallback: &'static Charset,
}

impl Default for Encoding {
    fn default() -> Self {
        Self { fallback: WINDOWS_1252 }
    }
}

impl Encoding {
    /// Finds an encoding by one of its usual names (`utf-8`, `latin-1`, `iso-8859-15`, `cp1251`,
    /// ...). `None` when nobody calls an encoding so. `utf-8` means: UTF-8 with the usual fallback.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let label = match name.as_str() {
            "latin-1" | "latin_1" => "latin1",
            "latin-9" | "latin9" => "iso-8859-15",
            other => other,
        };
        let charset = Charset::for_label(label.as_bytes())?;
        if charset == encoding_rs::UTF_8 {
            return Some(Self::default());
        }
        // UTF-16 and the like cannot hold IRC's own syntax.
        charset.is_ascii_compatible().then_some(Self { fallback: charset })
    }

    /// Reads one line.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // A server that cuts at 512 bytes may cut a character in two. Only the last one is
            // broken then: the rest is UTF-8 and must not be read as anything else.
            Err(error)
                if error.error_len().is_none() && !bytes[..error.valid_up_to()].is_ascii() =>
            {
                String::from_utf8_lossy(bytes).into_owned()
            }
            Err(_) => self.fallback.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_read_as_utf8_and_the_rest_in_the_fallback() {
        let encoding = Encoding::default();
        assert_eq!(encoding.decode("gr\u{fc}n \u{1f600}".as_bytes()), "gr\u{fc}n \u{1f600}");
        assert_eq!(encoding.decode(b"gr\xfcn"), "gr\u{fc}n");
        let cyrillic = Encoding::by_name("cp1251").unwrap();
        assert_eq!(
            cyrillic.decode(b"\xef\xf0\xe8\xe2\xe5\xf2"),
            "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}"
        );
    }

    #[test]
    fn a_last_character_cut_by_the_server_spoils_only_itself() {
        let mut bytes = "\u{e9}t\u{e9} \u{1f600}".as_bytes().to_vec();
        bytes.pop();
        assert_eq!(Encoding::default().decode(&bytes), "\u{e9}t\u{e9} \u{fffd}");
    }

    #[test]
    fn names_of_encodings_are_known_or_refused() {
        assert_eq!(Encoding::by_name("UTF-8"), Some(Encoding::default()));
        assert!(Encoding::by_name("latin-1").is_some());
        assert!(Encoding::by_name("utf-16le").is_none());
        assert!(Encoding::by_name("klingon").is_none());
    }
}
