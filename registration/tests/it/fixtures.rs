//! Files as other programs write them.

use crate::{FIXTURES, fixture};
use registration::{Blueprint, Registration, Token};

#[test]
fn files_of_other_programs_survive_a_round_trip() {
    for name in FIXTURES {
        let read = fixture(name);
        let written = read.to_yaml();
        assert_eq!(Registration::parse(&written).unwrap(), read, "{name}:\n{written}");
    }
}

#[test]
fn unstable_keys_are_read() {
    let mautrix = fixture("mautrix.yaml");
    assert!(mautrix.wants_ephemeral() && !mautrix.is_rate_limited());
    assert_eq!((mautrix.msc3202, mautrix.msc4190), (Some(true), Some(true)));
    let hookshot = fixture("hookshot.yaml");
    assert!(hookshot.wants_ephemeral(), "the older key alone will do");
}

#[test]
fn unknown_keys_are_kept_at_every_level() {
    let hookshot = fixture("hookshot.yaml");
    assert_eq!(hookshot.extra["ip_range_whitelist"][1], "fd00::/8");
    assert_eq!(hookshot.extra["push_ephemeral"], true);
    assert_eq!(hookshot.namespaces.users[1].extra["group_id"], "+hook:example.org");
    assert!(hookshot.to_yaml().contains("ip_range_whitelist"));
}

#[test]
fn address_may_be_absent_in_three_spellings_and_loses_its_slash() {
    let with_url = |url: &str| {
        let yaml = fixture("heisenbridge.yaml").to_yaml();
        let lines = yaml.lines().map(|line| {
            if line.starts_with("url") { format!("url: {url}") } else { line.to_owned() }
        });
        Registration::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap().url
    };
    for absent in ["null", "\"\"", "\"null\"", "~", ""] {
        assert_eq!(with_url(absent), None, "{absent:?}");
    }
    assert_eq!(with_url("http://h:1/a/").as_deref(), Some("http://h:1/a"));
    assert_eq!(fixture("double-puppet.yaml").url, None);
    assert!(fixture("double-puppet.yaml").to_yaml().contains("url: null"), "the key stays");
}

#[test]
fn generated_file_reads_as_the_specification_has_it() {
    let blueprint = Blueprint::new("rialto", "rialtobot")
        .url("http://127.0.0.1:29300/")
        .users(r"@_rialto_.*:example\.org")
        .aliases(r"#_rialto_.*:example\.org")
        .protocols(["irc".to_owned()])
        .tokens(Token::from("as"), Token::from("hs"));
    insta::assert_snapshot!(Registration::generate(blueprint).to_yaml());
}

#[test]
fn tokens_of_generated_files_are_new_each_time_and_do_not_print() {
    let generate = || Registration::generate(Blueprint::new("a", "b"));
    let (one, two) = (generate(), generate());
    assert_ne!(one.as_token, two.as_token);
    assert_ne!(one.as_token, one.hs_token);
    assert!(!format!("{one:?}").contains(one.as_token.expose()));
    assert!(one.validate().is_ok());
}
