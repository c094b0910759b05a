//! What an external homeserver's answers mean, in words: pure, but for the clock's warning in the log.

use crate::failure::Failure;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};
use support_matrix_http::MatrixError;

pub(super) const WHAT: &str = "cannot work with the external homeserver";

/// What mends a homeserver that has no copy of our registration, or an old one.
pub(super) const REGISTER: &str = "Run `rialto registration generate --out FILE`, name the file in its configuration and restart it";

/// Clocks this far apart are worth a word: messages would stand at wrong times.
const SKEW: Duration = Duration::from_secs(60);

/// Every server of the last years names a version of the form `v1.N`; what a server really has, the bridges find out by asking.
pub(super) fn check_versions(url: &str, answer: &Response<Bytes>) -> Result<(), Failure> {
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let Some(versions) = body["versions"].as_array().filter(|_| answer.status() == 200) else {
        return Err(Failure::new(
            WHAT,
            format!("{url} does not answer like a Matrix homeserver ({})", answer.status()),
            "Check homeserver.url; behind a proxy, /_matrix has to be passed on",
        ));
    };
    let versions: Vec<&str> = versions.iter().filter_map(Value::as_str).collect();
    if versions.iter().any(|version| version.starts_with("v1.")) {
        return Ok(());
    }
    let newest = versions.last().copied().unwrap_or("none");
    Err(Failure::new(
        WHAT,
        format!("{url} is too old: it knows Matrix up to {newest}, and v1.1 is needed"),
        "Upgrade the homeserver",
    ))
}

/// Warns of clocks that differ. A server without a `Date` is believed.
pub(super) fn tell_clock(answer: &Response<Bytes>, now_ms: i64) {
    let Some(ahead) = seconds_ahead(answer, now_ms) else { return };
    if ahead.unsigned_abs() >= SKEW.as_secs() {
        tracing::warn!(
            homeserver_ahead_seconds = ahead,
            "the homeserver's clock and this machine's differ, so messages will stand at wrong times; set both by NTP"
        );
    }
}

fn seconds_ahead(answer: &Response<Bytes>, now_ms: i64) -> Option<i64> {
    let date = answer.headers().get(header::DATE)?.to_str().ok()?;
    let there = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(i64::try_from(there.as_secs()).ok()? - now_ms.div_euclid(1000))
}

pub(super) fn check_token(url: &str, answer: &Response<Bytes>) -> Result<(), Failure> {
    match answer.status() {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::new(
            WHAT,
            format!(
                "{url} refuses our token ({}), so it does not know our registration",
                MatrixError::from_response(answer).errcode
            ),
            REGISTER,
        )),
        _ => Err(Failure::new(
            WHAT,
            format!("{url} answers {}", MatrixError::from_response(answer)),
            "Look into its log",
        )),
    }
}

/// Compares who we are with who the configuration says. A ghost is fine, too: Palpo answers with any user of the registration.
pub(super) fn check_identity(
    url: &str,
    answer: &Response<Bytes>,
    bot: &str,
    server_name: &str,
) -> Result<(), Failure> {
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let user = body["user_id"].as_str().unwrap_or_default();
    let Some((localpart, server)) = user.trim_start_matches('@').split_once(':') else {
        let why = format!("{url} does not say who our token belongs to");
        return Err(Failure::new(WHAT, why, "Check homeserver.url"));
    };
    if server != server_name {
        return Err(Failure::new(
            WHAT,
            format!(
                "homeserver.server_name is \"{server_name}\", but {url} is the server of \"{server}\""
            ),
            format!(
                "Set server_name = \"{server}\", generate the registration again, put it in the old one's place and restart the homeserver"
            ),
        ));
    }
    if localpart != bot && !localpart.starts_with("_rialto_") {
        return Err(Failure::new(
            WHAT,
            format!("bridge.bot is \"{bot}\", but {url} has us registered as \"{localpart}\""),
            REGISTER,
        ));
    }
    Ok(())
}

pub(super) fn check_namespaces(url: &str, answer: &Response<Bytes>) -> Result<(), Failure> {
    if answer.status().is_success() {
        return Ok(());
    }
    let error = MatrixError::from_response(answer);
    match error.errcode.as_str() {
        // Made at an earlier start.
        "M_USER_IN_USE" => Ok(()),
        "M_EXCLUSIVE" | "M_FORBIDDEN" | "M_INVALID_USERNAME" => Err(Failure::new(
            WHAT,
            format!(
                "{url} does not let us have users named @_rialto_…, so its copy of our registration has other namespaces or another one claims these ({})",
                error.message
            ),
            REGISTER,
        )),
        // The bridges ask again when they need a name; a busy server is no reason to stay down.
        _ => {
            tracing::warn!(%error, "the namespaces could not be checked");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        let response =
            Response::builder().status(status).header("date", "Thu, 01 Jan 1970 00:10:00 GMT");
        response.body(Bytes::copy_from_slice(body.as_bytes())).expect("a plain answer")
    }

    #[test]
    fn a_server_without_a_version_of_today_is_too_old() {
        assert!(check_versions("u", &answer(200, r#"{"versions":["r0.6.1","v1.2"]}"#)).is_ok());
        let old = check_versions("u", &answer(200, r#"{"versions":["r0.6.1"]}"#));
        assert!(old.expect_err("it is old").why.contains("r0.6.1"));
        assert!(check_versions("u", &answer(200, "<html>")).is_err());
    }

    #[test]
    fn who_we_are_there_must_be_who_we_are_here() {
        let is = |user: &str| {
            let body = format!(r#"{{"user_id":"{user}"}}"#);
            check_identity("u", &answer(200, &body), "rialtobot", "a.org")
        };
        assert!(is("@rialtobot:a.org").is_ok());
        assert!(is("@_rialto_libera_bob:a.org").is_ok(), "Palpo answers so");
        assert!(is("@rialtobot:b.org").expect_err("another server").todo.contains("b.org"));
        assert!(is("@oldbot:a.org").expect_err("another bot").why.contains("oldbot"));
        assert!(is("").is_err());
    }

    #[test]
    fn a_name_that_was_ours_before_is_ours() {
        let says = |errcode: &str| {
            check_namespaces("u", &answer(400, &format!(r#"{{"errcode":"{errcode}"}}"#)))
        };
        assert!(says("M_USER_IN_USE").is_ok());
        assert!(says("M_EXCLUSIVE").is_err());
        assert!(says("M_LIMIT_EXCEEDED").is_ok());
    }

    #[test]
    fn clocks_are_compared_by_the_date_of_an_answer() {
        assert_eq!(seconds_ahead(&answer(200, ""), 0), Some(600));
        assert_eq!(seconds_ahead(&answer(200, ""), 600_999), Some(0));
    }
}
