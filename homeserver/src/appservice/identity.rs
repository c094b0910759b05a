//! Names and whose they are: what only an appservice may register, log in or alias, and what it may not.

use std::sync::Arc;

use ruma::{RoomAliasId, UserId};
use support_matrix_http::MatrixError;

use super::{Appservice, Appservices};
use crate::{error::Result, requester::Requester, users::hash_token};

impl Appservices {
    /// Finds the appservice an access token belongs to. Tokens are found by their hash, so that the time it takes
    /// tells nothing about them.
    pub(crate) fn by_token(&self, token: &str) -> Option<Arc<Appservice>> {
        self.registry().by_token(&hash_token(token))
    }

    /// Refuses a name that belongs exclusively to an appservice other than the caller's.
    pub(crate) fn check_user(
        &self,
        caller: Option<&Appservice>,
        user_id: &UserId,
    ) -> Result<(), MatrixError> {
        if let Some(caller) = caller
            && !caller.covers_user(user_id)
        {
            return Err(MatrixError::exclusive(
                "This user id is outside of the application service's namespaces.",
            ));
        }
        let foreign =
            self.registry().all().iter().any(|one| {
                caller.is_none_or(|caller| caller.id != one.id) && one.owns_user(user_id)
            });
        if foreign {
            return Err(MatrixError::exclusive(
                "This user id is reserved by an application service.",
            ));
        }
        Ok(())
    }

    /// Tells whether somebody need not keep to the limits: an application service's own account, and the users of one
    /// whose registration says so, also with tokens of their own.
    pub(crate) fn is_unlimited(&self, who: &Requester) -> bool {
        let registry = self.registry();
        let mut all = registry.all().iter();
        match who.appservice.as_deref() {
            Some(caller) => !caller.is_rate_limited() || caller.sender == who.user_id,
            None => all.any(|one| {
                one.sender == who.user_id || (!one.is_rate_limited() && one.owns_user(&who.user_id))
            }),
        }
    }

    /// Refuses an alias that belongs exclusively to an appservice other than the caller's, and to an appservice
    /// everything outside of its namespaces.
    pub(crate) fn check_alias(
        &self,
        who: &Requester,
        alias: &RoomAliasId,
    ) -> Result<(), MatrixError> {
        let caller = who.appservice.as_deref();
        if let Some(caller) = caller
            && !caller.covers_alias(alias.as_str())
        {
            return Err(MatrixError::exclusive(
                "This alias is outside of the application service's namespaces.",
            ));
        }
        let foreign =
            self.registry().all().iter().any(|one| {
                caller.is_none_or(|caller| caller.id != one.id) && one.owns_alias(alias)
            });
        if foreign {
            return Err(MatrixError::exclusive(
                "This alias is reserved by an application service.",
            ));
        }
        Ok(())
    }
}
