//! The vectors of the specification and of other implementations. Where each comes from stands in
//! `tests/data/NOTICE`.

use std::{collections::HashMap, path::PathBuf};

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, RoomVersionId,
    canonical_json::redact,
    events::StateEventType,
    room_version_rules::RoomVersionRules,
    serde::Base64,
    signatures::{
        PublicKeyMap, PublicKeySet, Verified, content_hash, hash_and_sign_event, reference_hash,
        sign_json, verify_event,
    },
    state_res::{check_state_dependent_auth_rules, check_state_independent_auth_rules},
};
use serde_json::Value;

use super::Pdu;
use crate::keys::parse_signing_key;

macro_rules! data {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../tests/data/", $name))).unwrap()
    };
}

fn canonical(value: &Value) -> CanonicalJsonObject {
    serde_json::from_value(value.clone()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn rules(version: &str) -> RoomVersionRules {
    RoomVersionId::try_from(version).unwrap().rules().unwrap()
}

#[test]
fn json_is_written_canonically() {
    let data = data!("spec/canonical-json.json");
    for list in ["valid", "own"] {
        for case in data[list].as_array().unwrap() {
            let value: CanonicalJsonValue = serde_json::from_str(text(&case[0])).unwrap();
            assert_eq!(serde_json::to_string(&value).unwrap(), text(&case[1]));
        }
    }
    for case in data["invalid"].as_array().unwrap() {
        assert!(serde_json::from_str::<CanonicalJsonValue>(text(case)).is_err(), "{case}");
    }
}

#[test]
fn json_and_events_are_signed_as_the_specification_signs_them() {
    let data = data!("spec/signing.json");
    let key = parse_signing_key(&format!("ed25519 1 {}", text(&data["seed_base64"]))).unwrap();
    let signature = |object: &CanonicalJsonObject| {
        let object = serde_json::to_value(object).unwrap();
        object["signatures"]["domain"]["ed25519:1"].as_str().unwrap().to_owned()
    };
    for case in data["json_signing"].as_array().unwrap() {
        let mut object = canonical(&case["object"]);
        sign_json("domain", key.pair(), &mut object).unwrap();
        assert_eq!(signature(&object), text(&case["signature"]));
    }
    for case in data["event_signing"].as_array().unwrap() {
        let mut event = canonical(&case["event"]);
        let rules = rules(text(&case["room_version"]));
        assert_eq!(content_hash(&event).unwrap().encode(), text(&case["content_hash"]));
        hash_and_sign_event("domain", key.pair(), &mut event, &rules.redaction).unwrap();
        assert_eq!(signature(&event), text(&case["signature"]));
    }
}

#[test]
fn redaction_leaves_what_the_version_says() {
    let data = data!("ruma/redaction.json");
    for vector in data["vectors"].as_array().unwrap() {
        for case in vector["cases"].as_array().unwrap() {
            for version in case["rules"].as_array().unwrap() {
                let rules = rules(text(version).trim_start_matches('V'));
                let left = redact(canonical(&vector["event"]), &rules.redaction, None).unwrap();
                assert_eq!(left, canonical(&case["expected"]), "{} {version}", vector["name"]);
                let event = canonical(&vector["event"]);
                let stripped = super::strip(&serde_json::to_string(&event).unwrap(), &rules);
                assert_eq!(stripped.unwrap(), serde_json::to_string(&left).unwrap());
            }
        }
    }
}

/// Shows a room's events to the rules, each with the state its own authorisation events make.
fn judge(known: &mut HashMap<String, Pdu>, events: &Value) -> Vec<Result<(), String>> {
    let mut verdicts = Vec::new();
    for event in events.as_array().unwrap() {
        let event_id = text(&event["event_id"]).try_into().unwrap();
        let pdu = Pdu::parse(event_id, 0, &event.to_string()).unwrap();
        known.insert(pdu.event_id.to_string(), pdu.clone());
        let known = &*known;
        let create =
            known.values().find(|event| event.kind.to_string() == "m.room.create").unwrap();
        let content: Value = serde_json::from_str(create.content.get()).unwrap();
        let rules = rules(content["room_version"].as_str().unwrap_or("1")).authorization;
        let state = |kind: &StateEventType, key: &str| {
            let named = pdu.auth_events.iter().filter_map(|id| known.get(id.as_str()));
            named.chain([create]).find(|event| {
                event.kind.to_string() == kind.to_string()
                    && event.state_key.as_deref() == Some(key)
            })
        };
        let verdict = check_state_independent_auth_rules(&rules, &pdu, |id| known.get(id.as_str()))
            .and_then(|()| check_state_dependent_auth_rules(&rules, &pdu, state));
        verdicts.push(verdict.map_err(|why| format!("{}: {why}", pdu.event_id)));
    }
    verdicts
}

#[test]
fn events_of_lawful_rooms_are_allowed() {
    let public = data!("ruma/event-auth/bootstrap-public-chat.json");
    let rooms = [
        vec![data!("ruma/event-auth/bootstrap-private-chat.json")],
        vec![
            public.clone(),
            data!("ruma/event-auth/topic-vs-ban-common.json"),
            data!("ruma/event-auth/topic-vs-ban-alice.json"),
            data!("ruma/event-auth/topic-vs-ban-bob.json"),
        ],
        vec![
            public,
            data!("ruma/event-auth/power-levels-admin-vs-mod-alice.json"),
            data!("ruma/event-auth/power-levels-admin-vs-mod-bob.json"),
        ],
        vec![data!("ruma/event-auth/msc4297-a-v11.json")],
        vec![data!("ruma/event-auth/msc4297-a-v12.json")],
        vec![data!("ruma/event-auth/msc4297-b-v12.json")],
    ];
    for room in rooms {
        let mut known = HashMap::new();
        for part in room {
            for verdict in judge(&mut known, &part) {
                verdict.unwrap();
            }
        }
    }
}

#[test]
fn events_of_strangers_and_of_the_powerless_are_refused() {
    let mut known = HashMap::new();
    judge(&mut known, &data!("ruma/event-auth/bootstrap-public-chat.json"));
    let auth: Vec<&String> = known.keys().filter(|id| !id.contains("join_rules")).collect();
    let base = |sender: &str| {
        serde_json::json!([{
            "event_id": "$forged", "room_id": "!room:example.com", "sender": sender,
            "type": "m.room.topic", "state_key": "", "content": { "topic": "forged" },
            "origin_server_ts": 9, "prev_events": auth,
            "auth_events": ["$00-m-room-create", "$00-m-room-power_levels"],
        }])
    };
    for sender in ["@stranger:example.com", "@stranger:elsewhere.example"] {
        let verdicts = judge(&mut known.clone(), &base(sender));
        assert!(verdicts[0].is_err(), "{sender}");
    }
}

/// More vectors, of mautrix-go. They are under the MPL 2.0 and not part of this repository.
fn foreign(name: &str) -> String {
    let folder = std::env::var("MATRIX_VECTORS").expect("MATRIX_VECTORS names their folder");
    std::fs::read_to_string(PathBuf::from(folder).join(name)).unwrap()
}

#[test]
#[ignore = "reads vectors that are not part of this repository, from the folder in MATRIX_VECTORS"]
fn foreign_canonical_json_is_written_the_same() {
    let data: Value = serde_json::from_str(&foreign("signing/canonical-json.json")).unwrap();
    let mut told_apart = 0;
    for case in data["valid"].as_array().unwrap() {
        match serde_json::from_str::<CanonicalJsonValue>(text(&case["input"])) {
            Ok(value) => {
                let written = serde_json::to_string(&value).unwrap();
                assert_eq!(written, text(&case["canonical"]), "{}", case["name"]);
            }
            // Integers spelt with a fraction or an exponent: refusing them is stricter, never wrong.
            Err(error) => {
                let input = text(&case["input"]);
                assert!(input.contains(['e', 'E', '.', '-']), "{}: {error}", case["name"]);
                told_apart += 1;
            }
        }
    }
    assert!(told_apart < data["valid"].as_array().unwrap().len() / 2);
    for case in data["invalid"].as_array().unwrap() {
        let Some(input) = case["input"].as_str() else { continue };
        // A repeated key takes its last value here; nothing is signed that was not read that way.
        if text(&case["name"]).contains("duplicate") {
            continue;
        }
        assert!(serde_json::from_str::<CanonicalJsonValue>(input).is_err(), "{}", case["name"]);
    }
}

#[test]
#[ignore = "reads vectors that are not part of this repository, from the folder in MATRIX_VECTORS"]
fn foreign_events_have_the_same_ids_hashes_and_signatures() {
    let data: Value = serde_json::from_str(&foreign("signing/pdu-vectors.json")).unwrap();
    let mut keys = PublicKeyMap::new();
    for (server, of_server) in data["public_keys"].as_object().unwrap() {
        let set: PublicKeySet = of_server
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, key)| (id.clone(), Base64::parse(text(&key["key"])).unwrap()))
            .collect();
        keys.insert(server.clone(), set);
    }
    let mut checked = 0;
    for vector in data["vectors"].as_array().unwrap() {
        let version = text(&vector["room_version"]);
        // ruma does not know how versions before 6 spell their JSON.
        if version.parse::<u8>().unwrap() < 6 {
            continue;
        }
        let (pdu, rules) = (canonical(&vector["pdu"]), rules(version));
        let id = reference_hash(&pdu, &rules).unwrap();
        assert_eq!(format!("${id}"), text(&vector["event_id"]), "{}", vector["name"]);
        let verified = verify_event(&keys, &pdu, &rules).unwrap();
        let whole = vector["redacted"] == false;
        assert_eq!(verified == Verified::All, whole, "{}", vector["name"]);
        checked += 1;
    }
    assert!(checked >= 6, "{checked}");
}

#[test]
#[ignore = "reads vectors that are not part of this repository, from the folder in MATRIX_VECTORS"]
fn foreign_room_of_version_12_is_lawful() {
    let lines = foreign("eventauth-testroom-v12-success.jsonl");
    let events = lines.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let id = reference_hash(&canonical(&event), &rules("12"));
        event["event_id"] = event["unsigned"]["event_id"].clone();
        assert_eq!(format!("${}", id.unwrap()), text(&event["event_id"]));
        event
    });
    let events = Value::Array(events.collect());
    let verdicts = judge(&mut HashMap::new(), &events);
    assert_eq!(verdicts.len(), 21);
    for verdict in verdicts {
        verdict.unwrap();
    }
}
