//! `GET /publicRooms` and `POST /publicRooms`

use axum::{Router, extract::State};
use ruma::{
    ServerName, UInt,
    api::client::directory::{get_public_rooms, get_public_rooms_filtered},
    directory::RoomNetwork,
};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::{
        auth::Anybody,
        paced::{Paced, Searches},
    },
    error::Result,
    house::{House, SharedHouse},
    rooms::directory::{self, Wish},
    store::directory::Network,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(route(Router::new(), all), filtered)
}

/// What is published is shown to everybody.
async fn all(
    State(house): State<SharedHouse>,
    _who: Anybody,
    request: get_public_rooms::v3::Request,
) -> Result<get_public_rooms::v3::Response> {
    check_server(&house, request.server.as_deref())?;
    let wish = Wish {
        network: Network::Matrix,
        term: None,
        types: Vec::new(),
        limit: request.limit.map(length),
        since: request.since,
    };
    let page = directory::list(&house, &wish).await?;
    let mut response = get_public_rooms::v3::Response::new(page.rooms);
    response.next_batch = page.next;
    response.prev_batch = page.previous;
    response.total_room_count_estimate = UInt::try_from(page.total).ok();
    Ok(response)
}

async fn filtered(
    State(house): State<SharedHouse>,
    _who: Paced<Searches>,
    request: get_public_rooms_filtered::v3::Request,
) -> Result<get_public_rooms_filtered::v3::Response> {
    check_server(&house, request.server.as_deref())?;
    let wish = Wish {
        network: network(request.room_network)?,
        term: request.filter.generic_search_term,
        types: request.filter.room_types,
        limit: request.limit.map(length),
        since: request.since,
    };
    let page = directory::list(&house, &wish).await?;
    let mut response = get_public_rooms_filtered::v3::Response::new();
    response.chunk = page.rooms;
    response.next_batch = page.next;
    response.prev_batch = page.previous;
    response.total_room_count_estimate = UInt::try_from(page.total).ok();
    Ok(response)
}

fn check_server(house: &House, server: Option<&ServerName>) -> Result<(), MatrixError> {
    if server.is_none_or(|server| server == house.server_name) {
        return Ok(());
    }
    Err(MatrixError::not_found("The list is another server's, and this one does not federate."))
}

/// An instance of a network is written as other servers do: application service, bar, network.
fn network(asked: RoomNetwork) -> Result<Network, MatrixError> {
    match asked {
        RoomNetwork::Matrix => Ok(Network::Matrix),
        RoomNetwork::All => Ok(Network::All),
        RoomNetwork::ThirdParty(instance) => {
            let (appservice, network) = instance.split_once('|').ok_or_else(|| {
                MatrixError::invalid_param("`third_party_instance_id` names no known network.")
            })?;
            Ok(Network::Of { appservice: appservice.to_owned(), network: network.to_owned() })
        }
        _ => Err(MatrixError::invalid_param("There is no such kind of network.")),
    }
}

fn length(limit: UInt) -> usize {
    usize::try_from(u64::from(limit)).unwrap_or(usize::MAX)
}
