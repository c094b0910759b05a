//! Who needs which file just now: an upload that has stored its bytes but not yet its row, or the collection that is
//! about to remove them. Never both.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tokio::sync::Notify;

use crate::rooms::Guarded;

/// All claims, by the hash of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Guarded<State>,
    /// A removal has ended.
    removed: Notify,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<String, usize>,
    removing: HashSet<String>,
}

/// While this lives, a file is not removed.
#[derive(Debug)]
pub(super) struct Kept {
    claims: Claims,
    hash: String,
}

/// While this lives, nobody stores the file.
#[derive(Debug)]
pub(super) struct Removing {
    claims: Claims,
    hash: String,
}

impl Claims {
    /// Claims a file for keeping; waits while it is being removed.
    pub(super) async fn keep(&self, hash: &str) -> Kept {
        loop {
            let removed = self.0.removed.notified();
            tokio::pin!(removed);
            // Listening begins before looking, so that nothing comes in between.
            removed.as_mut().enable();
            let is_free = self.0.state.with(|state| {
                let is_free = !state.removing.contains(hash);
                if is_free {
                    *state.kept.entry(hash.to_owned()).or_default() += 1;
                }
                is_free
            });
            if is_free {
                return Kept { claims: self.clone(), hash: hash.to_owned() };
            }
            removed.await;
        }
    }

    /// Claims a file for removal, if nobody is about to keep it.
    pub(super) fn remove(&self, hash: &str) -> Option<Removing> {
        let is_free = self
            .0
            .state
            .with(|state| !state.kept.contains_key(hash) && state.removing.insert(hash.to_owned()));
        is_free.then(|| Removing { claims: self.clone(), hash: hash.to_owned() })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.claims.0.state.with(|state| {
            if let Some(count) = state.kept.get_mut(&self.hash) {
                *count -= 1;
                if *count == 0 {
                    state.kept.remove(&self.hash);
                }
            }
        });
    }
}

impl Drop for Removing {
    fn drop(&mut self) {
        self.claims.0.state.with(|state| state.removing.remove(&self.hash));
        self.claims.0.removed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_is_either_kept_or_removed() {
        let claims = Claims::default();
        let (one, two) = (claims.keep("a").await, claims.keep("a").await);
        drop(one);
        assert!(claims.remove("a").is_none());
        assert!(claims.remove("b").is_some());
        drop(two);
        let removing = claims.remove("a").expect("nobody keeps it");
        assert!(claims.remove("a").is_none());
        assert!(claims.keep("a").now_or_never().is_none());
        let (kept, ()) = tokio::join!(claims.keep("a"), async { drop(removing) });
        assert!(claims.remove("a").is_none());
        drop(kept);
    }
}
