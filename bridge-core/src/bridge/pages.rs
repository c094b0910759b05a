//! The networks' own pages: mounted as one route that looks up the network when it is asked, because networks come
//! and go while the bridge runs.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use support_matrix_http::MatrixError;
use tower::ServiceExt as _;

use crate::ids::NetworkId;
use crate::networks::Networks;

/// Where they are mounted: `<this>/<network>/...`.
const MOUNT: &str = "/_rialto/network";

pub(super) fn router(networks: Networks) -> Router {
    Router::new()
        .route(&format!("{MOUNT}/{{network}}"), any(page))
        .route(&format!("{MOUNT}/{{network}}/{{*rest}}"), any(page))
        .with_state(networks)
}

async fn page(
    State(networks): State<Networks>,
    Path(segments): Path<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let network = segments.into_iter().next().map(|(_, name)| NetworkId::new(name));
    let Some((network, routes)) = network.and_then(|id| Some((id.clone(), networks.routes(&id)?)))
    else {
        return MatrixError::unrecognized().into_response();
    };
    let below = |uri: &Uri| -> Option<Uri> {
        let whole = uri.path_and_query()?.as_str();
        let rest = whole.strip_prefix(MOUNT)?.strip_prefix('/')?.strip_prefix(network.as_str())?;
        let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        rest.parse().ok()
    };
    let Some(uri) = below(request.uri()) else {
        return MatrixError::unrecognized().into_response();
    };
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    // What was matched here is not the network's: its handlers would find one parameter too many.
    parts.extensions.clear();
    match routes.oneshot(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
