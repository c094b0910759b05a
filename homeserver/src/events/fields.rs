//! Cutting an event down to the fields somebody asked for.

use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

/// Leaves only what the paths name: keys joined by dots, where `\.` is a dot in a key and `\\` a backslash.
pub(crate) fn only(json: &RawValue, paths: &[String]) -> serde_json::Result<Box<RawValue>> {
    let event: Map<String, Value> = serde_json::from_str(json.get())?;
    let mut left = Map::new();
    for path in paths {
        copy(&event, &mut left, &keys(path));
    }
    to_raw_value(&left)
}

fn keys(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut chars = path.chars().peekable();
    while let Some(char) = chars.next() {
        let escaped = (char == '\\').then(|| chars.next_if(|next| matches!(next, '.' | '\\')));
        let last = keys.last_mut().expect("there is one from the beginning");
        match (char, escaped.flatten()) {
            (_, Some(literal)) => last.push(literal),
            ('.', None) => keys.push(String::new()),
            (other, None) => last.push(other),
        }
    }
    keys
}

fn copy(from: &Map<String, Value>, to: &mut Map<String, Value>, keys: &[String]) {
    let Some((key, rest)) = keys.split_first() else { return };
    let Some(value) = from.get(key) else { return };
    if rest.is_empty() {
        to.insert(key.clone(), value.clone());
        return;
    }
    let Value::Object(inner) = value else { return };
    let mut left = match to.remove(key) {
        Some(Value::Object(left)) => left,
        _ => Map::new(),
    };
    copy(inner, &mut left, rest);
    if !left.is_empty() {
        to.insert(key.clone(), Value::Object(left));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_named_is_left() {
        let event = json!({
            "type": "t",
            "content": { "body": "b", "m.relates_to": { "event_id": "$1", "rel_type": "r" }, "a\\": 1 },
            "sender": "@a:b",
        });
        for (paths, left) in [
            (vec!["type", "content.body"], json!({ "type": "t", "content": { "body": "b" } })),
            (
                vec!["content.m\\.relates_to.event_id", "content.m.x"],
                json!({ "content": { "m.relates_to": { "event_id": "$1" } } }),
            ),
            (
                vec!["content.body", "content.a\\\\"],
                json!({ "content": { "body": "b", "a\\": 1 } }),
            ),
            (vec!["nothing", "type.deeper", ""], json!({})),
        ] {
            let paths: Vec<_> = paths.into_iter().map(str::to_owned).collect();
            let cut = only(&to_raw_value(&event).expect("a value is JSON"), &paths);
            let cut: Value =
                serde_json::from_str(cut.expect("it is an object").get()).expect("JSON");
            assert_eq!(cut, left, "{paths:?}");
        }
    }
}
