//! What servers refuse is told in words to act on.

use bridge_core::network::{NetworkError, OutgoingKind};
use bridge_testkit::peers::{InspIrcd, NgIrcd};

use crate::{
    account::{Network, words},
    both, installed,
};

#[tokio::test]
async fn a_wrong_password_is_told_and_the_right_one_works() {
    if !installed("inspircd") || !installed("atheme-services") {
        return;
    }
    let server = InspIrcd::builder().services().start().unwrap();
    server.create_account("alice", "correct-horse").unwrap();
    let network = Network::unpaced(&server.address());
    let wrong = network.log_in(&[("nick", "alice"), ("password", "wrong-horse")]).await;
    let Err(NetworkError::BadCredentials(told)) = wrong else { panic!("{wrong:?}") };
    assert!(told.contains("wrong") && !told.contains("wrong-horse"));
    let right = network.log_in(&[("nick", "alice"), ("password", "correct-horse")]).await.unwrap();
    let mut bob = server.observer("bob").await.unwrap();
    let alice = network.connect(right).await;
    bob.command("WHOIS alice").await.unwrap();
    bob.expect("the account", |line| line.command == "330" && line.param(2) == "alice")
        .await
        .unwrap();
    alice.client.disconnect().await;
}

#[tokio::test]
async fn taken_and_forbidden_nicks_are_told() {
    for server in both() {
        let _bob = server.witness().await;
        let network = Network::unpaced(&server.address());
        let taken = network.log_in(&[("nick", "bob")]).await;
        assert!(
            matches!(&taken, Err(NetworkError::Invalid(told)) if told.contains("in use")),
            "{taken:?}"
        );
        if server.has_ids() {
            let forbidden = network.log_in(&[("nick", "forbidden1")]).await;
            let Err(NetworkError::Invalid(told)) = forbidden else { panic!("{forbidden:?}") };
            assert!(told.contains("forbidden1") && told.contains("reserved for the story"));
        }
    }
}

#[tokio::test]
async fn a_ban_is_told_with_its_reason() {
    if !installed("inspircd") {
        return;
    }
    let server = InspIrcd::start().unwrap();
    let mut root = server.operator("root").await.unwrap();
    for mask in ["someone@*", "~someone@*"] {
        root.command(&format!("KLINE {mask} 1h :no bridges on Sundays")).await.unwrap();
    }
    root.barrier().await.unwrap();
    let banned = Network::unpaced(&server.address()).log_in(&[("nick", "alice")]).await;
    let Err(NetworkError::Forbidden(told)) = banned else { panic!("{banned:?}") };
    assert!(told.contains("banned") && told.contains("no bridges on Sundays"), "{told}");
}

#[tokio::test]
async fn nobody_there_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let nobody = Network::unpaced(&address).log_in(&[("nick", "alice")]).await;
    assert!(matches!(nobody, Err(NetworkError::Unreachable(told)) if told.contains("refused")));
}

#[tokio::test]
async fn closed_channels_tell_why() {
    if !installed("ngircd") {
        return;
    }
    let server = NgIrcd::start().unwrap();
    let mut bob = server.observer("bob").await.unwrap();
    let network = Network::unpaced(&server.address());
    let alice = network.account("alice").await;
    for (channel, mode, expected) in [
        ("#invited", "+i", "invit"),
        ("#banned", "+b alice!*@*", "ban"),
        ("#keyed", "+k sesame", "key"),
        ("#full", "+l 1", "full"),
    ] {
        bob.join(channel).await.unwrap();
        bob.command(&format!("MODE {channel} {mode}")).await.unwrap();
        bob.barrier().await.unwrap();
        let refused = alice.join(channel).await;
        let Err(NetworkError::Forbidden(told)) = refused else { panic!("{channel}: {refused:?}") };
        assert!(told.contains(channel) && told.contains(expected), "{told}");
    }
    alice.join("#keyed sesame").await.unwrap();
    let nobody = alice.join("nobody").await;
    assert!(matches!(nobody, Err(NetworkError::NotFound(told)) if told.contains("nobody")));
    assert_eq!(alice.join("bob").await.unwrap().chat.as_str(), "bob");
    alice.client.disconnect().await;
}

#[tokio::test]
async fn what_a_channel_or_a_nick_does_not_take_is_told_to_the_sender() {
    if !installed("ngircd") {
        return;
    }
    let server = NgIrcd::start().unwrap();
    let mut bob = server.observer("bob").await.unwrap();
    bob.join("#quiet").await.unwrap();
    bob.command("MODE #quiet +mt").await.unwrap();
    bob.barrier().await.unwrap();
    let alice = Network::unpaced(&server.address()).account("alice").await;
    alice.join("#quiet").await.unwrap();
    assert!(words(&alice.say("#quiet", "may I?").await).contains("voice"));
    let topic = OutgoingKind::Topic { topic: "mine".to_owned() };
    assert!(words(&alice.act("#quiet", topic).await).contains("operators"));
    assert!(words(&alice.say("nobody", "hello?").await).contains("nobody"));
    bob.barrier().await.unwrap();
    assert!(bob.texts_to("#quiet").is_empty());
    alice.client.disconnect().await;
}
