//! Whom an id belongs to.

use crate::fixture;
use registration::{Claim, Matcher, Namespace};
use ruma::{RoomAliasId, RoomId, UserId, server_name};

fn matcher(name: &str) -> Matcher {
    fixture(name).matcher(server_name!("example.org")).unwrap()
}

fn user(matcher: &Matcher, id: &str) -> Claim {
    matcher.user(&UserId::parse(id).unwrap())
}

fn alias(matcher: &Matcher, id: &str) -> Claim {
    matcher.alias(&RoomAliasId::parse(id).unwrap())
}

#[test]
fn ghosts_belong_to_their_bridge_and_people_do_not() {
    let mautrix = matcher("mautrix.yaml");
    assert_eq!(user(&mautrix, "@telegram_1:example.org"), Claim::Exclusive);
    assert_eq!(user(&mautrix, "@alice:example.org"), Claim::None);
    assert_eq!(user(&mautrix, "@x@telegram_1:example.org"), Claim::None);
}

#[test]
fn users_of_other_servers_never_match() {
    let heisenbridge = matcher("heisenbridge.yaml");
    assert_eq!(user(&heisenbridge, "@irc_bob:example.org"), Claim::Exclusive);
    assert_eq!(user(&heisenbridge, "@irc_bob:example.org.evil.net"), Claim::None);
    assert_eq!(user(&heisenbridge, "@irc_bob:evil.net"), Claim::None);
}

#[test]
fn sender_is_exclusive_without_being_listed() {
    let heisenbridge = matcher("heisenbridge.yaml");
    assert_eq!(heisenbridge.sender(), "@heisenbridge:example.org");
    assert_eq!(user(&heisenbridge, "@heisenbridge:example.org"), Claim::Exclusive);
    assert_eq!(user(&heisenbridge, "@heisenbridge:other.org"), Claim::None);
}

#[test]
fn shared_namespace_claims_without_excluding() {
    let puppet = matcher("double-puppet.yaml");
    assert_eq!(user(&puppet, "@alice:example.org"), Claim::Shared);
    assert!(user(&puppet, "@alice:example.org").is_any());
    assert!(!user(&puppet, "@alice:example.org").is_exclusive());
}

#[test]
fn pattern_is_anchored_at_both_ends_with_all_its_alternatives() {
    let irc = matcher("appservice-irc.yaml");
    assert_eq!(alias(&irc, "#irc.example.net_#rust:example.org"), Claim::Shared);
    assert_eq!(alias(&irc, "#old_x:example.org"), Claim::Shared);
    assert_eq!(alias(&irc, "#new#old_x:example.org"), Claim::None);
    assert_eq!(alias(&irc, "#irc.example.net_#rust:example.org.evil.net"), Claim::None);
}

#[test]
fn rooms_match_by_id() {
    let mut registration = fixture("heisenbridge.yaml");
    registration.namespaces.rooms.push(Namespace::new(false, "!abc:.*"));
    let matcher = registration.matcher(server_name!("example.org")).unwrap();
    let room = |id: &str| matcher.room(&RoomId::parse(id).unwrap());
    assert_eq!(room("!abc:example.org"), Claim::Shared);
    assert_eq!(room("!abcd:example.org"), Claim::None);
}

#[test]
fn exclusive_wins_over_shared() {
    let mut registration = fixture("double-puppet.yaml");
    registration.namespaces.users.push(Namespace::new(true, "@bot_.*:example.org"));
    let matcher = registration.matcher(server_name!("example.org")).unwrap();
    assert_eq!(user(&matcher, "@bot_1:example.org"), Claim::Exclusive);
}
