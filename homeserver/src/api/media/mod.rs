//! Files. These handlers stand on axum alone, without ruma's types: bodies are streams, both ways.

mod config;
mod create;
mod download;
mod frozen;
mod headers;
mod range;
mod thumbnail;
mod upload;

use axum::{Router, routing};

use crate::house::SharedHouse;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let of_clients = "/_matrix/client/v1/media";
    let mut router = Router::new()
        .route(&format!("{of_clients}/config"), routing::get(config::get_config))
        .route(
            &format!("{of_clients}/download/{{server}}/{{id}}"),
            routing::get(download::download),
        )
        .route(
            &format!("{of_clients}/download/{{server}}/{{id}}/{{filename}}"),
            routing::get(download::download_as),
        )
        .route(
            &format!("{of_clients}/thumbnail/{{server}}/{{id}}"),
            routing::get(thumbnail::thumbnail),
        )
        .route("/_matrix/media/v1/create", routing::post(create::create));
    // Old clients still say `r0`.
    for version in ["v3", "r0"] {
        let of_media = format!("/_matrix/media/{version}");
        router = router
            .route(&format!("{of_media}/config"), routing::get(config::get_config))
            .route(&format!("{of_media}/upload"), routing::post(upload::upload))
            .route(&format!("{of_media}/upload/{{server}}/{{id}}"), routing::put(upload::fill))
            .route(&format!("{of_media}/download/{{server}}/{{id}}"), routing::get(frozen::frozen))
            .route(
                &format!("{of_media}/download/{{server}}/{{id}}/{{filename}}"),
                routing::get(frozen::frozen),
            )
            .route(
                &format!("{of_media}/thumbnail/{{server}}/{{id}}"),
                routing::get(frozen::frozen),
            );
    }
    router
}
