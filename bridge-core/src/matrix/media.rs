//! Files on the homeserver.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::Value;
use support_matrix_http::CallTimeout;

use super::Matrix;
use super::call::{Call, text};
use super::outcome::{MatrixTrouble, read_answer};

/// How long a file may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A file as the homeserver has it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// What it claims to be.
    pub(crate) content_type: Option<String>,
    /// What it is.
    pub(crate) bytes: Bytes,
}

impl Matrix {
    /// Brings a file to the homeserver and returns its `mxc` address.
    pub(crate) async fn upload(
        &self,
        as_user: &str,
        content_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Result<String, MatrixTrouble> {
        let call = Call::media("upload", Method::POST, &["upload"]).query("filename", filename);
        let mut request = self.request_as(as_user, call)?.map(|_| bytes);
        let kind = content_type.parse();
        let fallback = header::HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(header::CONTENT_TYPE, kind.unwrap_or(fallback));
        request.extensions_mut().insert(CallTimeout(PATIENCE));
        let answer = read_answer(self.carry(as_user, request).await?);
        text(&answer.map_err(MatrixTrouble::repeatable)?, "content_uri")
    }

    /// Fetches a file, as the bot.
    pub(crate) async fn download(&self, mxc: &str, limit: u64) -> Result<File, MatrixTrouble> {
        let place = mxc.strip_prefix("mxc://").and_then(|place| place.split_once('/'));
        let Some((server, id)) = place.filter(|(_, id)| !id.contains('/')) else {
            return Err(refused("M_NOT_FOUND", "this is no address of a file"));
        };
        let path = ["media", "download", server, id];
        let authenticated = Call::v1("download", Method::GET, &path);
        match self.fetch(authenticated, limit).await {
            // Homeservers from before files were only for those who are logged in.
            Err(MatrixTrouble::Refused { errcode, .. }) if errcode == "M_UNRECOGNIZED" => {
                self.fetch(Call::media("download", Method::GET, &path[1..]), limit).await
            }
            fetched => fetched,
        }
    }

    async fn fetch(&self, call: Call<'_>, limit: u64) -> Result<File, MatrixTrouble> {
        let mut request = self.request_as(self.bot(), call)?;
        request.extensions_mut().insert(CallTimeout(PATIENCE));
        let answer = self.transport().call(request).await;
        let response = match answer {
            Ok(response) if response.status() == StatusCode::OK => response,
            other => {
                let trouble = read_answer(other).map(|_: Value| ());
                return Err(trouble.err().map_or_else(
                    || refused("M_UNKNOWN", "the homeserver sent no file"),
                    MatrixTrouble::repeatable,
                ));
            }
        };
        if response.body().len() as u64 > limit {
            return Err(refused("M_TOO_LARGE", "the file is too large to be carried"));
        }
        let content_type = response.headers().get(header::CONTENT_TYPE);
        Ok(File {
            content_type: content_type.and_then(|kind| kind.to_str().ok()).map(str::to_owned),
            bytes: response.into_body(),
        })
    }
}

fn refused(errcode: &str, words: &str) -> MatrixTrouble {
    MatrixTrouble::Refused { errcode: errcode.to_owned(), words: words.to_owned() }
}
