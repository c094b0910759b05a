//! Just enough HTML to read what Matrix clients write: tags, attributes, text, entities. Anything
//! malformed is text.

/// A piece of HTML.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Text with its entities resolved.
    Text(String),
    /// An opening tag.
    Open(Tag),
    /// A closing tag's name.
    Close(String),
}

/// An opening tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its name in lower case.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// Returns an attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads HTML to its end.
pub(super) fn tokens(html: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if let Some((token, after)) = take_tag(rest) {
            tokens.push(token);
            rest = after;
            continue;
        }
        // The first character is text even if it is a `<` that begins no tag.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('<').map_or(rest.len(), |at| at + first);
        tokens.push(Token::Text(unescape(&rest[..end])));
        rest = &rest[end..];
    }
    tokens
}

fn take_tag(rest: &str) -> Option<(Token, &str)> {
    let after = rest.strip_prefix('<')?;
    let (closing, after) = match after.strip_prefix('/') {
        Some(after) => (true, after),
        None => (false, after),
    };
    if !after.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let end = end_of_tag(after)?;
    let (inside, after) = (&after[..end], &after[end + 1..]);
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    let name_end = inside.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inside.len());
    let name = inside[..name_end].to_ascii_lowercase();
    if closing {
        return Some((Token::Close(name), after));
    }
    Some((Token::Open(Tag { name, attributes: attributes(&inside[name_end..]) }), after))
}

/// Finds the `>` that ends a tag, which is not one inside quotes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (found, remaining) = match quote {
                Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                None => {
                    let end = after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len());
                    after.split_at(end)
                }
            };
            value = found;
            rest = remaining.trim_start();
        }
        if !name.is_empty() {
            attributes.push((name, unescape(value)));
        }
    }
    attributes
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest entity we know has ten characters.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.and_then(|end| entity(&rest[1..end]).map(|character| (character, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "hellip" => '\u{2026}',
        "ndash" => '\u{2013}',
        "mdash" => '\u{2014}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_entities_are_read() {
        let read = tokens("a &lt;b&gt; &#x41;&unknown;<A HREF='x>y' b=1 c>t</a><br/>");
        assert_eq!(read[0], Token::Text("a <b> A&unknown;".to_owned()));
        let Token::Open(tag) = &read[1] else { panic!("{read:?}") };
        assert_eq!((tag.name.as_str(), tag.attribute("href")), ("a", Some("x>y")));
        assert_eq!((tag.attribute("b"), tag.attribute("c")), (Some("1"), Some("")));
        assert_eq!(read[3], Token::Close("a".to_owned()));
        assert!(matches!(&read[4], Token::Open(tag) if tag.name == "br"));
    }

    #[test]
    fn what_is_no_tag_is_text() {
        let text = |html: &str| {
            tokens(html)
                .into_iter()
                .map(|token| if let Token::Text(text) = token { text } else { panic!() })
                .collect::<String>()
        };
        assert_eq!(text("1 < 2 <3 <"), "1 < 2 <3 <");
        assert_eq!(text("<b never closed"), "<b never closed");
        assert_eq!(text("a<!-- b -->c"), "ac");
    }
}
