//! What single homeservers do in ways of their own on the way to them, each worked round here and nowhere else.
//!
//! - **Palpo** takes a request without `user_id` as one of any user of the registration, often a ghost: the bot is always named.
//!
//! What concerns the way back has its place elsewhere:
//!
//! | who | what | met by |
//! |---|---|---|
//! | Palpo | shows its token in the query only | `support/matrix-http/src/token.rs` takes it from either place |
//! | Palpo | takes any answer for a delivery | the bridges' intake answers only when it is stored |
//! | Dendrite | repeats earlier events in a batch that grew, under the same transaction id | the bridges' intake knows events by their ids |
//! | Synapse, restored | counts transactions anew | the same |
//! | Synapse, started | has forgotten the transaction ids of our sends | the journal looks a send up by its tag first |
//! | tuwunel, continuwuity | keep what they could not deliver until there is news | [`super::nudge`] makes some |
//! | Dendrite | has no ping | [`super::ping`] passes it over |
//! | Dendrite, continuwuity, Palpo | push no typing and no read marks | nothing: they do not cross there |

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri, header};
use registration::Token;
use std::sync::Arc;
use support_matrix_http::{HttpTransport, TransportError};

/// In a request's extensions: it is sent as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsIs;

/// Puts the work-arounds around a transport.
pub(super) fn around(
    inner: Arc<dyn HttpTransport>,
    bot: &str,
    as_token: &Token,
) -> Arc<dyn HttpTransport> {
    let user: String = url::form_urlencoded::byte_serialize(bot.as_bytes()).collect();
    Arc::new(NamedBot { inner, user, bearer: format!("Bearer {}", as_token.expose()) })
}

/// Names the bot where a request with the bridges' token names nobody.
struct NamedBot {
    inner: Arc<dyn HttpTransport>,
    user: String,
    bearer: String,
}

impl std::fmt::Debug for NamedBot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedBot").field("user", &self.user).finish_non_exhaustive()
    }
}

impl NamedBot {
    fn named(&self, uri: &Uri) -> Option<Uri> {
        let query = uri.query().unwrap_or_default();
        if query.split('&').any(|pair| pair.starts_with("user_id=")) {
            return None;
        }
        let joint = if query.is_empty() { "?" } else { "&" };
        let whole = uri.path_and_query()?.as_str();
        format!("{whole}{joint}user_id={}", self.user).parse().ok()
    }
}

#[async_trait]
impl HttpTransport for NamedBot {
    async fn call(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let is_ours = request
            .headers()
            .get(header::AUTHORIZATION)
            .is_some_and(|shown| shown.as_bytes() == self.bearer.as_bytes());
        // A registration is for the name in its body, and `/versions` and the like carry no token.
        let names_itself = request.uri().path().ends_with("/register");
        if is_ours
            && !names_itself
            && request.extensions().get::<AsIs>().is_none()
            && let Some(named) = self.named(request.uri())
        {
            *request.uri_mut() = named;
        }
        self.inner.call(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bot_is_named_where_nobody_is() {
        #[derive(Debug)]
        struct Nobody;
        #[async_trait]
        impl HttpTransport for Nobody {
            async fn call(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
                Err(TransportError::NotSent("nobody".to_owned()))
            }
        }
        let user = "%40rialtobot%3Aa.org".to_owned();
        let layer = NamedBot { inner: Arc::new(Nobody), user, bearer: String::new() };
        let named =
            |uri: &'static str| layer.named(&Uri::from_static(uri)).map(|uri| uri.to_string());
        assert_eq!(named("/x").as_deref(), Some("/x?user_id=%40rialtobot%3Aa.org"));
        assert_eq!(named("/x?ts=1").as_deref(), Some("/x?ts=1&user_id=%40rialtobot%3Aa.org"));
        assert_eq!(named("/x?user_id=%40a&ts=1"), None);
    }
}
