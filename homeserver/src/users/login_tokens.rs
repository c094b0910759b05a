//! Tokens by which somebody who is logged in lets another device of theirs in. Each is good once and for two minutes, so
//! none is stored: a restart ends them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ruma::{OwnedUserId, UserId};
use support_clock::Random;

use super::{TokenHash, hash_token};

/// How long one can be used.
pub(crate) const LOGIN_TOKEN_LIFETIME: Duration = Duration::from_secs(120);

/// How many there may be at a time: of one person, and in all.
const MOST_OF_ONE: usize = 10;
const MOST: usize = 10_000;

/// The tokens that can be used now.
#[derive(Debug, Default)]
pub(crate) struct LoginTokens(Mutex<HashMap<TokenHash, LoginToken>>);

#[derive(Debug)]
struct LoginToken {
    user_id: OwnedUserId,
    /// On the monotonic clock.
    ends: Duration,
}

impl LoginTokens {
    /// Makes one; `None` when there are too many.
    pub(crate) fn mint(
        &self,
        user_id: &UserId,
        now: Duration,
        random: &dyn Random,
    ) -> Option<String> {
        let mut all = self.lock();
        all.retain(|_, token| token.ends > now);
        let own = all.values().filter(|token| token.user_id == user_id).count();
        if own >= MOST_OF_ONE || all.len() >= MOST {
            return None;
        }
        let token = format!("rtl_{}", random.token(32));
        let ends = now + LOGIN_TOKEN_LIFETIME;
        all.insert(hash_token(&token), LoginToken { user_id: user_id.to_owned(), ends });
        Some(token)
    }

    /// Uses one up; returns whose it was.
    pub(crate) fn redeem(&self, token: &str, now: Duration) -> Option<OwnedUserId> {
        let token = self.lock().remove(&hash_token(token))?;
        (token.ends > now).then_some(token.user_id)
    }

    /// Ends those of one person.
    pub(super) fn end_of(&self, user_id: &UserId) {
        self.lock().retain(|_, token| token.user_id != user_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, LoginToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use support_clock::SeededRandom;

    use super::*;

    #[test]
    fn a_token_is_good_once_soon_and_until_its_person_changes_the_password() {
        let (tokens, random) = (LoginTokens::default(), SeededRandom::new(1));
        let (alice, now) = (user_id!("@alice:hs.test"), Duration::from_secs(5));
        let mint = |now| tokens.mint(alice, now, &random);
        let token = mint(now).unwrap();
        assert_eq!(tokens.redeem(&token, now).as_deref(), Some(alice));
        assert_eq!(tokens.redeem(&token, now), None);
        let token = mint(now).unwrap();
        assert_eq!(tokens.redeem(&token, now + LOGIN_TOKEN_LIFETIME), None);
        let token = mint(now).unwrap();
        tokens.end_of(alice);
        assert_eq!(tokens.redeem(&token, now), None);
        assert!((0..MOST_OF_ONE).all(|_| mint(now).is_some()));
        assert_eq!(mint(now), None);
        assert!(tokens.mint(user_id!("@bob:hs.test"), now, &random).is_some());
        assert!(mint(now + LOGIN_TOKEN_LIFETIME).is_some());
    }
}
