//! What the network refuses is said in words the person can act on.

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::InspIrcd;
use e2e::chat::{UNPACED, irc_network, join_channel, log_in_to_irc};
use e2e::{BotChat, MatrixClient, Program, Setup};

use crate::support::modern::{CHANNEL, NETWORK};

/// Alice with her management room, not logged in anywhere yet.
async fn alice_before_login(irc: &InspIrcd) -> Result<(Program, MatrixClient, BotChat)> {
    let network = irc_network(NETWORK, &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut alice = program.person("alice").await?;
    let bot = BotChat::open(&mut alice).await?;
    Ok((program, alice, bot))
}

fn says(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[tokio::test]
async fn a_right_password_logs_in_to_the_account() -> Result<()> {
    let irc = InspIrcd::builder().services().start()?;
    irc.create_account("alice", "correct-horse")?;
    let mut bob = irc.observer("bob").await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    log_in_to_irc(
        &mut alice,
        &bot,
        NETWORK,
        "nick=alice password=correct-horse",
        "alice",
        &mut bob,
    )
    .await?;
    bob.command("WHOIS alice").await?;
    bob.expect("the account", |line| line.command == "330" && line.param(2) == "alice").await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() -> Result<()> {
    let irc = InspIrcd::builder().services().start()?;
    irc.create_account("alice", "correct-horse")?;
    let (program, mut alice, bot) = alice_before_login(&irc).await?;
    let command = format!("login {NETWORK} nick=alice password=wrong-horse");
    let answer = bot
        .ask(&mut alice, &command, |text| {
            says(text, &["password", "credential"])
                && says(text, &["wrong", "refus", "reject", "invalid", "not accept", "fail"])
        })
        .await?;
    ensure!(!answer.contains("wrong-horse"), "the bot repeats the password: {answer}");
    ensure!(!program.log().contains("wrong-horse"), "the log shows the password");
    // Nothing is left over, and a second try with the right one works.
    let logins = bot.ask(&mut alice, "list-logins", |_| true).await?;
    ensure!(!says(&logins, &["connected as", "alice on"]), "a failed login is listed: {logins}");
    let mut bob = irc.observer("bob").await?;
    log_in_to_irc(&mut alice, &bot, NETWORK, "nick=alice password=correct-horse", "alice", &mut bob)
        .await
}

#[tokio::test]
async fn a_password_typed_into_a_chat_is_redacted() -> Result<()> {
    let irc = InspIrcd::builder().services().start()?;
    irc.create_account("alice", "correct-horse")?;
    let mut bob = irc.observer("bob").await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    log_in_to_irc(
        &mut alice,
        &bot,
        NETWORK,
        "nick=alice password=correct-horse",
        "alice",
        &mut bob,
    )
    .await?;
    let room = bot.room.clone();
    alice
        .wait("the redaction of the password", |client| {
            let timeline = &client.rooms().get(&room)?.timeline;
            timeline.iter().any(|event| event["type"] == "m.room.redaction").then_some(())
        })
        .await
}

#[tokio::test]
async fn a_nick_that_the_server_forbids_is_told_with_its_reason() -> Result<()> {
    let irc = InspIrcd::start()?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    bot.ask(&mut alice, &format!("login {NETWORK} nick=forbidden1"), |text| {
        says(text, &["nick"]) && text.contains("reserved for the story")
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_banned_person_is_told_with_the_reason() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut root = irc.operator("root").await?;
    // Everybody called like this at any host, for an hour.
    root.command("KLINE alice@* 1h :no bridges on Sundays").await?;
    root.command("KLINE ~alice@* 1h :no bridges on Sundays").await?;
    root.barrier().await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    bot.ask(&mut alice, &format!("login {NETWORK} nick=alice"), |text| {
        says(text, &["ban", "k-line", "not allowed"]) && text.contains("no bridges on Sundays")
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_taken_nick_is_told_and_another_one_can_be_chosen() -> Result<()> {
    let irc = InspIrcd::start()?;
    let _other = irc.observer("alice").await?;
    let mut bob = irc.observer("bob").await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    bot.ask(&mut alice, &format!("login {NETWORK} nick=alice"), |text| {
        text.contains("alice") && says(text, &["in use", "taken"])
    })
    .await?;
    log_in_to_irc(&mut alice, &bot, NETWORK, "nick=alice2", "alice2", &mut bob).await
}

/// Bob closes a channel with a mode; Alice asks to join and is told why she cannot.
async fn a_refused_join(mode: &str, words: &[&str]) -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join("#closed").await?;
    bob.command(&format!("MODE #closed {mode}")).await?;
    bob.barrier().await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    log_in_to_irc(&mut alice, &bot, NETWORK, "nick=alice", "alice", &mut bob).await?;
    bot.ask(&mut alice, &format!("join {NETWORK} #closed"), |text| {
        text.contains("#closed") && says(text, words)
    })
    .await?;
    let portals = alice.rooms().values().filter(|room| {
        room.state
            .iter()
            .any(|((kind, _), content)| kind == "m.bridge" && content["channel"]["id"] == "#closed")
    });
    ensure!(portals.count() == 0, "a portal was made for a channel she is not in");
    Ok(())
}

#[tokio::test]
async fn a_channel_for_the_invited_says_so() -> Result<()> {
    a_refused_join("+i", &["invite", "invitation"]).await
}

#[tokio::test]
async fn a_channel_that_bans_her_says_so() -> Result<()> {
    a_refused_join("+b alice!*@*", &["ban"]).await
}

#[tokio::test]
async fn a_channel_with_a_key_says_so() -> Result<()> {
    a_refused_join("+k sesame", &["key", "password"]).await
}

#[tokio::test]
async fn a_message_that_the_channel_refuses_is_reported() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    bob.join(CHANNEL).await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    log_in_to_irc(&mut alice, &bot, NETWORK, "nick=alice", "alice", &mut bob).await?;
    let room = join_channel(&mut alice, &bot, NETWORK, CHANNEL).await?;
    bob.command(&format!("MODE {CHANNEL} +m")).await?;
    bob.barrier().await?;
    let event_id = alice.send(&room, "may I speak?").await?;
    let fate = alice.expect_fate(&room, &event_id).await?;
    ensure!(fate["com.rialto.outcome"] == "failed", "it ended as {fate}");
    let words = crate::support::crash::ensure_sender_is_told(&mut alice, &room, &event_id).await?;
    let words = words["content"]["body"].as_str().unwrap_or_default();
    ensure!(says(words, &["moderated", "not allowed", "voice", "cannot send"]), "it says: {words}");
    ensure!(bob.texts_to(CHANNEL).is_empty(), "it is on IRC nevertheless");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() -> Result<()> {
    let mut irc = InspIrcd::start()?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    irc.kill()?;
    bot.ask(&mut alice, &format!("login {NETWORK} nick=alice"), |text| {
        says(
            text,
            &[
                "refused",
                "unreachable",
                "not reach",
                "no connection",
                "cannot connect",
                "could not connect",
            ],
        )
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn the_bot_answers_what_it_does_not_know() -> Result<()> {
    let irc = InspIrcd::start()?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    let help = bot.ask(&mut alice, "help", |text| text.contains("login")).await?;
    for command in ["login", "logout", "list-logins", "join", "ping", "cancel"] {
        ensure!(help.contains(command), "help does not know `{command}`: {help}");
    }
    bot.ask(&mut alice, "dance", |text| says(text, &["help"])).await?;
    bot.ask(&mut alice, "ping", |text| !text.is_empty()).await?;
    bot.ask(&mut alice, "login nowhere nick=alice", |text| {
        text.contains("nowhere") && text.contains(NETWORK)
    })
    .await?;
    bot.ask(&mut alice, &format!("join {NETWORK} {CHANNEL}"), |text| {
        says(text, &["login", "log in"])
    })
    .await?;
    // What is missing is asked for, and may be called off.
    bot.ask(&mut alice, &format!("login {NETWORK}"), |text| says(text, &["nick"])).await?;
    bot.ask(&mut alice, "cancel", |text| says(text, &["cancel", "call", "stop"])).await?;
    Ok(())
}

#[tokio::test]
async fn a_login_can_be_made_in_steps_and_ended() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    let (_program, mut alice, bot) = alice_before_login(&irc).await?;
    bot.ask(&mut alice, &format!("login {NETWORK}"), |text| says(text, &["nick"])).await?;
    // One question after the other; a dash leaves out what may be left out.
    bot.ask(&mut alice, "alice", |text| says(text, &["password"])).await?;
    bot.ask(&mut alice, "-", |text| says(text, &["account"])).await?;
    alice.send(&bot.room, "-").await?;
    e2e::chat::wait_for_nick(&mut bob, "alice").await?;
    let listed = bot.ask(&mut alice, "list-logins", |text| text.contains("alice")).await?;
    let login = listed
        .split(|c: char| c.is_whitespace() || "`:,.()".contains(c))
        .find(|word| word.starts_with("story-"))
        .context("no login id in the list")?
        .to_owned();
    bot.ask(&mut alice, &format!("logout {login}"), |text| text.contains("logged out")).await?;
    bob.command("MONITOR + alice").await?;
    bob.expect("Alice to be gone", |line| line.command == "731").await?;
    bot.ask(&mut alice, "list-logins", |text| !text.contains("alice")).await?;
    Ok(())
}
