//! An external homeserver at start: is it there, is it new enough, does it know us?

use crate::{config::Config, failure::Failure, house::outgoing};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use registration::Registration;
use serde_json::Value;
use std::time::Duration;
use support_matrix_http::{
    CallTimeout, HttpTransport, MatrixError, SocketTransport, TransportError,
};

/// A homeserver that works at all answers these questions quickly.
const PATIENCE: Duration = Duration::from_secs(15);

const WHAT: &str = "cannot work with the external homeserver";

/// Makes the way to the external homeserver, once it has proven to be one that knows our registration.
pub(crate) async fn connect(
    config: &Config,
    registration: &Registration,
) -> Result<SocketTransport, Failure> {
    let Some(url) = &config.homeserver.url else {
        return Err(Failure::usage(WHAT, "homeserver.url is missing", "Set it"));
    };
    let transport = SocketTransport::new(url, outgoing(config))
        .map_err(|error| Failure::new(WHAT, error.to_string(), "Check homeserver.url"))?;
    let url = url.as_str().trim_end_matches('/');
    let versions = ask(url, &transport, Request::get("/_matrix/client/versions")).await?;
    check_versions(url, &versions)?;
    let bearer = format!("Bearer {}", registration.as_token.expose());
    let whoami =
        Request::get("/_matrix/client/v3/account/whoami").header(header::AUTHORIZATION, bearer);
    let answer = ask(url, &transport, whoami).await?;
    check_token(url, &answer)?;
    Ok(transport)
}

async fn ask(
    url: &str,
    transport: &dyn HttpTransport,
    request: http::request::Builder,
) -> Result<Response<Bytes>, Failure> {
    let request = request
        .extension(CallTimeout(PATIENCE))
        .body(Bytes::new())
        .map_err(|error| Failure::new(WHAT, error.to_string(), "Check the kept registration"))?;
    transport.call(request).await.map_err(|error| {
        let (TransportError::NotSent(why) | TransportError::Unanswered(why)) = error;
        Failure::new(
            WHAT,
            format!("{url} cannot be reached: {why}"),
            "Start it first, or check homeserver.url",
        )
    })
}

/// Every server of the last years names a version of the form `v1.N`; what a server really has, the bridges find out by asking.
fn check_versions(url: &str, answer: &Response<Bytes>) -> Result<(), Failure> {
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

fn check_token(url: &str, answer: &Response<Bytes>) -> Result<(), Failure> {
    match answer.status() {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::new(
            WHAT,
            format!(
                "{url} refuses our token ({}), so it does not know our registration",
                MatrixError::from_response(answer).errcode
            ),
            "Run `rialto registration generate --out FILE`, name the file in its configuration and restart it",
        )),
        _ => Err(Failure::new(
            WHAT,
            format!("{url} answers {}", MatrixError::from_response(answer)),
            "Look into its log",
        )),
    }
}
