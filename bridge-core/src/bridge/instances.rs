//! The networks this database has seen. An instance's id is permanent and so is its kind.

use support_db::{DbError, Tx, params};

use super::builder::BuildError;
use crate::ids::NetworkId;
use crate::network::NetworkFacts;

const ALL: &str = "SELECT id, kind FROM network_instance ORDER BY id";

const INSERT: &str = "INSERT INTO network_instance (id, kind, created_at)
    VALUES ($1, $2, $3)";

/// Notes new networks and refuses one whose kind has changed.
pub(super) struct NoteInstances {
    pub(super) networks: Vec<(NetworkId, NetworkFacts)>,
    /// All that are configured, these included.
    pub(super) configured: Vec<NetworkId>,
    pub(super) now: i64,
}

/// Why the networks do not fit what is stored.
pub(super) enum Misfit {
    Db(DbError),
    Kind(BuildError),
}

impl From<DbError> for Misfit {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

#[async_trait::async_trait]
impl support_db::Job for NoteInstances {
    type Output = Vec<NetworkId>;
    type Error = Misfit;

    /// Returns the networks that are stored and not configured.
    async fn run(&self, tx: &mut Tx) -> Result<Vec<NetworkId>, Misfit> {
        let mut missing = Vec::new();
        let mut stored = Vec::new();
        for row in tx.fetch_all(ALL, params![]).await? {
            let id = NetworkId::new(row.get::<String>("id")?);
            let was: String = row.get("kind")?;
            let facts = self.networks.iter().find(|(network, _)| *network == id);
            match facts.map(|(_, facts)| facts) {
                None if self.configured.contains(&id) => {}
                None => missing.push(id.clone()),
                Some(facts) if facts.kind != was => {
                    let is = facts.kind.to_owned();
                    return Err(Misfit::Kind(BuildError::KindChanged { network: id, was, is }));
                }
                Some(_) => {}
            }
            stored.push(id);
        }
        for (id, facts) in self.networks.iter().filter(|(id, _)| !stored.contains(id)) {
            tx.execute(INSERT, params![id.as_str(), facts.kind, self.now]).await?;
        }
        Ok(missing)
    }
}
