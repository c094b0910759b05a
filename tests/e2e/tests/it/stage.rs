//! The demo's stage in a real browser: one person plays both sides, and has the network misbehave.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::support::demo::Demo;
use crate::support::visitor::Visitor;

async fn play(light: &'static str) -> Result<()> {
    let mut demo = Demo::start()?;
    let url = demo.value_of("url").await?;
    let user = demo.value_of("user").await?;
    let password = demo.value_of("password").await?;
    let stage = format!("{url}/_rialto/network/demo/stage/");
    let mut visitor = Visitor::arrive("stage_visitor.mjs", light)?;
    let opened =
        visitor.ask("open", json!({ "url": format!("{stage}#{user}:{password}") })).await?;
    ensure!(opened["address"] == stage, "the password stays in the address: {opened}");

    let matrix = |words: &str| json!({ "side": "matrix", "words": words });
    let network = |words: &str| json!({ "side": "network", "words": words });
    visitor.ask("line", network("Hello from Matrix!")).await?;
    visitor
        .ask("say", json!({ "side": "network", "who": "marco", "words": "Polo, where are you?" }))
        .await?;
    let came = visitor.ask("line", matrix("Polo, where are you?")).await?;
    ensure!(came.as_str().is_some_and(|line| line.starts_with("marco")), "{came}");
    visitor.ask("say", json!({ "side": "matrix", "words": "On the bridge" })).await?;
    let came = visitor.ask("line", network("On the bridge")).await?;
    ensure!(came.as_str().is_some_and(|line| line.starts_with("newcomer")), "{came}");

    changes(&mut visitor).await?;
    visitor.picture("stage").await?;

    visitor.ask("mischief", json!({ "what": "refuse" })).await?;
    visitor.ask("say", json!({ "side": "matrix", "words": "Not this one" })).await?;
    visitor.ask("line", matrix("Not this one\nnot carried over")).await?;
    visitor.ask("mischief", json!({ "what": "lose_answer" })).await?;
    visitor.ask("say", json!({ "side": "matrix", "words": "Once, please" })).await?;
    visitor.ask("line", network("Once, please")).await?;
    visitor.ask("mischief", json!({ "what": "reachable" })).await?;
    visitor.ask("say", json!({ "side": "matrix", "words": "This one waits" })).await?;
    visitor.ask("line", matrix("This one waits")).await?;
    visitor.picture("mischief").await?;
    visitor.ask("mischief", json!({ "what": "reachable" })).await?;
    visitor.ask("line", network("This one waits")).await?;
    let faults = visitor.ask("faults", json!({})).await?;
    ensure!(faults == json!([]), "the browser complains: {faults:#}");
    ensure!(demo.stop().await? == Some(0), "a polite end is an end with 0");
    Ok(())
}

/// Answers, changes, reactions and messages taken back, from either side.
async fn changes(visitor: &mut Visitor) -> Result<()> {
    let press = |side: &str, words: &str, button: &str| json!({ "side": side, "words": words, "button": button });
    visitor.ask("press", press("matrix", "Polo, where", "👍")).await?;
    visitor.ask("line", json!({ "side": "network", "words": "👍 1" })).await?;
    visitor.ask("press", press("network", "On the bridge", "Answer")).await?;
    visitor.ask("say", json!({ "side": "network", "words": "I see you" })).await?;
    visitor.ask("line", json!({ "side": "matrix", "words": "On the bridgeI see you" })).await?;
    visitor.ask("press", press("network", "I see you", "Change")).await?;
    visitor.ask("say", json!({ "side": "network", "words": "I saw you" })).await?;
    visitor.ask("line", json!({ "side": "matrix", "words": "I saw you (changed)" })).await?;
    visitor.ask("press", press("network", "I saw you", "Take back")).await?;
    visitor.ask("gone", json!({ "side": "matrix", "words": "I saw you" })).await.map(drop)
}

#[tokio::test]
async fn one_person_plays_both_sides_by_light() -> Result<()> {
    play("light").await
}

#[tokio::test]
async fn one_person_plays_both_sides_by_dark() -> Result<()> {
    play("dark").await
}
