//! Bytes from a socket, which come in pieces of any size, to whole lines.

use std::ops::Range;

/// The longest line kept whole: 8191 bytes of tags and a generous rest (servers with LINELEN go
/// beyond 512). A longer one is cut here, so that a broken server cannot fill our memory.
pub const MAX_LINE: usize = 8191 + 8192;

/// Collects bytes and hands out lines without their line ends. Empty lines are skipped.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where no line end was found.
    searched: usize,
    /// A cut line's rest is thrown away up to its end.
    skipping: bool,
}

impl LineBuffer {
    /// Takes what the socket gave.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next whole line.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        let line = self.next_range()?;
        Some(&self.bytes[line])
    }

    fn next_range(&mut self) -> Option<Range<usize>> {
        loop {
            let found = self.bytes[self.searched..].iter().position(|&b| b == b'\n');
            let Some(offset) = found else {
                self.searched = self.bytes.len();
                let waiting = self.searched - self.start;
                if self.skipping {
                    self.start = self.searched;
                } else if waiting > MAX_LINE {
                    let line = self.start..self.start + MAX_LINE;
                    self.start = self.searched;
                    self.skipping = true;
                    return Some(line);
                }
                return None;
            };
            let (begin, end) = (self.start, self.searched + offset);
            self.start = end + 1;
            self.searched = self.start;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            let without_return = end - usize::from(end > begin && self.bytes[end - 1] == b'\r');
            if without_return > begin {
                return Some(begin..without_return.min(begin + MAX_LINE));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(buffer: &mut LineBuffer) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = buffer.next_line() {
            lines.push(String::from_utf8_lossy(line).into_owned());
        }
        lines
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let mut buffer = LineBuffer::default();
        buffer.push(&vec![b'x'; MAX_LINE + 10]);
        assert_eq!(drain(&mut buffer)[0].len(), MAX_LINE);
        buffer.push(b"more of it\r\nPING :a\r\n");
        assert_eq!(drain(&mut buffer), ["PING :a"]);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_packets_fall(
            lines in proptest::collection::vec("[a-zA-Z: \u{e9}]{1,40}", 0..20),
            cuts in proptest::collection::vec(1_usize..30, 1..40),
        ) {
            let stream: Vec<u8> = lines.iter().flat_map(|l| format!("{l}\r\n").into_bytes()).collect();
            let mut buffer = LineBuffer::default();
            let (mut got, mut rest, mut cuts) = (Vec::new(), stream.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let cut = (*cuts.next().unwrap()).min(rest.len());
                buffer.push(&rest[..cut]);
                rest = &rest[cut..];
                got.extend(drain(&mut buffer));
            }
            prop_assert_eq!(got, lines);
        }
    }
}
