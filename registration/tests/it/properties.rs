//! What holds for every registration, not only for those somebody thought of.

use proptest::{collection::vec, option, prelude::*};
use registration::{Claim, Namespace, Namespaces, Registration, Token};
use ruma::{UserId, server_name};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Texts that YAML readers like to take for something else.
fn tricky_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~äöü€\u{1F600}]{1,20}",
        proptest::sample::select(vec![
            "null",
            "~",
            "true",
            "no",
            "on",
            "0x1f",
            "1e3",
            "0o7",
            "1:20:30",
            "1_000",
            ".inf",
            "- a",
            "a: b",
            "#x",
            " lead",
            "trail ",
            "'",
            "\"",
            "\\",
            "!tag",
            "&a",
            "*a",
            "%",
            "@x",
            "`",
            "{}",
            "[]",
            "<<",
            "=",
            "2026-11-21",
            "y",
            "N",
            "\t",
            "a\nb",
            "---",
            "...",
            "|",
            ">",
        ])
        .prop_map(str::to_owned),
    ]
}

fn graphic() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{1,64}", "[0-9]{1,30}", "[0-9]{1,5}e[0-9]{1,5}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        tricky_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec(("[a-z.]{1,8}", inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn extra() -> impl Strategy<Value = BTreeMap<String, Value>> {
    proptest::collection::btree_map("x_[a-z._-]{1,12}", value(), 0..3)
}

fn namespace() -> impl Strategy<Value = Namespace> {
    let regex = prop_oneof![
        "[@#!]_?[a-z]{0,6}(_\\.\\*|_\\[a-z\\]\\+)(:example\\\\\\.org)?",
        "@(a|b|c)_[a-z]{1,3}",
    ];
    (any::<bool>(), regex, extra()).prop_map(|(exclusive, regex, extra)| Namespace {
        exclusive,
        regex,
        extra,
    })
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    (vec(namespace(), 0..3), vec(namespace(), 0..3), vec(namespace(), 0..2), extra())
        .prop_map(|(users, aliases, rooms, extra)| Namespaces { users, aliases, rooms, extra })
}

fn registration() -> impl Strategy<Value = Registration> {
    let id = tricky_text().prop_filter("ids are not blank", |id| {
        !id.trim().is_empty() && !id.contains('|') && !id.contains(char::is_control)
    });
    let url =
        option::of("https?://[a-z]{1,10}(\\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?(/[a-z]{1,5}){0,2}");
    let flag = || option::of(any::<bool>());
    let flags = (flag(), flag(), flag(), flag(), flag());
    let protocols = option::of(vec(tricky_text(), 0..3));
    (id, url, graphic(), graphic(), "[a-z0-9._=/+-]{1,12}", namespaces(), flags, protocols, extra())
        .prop_map(|(id, url, as_token, hs_token, sender, namespaces, flags, protocols, extra)| {
            Registration {
                id,
                url,
                as_token: Token::from(as_token),
                hs_token: Token::from(hs_token),
                sender_localpart: sender,
                namespaces,
                rate_limited: flags.0,
                protocols,
                receive_ephemeral: flags.1,
                push_ephemeral: flags.2,
                msc3202: flags.3,
                msc4190: flags.4,
                extra,
            }
        })
}

proptest! {
    #[test]
    fn round_trip_keeps_everything(registration in registration()) {
        let yaml = registration.to_yaml();
        let read = Registration::parse(&yaml);
        prop_assert_eq!(read.as_ref(), Ok(&registration), "{}", yaml);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(Registration::parse(&text).is_err());
    }

    #[test]
    fn no_damage_to_a_good_file_makes_the_parser_panic(
        registration in registration(), at in any::<proptest::sample::Index>(), with in "\\PC{0,6}",
    ) {
        let mut yaml: Vec<char> = registration.to_yaml().chars().collect();
        let at = at.index(yaml.len());
        yaml.splice(at..(at + 1), with.chars());
        let yaml: String = yaml.into_iter().collect();
        if let Ok(read) = Registration::parse(&yaml) {
            prop_assert!(read.validate().is_ok());
        }
    }

    #[test]
    fn matcher_agrees_with_the_plain_expression(
        namespaces in vec(namespace(), 0..4), localpart in "_?[a-c_]{1,8}", server in "example\\.org|example\\.net",
    ) {
        let mut registration = Registration::generate(registration::Blueprint::new("x", "sender"));
        registration.namespaces.users = namespaces;
        let server_name = server_name!("example.org");
        let id = format!("@{localpart}:{server}");
        let matches = |namespace: &Namespace| {
            let found = regex::Regex::new(&format!("^(?:{})$", namespace.regex)).unwrap();
            server == "example.org" && found.is_match(&id)
        };
        let hits: Vec<_> = registration.namespaces.users.iter().filter(|one| matches(one)).collect();
        let expected = if hits.iter().any(|hit| hit.exclusive) {
            Claim::Exclusive
        } else if hits.is_empty() {
            Claim::None
        } else {
            Claim::Shared
        };
        let matcher = registration.matcher(server_name).unwrap();
        prop_assert_eq!(matcher.user(&UserId::parse(&id).unwrap()), expected, "{}", id);
    }
}

#[test]
fn json_is_read_as_the_yaml_it_is() {
    let json = json!({
        "id": "x", "url": null, "as_token": "a", "hs_token": "h", "sender_localpart": "s",
        "namespaces": {"users": [{"exclusive": true, "regex": "@x_.*"}]},
    });
    assert!(Registration::parse(&json.to_string()).is_ok());
}
