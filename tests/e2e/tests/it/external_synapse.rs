//! Beside a real Synapse, on both of its databases.

use anyhow::Result;
use e2e::external::Kind;

use crate::support::beside::Elsewhere;

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
