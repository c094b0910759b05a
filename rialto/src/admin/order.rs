//! What can be ordered and answered: plain data.

use bridge_core::{JournalAnswer, JournalOrder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// One change of state, or a question about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Makes an account.
    CreateUser { name: String, admin: bool, password: Hidden },
    /// Changes a password and signs all devices out.
    SetPassword { name: String, password: Hidden },
    /// Names all accounts.
    ListUsers,
    /// Closes an account for good.
    DeactivateUser { name: String },
    /// Adds a foreign application service by its registration.
    AddAppservice { registration: Hidden },
    /// Names all application services.
    ListAppservices,
    /// Removes an application service.
    RemoveAppservice { id: String },
    /// Mints a sign-up token, for a number of uses or without limit.
    CreateSignUpToken { uses: Option<u32> },
    /// Asks the bridges' provisioning API in a person's name; `path` is what follows `/v3/`.
    Provision { person: String, network: Option<String>, ask: Ask, path: String },
    /// Asks after messages, sets them going again or takes them out.
    Journal { journal: JournalOrder },
}

/// How the provisioning API is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// `GET`.
    Get,
    /// `POST`, with the answers to a form.
    Post(BTreeMap<String, Hidden>),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is done; there is nothing to tell.
    Done,
    /// A line to print: a user id, a token.
    Text(String),
    /// Accounts.
    Users(Vec<UserLine>),
    /// Application services.
    Appservices(Vec<AppserviceLine>),
    /// What the provisioning API answered.
    Provisioned { status: u16, body: Value },
    /// What the journal's desk answered.
    Journal(JournalAnswer),
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserLine {
    pub(crate) user_id: String,
    pub(crate) admin: bool,
    pub(crate) deactivated: bool,
}

/// One application service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppserviceLine {
    pub(crate) id: String,
    pub(crate) url: Option<String>,
    /// How many things wait for it.
    pub(crate) owed: i64,
}

/// A password or file of tokens on its way; not printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(secret: String) -> Hidden {
        Hidden(secret)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
