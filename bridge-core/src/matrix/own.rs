//! Tokens of people's own sessions, and acting with them. One that the homeserver does not know any more is
//! dropped at once, and who wants to know hears of it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use secrecy::SecretString;
use support_matrix_http::{MatrixError, TransportError};
use tokio::sync::Notify;

use super::Matrix;
use super::outcome::MatrixTrouble;

/// The tokens. Bounded by the people who handed one in.
#[derive(Default)]
pub(super) struct OwnTokens {
    kept: RwLock<HashMap<String, SecretString>>,
    lost: Mutex<Vec<String>>,
    news: Notify,
}

impl OwnTokens {
    pub(super) fn has(&self, mxid: &str) -> bool {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).contains_key(mxid)
    }

    pub(super) fn of(&self, mxid: &str) -> Option<SecretString> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(mxid).cloned()
    }

    fn remove(&self, mxid: &str) -> bool {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(mxid).is_some()
    }
}

impl Matrix {
    /// Acts as this person with a token of theirs from now on.
    pub(crate) fn set_own_token(&self, mxid: &str, token: SecretString) {
        let mut kept = self.0.own.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(mxid.to_owned(), token);
    }

    /// Does not any more; tells whether it did.
    pub(crate) fn drop_own_token(&self, mxid: &str) -> bool {
        self.0.own.remove(mxid)
    }

    /// Waits until tokens turned out to be unknown, and returns whose they were.
    pub(crate) async fn lost_tokens(&self) -> Vec<String> {
        loop {
            let news = self.0.own.news.notified();
            let lost = std::mem::take(
                &mut *self.0.own.lost.lock().unwrap_or_else(PoisonError::into_inner),
            );
            if !lost.is_empty() {
                return lost;
            }
            news.await;
        }
    }

    /// Sends a request of somebody on its way. A person's own token that is not known any more is dropped, and
    /// the request counts as one of somebody we may not act as: it was not applied.
    pub(super) async fn carry(
        &self,
        as_user: &str,
        request: Request<Bytes>,
    ) -> Result<Result<Response<Bytes>, TransportError>, MatrixTrouble> {
        let answer = self.transport().call(request).await;
        self.heed(as_user, answer)
    }

    /// Looks at an answer to somebody's request: a token of their own may be good no longer.
    pub(super) fn heed(
        &self,
        as_user: &str,
        answer: Result<Response<Bytes>, TransportError>,
    ) -> Result<Result<Response<Bytes>, TransportError>, MatrixTrouble> {
        if self.0.own.has(as_user) && answer.as_ref().is_ok_and(is_unknown_token) {
            if self.0.own.remove(as_user) {
                let mut lost = self.0.own.lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.push(as_user.to_owned());
                self.0.own.news.notify_one();
            }
            return Err(super::call::may_not_act_as(as_user));
        }
        Ok(answer)
    }
}

fn is_unknown_token(response: &Response<Bytes>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
        && MatrixError::from_response(response).errcode == "M_UNKNOWN_TOKEN"
}
