//! Finding people and opening conversations and groups, through one login.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{
    Path, Query, State,
    rejection::{JsonRejection, QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Provisioning;
use super::caller::Caller;
use super::failure::{Failure, FailureBody};
use super::scope::Scope;
use super::shapes::{
    BackfillBegun, Contacts, CreatedGroup, GroupCapabilities, GroupParams,
    ProvisioningCapabilities, ResolveCapabilities, Resolved, SearchQuery, SearchResults,
};
use crate::bot::NoHistory;
use crate::ids::{LoginId, NetworkId, PortalKey};
use crate::network::{Directory, Finds, FoundUser, JoinedChat, NetworkClient};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ThroughQuery {
    /// The login to ask through; without it, one that is connected.
    login_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct IdentifierPath {
    /// How the person is called on the network.
    identifier: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct GroupPath {
    /// The kind of group, as `capabilities` names it.
    kind: String,
}

/// A login to ask through.
struct Through {
    state: Provisioning,
    person: String,
    network: NetworkId,
    login: LoginId,
    client: Arc<dyn NetworkClient>,
}

impl Through {
    fn new(
        state: Provisioning,
        scope: &Scope,
        person: String,
        named: Option<&str>,
    ) -> Result<Self, Failure> {
        let login = scope.login(&state, &person, named)?;
        let logins = &state.0.parts.logins;
        let gone = || Failure::not_found("This login is gone.");
        let network = logins.network(&login).ok_or_else(gone)?;
        let client = logins.client(&login).ok_or_else(gone)?;
        Ok(Self { person, network, login, client, state })
    }

    fn directory(&self) -> Result<&dyn Directory, Failure> {
        let words = "This network has nobody to be found by name.";
        self.client.directory().ok_or_else(|| Failure::unsupported(words))
    }

    fn finds(&self) -> Finds {
        self.client.directory().map(|directory| directory.finds()).unwrap_or_default()
    }

    async fn describe(&self, found: FoundUser) -> Result<Resolved, Failure> {
        let dm_room_mxid = match &found.direct {
            Some(chat) => self.room_of(chat).await?,
            None => None,
        };
        Ok(Resolved {
            id: found.user.as_str().to_owned(),
            mxid: self.state.0.parts.ghosts.mxid(&self.network, &found.user),
            name: found.name,
            identifiers: found.identifiers,
            dm_room_mxid,
        })
    }

    /// Returns the room of a conversation: the login's own, or one for all.
    async fn room_of(&self, chat: &crate::ids::RemoteChatId) -> Result<Option<String>, Failure> {
        for receiver in [Some(self.login.clone()), None] {
            let key = PortalKey { network: self.network.clone(), chat: chat.clone(), receiver };
            let portal = self.state.0.parts.portals.by_key(&key).await?;
            if let Some(room) = portal.and_then(|portal| portal.rooms.into_iter().next()) {
                return Ok(Some(room));
            }
        }
        Ok(None)
    }

    async fn describe_all(&self, found: Vec<FoundUser>) -> Result<Vec<Resolved>, Failure> {
        let mut described = Vec::with_capacity(found.len());
        for found in found {
            described.push(self.describe(found).await?);
        }
        Ok(described)
    }

    async fn resolve(&self, identifier: &str) -> Result<FoundUser, Failure> {
        let found = self.directory()?.resolve(identifier).await?;
        found.ok_or_else(|| Failure::not_found(format!("Nobody there is called `{identifier}`.")))
    }

    async fn open(&self, joined: JoinedChat) -> Result<String, Failure> {
        let bot = &self.state.0.parts.bot;
        let (room, _) = bot.open_room(&self.network, &self.login, &self.person, joined).await?;
        Ok(room)
    }
}

/// Says what can be asked about people and chats: of one network, or what any of the logins can.
#[utoipa::path(get, path = "/v3/capabilities", tag = "snc", params(ThroughQuery),
    responses((status = 200, body = ProvisioningCapabilities), (status = 401, body = FailureBody), (status = 403, body = FailureBody)))]
pub(super) async fn capabilities(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(person): Caller,
    Query(ThroughQuery { login_id }): Query<ThroughQuery>,
) -> Json<ProvisioningCapabilities> {
    let through = Through::new(state, &scope, person, login_id.as_deref());
    let finds = through.map(|through| through.finds()).unwrap_or_default();
    let groups = finds.groups.iter().map(|group| {
        (group.id.clone(), GroupCapabilities { type_description: group.name.clone() })
    });
    Json(ProvisioningCapabilities {
        resolve_identifier: ResolveCapabilities {
            create_dm: finds.by_name,
            lookup_username: finds.by_name,
            contact_list: finds.contacts,
            search: finds.search,
            ..ResolveCapabilities::default()
        },
        group_creation: groups.collect::<BTreeMap<_, _>>(),
    })
}

/// Lists the people one knows on the network.
#[utoipa::path(get, path = "/v3/contacts", tag = "snc", params(ThroughQuery),
    responses((status = 200, body = Contacts), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 404, body = FailureBody), (status = 501, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn contacts(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(person): Caller,
    Query(ThroughQuery { login_id }): Query<ThroughQuery>,
) -> Result<Json<Contacts>, Failure> {
    let through = Through::new(state, &scope, person, login_id.as_deref())?;
    let found = through.directory()?.contacts().await?;
    Ok(Json(Contacts { contacts: through.describe_all(found).await? }))
}

/// Searches for people on the network.
#[utoipa::path(post, path = "/v3/search_users", tag = "snc", params(ThroughQuery), request_body = SearchQuery,
    responses((status = 200, body = SearchResults), (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 404, body = FailureBody), (status = 501, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn search(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(person): Caller,
    Query(ThroughQuery { login_id }): Query<ThroughQuery>,
    body: Result<Json<SearchQuery>, JsonRejection>,
) -> Result<Json<SearchResults>, Failure> {
    let Json(SearchQuery { query }) = body.map_err(|error| unreadable(&error))?;
    let through = Through::new(state, &scope, person, login_id.as_deref())?;
    let found = through.directory()?.search(&query).await?;
    Ok(Json(SearchResults { results: through.describe_all(found).await? }))
}

/// Finds one person by how they are called.
#[utoipa::path(get, path = "/v3/resolve_identifier/{identifier}", tag = "snc", params(IdentifierPath, ThroughQuery),
    responses((status = 200, body = Resolved), (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 404, body = FailureBody), (status = 501, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn resolve_identifier(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(person): Caller,
    Path(IdentifierPath { identifier }): Path<IdentifierPath>,
    Query(ThroughQuery { login_id }): Query<ThroughQuery>,
) -> Result<Json<Resolved>, Failure> {
    let through = Through::new(state, &scope, person, login_id.as_deref())?;
    let found = through.resolve(&identifier).await?;
    Ok(Json(through.describe(found).await?))
}

/// Opens a conversation with one person.
#[utoipa::path(post, path = "/v3/create_dm/{identifier}", tag = "snc", params(IdentifierPath, ThroughQuery),
    responses((status = 200, body = Resolved), (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 404, body = FailureBody), (status = 501, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn create_dm(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(person): Caller,
    Path(IdentifierPath { identifier }): Path<IdentifierPath>,
    Query(ThroughQuery { login_id }): Query<ThroughQuery>,
) -> Result<Json<Resolved>, Failure> {
    let through = Through::new(state, &scope, person, login_id.as_deref())?;
    let found = through.resolve(&identifier).await?;
    let joined = through.directory()?.open_direct(&found.user).await?;
    let room = through.open(joined).await?;
    let described = through.describe(found).await?;
    Ok(Json(Resolved { dm_room_mxid: Some(room), ..described }))
}

/// Makes a group on the network and opens its room.
#[utoipa::path(post, path = "/v3/create_group/{kind}", tag = "snc", params(GroupPath, ThroughQuery), request_body = GroupParams,
    responses((status = 200, body = CreatedGroup), (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 404, body = FailureBody), (status = 501, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn create_group(
    State(state): State<Provisioning>,
    scope: Scope,
    Caller(person): Caller,
    Path(GroupPath { kind }): Path<GroupPath>,
    Query(ThroughQuery { login_id }): Query<ThroughQuery>,
    body: Result<Json<GroupParams>, JsonRejection>,
) -> Result<Json<CreatedGroup>, Failure> {
    let Json(params) = body.map_err(|error| unreadable(&error))?;
    let through = Through::new(state, &scope, person, login_id.as_deref())?;
    if through.finds().groups.iter().all(|group| group.id != kind) {
        return Err(Failure::unsupported(format!(
            "This network makes no groups of kind `{kind}`."
        )));
    }
    let joined = through.directory()?.create_group(params.into_group(kind)).await?;
    let id = joined.chat.as_str().to_owned();
    Ok(Json(CreatedGroup { id, mxid: through.open(joined).await? }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RoomPath {
    /// The room of a chat.
    room: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CountQuery {
    /// How many messages at most.
    count: Option<u32>,
}

/// Has earlier messages brought into a chat's room. They come in the background.
#[utoipa::path(post, path = "/v3/backfill/{room}", tag = "snc", params(RoomPath, CountQuery),
    responses((status = 200, body = BackfillBegun), (status = 400, body = FailureBody), (status = 401, body = FailureBody), (status = 403, body = FailureBody),
        (status = 501, body = FailureBody), (status = 503, body = FailureBody)))]
pub(super) async fn backfill(
    State(state): State<Provisioning>,
    Caller(person): Caller,
    Path(RoomPath { room }): Path<RoomPath>,
    query: Result<Query<CountQuery>, QueryRejection>,
) -> Result<Json<BackfillBegun>, Failure> {
    let Query(CountQuery { count }) =
        query.map_err(|rejection| Failure::invalid(rejection.body_text()))?;
    let count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    match state.0.parts.bot.want_history(&room, &person, count).await {
        Ok(count) => Ok(Json(BackfillBegun { count })),
        Err(NoHistory::Not(words)) => Err(Failure::unsupported(words)),
        Err(NoHistory::Db(error)) => Err(error.into()),
    }
}

fn unreadable(rejection: &JsonRejection) -> Failure {
    Failure::new(http::StatusCode::BAD_REQUEST, "M_BAD_JSON", rejection.body_text())
}
