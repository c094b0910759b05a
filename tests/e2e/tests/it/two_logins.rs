//! Two people with logins of their own in one channel: every line is one message, also while the login that is listened to
//! goes away in the middle.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, NgIrcd, RawIrc};
use e2e::chat::{UNPACED, ghost, irc_network, join_channel, log_in_to_irc};
use e2e::numbers::{ensure_once_and_in_order, numbers_of};
use e2e::{BotChat, IrcStory, Setup};

use crate::support::modern::{CHANNEL, NETWORK};

/// How many lines Bob says; the listener goes after a third of them.
const LINES: u32 = 60;

async fn every_line_is_one_message(address: &str, bob: &mut RawIrc) -> Result<()> {
    bob.join(CHANNEL).await?;
    let network = irc_network(NETWORK, address, UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let IrcStory { mut alice, room, .. } = IrcStory::begin(&program, NETWORK, CHANNEL, bob).await?;
    let mut dora = program.person("dora").await?;
    let bot = BotChat::open(&mut dora).await?;
    log_in_to_irc(&mut dora, &bot, NETWORK, "nick=dora", "dora", bob).await?;
    let same = join_channel(&mut dora, &bot, NETWORK, CHANNEL).await?;
    ensure!(same == room, "one channel, two portals: {room} and {same}");

    for number in 1..=LINES {
        bob.say(CHANNEL, &format!("irc {number}")).await?;
        if number % 10 == 0 {
            alice.send(&room, &format!("alice {number}")).await?;
            dora.send(&room, &format!("dora {number}")).await?;
        }
        if number == LINES / 3 {
            bob.expect_message(CHANNEL, &format!("alice {number}")).await?;
            program.cli(&["logout", &format!("{NETWORK}-1"), "--user", "alice"]).await?;
        }
    }
    let bobs = ghost(NETWORK, "bob");
    dora.expect_message(&room, &bobs, &format!("irc {LINES}")).await?;
    let heard = dora.room(&room).bodies_of(&bobs);
    let numbers = numbers_of("irc", heard.iter().map(String::as_str));
    ensure_once_and_in_order("IRC to Matrix", &numbers)?;
    let expected: Vec<u32> = (1..=LINES).collect();
    ensure!(numbers == expected, "some are missing: {numbers:?}");

    // Who has no login any more is not carried; Dora is, once, and neither comes back as a copy.
    bob.expect_message(CHANNEL, &format!("dora {LINES}")).await?;
    let hers = numbers_of("dora", bob.texts_to(CHANNEL).iter().map(String::as_str));
    ensure!(hers == [10, 20, 30, 40, 50, 60], "on IRC: {hers:?}");
    let copies = dora.room(&room);
    for nick in ["alice", "dora"] {
        let copies = copies.bodies_of(&ghost(NETWORK, nick));
        ensure!(copies.is_empty(), "{nick}'s own words came back: {copies:?}");
    }
    e2e::journal::expect_all_settled(&program).await.map(drop)
}

#[tokio::test]
async fn every_line_is_one_message_on_a_server_that_names_messages() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    every_line_is_one_message(&irc.address(), &mut bob).await
}

#[tokio::test]
async fn every_line_is_one_message_on_a_server_that_does_not() -> Result<()> {
    let irc = NgIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    every_line_is_one_message(&irc.address(), &mut bob).await
}
