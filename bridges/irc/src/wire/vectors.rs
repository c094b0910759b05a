//! The vectors of ircdocs/parser-tests (CC0, see `tests/data/parser-tests/NOTICE.md`) against our
//! parser.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, de::DeserializeOwned};

use super::{Encoding, Message, Source, mask_matches};

#[derive(Deserialize)]
struct Vectors<T> {
    tests: Vec<T>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Atoms {
    tags: BTreeMap<String, String>,
    source: Option<String>,
    verb: String,
    params: Vec<String>,
}

#[derive(Deserialize)]
struct Split {
    input: String,
    atoms: Atoms,
}

#[derive(Deserialize)]
struct Join {
    atoms: Atoms,
    matches: Vec<String>,
}

#[derive(Deserialize)]
struct Mask {
    mask: String,
    #[serde(default)]
    matches: Vec<String>,
    #[serde(default)]
    fails: Vec<String>,
}

#[derive(Deserialize)]
struct UserHost {
    source: String,
    atoms: BTreeMap<String, String>,
}

fn load<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/parser-tests").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: Vectors<T> = serde_saphyr::from_str(&text).unwrap();
    assert!(!vectors.tests.is_empty());
    vectors.tests
}

#[test]
fn lines_are_split_as_the_vectors_say() {
    for Split { input, atoms } in load("msg-split.yaml") {
        let message = Message::parse(input.as_bytes(), Encoding::default()).unwrap();
        assert_eq!(message.tags.into_iter().collect::<BTreeMap<_, _>>(), atoms.tags, "{input}");
        assert_eq!(message.source, atoms.source, "{input}");
        assert_eq!(message.command, atoms.verb, "{input}");
        assert_eq!(message.params, atoms.params, "{input}");
    }
}

#[test]
fn lines_are_joined_as_the_vectors_say() {
    for Join { atoms, matches } in load("msg-join.yaml") {
        let message = Message {
            tags: atoms.tags.into_iter().collect(),
            source: atoms.source,
            command: atoms.verb,
            params: atoms.params,
        };
        let line = message.encode().unwrap();
        assert!(matches.contains(&line), "{line} is none of {matches:?}");
    }
}

#[test]
fn masks_match_as_the_vectors_say() {
    for Mask { mask, matches, fails } in load("mask-match.yaml") {
        for text in matches {
            assert!(mask_matches(&mask, &text), "{mask} means {text}");
        }
        for text in fails {
            assert!(!mask_matches(&mask, &text), "{mask} does not mean {text}");
        }
    }
}

#[test]
fn sources_are_parted_as_the_vectors_say() {
    for UserHost { source, atoms } in load("userhost-split.yaml") {
        let parsed = Source::parse(&source);
        assert_eq!(Some(&parsed.nick), atoms.get("nick"), "{source}");
        assert_eq!(parsed.user.as_ref(), atoms.get("user"), "{source}");
        assert_eq!(parsed.host.as_ref(), atoms.get("host"), "{source}");
        assert_eq!(parsed.to_string(), source);
    }
}
