//! Beside a homeserver that is not Rialto's own: whatever ways it has, lines cross once and in order. The homeserver is
//! a Synapse on which proxies put the ways of others.

use anyhow::{Result, ensure};
use e2e::external::Kind;
use e2e::{IrcStory, Quirk};
use reqwest::Method;
use serde_json::json;

use crate::support::beside::Elsewhere;

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
