//! Where a token stands in a request: `Authorization: Bearer ...`, or the older `?access_token=`.
//!
//! Whether it is the right one is the caller's business, and the caller compares in constant time.

use crate::MatrixError;
use http::{StatusCode, header, request::Parts};

/// Returns the token of a client or application service, `None` when there is none.
///
/// A request that carries one in both places (or several headers) is refused, as Synapse does: a proxy or a bug has mixed two callers.
pub fn client_token(parts: &Parts) -> Result<Option<String>, MatrixError> {
    match (header_token(parts)?, query_token(parts)) {
        (Some(_), Some(_)) => {
            Err(unclear("The access token stands in the header and in the query string."))
        }
        (header, query) => Ok(header.or(query)),
    }
}

/// Returns the token a homeserver sends to an application service.
///
/// The Conduit family sends it in both places at once and Palpo only in the query string; both places are fine as long as they agree.
pub fn homeserver_token(parts: &Parts) -> Result<Option<String>, MatrixError> {
    match (header_token(parts)?, query_token(parts)) {
        (Some(header), Some(query)) if header != query => {
            Err(unclear("The header and the query string carry different tokens."))
        }
        (header, query) => Ok(header.or(query)),
    }
}

fn header_token(parts: &Parts) -> Result<Option<String>, MatrixError> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(unclear("There is more than one Authorization header."));
    }
    let no_bearer = || unclear("The Authorization header is not of the form `Bearer TOKEN`.");
    let value = value.to_str().map_err(|_| no_bearer())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(no_bearer)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(no_bearer());
    }
    Ok(Some(token.to_owned()))
}

fn query_token(parts: &Parts) -> Option<String> {
    let query = parts.uri.query()?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "access_token")
        .map(|(_, value)| value.into_owned())
}

fn unclear(message: &str) -> MatrixError {
    MatrixError::new(StatusCode::UNAUTHORIZED, "M_MISSING_TOKEN", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str, headers: &[&str]) -> Parts {
        let mut request = http::Request::get(uri);
        for value in headers {
            request = request.header("authorization", *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn token_is_read_from_the_header_or_the_query() {
        let token = |uri, headers: &[&str]| client_token(&parts(uri, headers));
        assert_eq!(token("/x", &["Bearer abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(token("/x", &["bearer abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(token("/x?a=1&access_token=a%2Bc", &[]), Ok(Some("a+c".to_owned())));
        assert_eq!(token("/x", &[]), Ok(None));
    }

    #[test]
    fn two_tokens_are_refused_from_a_client() {
        let error = client_token(&parts("/x?access_token=abc", &["Bearer abc"])).unwrap_err();
        assert_eq!((error.status.as_u16(), error.errcode.as_str()), (401, "M_MISSING_TOKEN"));
        assert!(client_token(&parts("/x", &["Bearer a", "Bearer b"])).is_err());
        assert!(client_token(&parts("/x", &["Basic abc"])).is_err());
        assert!(client_token(&parts("/x", &["Bearer "])).is_err());
    }

    #[test]
    fn homeserver_may_send_its_token_twice_if_it_is_the_same() {
        let twice = homeserver_token(&parts("/x?access_token=abc", &["Bearer abc"]));
        assert_eq!(twice, Ok(Some("abc".to_owned())));
        assert!(homeserver_token(&parts("/x?access_token=abc", &["Bearer abd"])).is_err());
    }
}
