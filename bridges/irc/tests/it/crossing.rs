//! Messages both ways.

use bridge_core::network::{OutgoingKind, RemoteEventKind, RemoteMembership, SendOutcome};
use bridge_testkit::peers::InspIrcd;
use serde_json::json;

use crate::{
    CHANNEL,
    account::{Network, all_confirmed},
    both, installed,
};

#[tokio::test]
async fn lines_cross_both_ways_in_a_channel_and_in_private() {
    for server in both() {
        let mut bob = server.witness().await;
        let network = Network::unpaced(&server.address());
        let mut alice = network.account("alice").await;
        let joined = alice.join("#room").await.unwrap();
        assert_eq!(joined.chat.as_str(), "#room");

        bob.say(CHANNEL, "hello, alice").await.unwrap();
        let heard = alice.until(|event| crate::account::text_of(event).is_some()).await;
        assert_eq!(heard.id.is_some(), server.has_ids());
        assert_eq!(heard.sender.unwrap().user.as_str(), "bob");

        let outcomes = alice.say("#room", "hello, bob – très bien").await;
        let [SendOutcome::Confirmed { remote_id, .. }] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(remote_id.is_some(), server.has_ids());
        bob.expect_message(CHANNEL, "hello, bob – très bien").await.unwrap();

        bob.say("alice", "psst").await.unwrap();
        assert_eq!(alice.texts_until("bob", "psst").await, ["psst"]);
        assert!(all_confirmed(&alice.say("bob", "yes?").await));
        bob.expect_message("bob", "yes?").await.unwrap();
        alice.client.disconnect().await;
    }
}

/// Every byte offset meets characters of every width.
fn unbroken_text(characters: usize) -> String {
    let alphabet = ['ä', '漢', '🦀', 'x', 'é', '字', '🎉', 'ß', 'ع', '€'];
    (0..characters).map(|at| alphabet[(at * 7 + at / 3) % alphabet.len()]).collect()
}

#[tokio::test]
async fn a_long_text_is_whole_again_on_the_other_side() {
    for server in both() {
        let mut bob = server.witness().await;
        let network = Network::unpaced(&server.address());
        let alice = network.account("alice").await;
        alice.join("#room").await.unwrap();
        for text in [unbroken_text(3_000), "Grüße größere Brücken 日本語 🦀 a ".repeat(80)]
        {
            let text = text.trim_end();
            let before = bob.texts_to(CHANNEL).len();
            let outcomes = alice.say("#room", text).await;
            assert!(outcomes.len() > 5 && all_confirmed(&outcomes));
            bob.barrier().await.unwrap();
            assert_eq!(bob.texts_to(CHANNEL)[before..].concat(), text);
        }
        alice.client.disconnect().await;
    }
}

#[tokio::test]
async fn two_logins_in_one_channel_do_not_hear_each_other_as_strangers() {
    for server in both() {
        let mut bob = server.witness().await;
        let network = Network::unpaced(&server.address());
        let (mut alice, mut dora) = (network.account("alice").await, network.account("dora").await);
        alice.join("#room").await.unwrap();
        dora.join("#room").await.unwrap();
        for number in 0..20 {
            assert!(all_confirmed(&alice.say("#room", &format!("alice {number}")).await));
            assert!(all_confirmed(&dora.say("#room", &format!("dora {number}")).await));
        }
        bob.say(CHANNEL, "after both").await.unwrap();
        assert_eq!(alice.texts_until("#room", "after both").await, ["after both"]);
        assert_eq!(dora.texts_until("#room", "after both").await, ["after both"]);
        bob.barrier().await.unwrap();
        let heard = bob.texts_to(CHANNEL);
        let theirs = heard.iter().filter(|text| *text != "after both");
        assert_eq!(theirs.count(), 40);
        alice.client.disconnect().await;
        dora.client.disconnect().await;
    }
}

#[tokio::test]
async fn a_channel_is_described_and_its_people_are_followed() {
    for server in both() {
        let bob = server.witness().await;
        bob.command(&format!("TOPIC {CHANNEL} :about things")).await.unwrap();
        let network = Network::unpaced(&server.address());
        let mut alice = network.account("alice").await;
        alice.join("#room").await.unwrap();
        let event = alice.until(|event| matches!(event.kind, RemoteEventKind::ChatInfo(_))).await;
        let RemoteEventKind::ChatInfo(info) = event.kind else { unreachable!() };
        let members = info.members.unwrap();
        let people: Vec<_> = members.members.iter().map(|m| (m.user.as_str(), m.is_me)).collect();
        assert_eq!((people, members.complete), (vec![("alice", true), ("bob", false)], true));

        bob.command("NICK robert").await.unwrap();
        let change = |user: &'static str, wanted: RemoteMembership| {
            move |event: &bridge_core::network::RemoteEvent| {
                matches!(&event.kind, RemoteEventKind::Membership(change)
                    if change.user.as_str() == user && change.membership == wanted)
            }
        };
        alice.until(change("bob", RemoteMembership::Leave)).await;
        alice.until(change("robert", RemoteMembership::Join)).await;
        bob.command(&format!("PART {CHANNEL} :lunch")).await.unwrap();
        let left = alice.until(change("robert", RemoteMembership::Leave)).await;
        let RemoteEventKind::Membership(left) = left.kind else { unreachable!() };
        assert!(left.reason.unwrap().contains("lunch"));
        alice.client.disconnect().await;
    }
}

#[tokio::test]
async fn a_topic_set_by_the_operator_of_a_channel_is_set() {
    for server in both() {
        let network = Network::unpaced(&server.address());
        let alice = network.account("alice").await;
        alice.join("#own").await.unwrap();
        let topic = OutgoingKind::Topic { topic: "mine".to_owned() };
        // Where the first one in is no operator, the refusal is told instead.
        let outcomes = alice.act("#own", topic).await;
        assert!(
            all_confirmed(&outcomes) || crate::account::words(&outcomes).contains("operators"),
            "{outcomes:?}"
        );
        alice.client.disconnect().await;
    }
}

#[tokio::test]
async fn over_tls_and_default_flood_protection_lines_arrive_at_the_default_pace() {
    if !installed("inspircd") {
        return;
    }
    let server = InspIrcd::builder().flood_protection().tls().start().unwrap();
    let mut bob = server.observer("bob").await.unwrap();
    bob.join(CHANNEL).await.unwrap();
    let ca_file = server.certificate();
    let network = Network::with(json!({ "server": server.tls_address(), "tls_ca_file": ca_file }));
    let alice = network.account("alice").await;
    alice.join("#room").await.unwrap();
    let lines: Vec<String> = (0..8).map(|number| format!("line {number}")).collect();
    assert!(all_confirmed(&alice.say("#room", &lines.join("\n")).await));
    bob.barrier().await.unwrap();
    assert_eq!(bob.texts_to(CHANNEL), lines);
    alice.client.disconnect().await;
}
