//! What clients ask every server for and this one has not: networks of others, and relays for calls.
//!
//! Clients take the answers for what they are; an unknown endpoint they would ask again and again.

use axum::{Json, Router, routing::get};
use ruma::api::client::thirdparty::get_protocols::v3::{Request, Response};
use serde_json::{Value, json};
use support_matrix_http::{MatrixError, route};

use crate::{api::Authenticated, error::Result, house::SharedHouse};

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let mut router = route(Router::new(), protocols);
    for version in ["r0", "v3"] {
        let client = format!("/_matrix/client/{version}");
        let third_party = format!("{client}/thirdparty");
        router = router
            .route(&format!("{client}/voip/turnServer"), get(turn_server))
            .route(&format!("{third_party}/protocol/{{protocol}}"), get(protocol));
        for what in ["user", "location"] {
            router = router
                .route(&format!("{third_party}/{what}"), get(nobody))
                .route(&format!("{third_party}/{what}/{{protocol}}"), get(protocol));
        }
    }
    router
}

async fn protocols(_who: Authenticated, _request: Request) -> Result<Response> {
    Ok(Response::new(std::collections::BTreeMap::new()))
}

async fn protocol(_who: Authenticated) -> MatrixError {
    MatrixError::not_found("No such network can be looked things up in from here.")
}

async fn nobody(_who: Authenticated) -> Json<Value> {
    Json(json!([]))
}

/// The specification does not say what a server without relays answers. Clients read an empty object as that, and ask
/// again in their own time; an error they would log each time, and an empty list breaks calls in browsers.
async fn turn_server(_who: Authenticated) -> Json<Value> {
    Json(json!({}))
}
