//! Schemas of one document, compiled when they are first needed: a test process needs few of the many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The start of every reference that `compact.py` writes.
const DEFINITIONS: &str = "#/$defs/";

/// The definitions of a document, and the validators made with them so far.
#[derive(Debug)]
pub(crate) struct Schemas {
    definitions: Map<String, Value>,
    compiled: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Schemas {
    pub(crate) fn new(definitions: &Value) -> Self {
        let definitions = definitions.as_object().cloned().unwrap_or_default();
        Self { definitions, compiled: Mutex::default() }
    }

    /// Returns what is wrong with a value in words, the place first; `name` is the schema's own, for the memory.
    pub(crate) fn faults(&self, name: &str, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(name, schema);
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("`{}`: {error}", error.instance_path())).collect()
    }

    pub(crate) fn validator(&self, name: &str, schema: &Value) -> Arc<Validator> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(name) {
            return validator.clone();
        }
        let whole = json!({ "allOf": [schema], "$defs": self.needed(schema) });
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).offline();
        let validator = Arc::new(options.build(&whole).expect("a schema of the specification"));
        compiled.insert(name.to_owned(), validator.clone());
        validator
    }

    /// Returns the definitions that a schema names, and those that they name.
    fn needed(&self, schema: &Value) -> Map<String, Value> {
        let mut names = BTreeSet::new();
        let mut open = vec![schema];
        while let Some(node) = open.pop() {
            match node {
                Value::Array(list) => open.extend(list),
                Value::Object(map) => {
                    open.extend(map.values());
                    let reference = map.get("$ref").and_then(Value::as_str);
                    let name = reference.and_then(|whole| whole.strip_prefix(DEFINITIONS));
                    if let Some(name) = name
                        && names.insert(name)
                        && let Some(definition) = self.definitions.get(name)
                    {
                        open.push(definition);
                    }
                }
                _ => {}
            }
        }
        let definition = |name: &str| self.definitions.get(name).cloned().unwrap_or_default();
        names.into_iter().map(|name| (name.to_owned(), definition(name))).collect()
    }
}
