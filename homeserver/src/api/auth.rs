//! The extractors that say who is asking. They read only the head of a request, so a stranger's body is never parsed.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use support_matrix_http::{MatrixError, client_token};

use crate::{
    error::Error,
    house::{House, SharedHouse},
    requester::{Assertion, Requester},
};

/// Somebody with a valid token; everybody else is refused with a 401.
#[derive(Debug)]
pub(crate) struct Authenticated(pub(crate) Requester);

/// Anybody, but a token that is there has to be valid.
#[derive(Debug)]
pub(crate) struct Anybody;

/// Somebody with a valid token, or nobody; a token that is there has to be valid.
#[derive(Debug)]
pub(crate) struct Perhaps(pub(crate) Option<Requester>);

/// The bare token: for endpoints that decide by the body what it has to be.
#[derive(Debug)]
pub(crate) struct BareToken(pub(crate) Option<String>);

impl FromRequestParts<SharedHouse> for Authenticated {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, house: &SharedHouse) -> Result<Self, Error> {
        let requester = find(parts, house).await?;
        requester.map(Self).ok_or_else(|| MatrixError::missing_token().into())
    }
}

impl FromRequestParts<SharedHouse> for Anybody {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, house: &SharedHouse) -> Result<Self, Error> {
        find(parts, house).await?;
        Ok(Self)
    }
}

impl FromRequestParts<SharedHouse> for Perhaps {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, house: &SharedHouse) -> Result<Self, Error> {
        Ok(Self(find(parts, house).await?))
    }
}

impl FromRequestParts<SharedHouse> for BareToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _house: &SharedHouse) -> Result<Self, Error> {
        Ok(Self(client_token(parts)?))
    }
}

async fn find(parts: &Parts, house: &Arc<House>) -> Result<Option<Requester>, Error> {
    let Some(token) = client_token(parts)? else { return Ok(None) };
    let assertion = parts.uri.query().map(read_assertion).unwrap_or_default();
    Ok(Some(Requester::find(house, &token, assertion).await?))
}

fn read_assertion(query: &str) -> Assertion {
    let mut assertion = Assertion::default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "user_id" => assertion.user_id = Some(value.into_owned()),
            // The second is the name the proposal had; older bridges send both, with the same value.
            "device_id" => assertion.device_id = Some(value.into_owned()),
            "org.matrix.msc3202.device_id" => {
                assertion.device_id.get_or_insert_with(|| value.into_owned());
            }
            _ => {}
        }
    }
    assertion
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_read_from_the_query() {
        let assertion = read_assertion("ts=1&user_id=%40_irc_a%3Ahs.test&device_id=ABC");
        assert_eq!(assertion.user_id.as_deref(), Some("@_irc_a:hs.test"));
        assert_eq!(assertion.device_id.as_deref(), Some("ABC"));
        let assertion = read_assertion("org.matrix.msc3202.device_id=OLD");
        assert_eq!((assertion.user_id, assertion.device_id.as_deref()), (None, Some("OLD")));
    }
}
