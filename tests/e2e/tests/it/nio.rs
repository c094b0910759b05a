//! The whole journey with somebody else's client.

use anyhow::{Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::chat::{UNPACED, ghost, irc_network, room_id_in, wait_for_nick};
use e2e::matrix::user;
use e2e::{NioClient, Setup};

use crate::support::modern::{CHANNEL, NETWORK};

#[tokio::test]
async fn a_person_with_matrix_nio_logs_in_joins_and_talks() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    bob.command(&format!("TOPIC {CHANNEL} :all about bridges")).await?;
    let network = irc_network(NETWORK, &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    program.create_user("alice").await?;
    let mut alice = NioClient::log_in(&program, "alice").await?;

    let bot = user("rialtobot");
    let management = alice.create_direct_room(&bot).await?;
    alice
        .expect_event("the bot to come", |room, event| {
            room == management
                && event["state_key"] == bot
                && event["content"]["membership"] == "join"
        })
        .await?;
    alice.send(&management, &format!("login {NETWORK} nick=alice")).await?;
    wait_for_nick(&mut bob, "alice").await?;
    alice.send(&management, &format!("join {NETWORK} {CHANNEL}")).await?;
    let (_, answer) = alice
        .expect_event("the portal's room id", |room, event| {
            room == management
                && event["sender"] == bot
                && event["content"]["body"].as_str().is_some_and(|body| room_id_in(body).is_some())
        })
        .await?;
    let room =
        room_id_in(answer["content"]["body"].as_str().unwrap_or_default()).unwrap_or_default();

    bob.say(CHANNEL, "hello, nio 🦀").await?;
    alice.expect_message(&room, &ghost(NETWORK, "bob"), "hello, nio 🦀").await?;
    alice.send(&room, "hello, IRC").await?;
    bob.expect_message(CHANNEL, "hello, IRC").await?;

    // nio has understood the room, not only its events.
    let seen = alice
        .expect_description(&room, "topic", |seen| seen["topic"] == "all about bridges")
        .await?;
    let members = seen["members"].to_string();
    ensure!(members.contains(&ghost(NETWORK, "bob")), "{members}");
    let name = seen["member_names"][ghost(NETWORK, "bob")].as_str().unwrap_or_default().to_owned();
    ensure!(name.contains("bob"), "Bob is called {name}");
    Ok(())
}
