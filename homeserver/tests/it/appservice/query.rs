//! Users and rooms that the appservice makes when somebody asks for them.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use support_matrix_http::{HttpTransport, TransportError};
use tokio::sync::OnceCell;

use super::scripted::{Scripted, Turn, registration};
use crate::harness::{Ground, House};

/// An appservice that makes whatever it is asked for, during the question.
#[derive(Debug, Default)]
struct Obliging {
    house: OnceCell<(Weak<support_matrix_http::InProcess>, String)>,
    asked: std::sync::Mutex<Vec<String>>,
}

#[async_trait]
impl HttpTransport for Obliging {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        if path.contains("/transactions/") {
            return Ok(Response::new(Bytes::from("{}")));
        }
        self.asked.lock().unwrap().push(path.clone());
        let (house, token) = self.house.get().unwrap();
        let house = house.upgrade().unwrap();
        let (uri, body) = if path.contains("/users/") {
            let body = json!({
                "type": "m.login.application_service", "username": "_irc_bob", "inhibit_login": true
            });
            ("/_matrix/client/v3/register", body)
        } else {
            let body = json!({ "room_alias_name": "_irc_lobby", "preset": "public_chat" });
            ("/_matrix/client/v3/createRoom", body)
        };
        let request = Request::post(uri)
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::from(body.to_string()))
            .unwrap();
        house.call(request).await?;
        Ok(Response::new(Bytes::from("{}")))
    }
}

async fn with_obliging(ground: &Ground) -> (House, Arc<Obliging>) {
    let (house, irc) = (ground.start().await, registration("irc"));
    let obliging = Arc::new(Obliging::default());
    let way = Arc::downgrade(&house.transport);
    obliging.house.set((way, irc.as_token.expose().to_owned())).unwrap();
    house.homeserver.attach_appservice(irc, obliging.clone()).await.unwrap();
    (house, obliging)
}

#[tokio::test]
async fn an_invited_ghost_is_made_before_the_invite() {
    let ground = Ground::new();
    let (house, obliging) = with_obliging(&ground).await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    house.in_room(&alice, &room, "invite", json!({ "user_id": "@_irc_bob:hs.test" })).await.ok();
    let asked = obliging.asked.lock().unwrap().clone();
    assert_eq!(asked, ["/_matrix/app/v1/users/%40_irc_bob%3Ahs.test"]);
}

#[tokio::test]
async fn an_unknown_alias_is_made_when_somebody_joins_it() {
    let ground = Ground::new();
    let (house, obliging) = with_obliging(&ground).await;
    let alice = house.person("alice").await;
    let path = "/_matrix/client/v3/join/%23_irc_lobby:hs.test";
    let joined = house.post(path, &alice, json!({})).await.ok();
    assert!(joined["room_id"].is_string());
    let asked = obliging.asked.lock().unwrap().clone();
    assert_eq!(asked, ["/_matrix/app/v1/rooms/%23_irc_lobby%3Ahs.test"]);
    let path = "/_matrix/client/v3/directory/room/%23_irc_lobby:hs.test";
    assert_eq!(house.get_bare(path).await.ok()["room_id"], joined["room_id"]);
}

#[tokio::test]
async fn a_slow_answer_holds_up_nobody_else() {
    let ground = Ground::new();
    let (house, irc, scripted) = (ground.start().await, registration("irc"), Scripted::new());
    house.homeserver.attach_appservice(irc, scripted.clone()).await.unwrap();
    let alice = house.person("alice").await;
    let (one, other) = (house.room(&alice, json!({})).await, house.room(&alice, json!({})).await);
    scripted.then(Turn::Hold);
    let user = json!({ "user_id": "@_irc_bob:hs.test" });
    let waiting = house.in_room(&alice, &one, "invite", user);
    let meanwhile = async {
        scripted.until(|one| !one.seen().is_empty()).await;
        for number in 0..20 {
            house.say(&alice, &other, &number.to_string(), "still here").await;
        }
        scripted.release();
    };
    let (invite, ()) = tokio::join!(waiting, meanwhile);
    // The appservice said yes and made nobody.
    invite.fails(404, "M_NOT_FOUND");
}
