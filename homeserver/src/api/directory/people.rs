//! `POST /user_directory/search`

use axum::{Router, extract::State};
use ruma::api::client::user_directory::search_users::v3::{Request, Response, User};
use support_matrix_http::route;

use crate::{
    api::paced::{Paced, Searches},
    error::Result,
    house::SharedHouse,
    users::Person,
};

pub(super) fn routes() -> Router<SharedHouse> {
    route(Router::new(), search)
}

async fn search(
    State(house): State<SharedHouse>,
    Paced(who, ..): Paced<Searches>,
    request: Request,
) -> Result<Response> {
    let limit = usize::try_from(u64::from(request.limit)).unwrap_or(usize::MAX);
    let (people, limited) = house.users.search(&who.user_id, &request.search_term, limit).await?;
    Ok(Response::new(people.into_iter().map(tell).collect(), limited))
}

fn tell(person: Person) -> User {
    let mut user = User::new(person.user_id);
    user.display_name = person.displayname;
    user.avatar_url = person.avatar_url.map(Into::into);
    user
}
