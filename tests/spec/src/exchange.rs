//! One request and its response against the OpenAPI of the specification.
//!
//! A response is always checked: one of success against what the operation promises, an error against the standard error
//! response (with its words, which the schema does not demand and people need) or what the operation names for this status.
//! A request is checked where it was accepted: tests ask wrongly on purpose, but whatever is answered with success has to be a
//! request the specification knows. Endpoints outside the specification are none of our business.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::schemas::Schemas;

static SPECIFICATION: LazyLock<Specification> = LazyLock::new(Specification::read);

/// What was asked and answered.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    pub method: &'a str,
    /// The path as it was asked for; a query is passed over.
    pub path: &'a str,
    pub status: u16,
    /// The bodies as JSON; `None` where there was none, or something else.
    pub request: Option<&'a Value>,
    pub response: Option<&'a Value>,
}

struct Specification {
    operations: Vec<Operation>,
    schemas: Schemas,
}

struct Operation {
    /// The specification's own name, which no two have.
    name: String,
    method: String,
    /// A segment in braces stands for anything.
    route: Vec<String>,
    request: Value,
    responses: Value,
}

impl Exchange<'_> {
    /// Returns what the specification finds wrong, in words; nothing for endpoints it does not know.
    pub fn faults(&self) -> Vec<String> {
        SPECIFICATION.faults(self)
    }

    /// Whether the specification has this endpoint.
    pub fn is_known(&self) -> bool {
        !SPECIFICATION.operations(self.method, self.path).is_empty()
    }
}

impl Specification {
    fn read() -> Self {
        let document: Value = serde_json::from_str(include_str!("../data/openapi.json"))
            .expect("`compact.py` writes JSON");
        let operations = document["operations"].as_array().into_iter().flatten();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let operations = operations
            .map(|operation| Operation {
                name: word(&operation["name"]),
                method: word(&operation["method"]),
                route: word(&operation["path"]).split('/').map(str::to_owned).collect(),
                request: operation["request"].clone(),
                responses: operation["responses"].clone(),
            })
            .collect();
        Self { operations, schemas: Schemas::new(&document["$defs"]) }
    }

    /// Finds the operations of a path: of several routes those with the fewest variables. There may be two (an invitation is
    /// by user id or by e-mail address).
    fn operations(&self, method: &str, path: &str) -> Vec<&Operation> {
        let path = path.split('?').next().unwrap_or(path).replacen("/r0/", "/v3/", 1);
        let path: Vec<&str> = path.split('/').collect();
        let fits =
            |operation: &&Operation| {
                operation.method == method
                    && operation.route.len() == path.len()
                    && operation.route.iter().zip(&path).all(|(ours, asked)| {
                        is_variable(ours) && !asked.is_empty() || ours == asked
                    })
            };
        let variables = |operation: &&Operation| -> usize {
            operation.route.iter().filter(|segment| is_variable(segment)).count()
        };
        let fitting: Vec<&Operation> = self.operations.iter().filter(fits).collect();
        let fewest = fitting.iter().map(variables).min();
        fitting.into_iter().filter(|operation| Some(variables(operation)) == fewest).collect()
    }

    /// Returns the faults of the operation that fits best.
    fn faults(&self, exchange: &Exchange<'_>) -> Vec<String> {
        let operations = self.operations(exchange.method, exchange.path);
        let faults = operations.into_iter().map(|operation| self.faults_of(operation, exchange));
        faults.min_by_key(Vec::len).unwrap_or_default()
    }

