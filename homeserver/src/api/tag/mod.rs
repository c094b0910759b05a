//! Tags: how somebody sorts his rooms, kept as the account data `m.tag` of each.

use std::sync::Arc;

use axum::{Router, extract::State};
use ruma::{
    RoomId,
    api::client::tag::{create_tag::v3 as create, delete_tag::v3 as delete, get_tags::v3 as get},
    events::tag::TagEventContent,
};
use support_matrix_http::{MatrixError, route};

use crate::{
    api::{
        Authenticated,
        paced::{Paced, Signals},
    },
    error::{Error, Result},
    house::SharedHouse,
    requester::Requester,
};

const KIND: &str = "m.tag";
/// The longest name of a tag, in bytes, as the specification has it, and how many a room may have.
const LONGEST: usize = 255;
const MOST: usize = 100;

/// Returns the routes of this area.
pub(crate) fn routes() -> Router<SharedHouse> {
    let router = route(Router::new(), get_tags);
    let router = route(router, create_tag);
    route(router, delete_tag)
}

async fn get_tags(
    State(house): State<SharedHouse>,
    Authenticated(who): Authenticated,
    request: get::Request,
) -> Result<get::Response> {
    who.must_be(&request.user_id)?;
    let stored = house.users.get_account_data(&who.user_id, Some(&request.room_id), KIND).await?;
    Ok(get::Response::new(read(stored.as_ref().map(|stored| stored.get())).tags))
}

async fn create_tag(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: create::Request,
) -> Result<create::Response> {
    who.must_be(&request.user_id)?;
    if request.tag.len() > LONGEST {
        let words = format!("A tag has at most {LONGEST} bytes.");
        return Err(MatrixError::invalid_param(words).into());
    }
    if request.tag_info.order.is_some_and(|order| !(0.0..=1.0).contains(&order)) {
        return Err(MatrixError::invalid_param("`order` lies between 0 and 1.").into());
    }
    let (tag, info) = (request.tag, request.tag_info);
    change(&house, &who, &request.room_id, move |content| {
        content.tags.insert(tag.as_str().into(), info.clone());
        if content.tags.len() > MOST {
            let words = format!("A room has at most {MOST} tags.");
            return Err(MatrixError::invalid_param(words));
        }
        Ok(())
    })
    .await?;
    Ok(create::Response::new())
}

/// Takes a tag away; one that is not there is gone already.
async fn delete_tag(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Signals>,
    request: delete::Request,
) -> Result<delete::Response> {
    who.must_be(&request.user_id)?;
    let tag = request.tag;
    change(&house, &who, &request.room_id, move |content| {
        content.tags.remove(&tag.as_str().into());
        Ok(())
    })
    .await?;
    Ok(delete::Response::new())
}

async fn change(
    house: &SharedHouse,
    who: &Requester,
    room_id: &RoomId,
    change: impl Fn(&mut TagEventContent) -> Result<(), MatrixError> + Send + Sync + 'static,
) -> Result<()> {
    let change = move |stored: Option<&str>| {
        let mut content = read(stored);
        change(&mut content)?;
        serde_json::to_string(&content).map_err(Error::internal)
    };
    let (waiters, user_id) = (Arc::clone(house), who.user_id.clone());
    let wake = move || waiters.sync.wake_user(&user_id);
    house.users.change_account_data(&who.user_id, Some(room_id), KIND, change, wake).await
}

/// Reads the tags that are stored. Clients may write this account data directly: what makes no sense is no tag.
fn read(stored: Option<&str>) -> TagEventContent {
    stored
        .and_then(|stored| serde_json::from_str(stored).ok())
        .unwrap_or_else(|| TagEventContent::new(Default::default()))
}
