//! Files on the homeserver, piece by piece both ways.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use support_matrix_http::{CallTimeout, TransportError};

use super::Matrix;
use super::call::{Call, text};
use super::layers::collected;
use super::outcome::{MatrixTrouble, read_answer};

/// How long the homeserver may take until it begins to hand a file out.
const BEGINS: Duration = Duration::from_secs(30);
/// How long it may take with one that is brought to it, which is read before it answers.
const TAKES: Duration = Duration::from_secs(30 * 60);
/// How long the homeserver should wait for bytes that were announced; asked again later.
const ANNOUNCED: &str = "2000";

/// A file on its way from the homeserver.
pub(crate) struct Download {
    /// What it claims to be.
    pub(crate) content_type: Option<String>,
    /// Bytes, as the homeserver counts them.
    pub(crate) size: Option<u64>,
    /// What it is.
    pub(crate) body: Body,
}

/// A file on its way to the homeserver.
pub(crate) struct Upload<'a> {
    /// What it is.
    pub(crate) content_type: &'a str,
    /// Its name.
    pub(crate) filename: &'a str,
    /// Bytes.
    pub(crate) size: u64,
    /// The bytes.
    pub(crate) body: Body,
}

/// An address whose bytes are to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    /// The address.
    pub(crate) mxc: String,
    /// Until when they may come, Unix milliseconds.
    pub(crate) until: Option<i64>,
}

impl Matrix {
    /// Makes an address for a file, as somebody. `None`: the homeserver does not know such a thing.
    pub(crate) async fn announce_file(
        &self,
        as_user: &str,
    ) -> Result<Option<Announced>, MatrixTrouble> {
        let nothing = json!({});
        let call = Call::media("announce", Method::POST, &["create"]).version("v1").body(&nothing);
        match self.natural(as_user, call).await {
            Ok(answer) => Ok(Some(Announced {
                mxc: text(&answer, "content_uri")?,
                until: answer.get("unused_expires_at").and_then(Value::as_i64),
            })),
            Err(trouble) if trouble.errcode() == Some("M_UNRECOGNIZED") => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Brings the bytes of an address that was made before, as whoever made it. Doing it again where
    /// it was done is [refused](MatrixTrouble::Refused) with `M_CANNOT_OVERWRITE_MEDIA`.
    pub(crate) async fn fill_file(
        &self,
        as_user: &str,
        mxc: &str,
        file: Upload<'_>,
    ) -> Result<(), MatrixTrouble> {
        let Some((server, id)) = place(mxc) else { return Err(no_address()) };
        let call = Call::media("upload", Method::PUT, &["upload", server, id]);
        self.bring(as_user, call, file).await.map(drop)
    }

    /// Brings a file and returns its address. Done twice, a copy lies there that nobody sees.
    pub(crate) async fn upload(
        &self,
        as_user: &str,
        file: Upload<'_>,
    ) -> Result<String, MatrixTrouble> {
        let call = Call::media("upload", Method::POST, &["upload"]);
        text(&self.bring(as_user, call, file).await?, "content_uri")
    }

    async fn bring(
        &self,
        as_user: &str,
        call: Call<'_>,
        file: Upload<'_>,
    ) -> Result<Value, MatrixTrouble> {
        let request = self.request_as(as_user, call.query("filename", file.filename))?;
        let mut request = request.map(|_| file.body);
        let kind = file.content_type.parse();
        let fallback = header::HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(header::CONTENT_TYPE, kind.unwrap_or(fallback));
        request.headers_mut().insert(header::CONTENT_LENGTH, file.size.into());
        let answer = match self.send_stream(request, TAKES).await {
            Ok(response) => collected(response).await,
            Err(error) => Err(error),
        };
        read_answer(self.heed(as_user, answer)?).map_err(MatrixTrouble::repeatable)
    }

    /// Begins to fetch a file, as the bot.
    pub(crate) async fn download(&self, mxc: &str) -> Result<Download, MatrixTrouble> {
        let Some((server, id)) = place(mxc) else { return Err(no_address()) };
        let path = ["media", "download", server, id];
        let authenticated = Call::v1("download", Method::GET, &path);
        match self.fetch(authenticated).await {
            // Homeservers from before files were only for those who are logged in.
            Err(MatrixTrouble::Refused { errcode, .. }) if errcode == "M_UNRECOGNIZED" => {
                self.fetch(Call::media("download", Method::GET, &path[1..])).await
            }
            fetched => fetched,
        }
    }

    async fn fetch(&self, call: Call<'_>) -> Result<Download, MatrixTrouble> {
        let request = self.request_as(self.bot(), call.query("timeout_ms", ANNOUNCED))?;
        let response = match self.send_stream(request.map(Body::from), BEGINS).await {
            Ok(response) if response.status() == StatusCode::OK => response,
            other => {
                let answer = match other {
                    Ok(response) => collected(response).await,
                    Err(error) => Err(error),
                };
                let trouble = read_answer(answer).map(|_: Value| ());
                return Err(trouble.err().map_or_else(
                    || refused("M_UNKNOWN", "the homeserver sent no file"),
                    MatrixTrouble::repeatable,
                ));
            }
        };
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(Download {
            content_type: text(header::CONTENT_TYPE).map(str::to_owned),
            size: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            body: response.into_body(),
        })
    }

    async fn send_stream(
        &self,
        mut request: Request<Body>,
        patience: Duration,
    ) -> Result<Response<Body>, TransportError> {
        request.extensions_mut().insert(CallTimeout(patience));
        self.transport().stream(request).await
    }
}

/// Splits an address into server and id.
fn place(mxc: &str) -> Option<(&str, &str)> {
    let place = mxc.strip_prefix("mxc://").and_then(|place| place.split_once('/'));
    place.filter(|(server, id)| !server.is_empty() && !id.is_empty() && !id.contains('/'))
}

fn no_address() -> MatrixTrouble {
    refused("M_NOT_FOUND", "this is no address of a file")
}

fn refused(errcode: &str, words: &str) -> MatrixTrouble {
    MatrixTrouble::Refused { errcode: errcode.to_owned(), words: words.to_owned() }
}
