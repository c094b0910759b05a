//! Accounts and profiles.

use http::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::Matrix;
use super::call::{Call, text};
use super::outcome::MatrixTrouble;

/// How a Matrix person is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The display name.
    pub(crate) name: Option<String>,
    /// The picture, an `mxc` address.
    pub(crate) avatar: Option<String>,
}

impl Matrix {
    /// Registers an account of ours. Existing already is fine.
    pub(crate) async fn register(&self, mxid: &str) -> Result<(), MatrixTrouble> {
        let localpart = mxid.trim_start_matches('@').split(':').next().unwrap_or_default();
        let body = json!({
            "type": "m.login.application_service",
            "username": localpart,
            "inhibit_login": true,
        });
        let call = Call::new("register", Method::POST, &["register"]).body(&body);
        match self.natural(self.bot(), call).await {
            Ok(_) => Ok(()),
            Err(trouble) if trouble.errcode() == Some("M_USER_IN_USE") => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Finds out whose session an access token belongs to; `None`: nobody's.
    pub(crate) async fn owner_of_token(
        &self,
        token: &SecretString,
    ) -> Result<Option<String>, MatrixTrouble> {
        let call = Call::new("whoami", Method::GET, &["account", "whoami"]);
        let answer = self.natural_with(token, call).await?;
        answer.map(|answer| text(&answer, "user_id")).transpose()
    }

    /// Sets a display name.
    pub(crate) async fn set_display_name(
        &self,
        mxid: &str,
        name: &str,
    ) -> Result<(), MatrixTrouble> {
        let body = json!({ "displayname": name });
        let path = ["profile", mxid, "displayname"];
        let call = Call::new("displayname", Method::PUT, &path).body(&body);
        self.natural(mxid, call).await.map(drop)
    }

    /// Shows that somebody types, for as long as is said; 0 ends it.
    pub(crate) async fn typing(
        &self,
        mxid: &str,
        room: &str,
        timeout_ms: i64,
    ) -> Result<(), MatrixTrouble> {
        let body = match timeout_ms > 0 {
            true => json!({ "typing": true, "timeout": timeout_ms }),
            false => json!({ "typing": false }),
        };
        let path = ["rooms", room, "typing", mxid];
        let call = Call::new("typing", Method::PUT, &path).body(&body);
        self.once(mxid, call).await.map(drop)
    }

    /// Shows that somebody has read up to an event.
    pub(crate) async fn mark_read(
        &self,
        mxid: &str,
        room: &str,
        event_id: &str,
    ) -> Result<(), MatrixTrouble> {
        let path = ["rooms", room, "receipt", "m.read", event_id];
        let body = json!({});
        let call = Call::new("receipt", Method::POST, &path).body(&body);
        self.once(mxid, call).await.map(drop)
    }

    /// Reads a profile; empty where there is none.
    pub(crate) async fn profile(&self, mxid: &str) -> Result<Profile, MatrixTrouble> {
        let call = Call::new("profile", Method::GET, &["profile", mxid]);
        let answer = match self.natural(self.bot(), call).await {
            Ok(answer) => answer,
            Err(MatrixTrouble::Refused { .. }) => return Ok(Profile::default()),
            Err(trouble) => return Err(trouble),
        };
        let filled = |key: &str| {
            answer
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Ok(Profile { name: filled("displayname"), avatar: filled("avatar_url") })
    }
}
