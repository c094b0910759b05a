//! Whole bridges by other people, added to the embedded homeserver while it runs.

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::bridges::ForeignBridge;
use e2e::matrix::user;
use e2e::{MatrixClient, Setup, Witness};
use serde_json::json;

/// Waits for an answer of heisenbridge's bot.
async fn answer(person: &mut MatrixClient, room: &str, words: &str) -> Result<()> {
    let bot = user("heisenbridge");
    person
        .wait(&format!("`{words}` by heisenbridge"), |client| {
            let said = client.rooms().get(room)?.bodies_of(&bot);
            said.iter().any(|body| body.contains(words)).then_some(())
        })
        .await
}

/// Waits until this person was invited to a room of this name, and is in.
async fn room_named(person: &mut MatrixClient, name: &str) -> Result<String> {
    person
        .wait(&format!("a room `{name}`"), |client| {
            client.rooms().iter().find_map(|(id, room)| {
                let is_it = room.joined && room.state("m.room.name", "")?["name"] == name;
                is_it.then(|| id.clone())
            })
        })
        .await
}

#[tokio::test]
async fn heisenbridge_bridges_a_channel_of_a_real_irc_server() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join("#story").await?;
    let program = Setup::new().start().await?;
    let mut alice = program.person("alice").await?;
    let witness = Witness::before(&program).await?;
    let bridge = ForeignBridge::heisenbridge(&program, witness.url()).await?;

    // Alice is the first to talk to it, so it is hers.
    let bot = user("heisenbridge");
    let options = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [bot] });
    let control = alice.create_room(options).await?;
    let address = irc.address();
    let (host, port) = address.split_once(':').context("an address without a port")?;
    answer(&mut alice, &control, "Howdy").await?;
    alice.send(&control, "ADDNETWORK ircnet").await?;
    answer(&mut alice, &control, "Network added").await?;
    alice.send(&control, &format!("ADDSERVER ircnet {host} {port}")).await?;
    answer(&mut alice, &control, "Server added").await?;
    alice.send(&control, "OPEN ircnet").await?;
    let network = room_named(&mut alice, "ircnet").await?;
    alice.send(&network, "NICK alice").await?;
    alice.send(&network, "CONNECT").await?;
    answer(&mut alice, &network, "IRC Network alice").await?;
    alice.send(&network, "JOIN #story").await?;
    let channel = room_named(&mut alice, "#story (ircnet)").await?;

    bob.say("#story", "grüße from IRC").await?;
    alice.expect_message(&channel, &user("irc_ircnet_bob"), "grüße from IRC").await?;
    alice.send(&channel, "hello from Matrix").await?;
    let line = bob.expect_message("#story", "hello from Matrix").await?;
    ensure!(line.nick() == "alice", "{line:?}");
    ensure!(!bridge.log().contains("Traceback"), "{}", bridge.log());
    witness.testify(20)
}

#[tokio::test]
async fn mautrix_telegram_passes_its_start_up_checks() -> Result<()> {
    let program = Setup::new().start().await?;
    let witness = Witness::before(&program).await?;
    let bridge = ForeignBridge::telegram(&program, witness.url()).await?;
    let log = bridge.log();
    ensure!(log.contains("Homeserver->bridge connection works"), "{log}");
    ensure!(!log.contains("[ERROR") && !log.contains("[CRITICAL"), "{log}");
    witness.testify(3)
}
