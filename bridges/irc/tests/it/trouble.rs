//! Connections that end.

use bridge_core::network::{BridgeStateKind, RemoteEventKind, RemoteMembership, SendOutcome};
use bridge_testkit::peers::{InspIrcd, NgIrcd};

use crate::{CHANNEL, account::Network, account::all_confirmed, account::words, installed};

#[tokio::test]
async fn after_a_kill_it_comes_back_into_its_channels_and_the_gap_is_told() {
    if !installed("inspircd") {
        return;
    }
    let server = InspIrcd::start().unwrap();
    let mut bob = server.observer("bob").await.unwrap();
    bob.join(CHANNEL).await.unwrap();
    let mut alice = Network::unpaced(&server.address()).account("alice").await;
    alice.join("#room").await.unwrap();
    let root = server.operator("root").await.unwrap();
    root.command("KILL alice :out with you").await.unwrap();
    let state = alice.until_state(BridgeStateKind::TransientDisconnect).await;
    assert!(state.message.contains("out with you"), "{}", state.message);
    assert_eq!(alice.say("#room", "anybody?").await, [SendOutcome::Offline]);
    let gap = alice.until(|event| matches!(event.kind, RemoteEventKind::Gap(_))).await;
    assert_eq!(gap.chat.as_str(), "#room");
    alice.until_state(BridgeStateKind::Connected).await;
    assert!(all_confirmed(&alice.say("#room", "back again").await));
    bob.expect_message(CHANNEL, "back again").await.unwrap();
    alice.client.disconnect().await;
}

#[tokio::test]
async fn a_ban_while_connected_is_told() {
    if !installed("inspircd") {
        return;
    }
    let server = InspIrcd::start().unwrap();
    let mut alice = Network::unpaced(&server.address()).account("alice").await;
    let root = server.operator("root").await.unwrap();
    for mask in ["alice@*", "~alice@*"] {
        root.command(&format!("KLINE {mask} 1h :no bridges on Sundays")).await.unwrap();
    }
    let state = alice.until_state(BridgeStateKind::UnknownError).await;
    assert!(state.message.contains("no bridges on Sundays"), "{}", state.message);
    alice.client.disconnect().await;
}

#[tokio::test]
async fn messages_of_a_server_that_goes_down_and_comes_back_are_never_doubled() {
    if !installed("ngircd") {
        return;
    }
    let mut server = NgIrcd::start().unwrap();
    let mut alice = Network::unpaced(&server.address()).account("alice").await;
    alice.join("#room").await.unwrap();
    server.kill().unwrap();
    let outcomes = alice.say("#room", "into the void").await;
    let honest = |outcome: &SendOutcome| {
        matches!(outcome, SendOutcome::Unknown { .. } | SendOutcome::Offline)
    };
    assert!(outcomes.iter().all(honest), "{outcomes:?}");
    server.resume().unwrap();
    alice.until_state(BridgeStateKind::Connected).await;
    let mut bob = server.observer("bob").await.unwrap();
    bob.join(CHANNEL).await.unwrap();
    assert!(all_confirmed(&alice.say("#room", "once").await));
    bob.barrier().await.unwrap();
    assert_eq!(bob.texts_to(CHANNEL), ["once"]);
    alice.client.disconnect().await;
}

#[tokio::test]
async fn being_kicked_is_told_and_nothing_is_sent_there_any_more() {
    if !installed("ngircd") {
        return;
    }
    let server = NgIrcd::start().unwrap();
    let mut bob = server.observer("bob").await.unwrap();
    bob.join("#room").await.unwrap();
    let mut alice = Network::unpaced(&server.address()).account("alice").await;
    alice.join("#room").await.unwrap();
    bob.command("KICK #room alice :and stay out").await.unwrap();
    let kicked = alice
        .until(|event| {
            matches!(&event.kind, RemoteEventKind::Membership(change)
                if change.is_me && change.membership == RemoteMembership::Kick)
        })
        .await;
    assert_eq!(kicked.sender.unwrap().user.as_str(), "bob");
    let RemoteEventKind::Membership(change) = kicked.kind else { unreachable!() };
    assert_eq!(change.reason.as_deref(), Some("and stay out"));
    assert!(words(&alice.say("#room", "can you hear me?").await).contains("join"));
    alice.client.disconnect().await;
}
