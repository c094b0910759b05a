//! E-mail addresses and telephone numbers: this server knows none and asks no identity server.

use axum::{
    Json, Router,
    routing::{get, post},
};
use http::StatusCode;
use serde_json::{Value, json};
use support_matrix_http::MatrixError;

use crate::{api::Authenticated, house::SharedHouse};

pub(super) fn routes() -> Router<SharedHouse> {
    let mut router = Router::new();
    for version in ["r0", "v3"] {
        let client = format!("/_matrix/client/{version}");
        router = router.route(&format!("{client}/account/3pid"), get(list).post(refuse));
        for what in ["add", "bind"] {
            router = router.route(&format!("{client}/account/3pid/{what}"), post(refuse));
        }
        for what in ["delete", "unbind"] {
            router = router.route(&format!("{client}/account/3pid/{what}"), post(remove));
        }
        for purpose in ["account/3pid", "account/password", "register"] {
            for medium in ["email", "msisdn"] {
                let path = format!("{client}/{purpose}/{medium}/requestToken");
                router = router.route(&path, post(refuse_token));
            }
        }
    }
    router
}

/// The list is told also where it is empty: clients read it without looking whether it is there.
async fn list(_who: Authenticated) -> Json<Value> {
    Json(json!({ "threepids": [] }))
}

async fn refuse(_who: Authenticated) -> MatrixError {
    denied()
}

/// Asked by people who have no token yet, or none any more.
async fn refuse_token() -> MatrixError {
    denied()
}

/// What is not there need not be removed.
async fn remove(_who: Authenticated) -> Json<Value> {
    Json(json!({ "id_server_unbind_result": "no-support" }))
}

fn denied() -> MatrixError {
    let words = "This server keeps no e-mail addresses and no telephone numbers.";
    MatrixError::new(StatusCode::FORBIDDEN, "M_THREEPID_DENIED", words)
}
