//! Markup that crosses: the one place where HTML is let through or not, both ways. What a network
//! sends and what a Matrix client sends is parsed as a browser would, and only the elements,
//! attributes and link schemes the Matrix specification suggests are written out again.

use ruma::html::{Html, SanitizerConfig};

use crate::ids::RemoteUserId;
use crate::network::PILL_SCHEME;

/// Markup longer than this is left away: the text is there without it.
const LONGEST: usize = 64 * 1024;
/// Elements within elements; deeper markup is left away. The specification suggests 100.
const DEEPEST: usize = 100;

/// Returns what may be shown of some HTML; `None` where it is left away as a whole, because it is too
/// large or too deep to be worth a parser's time.
pub(crate) fn sanitise(html: &str) -> Option<String> {
    if html.len() > LONGEST || depth(html) > DEEPEST {
        return None;
    }
    let parsed = Html::parse(html);
    parsed.sanitize_with(&SanitizerConfig::strict().remove_reply_fallback());
    Some(parsed.to_string())
}

/// Returns how deep the elements of some HTML can lie in each other at most: what is opened and not
/// closed. Counted before anything is parsed, so that nothing recurses too deep.
fn depth(html: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0_usize);
    let bytes = html.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'<' {
            continue;
        }
        match bytes.get(at + 1) {
            Some(b'/') => open = open.saturating_sub(1),
            Some(next) if next.is_ascii_alphabetic() && !is_void(&html[at + 1..]) => {
                open += 1;
                deepest = deepest.max(open);
            }
            _ => {}
        }
    }
    deepest
}

/// Whether a tag opens an element that has no end.
fn is_void(tag: &str) -> bool {
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    ["br", "hr", "img"].iter().any(|void| name.eq_ignore_ascii_case(void))
}

/// Makes Matrix links of the links to remote people a bridge has written.
pub(crate) fn link_pills(html: &str, mxid_of: impl Fn(&RemoteUserId) -> String) -> String {
    let opening = format!("\"{PILL_SCHEME}");
    let mut linked = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find(&opening) {
        let (before, found) = rest.split_at(start);
        linked.push_str(before);
        let found = &found[opening.len()..];
        let Some(end) = found.find('"') else {
            rest = found;
            break;
        };
        let user = RemoteUserId::new(percent_decoded(&found[..end]));
        linked.push_str("\"https://matrix.to/#/");
        linked.push_str(&crate::matrix::escape::path_segment(&mxid_of(&user)));
        linked.push('"');
        rest = &found[end + 1..];
    }
    linked.push_str(rest);
    linked
}

/// Returns the people some HTML links to: Matrix id and the text of the link.
pub(crate) fn linked_people(html: &str) -> Vec<(String, String)> {
    const LINK: &str = "href=\"https://matrix.to/#/";
    let mut people = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find(LINK) {
        rest = &rest[start + LINK.len()..];
        let Some((target, behind)) = rest.split_once('"') else { break };
        rest = behind;
        let target = percent_decoded(target.split('?').next().unwrap_or_default());
        let text = behind.split_once('>').and_then(|(_, inner)| inner.split_once("</a>"));
        if let (true, Some((text, _))) = (target.starts_with('@'), text) {
            people.push((target, unescape(text)));
        }
    }
    people
}

/// Escapes text for HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests;
