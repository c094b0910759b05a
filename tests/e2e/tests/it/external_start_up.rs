//! Beside a homeserver that is not Rialto's own: what is wrong with it is said at start, with what to change.

use std::fs;

use anyhow::{Context, Result, ensure};
use e2e::external::Kind;
use e2e::{Beside, Quirk, Setup};

/// Registered at a Synapse, not started.
async fn registered(quirks: &[Quirk]) -> Result<Beside> {
    Beside::registered(Kind::Synapse, Setup::new(), quirks, false).await
}

/// `up` ends with code 1 and these words.
async fn refuses(beside: &Beside, words: &[&str]) -> Result<()> {
    beside.program.verb(&["up"]).run().await?.refusal(1, words)
}

fn change_config(beside: &Beside, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(beside.program.config_path())?;
    ensure!(text.contains(from), "`{from}` is not in the configuration");
    fs::write(beside.program.config_path(), text.replace(from, to))?;
    Ok(())
}

#[tokio::test]
async fn a_homeserver_that_does_not_know_the_registration_is_told_how_to() -> Result<()> {
    let beside = registered(&[]).await?;
    // New tokens: those that the homeserver has are of an older file.
    fs::remove_file(beside.program.data_dir().join("registration.yaml"))?;
    refuses(&beside, &["refuses our token", "registration generate"]).await
}

#[tokio::test]
async fn another_server_name_is_named() -> Result<()> {
    let beside = registered(&[]).await?;
    change_config(&beside, "story.test", "tale.test")?;
    refuses(&beside, &["homeserver.server_name", "tale.test", "story.test"]).await
}

#[tokio::test]
async fn another_bot_is_named() -> Result<()> {
    let beside = registered(&[]).await?;
    change_config(&beside, "[appservice]", "[bridge]\nbot = \"gobbo\"\n[appservice]")?;
    refuses(&beside, &["bridge.bot", "gobbo", "rialtobot"]).await
}

#[tokio::test]
async fn a_way_back_that_leads_nowhere_is_named() -> Result<()> {
    let beside = registered(&[]).await?;
    beside.way_back.lead_to("http://127.0.0.1:1");
    refuses(&beside, &["something else", beside.way_back.url(), "appservice.address"]).await
}

#[tokio::test]
async fn another_hs_token_is_called_one() -> Result<()> {
    let beside = registered(&[]).await?;
    let kept = beside.program.data_dir().join("registration.yaml");
    let text = fs::read_to_string(&kept)?;
    let line = text.lines().find(|line| line.contains("hs_token")).context("no hs_token")?;
    fs::write(&kept, text.replace(line, "hs_token: \"another-token-than-it-was-before\""))?;
    refuses(&beside, &["hs_token", "registration generate"]).await
}

#[tokio::test]
async fn clocks_that_differ_are_a_warning() -> Result<()> {
    let mut beside = registered(&[Quirk::FastClock]).await?;
    beside.program.up().await?;
    beside.program.expect_log("the homeserver's clock and this machine's differ").await?;
    beside.program.stop()
}

#[tokio::test]
async fn a_second_registration_that_the_homeserver_does_not_know_is_a_warning() -> Result<()> {
    let mut beside = registered(&[]).await?;
    beside.program.cli(&["registration", "generate", "--double-puppets"]).await?;
    beside.program.up().await?;
    beside.program.expect_log("does not know the registration for double puppets").await?;
    beside.program.stop()
}
