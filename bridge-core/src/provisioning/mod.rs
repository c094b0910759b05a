//! Provisioning: logging in and out and finding people over HTTP, for pages and for programs that manage
//! bridges. Addresses and shapes are those of `/_matrix/provision/v3`, which mautrix bridges brought about,
//! so that what was made for them works here too.
//!
//! Such programs expect one network behind one address, and here one program has them all. So everything
//! is there twice: for all networks under `/_matrix/provision` (a way to log in is then called
//! `NETWORK:FLOW`), and for one under `/_rialto/provision/NETWORK/_matrix/provision`.

mod caller;
mod failure;
mod logins;
mod people;
mod processes;
mod scope;
mod shapes;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::{Extension, Json, Router};
use secrecy::SecretString;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::caller::{KnownTokens, Operators};
use self::processes::Processes;
use crate::bot::PREFIX;
use crate::parts::Parts;

/// Where all networks are.
const ALL: &str = "/_matrix/provision";
/// Where one is.
const ONE: &str = "/_rialto/provision/{network}/_matrix/provision";
/// Longer answers than this nobody gives.
const LARGEST: usize = 64 * 1024;

/// The provisioning API. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provisioning(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// The operator's, with which a program asks for anybody.
    secret: Option<SecretString>,
    tokens: KnownTokens,
    processes: Processes,
}

/// The description of the API.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Rialto provisioning", description = "Logging in and out, finding people, opening chats."),
    servers((url = "/_matrix/provision")),
    modifiers(&TokenSecurity),
    security(("token" = [])),
    tags((name = "auth", description = "Logins"), (name = "snc", description = "People and chats"))
)]
struct Description;

struct TokenSecurity;

impl utoipa::Modify for TokenSecurity {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let description = "The access token of the person's Matrix session; or the operator's secret, with the parameter `user_id`.";
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

impl Provisioning {
    pub(crate) fn new(parts: Parts, secret: Option<SecretString>) -> Self {
        let (tokens, processes) = (KnownTokens::default(), Processes::default());
        Self(Arc::new(Inner { parts, secret, tokens, processes }))
    }

    /// The same for the operator, who says with `user_id` for whom it is and shows no token.
    pub(crate) fn operators_router(&self) -> Router {
        self.router().layer(Extension(Operators))
    }

    pub(crate) fn router(&self) -> Router {
        let (api, description) = endpoints().split_for_parts();
        let api = api
            .route("/openapi.json", get(async move || Json(description)))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(self.clone());
        Router::new().nest(ALL, api.clone()).nest(ONE, api)
    }
}

fn endpoints() -> OpenApiRouter<Provisioning> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(logins::whoami))
        .routes(routes!(logins::flows))
        .routes(routes!(logins::logins))
        .routes(routes!(logins::start))
        .routes(routes!(logins::step))
        .routes(routes!(logins::cancel))
        .routes(routes!(logins::logout))
        .routes(routes!(people::capabilities))
        .routes(routes!(people::contacts))
        .routes(routes!(people::search))
        .routes(routes!(people::resolve_identifier))
        .routes(routes!(people::create_dm))
        .routes(routes!(people::create_group))
        .routes(routes!(people::backfill))
}
