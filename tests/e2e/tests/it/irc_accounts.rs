//! Accounts and nicks: NickServ where there is no SASL, and a nick that comes back when it is free.

use anyhow::{Result, ensure};
use bridge_testkit::peers::{InspIrcd, NgIrcd};
use e2e::chat::{UNPACED, irc_network, log_in_to_irc, wait_for_nick};
use e2e::{BotChat, Setup};

use crate::support::modern::NETWORK;

#[tokio::test]
async fn without_sasl_nickserv_checks_the_account() -> Result<()> {
    let irc = InspIrcd::builder().services_without_sasl().start()?;
    irc.create_account("alice", "correct-horse")?;
    let mut bob = irc.observer("bob").await?;
    let network = irc_network(NETWORK, &irc.address(), UNPACED);
    let program = Setup::new().section(&network).start().await?;
    let mut alice = program.person("alice").await?;
    let bot = BotChat::open(&mut alice).await?;

    let wrong = format!("login {NETWORK} nick=alice password=wrong-horse");
    let answer = bot
        .ask(&mut alice, &wrong, |text| text.to_lowercase().contains("password is wrong"))
        .await?;
    ensure!(answer.contains("NickServ says"), "it says: {answer}");
    ensure!(!answer.contains("wrong-horse"), "the bot repeats the password: {answer}");

    let right = "nick=alice password=correct-horse";
    log_in_to_irc(&mut alice, &bot, NETWORK, right, "alice", &mut bob).await?;
    bob.command("WHOIS alice").await?;
    bob.expect("the account", |line| line.command == "330" && line.param(2) == "alice").await?;
    ensure!(!program.log().contains("horse"), "the log shows a password");
    Ok(())
}

#[tokio::test]
async fn a_nick_comes_back_as_soon_as_it_is_free() -> Result<()> {
    let irc = InspIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    let network = irc_network(NETWORK, &irc.address(), UNPACED);
    let mut program = Setup::new().section(&network).start().await?;
    let mut alice = program.person("alice").await?;
    let bot = BotChat::open(&mut alice).await?;
    log_in_to_irc(&mut alice, &bot, NETWORK, "nick=alice", "alice", &mut bob).await?;
    program.stop()?;

    let thief = irc.observer("alice").await?;
    program.up().await?;
    wait_for_nick(&mut bob, "alice_").await?;
    let begun = std::time::Instant::now();
    thief.command("QUIT :enough").await?;
    bob.command("MONITOR + alice_").await?;
    bob.expect("alice_ to be gone", |line| line.command == "731").await?;
    wait_for_nick(&mut bob, "alice").await?;
    // Asking now and then would take a minute.
    ensure!(begun.elapsed().as_secs() < 30, "it took {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_nick_comes_back_on_a_server_that_tells_nobody_of_it() -> Result<()> {
    let irc = NgIrcd::start()?;
    let mut bob = irc.observer("bob").await?;
    let network = irc_network("legacy", &irc.address(), UNPACED);
    let mut program = Setup::new().section(&network).start().await?;
    let mut alice = program.person("alice").await?;
    let bot = BotChat::open(&mut alice).await?;
    log_in_to_irc(&mut alice, &bot, "legacy", "nick=alice", "alice", &mut bob).await?;
    program.stop()?;

    // In no channel with us, so that nothing but asking tells that it is free.
    let thief = irc.observer("alice").await?;
    program.up().await?;
    wait_for_nick(&mut bob, "alice_").await?;
    let begun = std::time::Instant::now();
    thief.command("QUIT :enough").await?;
    loop {
        wait_for_nick(&mut bob, "alice").await?;
        bob.command("ISON alice_").await?;
        let answer = bob.expect("an answer", |line| line.command == "303").await?;
        // Until the thief's connection has ended, the nick is there and not ours.
        if !answer.text().contains("alice_") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    // Trying it blindly happens once a minute.
    ensure!(begun.elapsed().as_secs() < 40, "it took {:?}", begun.elapsed());
    Ok(())
}
