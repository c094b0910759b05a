//! Who asks: a person with the access token of their Matrix session, or a program with the operator's
//! secret that says for whom it asks. Tokens are kept as hashes, for a few minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::{StatusCode, header, request::Parts};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Provisioning, failure::Failure};
use crate::matrix::Sender;
use crate::permissions::Permission;

/// How long a token that was good is believed to be: a session that is logged out is let in no longer
/// than this.
const BELIEVED: Duration = Duration::from_secs(300);
/// How many tokens are remembered.
const REMEMBERED: usize = 1000;

/// The person a request is made for, who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller(pub(super) String);

/// Marks a request that only the operator can have made: no token is asked for then. Put on by this program
/// alone; nothing that comes through a socket can carry it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operators;

/// Tokens that were good a while ago.
#[derive(Default)]
pub(super) struct KnownTokens(Mutex<HashMap<[u8; 32], Known>>);

struct Known {
    mxid: String,
    until: Duration,
}

#[derive(Deserialize)]
struct ForWhom {
    user_id: Option<String>,
}

impl KnownTokens {
    fn get(&self, token: &SecretString, now: Duration) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&fingerprint(token))?;
        (found.until > now).then(|| found.mxid.clone())
    }

    fn put(&self, token: &SecretString, mxid: &str, now: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, known| known.until > now);
        }
        if known.len() < REMEMBERED {
            let until = now + BELIEVED;
            known.insert(fingerprint(token), Known { mxid: mxid.to_owned(), until });
        }
    }
}

fn fingerprint(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret()).into()
}

impl FromRequestParts<Provisioning> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &Provisioning) -> Result<Self, Failure> {
        let whom = Query::<ForWhom>::try_from_uri(&parts.uri)
            .map_err(|error| Failure::invalid(error.body_text()))?
            .0
            .user_id;
        let is_operators = parts.extensions.get::<Operators>().is_some();
        let token = if is_operators { None } else { Some(token(parts)?) };
        let token = token.filter(|token| !state.is_operators(token));
        let mxid = if let Some(token) = token {
            let mxid = state.owner_of(&token).await?;
            if whom.is_some_and(|whom| whom != mxid) {
                let words = "This token is not that person's.";
                return Err(Failure::forbidden(words));
            }
            mxid
        } else {
            whom.ok_or_else(|| {
                Failure::new(
                    StatusCode::BAD_REQUEST,
                    "M_MISSING_PARAM",
                    "An operator says with `user_id` for whom it is.",
                )
            })?
        };
        state.may_log_in(&mxid)?;
        Ok(Self(mxid))
    }
}

impl Provisioning {
    fn is_operators(&self, token: &SecretString) -> bool {
        self.0.secret.as_ref().is_some_and(|secret| {
            bool::from(token.expose_secret().as_bytes().ct_eq(secret.expose_secret().as_bytes()))
        })
    }

    async fn owner_of(&self, token: &SecretString) -> Result<String, Failure> {
        let now = self.0.parts.clock.monotonic();
        if let Some(known) = self.0.tokens.get(token, now) {
            return Ok(known);
        }
        let owner = self.0.parts.matrix.owner_of_token(token).await?;
        let Some(mxid) = owner else {
            let words = "The homeserver does not know this token.";
            return Err(Failure::new(StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN", words));
        };
        self.0.tokens.put(token, &mxid, now);
        Ok(mxid)
    }

    fn may_log_in(&self, mxid: &str) -> Result<(), Failure> {
        let is_person = self.0.parts.matrix.kind_of(mxid) == Sender::Other;
        let is_id = mxid.starts_with('@') && mxid.contains(':');
        if is_id && is_person && self.0.parts.permissions.of(mxid) >= Permission::User {
            return Ok(());
        }
        Err(Failure::forbidden(
            "You may not log in through this bridge; its operator decides that.",
        ))
    }
}

fn token(parts: &Parts) -> Result<SecretString, Failure> {
    let shown = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer ")).map(str::trim);
    match token {
        Some(token) if !token.is_empty() => Ok(SecretString::from(token)),
        _ => Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "M_MISSING_TOKEN",
            "Show your access token as `Authorization: Bearer ...`.",
        )),
    }
}
