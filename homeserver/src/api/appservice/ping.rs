//! `POST /_matrix/client/v1/appservice/{appserviceId}/ping`

use axum::extract::State;
use ruma::{
    TransactionId,
    api::client::appservice::request_ping::v1::{Request, Response},
};
use support_matrix_http::MatrixError;

use crate::{api::Authenticated, appservice, error::Result, house::SharedHouse};

/// Calls the appservice back, to show that the way works.
pub(super) async fn ping(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: Request,
) -> Result<Response> {
    let appservice = who
        .appservice
        .filter(|appservice| appservice.id == request.appservice_id)
        .ok_or_else(|| MatrixError::forbidden("This is not that application service's token."))?;
    let transaction_id = request.transaction_id.as_deref().map(TransactionId::as_str);
    let took = appservice::ping(&appservice, &*house.clock, transaction_id).await?;
    Ok(Response::new(took))
}
