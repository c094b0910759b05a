//! `GET /pushrules/`, `GET /pushrules/global/` and `GET /pushrules/global/{kind}/{ruleId}` with its parts

use axum::extract::State;
use ruma::{
    api::client::push::{
        PushRule, get_pushrule, get_pushrule_actions, get_pushrule_enabled, get_pushrules_all,
        get_pushrules_global_scope,
    },
    push::{AnyPushRule, RuleKind},
};

use crate::{
    api::Authenticated, error::Result, house::SharedHouse, push::rules, requester::Requester,
};

/// Returns every rule.
pub(super) async fn all(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    _request: get_pushrules_all::v3::Request,
) -> Result<get_pushrules_all::v3::Response> {
    let rules = rules::of_user(&house, &who.user_id).await?;
    Ok(get_pushrules_all::v3::Response::new(rules))
}

/// Returns every rule of the one scope there is.
pub(super) async fn global(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    _request: get_pushrules_global_scope::v3::Request,
) -> Result<get_pushrules_global_scope::v3::Response> {
    let rules = rules::of_user(&house, &who.user_id).await?;
    Ok(get_pushrules_global_scope::v3::Response::new(rules))
}

/// Returns one rule.
pub(super) async fn one(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_pushrule::v3::Request,
) -> Result<get_pushrule::v3::Response> {
    let rule = find(&house, &who, request.kind, &request.rule_id).await?;
    Ok(get_pushrule::v3::Response::new(PushRule::from(rule)))
}

/// Says whether a rule is in force.
pub(super) async fn is_enabled(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_pushrule_enabled::v3::Request,
) -> Result<get_pushrule_enabled::v3::Response> {
    let rule = find(&house, &who, request.kind, &request.rule_id).await?;
    Ok(get_pushrule_enabled::v3::Response::new(rule.enabled()))
}

/// Says what a rule does.
pub(super) async fn actions(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get_pushrule_actions::v3::Request,
) -> Result<get_pushrule_actions::v3::Response> {
    let rule = find(&house, &who, request.kind, &request.rule_id).await?;
    Ok(get_pushrule_actions::v3::Response::new(rule.actions().to_vec()))
}

async fn find(
    house: &SharedHouse,
    who: &Requester,
    kind: RuleKind,
    rule_id: &str,
) -> Result<AnyPushRule> {
    let rules = rules::of_user(house, &who.user_id).await?;
    let rule = rules.get(kind, rule_id).ok_or_else(rules::not_found)?;
    Ok(rule.to_owned())
}
