//! `PUT` and `DELETE /pushrules/global/{kind}/{ruleId}`, `PUT .../enabled` and `PUT .../actions`

use axum::extract::State;
use ruma::{
    api::client::push::{
        delete_pushrule, set_pushrule, set_pushrule_actions, set_pushrule_enabled,
    },
    push::NewPushRule,
};

use crate::{
    api::paced::{Paced, Signals},
    error::Result,
    house::SharedHouse,
    push::rules,
    users::check_opaque,
};

/// Puts a rule in, or replaces it.
pub(super) async fn put(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: set_pushrule::v3::Request,
) -> Result<set_pushrule::v3::Response> {
    check_opaque("rule's id", request.rule.rule_id())?;
    rules::check_actions(match &request.rule {
        NewPushRule::Override(rule) | NewPushRule::Underride(rule) => &rule.actions,
        NewPushRule::Content(rule) => &rule.actions,
        NewPushRule::Room(rule) => &rule.actions,
        NewPushRule::Sender(rule) => &rule.actions,
        _ => &[],
    })?;
    rules::change(&house, &who.user_id, move |rules| {
        let (after, before) = (request.after.as_deref(), request.before.as_deref());
        let inserted = rules.insert(request.rule.clone(), after, before);
        inserted.map_err(|error| rules::not_inserted(&error))
    })
    .await?;
    Ok(set_pushrule::v3::Response::new())
}

/// Takes a rule out.
pub(super) async fn delete(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: delete_pushrule::v3::Request,
) -> Result<delete_pushrule::v3::Response> {
    rules::change(&house, &who.user_id, move |rules| {
        let removed = rules.remove(request.kind.clone(), &request.rule_id);
        removed.map_err(|error| rules::not_removed(&error))
    })
    .await?;
    Ok(delete_pushrule::v3::Response::new())
}

/// Puts a rule in or out of force.
pub(super) async fn enable(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: set_pushrule_enabled::v3::Request,
) -> Result<set_pushrule_enabled::v3::Response> {
    rules::change(&house, &who.user_id, move |rules| {
        let set = rules.set_enabled(request.kind.clone(), &request.rule_id, request.enabled);
        set.map_err(rules::not_changed)
    })
    .await?;
    Ok(set_pushrule_enabled::v3::Response::new())
}

/// Changes what a rule does.
pub(super) async fn set_actions(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: set_pushrule_actions::v3::Request,
) -> Result<set_pushrule_actions::v3::Response> {
    rules::check_actions(&request.actions)?;
    rules::change(&house, &who.user_id, move |rules| {
        let actions = request.actions.clone();
        let set = rules.set_actions(request.kind.clone(), &request.rule_id, actions);
        set.map_err(rules::not_changed)
    })
    .await?;
    Ok(set_pushrule_actions::v3::Response::new())
}
