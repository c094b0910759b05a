//! Parts of a file: what a browser asks for that jumps about in a film, or goes on with a download.

use http::{HeaderMap, header};

/// Which bytes of a file are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// From the first to the last, both inclusive.
    Bytes(u64, u64),
    /// None: the file ends before.
    Beyond,
}

impl Part {
    /// Reads what is asked for of a file of a length in bytes. What is not understood, several parts at once among it,
    /// is answered with the whole, as HTTP allows; so is a condition, because files here bear no mark to compare.
    pub(super) fn of(headers: &HeaderMap, length: u64) -> Self {
        if headers.contains_key(header::IF_RANGE) {
            return Self::Whole;
        }
        let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        asked.and_then(|asked| Self::parse(asked, length)).unwrap_or(Self::Whole)
    }

    fn parse(asked: &str, length: u64) -> Option<Self> {
        let (unit, range) = asked.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = range.trim().split_once('-')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().unwrap_or(u64::MAX))
        };
        if first.is_empty() {
            let wanted: u64 = number(last)?;
            let first = length.saturating_sub(wanted);
            return Some(if wanted == 0 || length == 0 {
                Self::Beyond
            } else {
                Self::Bytes(first, length - 1)
            });
        }
        let first: u64 = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        Some(if first < length { Self::Bytes(first, last.min(length - 1)) } else { Self::Beyond })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_to_the_file() {
        for (asked, expected) in [
            ("bytes=0-0", Part::Bytes(0, 0)),
            ("bytes=2-5", Part::Bytes(2, 5)),
            ("Bytes = 2-", Part::Bytes(2, 9)),
            ("bytes=2-99999999999999999999999", Part::Bytes(2, 9)),
            ("bytes=-3", Part::Bytes(7, 9)),
            ("bytes=-30", Part::Bytes(0, 9)),
            ("bytes=-0", Part::Beyond),
            ("bytes=10-", Part::Beyond),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("nonsense", Part::Whole),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, asked.parse().unwrap())]);
            assert_eq!(Part::of(&headers, 10), expected, "{asked}");
        }
        assert_eq!(Part::of(&HeaderMap::new(), 10), Part::Whole);
    }
}
