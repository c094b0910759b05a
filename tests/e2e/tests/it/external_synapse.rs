//! Beside a real Synapse, on both of its databases.

use anyhow::Result;
use e2e::external::Kind;
use e2e::{Quirk, Setup};

use crate::support::beside::Elsewhere;
use crate::support::crash::kill_9_loses_and_doubles_nothing;

#[tokio::test]
async fn lines_cross_each_way_beside_a_synapse_on_sqlite() -> Result<()> {
    Elsewhere::begin(Kind::Synapse, &[]).await?.lines_cross_each_way().await
}

#[tokio::test]
async fn lines_cross_each_way_beside_a_synapse_on_postgresql_as_double_puppets() -> Result<()> {
    let mut elsewhere = Elsewhere::begin_with(Kind::SynapseOnPostgres, &[], true).await?;
    elsewhere.lines_cross_each_way().await
}

/// Synapse keeps an application service's transaction ids in memory only.
#[tokio::test]
async fn a_lost_answer_doubles_nothing_when_synapse_has_forgotten_its_transaction_ids() -> Result<()>
{
    Elsewhere::begin(Kind::Synapse, &[]).await?.a_lost_answer_doubles_nothing().await
}

/// The crash story of the main job, where the homeserver has forgotten our transaction ids whenever we ask again.
#[tokio::test]
#[ignore = "takes minutes; `cargo nextest run --run-ignored all` tells it"]
async fn kill_9_under_load_doubles_nothing_beside_a_synapse_that_forgets() -> Result<()> {
    let setup = Setup::new().beside(Kind::Synapse, &[Quirk::ForgetsTransactionIds]);
    kill_9_loses_and_doubles_nothing(setup, 3).await
}
