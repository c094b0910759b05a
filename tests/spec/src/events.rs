//! The event types: a schema of each, and the examples that the specification gives.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::schemas::Schemas;

static EVENTS: LazyLock<Events> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(include_str!("../data/events.json"))
        .expect("`compact.py` writes JSON");
    let mut map = |key: &str| match document[key].take() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let (schemas, examples) = (map("schemas"), map("examples"));
    Events { schemas, examples, compiled: Schemas::new(&document["$defs"]) }
});

struct Events {
    schemas: Map<String, Value>,
    examples: Map<String, Value>,
    compiled: Schemas,
}

/// Returns every example by its name: the event type, and after a `$` what makes it special.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static Value)> {
    EVENTS.examples.iter().map(|(name, event)| (name.as_str(), event))
}

/// Returns what is wrong with an event as a client gets it; nothing for types that the specification does not know.
pub fn faults(event: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = word(&event["type"]);
    let special = format!("{kind}${}", word(&event["content"]["msgtype"]));
    let known = [special, kind]
        .into_iter()
        .find_map(|name| Some((name.clone(), EVENTS.schemas.get(&name)?)));
    known.map_or_else(Vec::new, |(name, schema)| EVENTS.compiled.faults(&name, schema, event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_fits_its_schema() {
        let mut count = 0;
        for (name, event) in examples() {
            assert_eq!(faults(event), Vec::<String>::new(), "{name}");
            count += 1;
        }
        assert!(count > 70, "{count}");
    }
}
