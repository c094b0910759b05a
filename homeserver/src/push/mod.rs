//! Push rules and what comes of them: who is to be told of an event, and how much everybody has not seen.
//!
//! An event is held against the rules of the people it could be for in the write job that appends it
//! ([`evaluate`]), so that the counts are right whenever somebody looks ([`counts`](counts::counts)). Receipts and one's
//! own messages take them down again.

pub(crate) mod audience;
mod counts;
mod evaluate;
pub(crate) mod rules;

use std::sync::Arc;

use ruma::{OwnedUserId, UserId, push::Ruleset};
use support_db::Tx;

pub(crate) use self::{
    audience::Audience,
    counts::counts,
    evaluate::{MAIN, note},
};
use crate::{error::Result, store::account_data, users::Cache};

/// How many people's rules are kept at hand; a set has about ten kilobytes.
const MOST_RULES: usize = 2000;

/// The rules that were looked up lately.
#[derive(Debug)]
pub(crate) struct Push {
    rules: Cache<OwnedUserId, Arc<Ruleset>>,
}

impl Push {
    pub(crate) fn new() -> Self {
        Self { rules: Cache::holding(MOST_RULES) }
    }

    /// Returns somebody's rules, inside of a write job.
    async fn rules_of(&self, tx: &mut Tx, user_id: &UserId) -> Result<Arc<Ruleset>> {
        let generation = match self.rules.get(&user_id.to_owned()) {
            Ok(rules) => return Ok(rules),
            Err(generation) => generation,
        };
        let stored = account_data::get_in(tx, user_id.as_str(), "", rules::KIND).await?;
        let rules = Arc::new(rules::read(user_id, stored.as_deref())?);
        self.rules.remember(generation, user_id.to_owned(), Arc::clone(&rules));
        Ok(rules)
    }

    /// Forgets somebody's rules: they have changed.
    pub(crate) fn forget(&self, user_id: &UserId) {
        self.rules.forget(|owner, _| owner == user_id);
    }
}
