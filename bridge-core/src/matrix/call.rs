//! One request: who asks, where, with what; and the answer read.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::escape::path_segment;
use super::layers::EndpointName;
use super::outcome::{MatrixTrouble, read_answer};
use super::{Matrix, Sender};

/// How often a request that harms nobody is made again at once when no answer came: a chain of such requests, as for a
/// new room, would otherwise begin anew for each line that breaks, after ever longer pauses.
const AT_ONCE: usize = 2;

/// One request under construction.
#[derive(Clone)]
pub(super) struct Call<'a> {
    name: &'static str,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    /// Makes a request to a path below `/_matrix/client/v3/`; each segment is escaped here.
    pub(super) fn new(name: &'static str, method: Method, segments: &[&str]) -> Self {
        let segments: Vec<String> = segments.iter().map(|segment| path_segment(segment)).collect();
        let path = format!("/_matrix/client/v3/{}", segments.join("/"));
        Self { name, method, path, query: Vec::new(), body: None }
    }

    /// Makes a request below another version of the client API.
    pub(super) fn v1(name: &'static str, method: Method, segments: &[&str]) -> Self {
        let call = Self::new(name, method, segments);
        Self { path: call.path.replacen("/v3/", "/v1/", 1), ..call }
    }

    /// Makes a request below no version of the client API.
    pub(super) fn bare(name: &'static str, segments: &[&str]) -> Self {
        let call = Self::new(name, Method::GET, segments);
        Self { path: call.path.replacen("/v3/", "/", 1), ..call }
    }

    /// Makes a request of a proposal.
    pub(super) fn unstable(name: &'static str, method: Method, segments: &[&str]) -> Self {
        let call = Self::new(name, method, segments);
        Self { path: call.path.replacen("/v3/", "/unstable/", 1), ..call }
    }

    /// Makes a request below the media API.
    pub(super) fn media(name: &'static str, method: Method, segments: &[&str]) -> Self {
        let call = Self::new(name, method, segments);
        Self { path: call.path.replacen("/_matrix/client/v3/", "/_matrix/media/v3/", 1), ..call }
    }

    /// Asks another version of the media API.
    pub(super) fn version(mut self, version: &str) -> Self {
        self.path = self.path.replacen("/v3/", &format!("/{version}/"), 1);
        self
    }

    pub(super) fn body(mut self, body: &'a Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn query(mut self, key: &'static str, value: impl ToString) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    /// Sets when it happened, where that is known: only application services may.
    pub(super) fn at(self, ts: Option<i64>) -> Self {
        match ts {
            Some(ts) if ts > 0 => self.query("ts", ts),
            _ => self,
        }
    }

    fn request(self, user: Option<&str>, token: &SecretString) -> Request<Bytes> {
        let mut uri = self.path;
        let user = user.map(|user| ("user_id", user.to_owned()));
        for (index, (key, value)) in user.into_iter().chain(self.query).enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.push_str(key);
            uri.push('=');
            uri.push_str(&path_segment(&value));
        }
        let body = self.body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(self.method)
            .uri(uri)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
        if self.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let mut request =
            request.body(Bytes::from(body)).expect("escaped segments and header-safe tokens");
        request.extensions_mut().insert(EndpointName(self.name));
        request
    }
}

impl Matrix {
    /// Sends a request as somebody. An unknown fate stays unknown.
    pub(super) async fn once(&self, as_user: &str, call: Call<'_>) -> Result<Value, MatrixTrouble> {
        let request = self.request_as(as_user, call)?;
        read_answer(self.carry(as_user, request).await?)
    }

    /// Sends a request with somebody's own token; `None`: the token is nobody's. (That our own is not known
    /// may pass, so it is not told apart where a request is ours.)
    pub(super) async fn natural_with(
        &self,
        token: &SecretString,
        call: Call<'_>,
    ) -> Result<Option<Value>, MatrixTrouble> {
        let answer = self.0.transport.call(call.request(None, token)).await;
        match answer {
            Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => Ok(None),
            answer => read_answer(answer).map(Some).map_err(MatrixTrouble::repeatable),
        }
    }

    /// Makes the request of somebody, if we may act as them.
    pub(super) fn request_as(
        &self,
        as_user: &str,
        call: Call<'_>,
    ) -> Result<Request<Bytes>, MatrixTrouble> {
        Ok(match self.kind_of(as_user) {
            Sender::Bot => call.request(None, &self.0.as_token),
            Sender::Ghost(..) => call.request(Some(as_user), &self.0.as_token),
            Sender::Other => match (self.0.own.of(as_user), &self.0.puppet_token) {
                // Their token says who they are.
                (Some(token), _) => call.request(None, &token),
                (None, Some(token)) if self.0.names.is_local(as_user) => {
                    call.request(Some(as_user), token)
                }
                _ => return Err(may_not_act_as(as_user)),
            },
        })
    }

    /// Sends a request that may be done twice without harm.
    pub(super) async fn natural(
        &self,
        as_user: &str,
        call: Call<'_>,
    ) -> Result<Value, MatrixTrouble> {
        for _ in 0..AT_ONCE {
            let request = self.request_as(as_user, call.clone())?;
            let answer = self.carry(as_user, request).await?;
            if answer.is_ok() {
                return read_answer(answer).map_err(MatrixTrouble::repeatable);
            }
        }
        self.once(as_user, call).await.map_err(MatrixTrouble::repeatable)
    }
}

/// The refusal of what would be done in the name of somebody who did not allow it.
pub(super) fn may_not_act_as(mxid: &str) -> MatrixTrouble {
    MatrixTrouble::Refused {
        errcode: "M_FORBIDDEN".to_owned(),
        words: format!("the bridge may not act as {mxid}"),
    }
}

/// Takes a text out of an answer.
pub(super) fn text(answer: &Value, key: &str) -> Result<String, MatrixTrouble> {
    match answer.get(key).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(MatrixTrouble::Unknown {
            reason: format!("the homeserver's answer has no `{key}`"),
        }),
    }
}
