//! Registrations that get in each other's way.

use crate::{FIXTURES, fixture};
use registration::{Blueprint, Clash, Registration, Token, find_clashes};
use ruma::server_name;

fn clashes(registrations: &[Registration]) -> Vec<Clash> {
    find_clashes(registrations, server_name!("example.org")).unwrap()
}

#[test]
fn bridges_of_one_server_live_together() {
    let all: Vec<_> = FIXTURES.iter().map(|name| fixture(name)).collect();
    assert_eq!(clashes(&all), []);
}

#[test]
fn same_id_and_same_token_are_found() {
    let irc = fixture("heisenbridge.yaml");
    let mut copy = fixture("mautrix.yaml");
    copy.id = irc.id.clone();
    assert!(matches!(&clashes(&[irc.clone(), copy])[..], [Clash::SameId { pair: (0, 1), .. }]));
    let mut copy = fixture("mautrix.yaml");
    copy.as_token = Token::from(irc.as_token.expose());
    let found = clashes(&[irc.clone(), copy]);
    assert!(matches!(&found[..], [Clash::SameToken { .. }]));
    assert!(!found[0].to_string().contains(irc.as_token.expose()));
}

#[test]
fn sender_in_a_foreign_exclusive_namespace_is_found_either_way() {
    let one = Registration::generate(Blueprint::new("one", "irc_bot"));
    let two = fixture("heisenbridge.yaml");
    for pair in [[one.clone(), two.clone()], [two, one]] {
        let found = clashes(&pair);
        assert!(matches!(&found[..], [Clash::Sender { .. }]), "{found:?}");
        assert!(found[0].to_string().contains("@irc_bot:example.org"));
    }
}

#[test]
fn same_exclusive_pattern_is_found() {
    let one = Registration::generate(Blueprint::new("one", "bot1").users("@x_.*"));
    let two = Registration::generate(Blueprint::new("two", "bot2").users("@x_.*"));
    assert!(matches!(&clashes(&[one, two])[..], [Clash::SameNamespace { .. }]));
}
