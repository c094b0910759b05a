//! Asks ruma's authorisation rules whether an event is allowed, over the room's state as it is.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    OwnedEventId,
    events::StateEventType,
    state_res::{
        auth_types_for_event, check_state_dependent_auth_rules, check_state_independent_auth_rules,
    },
};
use serde_json::value::RawValue;
use support_db::Tx;
use support_matrix_http::MatrixError;

use super::tip::Tip;
use crate::{
    error::Result,
    events::{Draft, Pdu},
};

/// The events that an event names as its authorisation.
#[derive(Debug, Default)]
pub(crate) struct AuthEvents {
    events: Vec<Arc<Pdu>>,
}

impl AuthEvents {
    /// Selects them, and makes sure that the tip knows all the state the rules will look at.
    pub(crate) async fn select(
        tx: &mut Tx,
        tip: &mut Tip,
        draft: &Draft,
        content: &RawValue,
    ) -> Result<Self> {
        let rules = Arc::clone(&tip.rules);
        let wanted = auth_types_for_event(
            &draft.kind,
            &draft.sender,
            draft.state_key.as_deref(),
            content,
            &rules.authorization,
        )
        .map_err(|why| MatrixError::bad_json(format!("The event is not well-formed: {why}.")))?;
        let mut events = Vec::with_capacity(wanted.len());
        for (kind, state_key) in wanted {
            events.extend(tip.state(tx, &kind, &state_key).await?);
        }
        // Versions like 12 do not name the create event, but the rules still read it.
        tip.state(tx, &StateEventType::RoomCreate, "").await?;
        Ok(Self { events })
    }

    /// Returns their ids.
    pub(crate) fn ids(&self) -> Vec<OwnedEventId> {
        self.events.iter().map(|event| event.event_id.clone()).collect()
    }
}

/// Judges an event whose authorisation was selected before.
pub(crate) fn check(tip: &Tip, auth: &AuthEvents, event: &Pdu) -> Result<()> {
    let rules = &tip.rules.authorization;
    let create = tip.known_state(&StateEventType::RoomCreate, "");
    let known: HashMap<_, _> =
        auth.events.iter().chain(&create).map(|event| (event.event_id.as_str(), event)).collect();
    check_state_independent_auth_rules(rules, event, |id| known.get(id.as_str()).copied())
        .map_err(refused)?;
    check_state_dependent_auth_rules(rules, event, |kind, key| tip.known_state(kind, key))
        .map_err(refused)
        .map_err(Into::into)
}

/// Makes a sentence of ruma's words.
fn refused(why: String) -> MatrixError {
    let mut words = why.replace('`', "");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    MatrixError::forbidden(format!("{words}."))
}
