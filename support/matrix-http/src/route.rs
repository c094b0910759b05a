//! Registers a ruma endpoint on an axum router: all its paths, stable and unstable, with its method.
//!
//! A handler is an `async fn` whose last argument is the ruma request and whose other arguments are axum extractors of the request's
//! head (`State`, the authenticated caller ...). They run before the body is read, so that a stranger's body is never parsed:
//!
//! ```
//! use axum::{Router, extract::State};
//! use ruma::api::client::discovery::get_supported_versions as versions;
//! use support_matrix_http::{MatrixError, route};
//!
//! async fn get_versions(
//!     State(known): State<Vec<String>>,
//!     _request: versions::Request,
//! ) -> Result<versions::Response, MatrixError> {
//!     Ok(versions::Response::new(known))
//! }
//! let router: Router = route(Router::new(), get_versions).with_state(vec!["v1.11".to_owned()]);
//! # let _ = router;
//! ```

use crate::{Ruma, RumaResponse};
use axum::{
    Router,
    extract::{FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use futures_util::future::BoxFuture;
use ruma::api::{IncomingRequest, path_builder::PathBuilder};

/// A handler of the ruma endpoint `R`: some extractors `A`, then the request.
///
/// Implemented for `async fn(extractor, ..., R) -> Result<R::OutgoingResponse, E>` with up to six extractors, where `E` answers for
/// itself ([`crate::MatrixError`] or a domain's own error).
pub trait Endpoint<R, A, S>: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn answer(self, request: Request, state: S) -> BoxFuture<'static, Response>;
}

/// Adds an endpoint to a router, under every path ruma knows for it.
///
/// Paths that end in a state key are also registered without it, with and without the slash: that is the empty state key.
///
/// # Panics
/// When the router already has a handler for one of the paths with this method.
pub fn route<R, A, S>(mut router: Router<S>, endpoint: impl Endpoint<R, A, S>) -> Router<S>
where
    R: IncomingRequest,
    S: Clone + Send + Sync + 'static,
{
    let method = MethodFilter::try_from(R::METHOD).expect("every Matrix method is a known one");
    for path in R::PATH_BUILDER.all_paths() {
        let mut spellings = vec![path.to_owned()];
        if let Some(start) = path.strip_suffix("{state_key}") {
            spellings.push(start.to_owned());
            spellings.push(start.trim_end_matches('/').to_owned());
        }
        for spelling in spellings {
            let endpoint = endpoint.clone();
            let handler =
                move |State(state): State<S>, request: Request| endpoint.answer(request, state);
            router = router.route(&spelling, on(method, handler));
        }
    }
    router
}

/// For two extractors `P1 P2` this expands to an implementation for every `Fn(P1, P2, R) -> impl Future` whose body runs the
/// extractors in order on the request's head, then [`Ruma`] on all of it, then the function; the first refusal is the answer.
macro_rules! impl_endpoint {
    ($($extractor:ident $value:ident)*) => {
        impl<F, Fut, E, R, S, $($extractor,)*> Endpoint<R, ($($extractor,)*), S> for F
        where
            F: Fn($($extractor,)* R) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = Result<R::OutgoingResponse, E>> + Send,
            E: IntoResponse,
            R: IncomingRequest + Send + 'static,
            S: Send + Sync + 'static,
            $($extractor: FromRequestParts<S> + Send,)*
        {
            fn answer(self, request: Request, state: S) -> BoxFuture<'static, Response> {
                Box::pin(async move {
                    let (mut parts, body) = request.into_parts();
                    let _head = &mut parts;
                    $(
                        let $value = match $extractor::from_request_parts(_head, &state).await {
                            Ok(value) => value,
                            Err(refusal) => return refusal.into_response(),
                        };
                    )*
                    let request = Request::from_parts(parts, body);
                    let Ruma(request) = match Ruma::<R>::from_request(request, &state).await {
                        Ok(request) => request,
                        Err(refusal) => return refusal.into_response(),
                    };
                    match self($($value,)* request).await {
                        Ok(response) => RumaResponse(response).into_response(),
                        Err(error) => error.into_response(),
                    }
                })
            }
        }
    };
}

impl_endpoint!();
impl_endpoint!(P1 p1);
impl_endpoint!(P1 p1 P2 p2);
impl_endpoint!(P1 p1 P2 p2 P3 p3);
impl_endpoint!(P1 p1 P2 p2 P3 p3 P4 p4);
impl_endpoint!(P1 p1 P2 p2 P3 p3 P4 p4 P5 p5);
impl_endpoint!(P1 p1 P2 p2 P3 p3 P4 p4 P5 p5 P6 p6);
