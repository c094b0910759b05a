//! The rules of one person: those of the specification until he changes them, then his own, kept as the account data
//! `m.push_rules`, where clients read them.

use std::sync::Arc;

use http::StatusCode;
use ruma::{
    UserId,
    push::{Action, InsertPushRuleError, RemovePushRuleError, RuleNotFoundError, Ruleset},
};
use serde::Deserialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use support_matrix_http::MatrixError;

use crate::{
    error::{Error, Result},
    house::SharedHouse,
};

/// The account data's type.
pub(crate) const KIND: &str = "m.push_rules";

/// More than this many bytes of rules are nobody's honest use, and every event would have to be held against them.
const LONGEST: usize = 128 * 1024;

/// What the account data holds.
#[derive(Debug, Deserialize)]
struct Content {
    global: Ruleset,
}

/// Reads somebody's rules from what is stored, if anything is.
pub(crate) fn read(user_id: &UserId, stored: Option<&str>) -> Result<Ruleset> {
    match stored {
        None => Ok(Ruleset::server_default(user_id)),
        Some(stored) => {
            let content: Content = serde_json::from_str(stored).map_err(Error::internal)?;
            Ok(content.global)
        }
    }
}

/// Writes rules as the account data holds them.
pub(crate) fn content(rules: &Ruleset) -> Result<Box<RawValue>> {
    to_raw_value(&json!({ "global": rules })).map_err(Error::internal)
}

/// Returns somebody's rules.
pub(crate) async fn of_user(house: &SharedHouse, user_id: &UserId) -> Result<Ruleset> {
    let stored = house.users.get_account_data(user_id, None, KIND).await?;
    read(user_id, stored.as_ref().map(|stored| stored.get()))
}

/// Changes somebody's rules in one step: what was read is what is written over.
pub(crate) async fn change(
    house: &SharedHouse,
    user_id: &UserId,
    change: impl Fn(&mut Ruleset) -> Result<(), MatrixError> + Send + Sync + 'static,
) -> Result<()> {
    let owner = user_id.to_owned();
    let change = move |stored: Option<&str>| {
        let mut rules = read(&owner, stored)?;
        // Rules that newer versions of this server know come in; what the owner changed of the others stays.
        rules.update_with_server_default(Ruleset::server_default(&owner));
        change(&mut rules)?;
        let written = content(&rules)?;
        if written.get().len() > LONGEST {
            let words = "These are more push rules than this server keeps.";
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(MatrixError::new(status, "M_TOO_LARGE", words).into());
        }
        Ok(written.get().to_owned())
    };
    let (waiters, owner) = (Arc::clone(house), user_id.to_owned());
    let wake = move || {
        waiters.push.forget(&owner);
        waiters.sync.wake_user(&owner);
    };
    let changed = house.users.change_account_data(user_id, None, KIND, change, wake).await;
    if changed.is_err() {
        // Another job of a batch that failed may have read what now was never written.
        house.push.forget(user_id);
    }
    changed
}

/// Refuses what no client could understand: an action is a word, or an object that sets a tweak.
pub(crate) fn check_actions(actions: &[Action]) -> Result<()> {
    for action in actions {
        let written = serde_json::to_value(action).map_err(Error::internal)?;
        if written.is_object() && !written["set_tweak"].is_string() {
            return Err(
                MatrixError::bad_json("An action that is an object has `set_tweak`.").into()
            );
        }
    }
    Ok(())
}

/// Says why a rule was not put in.
pub(crate) fn not_inserted(error: &InsertPushRuleError) -> MatrixError {
    let bad =
        |errcode: &str, words: &str| MatrixError::new(StatusCode::BAD_REQUEST, errcode, words);
    match error {
        InsertPushRuleError::ServerDefaultRuleId => {
            bad("M_INVALID_PARAM", "Rule ids that begin with a dot are the server's own.")
        }
        InsertPushRuleError::InvalidRuleId => {
            bad("M_INVALID_PARAM", "A rule id holds neither a slash nor a backslash.")
        }
        InsertPushRuleError::RelativeToServerDefaultRule => {
            bad("M_INVALID_PARAM", "A rule is not placed relative to one of the server's own.")
        }
        InsertPushRuleError::UnknownRuleId => {
            bad("M_UNKNOWN", "There is no such rule to put this one before or after.")
        }
        _ => bad("M_UNKNOWN", "`before` and `after` contradict each other."),
    }
}

/// Says why a rule was not taken out.
pub(crate) fn not_removed(error: &RemovePushRuleError) -> MatrixError {
    match error {
        RemovePushRuleError::ServerDefault => MatrixError::new(
            StatusCode::BAD_REQUEST,
            "M_INVALID_PARAM",
            "The server's own rules are not deleted; they can be disabled.",
        ),
        _ => not_found(),
    }
}

/// Says that a rule to be changed is not there.
pub(crate) fn not_changed(_: RuleNotFoundError) -> MatrixError {
    not_found()
}

/// Says that there is no such rule.
pub(crate) fn not_found() -> MatrixError {
    MatrixError::not_found("You have no such push rule.")
}
