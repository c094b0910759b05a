//! Beside a homeserver that is not Rialto's own: whatever ways it has, lines cross once and in order. The homeserver is
//! a Synapse on which proxies put the ways of others.

use anyhow::{Result, ensure};
use e2e::external::Kind;
use e2e::{IrcStory, Quirk};
use reqwest::Method;
use serde_json::json;

use crate::support::beside::Elsewhere;
use crate::support::modern::CHANNEL;

/// The main story beside a homeserver with these ways.
async fn lines_cross_with(quirks: &[Quirk]) -> Result<()> {
    Elsewhere::begin(Kind::Synapse, quirks).await?.lines_cross_each_way().await
}

#[tokio::test]
async fn lines_cross_beside_a_homeserver_like_palpo() -> Result<()> {
    lines_cross_with(&[
        Quirk::TokenInQuery,
        Quirk::NamelessIsAnybody,
        Quirk::NoEphemerals,
        Quirk::AnyAnswerIsDelivered,
    ])
    .await
}

#[tokio::test]
async fn lines_cross_beside_a_homeserver_like_dendrite() -> Result<()> {
    lines_cross_with(&[Quirk::GrownUnderOneId, Quirk::NoPing, Quirk::NoEphemerals]).await
}

#[tokio::test]
async fn lines_cross_beside_a_synapse_that_counts_its_transactions_anew() -> Result<()> {
    lines_cross_with(&[Quirk::RestartedIds]).await
}

#[tokio::test]
async fn what_a_homeserver_like_tuwunel_keeps_back_comes_when_we_start() -> Result<()> {
    let Elsewhere { mut bob, mut story, mut beside, _irc } =
        Elsewhere::begin(Kind::Synapse, &[Quirk::HoldsUntilNews]).await?;
    beside.program.stop()?;
    story.alice.send(&story.room, "while you were away").await?;
    beside.way_back.holds().await?;
    beside.program.up().await?;
    bob.expect_message(CHANNEL, "while you were away").await?;
    Ok(())
}

/// Its database is taken for a while, and then it stops, while Alice goes on writing.
#[tokio::test]
async fn nothing_is_lost_beside_a_homeserver_like_palpo_that_takes_any_answer() -> Result<()> {
    let quirks = [Quirk::AnyAnswerIsDelivered, Quirk::TokenInQuery];
    let Elsewhere { mut bob, mut story, mut beside, _irc } =
        Elsewhere::begin(Kind::Synapse, &quirks).await?;
    let database = rusqlite::Connection::open(beside.program.data_dir().join("bridges.db"))?;
    database.execute_batch("BEGIN IMMEDIATE")?;
    story.alice.send(&story.room, "one").await?;
    beside.program.expect_log("it is not answered before it is").await?;
    database.execute_batch("ROLLBACK")?;
    bob.expect_message(CHANNEL, "one").await?;
    for number in 2..=9 {
        story.alice.send(&story.room, &format!("line {number}")).await?;
        if number == 5 {
            beside.program.stop()?;
        }
    }
    beside.program.up().await?;
    bob.expect_message(CHANNEL, "line 9").await?;
    let heard = bob.heard();
    let lines: Vec<&str> = heard
        .iter()
        .filter(|one| one.line.is_message_to(CHANNEL) && one.line.nick() == "alice")
        .map(|one| one.line.text())
        .collect();
    let expected: Vec<String> =
        ["one".to_owned()].into_iter().chain((2..=9).map(|n| format!("line {n}"))).collect();
    ensure!(lines == expected, "on IRC: {lines:?}");
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_doubles_nothing_where_transaction_ids_are_forgotten() -> Result<()> {
    let mut elsewhere = Elsewhere::begin(Kind::Synapse, &[Quirk::ForgetsTransactionIds]).await?;
    elsewhere.a_lost_answer_doubles_nothing().await
}

#[tokio::test]
async fn people_are_joined_where_a_second_registration_allows_it() -> Result<()> {
    let elsewhere = Elsewhere::begin_with(Kind::Synapse, &[], true).await?;
    let story = &elsewhere.story;
    let said = story.alice.room(&story.bot.room).bodies_of(&e2e::matrix::user("rialtobot"));
    ensure!(said.iter().any(|text| text.contains("You are in its room")), "it said {said:?}");
    Ok(())
}

#[tokio::test]
async fn without_it_they_are_invited() -> Result<()> {
    let elsewhere = Elsewhere::begin(Kind::Synapse, &[]).await?;
    let story = &elsewhere.story;
    let said = story.alice.room(&story.bot.room).bodies_of(&e2e::matrix::user("rialtobot"));
    ensure!(said.iter().any(|text| text.contains("You are invited")), "it said {said:?}");
    Ok(())
}

/// No second registration: Alice hands in a token of her own, and ends that session later.
#[tokio::test]
async fn people_are_joined_by_a_token_of_their_own_as_long_as_it_lasts() -> Result<()> {
    let mut elsewhere = Elsewhere::begin(Kind::Synapse, &[]).await?;
    let for_the_bridge = elsewhere.beside.program.log_in("alice").await?;
    let IrcStory { alice, bot, network, .. } = &mut elsewhere.story;
    let hand_in = format!("login-matrix {}", for_the_bridge.token());
    bot.ask(alice, &hand_in, |answer| answer.contains("I act in your name now")).await?;
    let joined = |answer: &str| answer.contains("You are in its room");
    bot.ask(alice, &format!("join {network} #second"), joined).await?;
    for_the_bridge.call(Method::POST, "/_matrix/client/v3/logout", Some(json!({}))).await?;
    let invited = |answer: &str| answer.contains("You are invited");
    bot.ask(alice, &format!("join {network} #third"), invited).await?;
    let told = |words: &str| words.contains("does not know the token any more");
    bot.expect(alice, "a word about the token", told).await?;
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=100", bot.room);
    let left = alice.call(Method::GET, &path, None).await?.to_string();
    ensure!(!left.contains(for_the_bridge.token()), "the token is still in the room");
    Ok(())
}
