//! `whoami`, the ways to log in, a login's steps, and logging out.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::{Json, body::Bytes};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::failure::{Failure, FailureBody};
use super::processes::{Beginning, Order};
use super::scope::Scope;
use super::shapes::{
    Empty, Flows, LoginBody, LoginIds, LoginStepBody, RemoteProfile, StateBody, StepKind, Whoami,
};
use super::{PREFIX, Provisioning};
use crate::ids::LoginId;
use crate::network::LoginInput;

/// Describes the bridge and the logins of the person who asks.
#[utoipa::path(get, path = "/v3/whoami", tag = "auth",
    responses((status = 200, body = Whoami), (status = 401, body = FailureBody), (status = 403, body = FailureBody)))]
pub(super) async fn whoami(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(mxid): Caller,
) -> Result<Json<Whoami>, Failure> {
    let parts = &state.0.parts;
    let logins = scope.logins(&state, &mxid);
    Ok(Json(Whoami {
        network: scope.describe(&state),
        login_flows: scope.flows(&state),
        homeserver: parts.matrix.names().server_name().to_owned(),
        bridge_bot: parts.matrix.bot().to_owned(),
        command_prefix: PREFIX.to_owned(),
        management_room: parts.logins.management_room(&mxid).await?,
        logins: logins.iter().filter_map(|login| describe(&state, login)).collect(),
        user_id: mxid,
    }))
}

fn describe(state: &Provisioning, login: &LoginId) -> Option<LoginBody> {
    let logins = &state.0.parts.logins;
    let (health, name) = (logins.state(login)?, logins.remote_name(login)?);
    Some(LoginBody {
        state: StateBody::new(&health, state.0.parts.clock.now_ms()),
        id: login.as_str().to_owned(),
        profile: RemoteProfile { name: name.clone() },
        name,
        network: logins.network(login)?.as_str().to_owned(),
    })
}

/// Lists the ways to log in.
#[utoipa::path(get, path = "/v3/login/flows", tag = "auth",
    responses((status = 200, body = Flows), (status = 401, body = FailureBody), (status = 403, body = FailureBody)))]
pub(super) async fn flows(
    State(state): State<Provisioning>,
    scope: Scope,
    _caller: Caller,
) -> Json<Flows> {
    Json(Flows { flows: scope.flows(&state) })
}

/// Lists the logins of the person who asks.
#[utoipa::path(get, path = "/v3/logins", tag = "auth",
    responses((status = 200, body = LoginIds), (status = 401, body = FailureBody), (status = 403, body = FailureBody)))]
pub(super) async fn logins(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(mxid): Caller,
) -> Json<LoginIds> {
    let logins = scope.logins(&state, &mxid);
    Json(LoginIds { login_ids: logins.iter().map(|login| login.as_str().to_owned()).collect() })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StartQuery {
    /// A login that the new one takes the place of.
    login_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct FlowPath {
    /// The way, as `login/flows` names it.
    flow: String,
}

/// Begins a login.
#[utoipa::path(post, path = "/v3/login/start/{flow}", tag = "auth", params(FlowPath, StartQuery),
    responses((status = 200, body = LoginStepBody), (status = 400, body = FailureBody), (status = 401, body = FailureBody),
        (status = 403, body = FailureBody), (status = 404, body = FailureBody), (status = 429, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn start(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(owner): Caller,
    Path(FlowPath { flow }): Path<FlowPath>,
    Query(StartQuery { login_id }): Query<StartQuery>,
) -> Result<Json<LoginStepBody>, Failure> {
    let (network, flow) = scope.flow(&state, &flow)?;
    let replaces = login_id.map(|named| scope.login(&state, &owner, Some(&named))).transpose()?;
    Ok(Json(state.begin(Beginning { network, flow, owner, replaces }).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct StepPath {
    /// The login under way: `login_id` of the step before.
    process: String,
    /// The step: `step_id` of the step before.
    step: String,
    /// `user_input` or `display_and_wait`.
    kind: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StepQuery {
    /// `txn_id` of the step before: a request sent again is answered again, and done once.
    txn_id: Option<String>,
}

/// Hands in the answers to a form, or waits for what is shown to be done; returns the next step. Wrong
/// answers are an error, after which the same step may be handed in again.
#[utoipa::path(post, path = "/v3/login/step/{process}/{step}/{kind}", tag = "auth", params(StepPath, StepQuery),
    request_body(content = Option<BTreeMap<String, String>>),
    responses((status = 200, body = LoginStepBody), (status = 400, body = FailureBody), (status = 401, body = FailureBody),
        (status = 403, body = FailureBody), (status = 404, body = FailureBody), (status = 429, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn step(
    State(state): State<Provisioning>,
    Caller(owner): Caller,
    Path(StepPath { process, step, kind }): Path<StepPath>,
    Query(StepQuery { txn_id }): Query<StepQuery>,
    body: Bytes,
) -> Result<Json<LoginStepBody>, Failure> {
    let kind = match kind.as_str() {
        "user_input" => StepKind::UserInput,
        "display_and_wait" => StepKind::DisplayAndWait,
        other => return Err(Failure::unsupported(format!("No login here has a step `{other}`."))),
    };
    let input = match kind {
        StepKind::UserInput => read_input(&body)?,
        _ => LoginInput::new(),
    };
    let order = Order { step_id: step, txn_id, kind, input };
    Ok(Json(state.submit(&owner, &process, order).await?))
}

fn read_input(body: &[u8]) -> Result<LoginInput, Failure> {
    // The error would quote the input, and the input may be a password.
    let fields: BTreeMap<String, String> = serde_json::from_slice(body).map_err(|_| {
        let words = "The answers have to be a JSON object of texts.";
        Failure::new(http::StatusCode::BAD_REQUEST, "M_NOT_JSON", words)
    })?;
    let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(given.map(|(field, value)| (field, SecretString::from(value))).collect())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ProcessPath {
    /// The login under way.
    process: String,
}

/// Gives a login up.
#[utoipa::path(post, path = "/v3/login/cancel/{process}", tag = "auth", params(ProcessPath),
    responses((status = 200, body = Empty), (status = 401, body = FailureBody), (status = 403, body = FailureBody), (status = 404, body = FailureBody)))]
pub(super) async fn cancel(
    State(state): State<Provisioning>,
    Caller(owner): Caller,
    Path(ProcessPath { process }): Path<ProcessPath>,
) -> Result<Json<Empty>, Failure> {
    state.give_up(&owner, &process)?;
    Ok(Json(Empty {}))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct LoginPath {
    /// The login, or `all`.
    login: String,
}

/// Logs out: at the network, and here.
#[utoipa::path(post, path = "/v3/logout/{login}", tag = "auth", params(LoginPath),
    responses((status = 200, body = Empty), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 404, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn logout(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(mxid): Caller,
    Path(LoginPath { login }): Path<LoginPath>,
) -> Result<Json<Empty>, Failure> {
    let ending = match login.as_str() {
        "all" => scope.logins(&state, &mxid),
        named => vec![scope.login(&state, &mxid, Some(named))?],
    };
    for login in ending {
        state.0.parts.logins.log_out(&login).await?;
    }
    Ok(Json(Empty {}))
}
