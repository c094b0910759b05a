//! Asking an appservice whether it knows a user or an alias of its namespaces. It makes them during the call, through
//! our own API, so nothing is held while it runs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ruma::{RoomAliasId, UserId};
use support_matrix_http::CallTimeout;

use super::{Appservice, Appservices};
use crate::error::Result;

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long a person's request may wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
const ATTEMPTS: usize = 2;

impl Appservices {
    /// Makes sure that a local user exists, asking the appservices whose namespaces cover the name. True when there is
    /// an account now. Never called from inside a write job: the appservice writes while it is asked.
    pub(crate) async fn ensure_user(&self, user_id: &UserId) -> Result<bool> {
        if self.users.exists(user_id).await? {
            return Ok(true);
        }
        for appservice in self.registry().pushing() {
            // Users of other servers are covered by nobody.
            if !appservice.covers_user(user_id) {
                continue;
            }
            let path = format!("/_matrix/app/v1/users/{}", escape(user_id.as_str()));
            if ask(appservice, &path).await && self.users.exists(user_id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the appservices whose namespaces cover the alias. True when one says that it made the room: look again.
    pub(crate) async fn ensure_alias(&self, alias: &RoomAliasId) -> Result<bool> {
        if alias.server_name() != self.server_name {
            return Ok(false);
        }
        for appservice in self.registry().pushing() {
            if appservice.covers_alias(alias.as_str()) {
                let path = format!("/_matrix/app/v1/rooms/{}", escape(alias.as_str()));
                if ask(appservice, &path).await {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn escape(id: &str) -> String {
    utf8_percent_encode(id, SEGMENT).to_string()
}

async fn ask(appservice: &Arc<Appservice>, path: &str) -> bool {
    for _ in 0..ATTEMPTS {
        let request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(header::AUTHORIZATION, appservice.authorization())
            .extension(CallTimeout(PATIENCE))
            .body(Bytes::new())
            .expect("an escaped path and a checked token make a request");
        match appservice.call(request).await {
            Ok(response) if response.status().is_server_error() => {}
            Ok(response) => return response.status().is_success(),
            Err(error) => {
                tracing::debug!(
                    appservice = %appservice.id,
                    error = &error as &dyn std::error::Error,
                    "appservice did not answer a query"
                );
            }
        }
    }
    false
}
