//! Message tags: `@key=value;key2` in front of a message, with an escaping of their own
//! (<https://ircv3.net/specs/extensions/message-tags>).

/// Escapes a tag value for the wire.
#[must_use]
pub fn escape_tag_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            ';' => escaped.push_str("\\:"),
            ' ' => escaped.push_str("\\s"),
            '\\' => escaped.push_str("\\\\"),
            '\r' => escaped.push_str("\\r"),
            '\n' => escaped.push_str("\\n"),
            // NUL cannot be sent at all and no escape exists for it.
            '\0' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Reads an escaped tag value. A backslash before any other character, or at the end, is dropped.
#[must_use]
pub fn unescape_tag_value(escaped: &str) -> String {
    let mut value = String::with_capacity(escaped.len());
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next() {
            Some(':') => value.push(';'),
            Some('s') => value.push(' '),
            Some('r') => value.push('\r'),
            Some('n') => value.push('\n'),
            Some(other) => value.push(other),
            None => {}
        }
    }
    value
}

/// Reads the tag section without its `@`. Of several equal keys the last one counts.
pub(super) fn parse_tags(section: &str) -> Vec<(String, String)> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in section.split(';').filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        let value = unescape_tag_value(value);
        match tags.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => tags.push((key.to_owned(), value)),
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_value_survives_escaping(value in "[^\0]*") {
            let escaped = escape_tag_value(&value);
            prop_assert!(!escaped.contains([' ', ';', '\r', '\n']));
            prop_assert_eq!(unescape_tag_value(&escaped), value);
        }
    }
}
