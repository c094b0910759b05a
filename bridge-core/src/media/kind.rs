//! What a file is, whatever is claimed: read from its first bytes. Pure.

/// What nobody knows more about.
const ANY: &str = "application/octet-stream";

/// Beginnings: offset, bytes, what it is. The first that fits counts.
const BEGINNINGS: [(usize, &[u8], &str); 22] = [
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (8, b"WAVE", "audio/wav"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"#!", "text/x-shellscript"),
];

/// Kinds that are written in another one: what is claimed may be more exact than the beginning.
const CONTAINERS: [(&str, &[&str]); 6] = [
    ("application/zip", &["application/"]),
    ("application/gzip", &["application/"]),
    ("audio/ogg", &["audio/ogg", "audio/opus", "video/ogg", "application/ogg"]),
    ("video/mp4", &["video/mp4", "audio/mp4", "audio/aac", "audio/x-m4a", "video/3gpp"]),
    ("video/webm", &["video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"]),
    ("audio/wav", &["audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"]),
];

/// Returns what a file is: as its beginning says; where that says nothing, as is claimed, unless what
/// is claimed would have another beginning.
pub(crate) fn kind_of(claimed: &str, head: &[u8]) -> String {
    let claimed = match claimed {
        "image/jpg" => "image/jpeg",
        other => other,
    };
    let is = |kind: &str| kind.to_owned();
    match beginning(head) {
        Some(found) if found == claimed => is(found),
        Some(found) => {
            let inside = CONTAINERS.iter().find(|(container, _)| *container == found);
            let exact =
                inside.is_some_and(|(_, kinds)| kinds.iter().any(|kind| claimed.starts_with(kind)));
            is(if exact && claimed != ANY { claimed } else { found })
        }
        None if !head.is_empty() && has_a_beginning(claimed) => is(ANY),
        None if claimed.starts_with("text/") && !is_text(head) => is(ANY),
        None if claimed == ANY && !head.is_empty() && is_text(head) => is("text/plain"),
        None => is(claimed),
    }
}

fn beginning(head: &[u8]) -> Option<&'static str> {
    let found = BEGINNINGS
        .iter()
        .find(|(at, bytes, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes)))
        .map(|(.., kind)| *kind);
    found.or_else(|| markup(head))
}

/// Markup a browser would run.
fn markup(head: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let begins = |tags: &[&str]| tags.iter().any(|tag| text.starts_with(tag));
    if begins(&["<!doctype html", "<html", "<head", "<body", "<script", "<iframe"]) {
        return Some("text/html");
    }
    (begins(&["<svg", "<?xml", "<!doctype svg"]) && text.contains("<svg"))
        .then_some("image/svg+xml")
}

/// Whether files of a kind begin in a way we know.
fn has_a_beginning(kind: &str) -> bool {
    let known = ["image/png", "image/jpeg", "image/gif", "image/webp"];
    known.contains(&kind)
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character may be cut where the beginning ends.
        Err(error) => error.error_len().is_none(),
    };
    text && !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_more_than_a_claim() {
        let table: [(&str, &[u8], &str); 18] = [
            ("image/png", b"\x89PNG\r\n\x1a\n....", "image/png"),
            ("image/png", b"\xff\xd8\xff\xe0....", "image/jpeg"),
            ("image/jpg", b"\xff\xd8\xff\xe0....", "image/jpeg"),
            ("application/octet-stream", b"RIFF....WEBPVP8 ", "image/webp"),
            ("image/png", b"<!DOCTYPE html><script>", "text/html"),
            ("image/png", b" \n<svg xmlns=''>", "image/svg+xml"),
            ("image/jpeg", b"<?xml version='1.0'?><svg>", "image/svg+xml"),
            ("image/png", b"just words", "application/octet-stream"),
            ("image/png", b"", "image/png"),
            ("text/plain", b"words", "text/plain"),
            ("text/plain", b"w\0rds", "application/octet-stream"),
            ("text/plain", "wört".as_bytes().split_at(2).0, "text/plain"),
            ("application/octet-stream", b"words", "text/plain"),
            ("audio/opus", b"OggS....", "audio/opus"),
            ("audio/mp4", b"....ftypisom", "audio/mp4"),
            ("image/png", b"....ftypisom", "video/mp4"),
            (
                "application/vnd.oasis.opendocument.text",
                b"PK\x03\x04",
                "application/vnd.oasis.opendocument.text",
            ),
            ("image/png", b"MZ\x90\0", "application/x-msdownload"),
        ];
        for (claimed, head, expected) in table {
            assert_eq!(kind_of(claimed, head), expected, "{claimed} {}", head.escape_ascii());
        }
    }
}
