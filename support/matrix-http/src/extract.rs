//! The two ends of a handler: [`Ruma`] reads an endpoint's request from HTTP, [`RumaResponse`] writes its answer.
//!
//! What can be wrong with a request is answered the way the Matrix specification wants it: no JSON, JSON of another shape, a bad
//! id in the path, a body over the limit.

use crate::{
    MatrixError,
    body::{check_object, is_json},
};
use axum::{
    RequestExt,
    body::Body,
    extract::{FromRequest, RawPathParams, Request},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use ruma::api::{
    IncomingRequest, OutgoingResponse,
    error::{DeserializationError, FromHttpRequestError},
    path_builder::PathBuilder,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Extracts a ruma request: path arguments (percent-decoded once), query, headers and body.
#[derive(Debug, Clone)]
pub struct Ruma<T>(pub T);

impl<S, T> FromRequest<S> for Ruma<T>
where
    S: Send + Sync,
    T: IncomingRequest + Send + 'static,
{
    type Rejection = MatrixError;

    async fn from_request(mut request: Request, _state: &S) -> Result<Self, MatrixError> {
        let params: RawPathParams = request
            .extract_parts()
            .await
            .map_err(|_| MatrixError::invalid_param("The path is not valid UTF-8."))?;
        let mut args: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
        refuse_nul(&args, request.uri())?;
        supply_empty_state_key::<T>(&mut args);
        // `into_parts` would forget the limit that the router set, hence `with_limited_body`.
        let (parts, body) = request.with_limited_body().into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(unreadable_body)?;
        parse_request(http::Request::from_parts(parts, body), &args).map(Ruma)
    }
}

/// Turns a whole HTTP request into an endpoint's request, outside of axum's extractors too.
///
/// `args` are the path arguments in the order of the path, percent-decoded.
pub fn parse_request<T: IncomingRequest>(
    request: http::Request<Bytes>,
    args: &[String],
) -> Result<T, MatrixError> {
    let body = request.body().clone();
    // What a GET carries is nobody's business. A PUT says what is to be put: ruma would read an empty body as an empty object.
    let reads_body = match *request.method() {
        Method::GET | Method::HEAD => false,
        Method::PUT => true,
        _ => !body.is_empty(),
    };
    if reads_body {
        check_object(&body)?;
    }
    if !body.is_empty() || request.method() != Method::POST {
        // Some of ruma's readers index what is not there (a login without a `type`): that is a body that does not fit.
        let read = catch_unwind(AssertUnwindSafe(|| T::try_from_http_request(request, args)));
        let read = read.map_err(|_| MatrixError::bad_json("The request body does not fit."))?;
        return read.map_err(|error| refusal(&error, &body));
    }
    // Clients leave out the body of a POST in which nothing has to be (matrix-nio joins so): then it is an empty object. An
    // endpoint that takes bytes understands the empty body itself.
    let (parts, body) = request.into_parts();
    let bare = http::Request::from_parts(parts.clone(), body);
    T::try_from_http_request(bare, args).or_else(|error| {
        let with_object = http::Request::from_parts(parts, Bytes::from_static(b"{}"));
        T::try_from_http_request(with_object, args).map_err(|_| refusal(&error, b""))
    })
}

/// Fills in the state key that a path without one means: `/state/m.room.name` and `/state/m.room.name/`.
fn supply_empty_state_key<T: IncomingRequest>(args: &mut Vec<String>) {
    let Some(path) = T::PATH_BUILDER.all_paths().next() else { return };
    let wanted = path.matches('{').count();
    if args.len() + 1 == wanted && path.ends_with("/{state_key}") {
        args.push(String::new());
    }
}

/// Refuses NUL in what names something: no id has it, and PostgreSQL cannot keep it in a text.
fn refuse_nul(args: &[String], uri: &http::Uri) -> Result<(), MatrixError> {
    let in_query = uri.query().is_some_and(|query| query.contains("%00"));
    if in_query || args.iter().any(|arg| arg.contains('\0')) {
        return Err(MatrixError::invalid_param("No parameter may hold the character NUL."));
    }
    Ok(())
}

fn unreadable_body(error: axum::Error) -> MatrixError {
    if is_over_limit(&error) {
        return MatrixError::too_large();
    }
    MatrixError::new(StatusCode::BAD_REQUEST, "M_UNKNOWN", "The request body broke off.")
}

fn is_over_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.is::<http_body_util::LengthLimitError>())
}

/// Finds the words for a request that ruma refused.
fn refusal(error: &FromHttpRequestError, body: &[u8]) -> MatrixError {
    let FromHttpRequestError::Deserialization(error) = error else {
        return MatrixError::wrong_method();
    };
    match error {
        DeserializationError::Utf8(_) => MatrixError::not_json(),
        // A wrong type may be noticed before a syntax error further on, so the body is asked as a whole.
        DeserializationError::Json(error) if is_json(body) => {
            MatrixError::bad_json(sentence("The request body does not fit", error))
        }
        DeserializationError::Json(_) => MatrixError::not_json(),
        DeserializationError::Query(error) if error.to_string().starts_with("missing field") => {
            MatrixError::missing_param(sentence("A parameter is missing", error))
        }
        other => MatrixError::invalid_param(sentence("A parameter is not valid", other)),
    }
}

fn sentence(start: &str, error: &dyn std::fmt::Display) -> String {
    format!("{start}: {error}.")
}

/// Writes a ruma response.
#[derive(Debug, Clone)]
pub struct RumaResponse<T>(pub T);

impl<T: OutgoingResponse> IntoResponse for RumaResponse<T> {
    fn into_response(self) -> Response {
        match self.0.try_into_http_response::<BytesMut>() {
            Ok(response) => response.map(|body| Body::from(body.freeze())),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an answer could not be written"
                );
                MatrixError::internal().into_response()
            }
        }
    }
}
