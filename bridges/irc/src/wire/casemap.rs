//! Which names are the same name. Servers announce it as ISUPPORT CASEMAPPING; keys of portals and
//! ghosts are made with it.

/// A rule for comparing nicks and channel names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Casemap {
    /// Only letters.
    Ascii,
    /// Letters, and `[]\~` are the capitals of `{}|^`: the default where nothing is announced.
    #[default]
    Rfc1459,
    /// As above without `~` and `^`.
    Rfc1459Strict,
    /// Unicode names (`precis`, `rfc7613`, `utf8`).
    Unicode,
}

impl Casemap {
    /// Reads the value of CASEMAPPING; an unknown one is taken for ASCII, which joins the fewest
    /// names by mistake.
    #[must_use]
    pub fn by_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "rfc1459" => Self::Rfc1459,
            "rfc1459-strict" | "strict-rfc1459" => Self::Rfc1459Strict,
            "precis" | "rfc7613" | "rfc8265" | "utf8" | "utf-8" => Self::Unicode,
            _ => Self::Ascii,
        }
    }

    /// Returns the name under which all its spellings are found.
    #[must_use]
    pub fn fold(self, name: &str) -> String {
        if self == Self::Unicode {
            return name.to_lowercase();
        }
        name.chars()
            .map(|character| match (self, character) {
                (Self::Rfc1459 | Self::Rfc1459Strict, '[') => '{',
                (Self::Rfc1459 | Self::Rfc1459Strict, ']') => '}',
                (Self::Rfc1459 | Self::Rfc1459Strict, '\\') => '|',
                (Self::Rfc1459, '~') => '^',
                _ => character.to_ascii_lowercase(),
            })
            .collect()
    }

    /// Says whether both spellings mean the same.
    #[must_use]
    pub fn same(self, one: &str, other: &str) -> bool {
        self.fold(one) == self.fold(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mapping_folds_what_its_servers_fold() {
        assert_eq!(Casemap::Ascii.fold("N[i]\\c~K"), "n[i]\\c~k");
        assert_eq!(Casemap::Rfc1459.fold("N[i]\\c~K"), "n{i}|c^k");
        assert_eq!(Casemap::Rfc1459Strict.fold("N[i]\\c~K"), "n{i}|c~k");
        assert_eq!(Casemap::Unicode.fold("\u{c4}[a"), "\u{e4}[a");
        assert!(Casemap::by_name("rfc1459").same("#A{", "#a["));
        assert!(!Casemap::by_name("ascii").same("#A{", "#a["));
    }
}