    fn faults_of(&self, operation: &Operation, exchange: &Exchange<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        let name = |part: &str| format!("{} {} {part}", operation.name, exchange.status);
        let mut check = |part: &str, schema: &Value, value: Option<&Value>| match value {
            Some(value) => {
                let found = self.schemas.faults(&name(part), schema, value);
                faults.extend(found.into_iter().map(|fault| format!("{part} {fault}: {value}")));
            }
            None => faults.push(format!("{part}: a JSON body is missing")),
        };
        // Which relays there are when there are none, the specification leaves open (matrix-spec issue 1795); servers say `{}`.
        let is_empty = exchange.response.and_then(Value::as_object).is_some_and(Map::is_empty);
        if operation.name == "client-server getTurnServer" && exchange.status == 200 && is_empty {
            return faults;
        }
        let promised = &operation.responses[exchange.status.to_string()];
        let has_flows = exchange.response.is_some_and(|body| body.get("flows").is_some());
        match exchange.status {
            200..300 => {
                if !promised.is_null() {
                    check("response", promised, exchange.response);
                }
                // A body that may be left out is no fault when it is.
                if !operation.request.is_null() && exchange.request.is_some() {
                    check("request", &operation.request, exchange.request);
                }
            }
            // User-interactive authentication answers with its flows and need not have an error.
            401 if has_flows && promised.is_null() => {}
            401 if has_flows => check("401", promised, exchange.response),
            400.. => faults.extend(error_faults(exchange.response)),
            _ => {}
        }
        faults
    }
}

fn is_variable(segment: &str) -> bool {
    segment.starts_with('{')
}

fn error_faults(body: Option<&Value>) -> Option<String> {
    let word = |key: &str| body?.get(key)?.as_str().filter(|word| !word.is_empty());
    let is_error = word("errcode").is_some() && word("error").is_some();
    (!is_error).then(|| format!("error without `errcode` and `error`: {body:?}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SEND: Exchange<'_> = Exchange {
        method: "PUT",
        path: "/_matrix/client/v3/rooms/!r:x.test/send/m.room.message/1",
        status: 200,
        request: None,
        response: None,
    };

    #[test]
    fn every_schema_of_every_operation_can_be_compiled() {
        for operation in &SPECIFICATION.operations {
            let name = &operation.name;
            SPECIFICATION
                .schemas
                .validator(&format!("{name} request"), &operation.request_or_any());
            for (status, schema) in operation.responses.as_object().expect("a map") {
                if !schema.is_null() {
                    SPECIFICATION.schemas.validator(&format!("{name} {status}"), schema);
                }
            }
        }
        assert!(SPECIFICATION.operations.len() > 150);
    }

    impl Operation {
        fn request_or_any(&self) -> Value {
            if self.request.is_null() { json!({}) } else { self.request.clone() }
        }
    }

    #[test]
    fn a_response_without_what_was_promised_is_a_fault() {
        let wrong = json!({ "event": "$1" });
        let faults = Exchange { response: Some(&wrong), ..SEND }.faults();
        assert!(faults[0].contains("event_id"), "{faults:?}");
        let right = json!({ "event_id": "$1" });
        let faults = Exchange { response: Some(&right), ..SEND }.faults();
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn a_success_without_a_body_and_an_error_without_words_are_faults() {
        assert_eq!(SEND.faults().len(), 1);
        let bare = json!({ "errcode": "M_FORBIDDEN" });
        assert_eq!(Exchange { status: 403, response: Some(&bare), ..SEND }.faults().len(), 1);
    }

    #[test]
    fn a_request_is_judged_only_where_it_was_accepted() {
        let path = "/_matrix/client/v3/createRoom";
        let wrong = json!({ "preset": "castle" });
        let room = json!({ "room_id": "!a:x.test" });
        let asked = Exchange { method: "POST", path, request: Some(&wrong), ..SEND };
        assert_eq!(Exchange { response: Some(&room), ..asked }.faults().len(), 1);
        let error = json!({ "errcode": "M_BAD_JSON", "error": "no such preset" });
        let refused = Exchange { status: 400, response: Some(&error), ..asked };
        assert_eq!(refused.faults(), Vec::<String>::new());
    }

    #[test]
    fn what_the_specification_does_not_know_is_passed_over() {
        let path = "/_synapse/admin/v1/register";
        assert!(!Exchange { path, ..SEND }.is_known());
        assert_eq!(Exchange { path, ..SEND }.faults(), Vec::<String>::new());
    }
}
