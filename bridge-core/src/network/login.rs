//! Logging in, as data: the same steps for the bot, the command line, a page and the provisioning
//! API. Answers are never journalled.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::NetworkError;
use crate::ids::{LoginId, NetworkId};

/// One way to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFlow {
    /// Its id, unique within the network.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// When to choose it.
    pub description: String,
}

/// What a question of a form asks for: how it is shown, and whether the answer is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginFieldKind {
    /// A name, or any text.
    Username,
    /// A password.
    Password,
    /// A phone number, with its country code.
    PhoneNumber,
    /// An address of electronic mail.
    Email,
    /// A code that is good once.
    OneTimeCode,
    /// A token of the network's.
    Token,
    /// A web address.
    Url,
    /// The name of a server.
    Domain,
    /// One of these.
    Select(Vec<String>),
}

impl LoginFieldKind {
    /// Whether the answer must not be shown, stored in clear or logged.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Password | Self::OneTimeCode | Self::Token)
    }
}

/// One question of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginField {
    /// The key in the answer.
    pub id: String,
    /// The label for people.
    pub name: String,
    /// Help in one sentence.
    pub description: String,
    /// What is asked for.
    pub kind: LoginFieldKind,
    /// Whether it may be left out.
    pub optional: bool,
}

/// What happens next in a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LoginStep {
    /// Fields to fill in.
    UserInput {
        /// What to do, in one or two sentences.
        instructions: String,
        /// The fields.
        fields: Vec<LoginField>,
    },
    /// Something to show (a QR code's content or a code) while the network waits.
    DisplayAndWait {
        /// What to do.
        instructions: String,
        /// `qr`, `code` or `emoji`.
        display: String,
        /// What is shown.
        data: String,
    },
    /// An address to open.
    OpenUrl {
        /// What to do.
        instructions: String,
        /// The address.
        url: String,
    },
    /// Done.
    Complete {
        /// For the person.
        instructions: String,
        /// What the core remembers.
        record: LoginRecord,
    },
}

/// What the core remembers of a login. `secret` is sealed before it is stored and is never part
/// of a debug print, a log or a message.
#[derive(Clone, Serialize, Deserialize)]
pub struct LoginRecord {
    /// The remote account, unique within (network, owner): logging in again replaces it.
    pub remote_id: String,
    /// Its name for people.
    pub name: String,
    /// The bridge's own facts, not secret.
    pub metadata: serde_json::Value,
    /// Credentials, opaque to the core.
    pub secret: Option<String>,
}

impl std::fmt::Debug for LoginRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRecord")
            .field("remote_id", &self.remote_id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for LoginRecord {
    fn eq(&self, other: &Self) -> bool {
        self.remote_id == other.remote_id
            && self.name == other.name
            && self.metadata == other.metadata
            && self.secret == other.secret
    }
}

impl Eq for LoginRecord {}

/// Answers to a form: field id to value.
pub type LoginInput = BTreeMap<String, SecretString>;

/// One login under way.
#[async_trait]
pub trait LoginProcess: Send {
    /// Returns the first step.
    async fn start(&mut self) -> Result<LoginStep, NetworkError>;
    /// Takes the answers to a `UserInput` step and returns the next. Wrong answers are an error
    /// with words; the process may then be asked again with better ones.
    async fn submit(&mut self, input: LoginInput) -> Result<LoginStep, NetworkError>;
    /// Waits for a `DisplayAndWait` or `OpenUrl` step to be done.
    async fn wait(&mut self) -> Result<LoginStep, NetworkError> {
        Err(NetworkError::Invalid("This login has nothing to wait for.".to_owned()))
    }
    /// Gives up and frees what was held.
    async fn cancel(&mut self);
}

/// A login as it is handed to the bridge at start.
#[derive(Clone, Debug)]
pub struct StoredLogin {
    /// Its id.
    pub id: LoginId,
    /// Its network.
    pub network: NetworkId,
    /// The Matrix person it belongs to.
    pub owner: String,
    /// What was remembered.
    pub record: LoginRecord,
}
