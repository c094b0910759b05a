//! Beside a homeserver that is not Rialto's own: whatever ways it has, lines cross once and in order. The homeserver is
//! a Synapse on which proxies put the ways of others.

use anyhow::{Result, ensure};
use e2e::Quirk;
use e2e::external::Kind;

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
