//! The peers themselves: what the stories stand on.

use anyhow::Result;
use bridge_testkit::peers::{InspIrcd, NgIrcd, PostgresServer, RawIrc, RawIrcOptions};

#[tokio::test]
async fn two_observers_hear_each_other_on_inspircd() -> Result<()> {
    let server = InspIrcd::start()?;
    let mut bob = server.observer("bob").await?;
    let mut eve = server.observer("eve").await?;
    bob.join("#story").await?;
    eve.join("#story").await?;
    bob.say("#story", "grüße").await?;
    let line = eve.expect_message("#story", "grüße").await?;
    assert_eq!(line.nick(), "bob");
    assert!(line.tags.contains_key("time") && line.tags.contains_key("msgid"));
    bob.expect_message("#story", "grüße").await?;
    Ok(())
}

#[tokio::test]
async fn two_observers_hear_each_other_on_ngircd() -> Result<()> {
    let server = NgIrcd::start()?;
    let mut bob = server.observer("bob").await?;
    let mut eve = server.observer("eve").await?;
    bob.join("#story").await?;
    eve.join("#story").await?;
    bob.say("#story", "hello").await?;
    eve.expect_message("#story", "hello").await?;
    bob.barrier().await
}

#[tokio::test]
async fn inspircd_speaks_tls_and_survives_a_kill_on_its_ports() -> Result<()> {
    let mut server = InspIrcd::builder().tls().start()?;
    let options =
        RawIrcOptions { certificate: Some(server.certificate()), ..RawIrcOptions::named("bob") };
    let bob = RawIrc::connect(&server.tls_address(), options.clone()).await?;
    server.kill()?;
    assert!(bob.wait("nothing more", |_| false).await.is_err());
    server.resume()?;
    RawIrc::connect(&server.tls_address(), options).await?;
    Ok(())
}

#[tokio::test]
async fn atheme_gives_accounts_to_inspircd() -> Result<()> {
    let server = InspIrcd::builder().services().start()?;
    server.create_account("alice", "correct-horse")?;
    let mut bob = server.observer("bob").await?;
    bob.say("NickServ", "IDENTIFY alice correct-horse").await?;
    bob.expect("to be logged in", |line| line.command == "900").await?;
    Ok(())
}

#[tokio::test]
async fn operators_can_throw_people_off() -> Result<()> {
    let server = InspIrcd::start()?;
    let mut bob = server.observer("bob").await?;
    let root = server.operator("root").await?;
    root.command("KILL bob :out with you").await?;
    bob.expect("to be thrown off", |line| line.command == "ERROR").await?;
    Ok(())
}

#[tokio::test]
async fn postgres_survives_a_kill_with_its_data() -> Result<()> {
    let mut server = PostgresServer::start()?;
    server.create_database("story")?;
    server.query("story", "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (7)")?;
    server.kill()?;
    server.resume()?;
    assert_eq!(server.query("story", "SELECT n FROM t")?, "7");
    Ok(())
}
