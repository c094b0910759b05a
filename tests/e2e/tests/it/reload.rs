//! SIGHUP: networks come, change and go, and who may do what, while everything else goes on.

use std::fs;

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{InspIrcd, RawIrc};
use e2e::chat::{UNPACED, ghost, irc_network, is_success, join_channel, log_in_to_irc};
use e2e::{IrcStory, Setup};

use crate::support::modern::{CHANNEL, Modern, NETWORK};

/// How often Alice has come into a channel, as somebody there saw it.
fn arrivals(witness: &RawIrc) -> usize {
    let heard = witness.heard();
    heard.iter().filter(|one| one.line.command == "JOIN" && one.line.nick() == "alice").count()
}

/// Alice has gone from where this witness is.
async fn alice_goes(witness: &mut RawIrc) -> Result<()> {
    witness.expect("Alice leaves", |line| line.command == "QUIT" && line.nick() == "alice").await?;
    Ok(())
}

#[tokio::test]
async fn networks_come_change_and_go_while_others_go_on() -> Result<()> {
    let irc = InspIrcd::start()?;
    let first = irc_network(NETWORK, &irc.address(), UNPACED);
    let mut modern = Modern::begin_with(irc, UNPACED, Setup::new()).await?;
    let elsewhere = InspIrcd::start()?;
    let mut carol = elsewhere.observer("carol").await?;
    carol.join("#second").await?;
    let second = irc_network("second", &elsewhere.address(), UNPACED);
    // The first network's choices change with it; its connection does not.
    let changed = format!("{first}media_link_hours = 3\n");
    let both = Setup::new().section(&changed).section(&second);
    modern.program.configure(|_| both.clone())?;
    let check = modern.program.cli(&["config", "check"]).await?;
    ensure!(check.contains("takes effect with SIGHUP: networks.second, networks.story"), "{check}");
    modern.program.reload().await?;
    let check = modern.program.cli(&["config", "check"]).await?;
    ensure!(check.contains("it is what the running program has"), "{check}");

    let IrcStory { alice, bot, .. } = &mut modern.story;
    log_in_to_irc(alice, bot, "second", "nick=alice", "alice", &mut carol).await?;
    let room = join_channel(alice, bot, "second", "#second").await?;
    carol.say("#second", "welcome").await?;
    alice.expect_message(&room, &ghost("second", "carol"), "welcome").await?;

    modern.program.configure(|_| Setup::new().section(&changed))?;
    modern.program.reload().await?;
    alice_goes(&mut carol).await?;
    let alice = &mut modern.story.alice;
    let unsaid = alice.send(&room, "is anybody there?").await?;
    let fate = alice.expect_fate(&room, &unsaid).await?;
    ensure!(!is_success(&fate), "the bridge says {fate}");

    modern.program.configure(|_| both)?;
    modern.program.reload().await?;
    carol
        .wait("Alice comes back", |heard| {
            let came = |one: &&bridge_testkit::peers::Heard| {
                one.line.command == "JOIN" && one.line.nick() == "alice"
            };
            heard.iter().filter(came).count() == 2
        })
        .await?;
    alice.send(&room, "back again").await?;
    carol.expect_message("#second", "back again").await?;

    let (_, fate) = modern.story.say("all the while").await?;
    ensure!(is_success(&fate), "the bridge says {fate}");
    modern.bob.expect_message(CHANNEL, "all the while").await?;
    ensure!(arrivals(&modern.bob) == 1, "the first network was connected again");
    Ok(())
}

#[tokio::test]
async fn permissions_change_at_once_and_mistakes_change_nothing() -> Result<()> {
    let mut modern = Modern::begin().await?;
    let IrcStory { alice, bot, .. } = &mut modern.story;
    let path = modern.program.config_path();
    let before = fs::read_to_string(&path)?;
    fs::write(&path, format!("{before}[permissions]\n\"story.test\" = \"nobody\"\n"))?;
    let failed = modern.program.reload().await.expect_err("a mistake is not put into effect");
    ensure!(format!("{failed:#}").contains("permissions"), "it says {failed:#}");
    bot.ask(alice, "list-logins", |answer| answer.contains("story-1")).await?;

    let listen = before.lines().find(|line| line.starts_with("listen")).context("no address")?;
    let elsewhere = before.replace(listen, "listen = \"127.0.0.1:1\"");
    fs::write(&path, format!("{elsewhere}[permissions]\n\"story.test\" = \"relay\"\n"))?;
    modern.program.reload().await?;
    let log = modern.program.log();
    ensure!(log.contains("need a restart") && log.contains("homeserver.listen"), "it says {log}");
    bot.ask(alice, "list-logins", |answer| answer.contains("You may not do that here")).await?;
    let check = modern.program.cli(&["config", "check"]).await?;
    ensure!(check.contains("needs a restart: homeserver.listen"), "{check}");
    Ok(())
}
