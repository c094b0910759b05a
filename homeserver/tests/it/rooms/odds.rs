//! Small questions: what was said when, complaints, and what this server has not.

use std::time::Duration;

use http::Method;
use serde_json::json;
use support_clock::{Clock as _, TestClock};

use super::talk::CLIENT;
use crate::harness::{Ground, escape};

#[tokio::test]
async fn an_event_is_found_by_its_time_as_far_as_one_may_look() {
    let ground = Ground::new();
    let clock = std::sync::Arc::new(TestClock::new());
    let house = ground.start_with(|one| one.clock(clock.clone())).await.unwrap();
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let joined = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let wish = json!({ "preset": "public_chat", "initial_state": joined });
    let room = house.room(&alice, wish).await;
    clock.advance(Duration::from_secs(60));
    let then = clock.now_ms();
    let hidden = house.say(&alice, &room, "1", "hidden").await;
    clock.advance(Duration::from_secs(60));
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let last = house.say(&alice, &room, "2", "last").await;
    let find = async |token: &str, ts: i64, dir: &str| {
        let room = escape(&room);
        let path = format!("/_matrix/client/v1/rooms/{room}/timestamp_to_event?ts={ts}&dir={dir}");
        house.get(&path, token).await
    };
    let far = 9_000_000_000_000;
    let newest = find(&alice, far, "b").await.ok();
    assert_eq!(newest["event_id"], last);
    let created = find(&alice, 0, "f").await.ok();
    let path = format!("event/{}", escape(created["event_id"].as_str().unwrap()));
    let event = house.look(&alice, &room, &path).await.ok();
    assert_eq!(
        (&event["type"], &event["origin_server_ts"]),
        (&json!("m.room.create"), &created["origin_server_ts"])
    );
    find(&alice, 0, "b").await.fails(404, "M_NOT_FOUND");
    find(&alice, far, "f").await.fails(404, "M_NOT_FOUND");
    assert_eq!(find(&alice, then - 1, "f").await.ok()["event_id"], hidden);
    assert_eq!(find(&alice, then + 1, "b").await.ok()["event_id"], hidden);
    // What was said while Bob was not there is no answer for him, on either side.
    let entrance = find(&bob, then - 1, "f").await.ok();
    assert_eq!(entrance["origin_server_ts"], then + 60_000);
    assert!(find(&bob, then + 1, "b").await.ok()["origin_server_ts"].as_i64().unwrap() < then);
    let carol = house.person("carol").await;
    find(&carol, 0, "f").await.fails(403, "M_FORBIDDEN");
    house.stop().await;
}

#[tokio::test]
async fn complaints_are_taken_about_what_one_can_see() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let said = house.say(&alice, &room, "1", "rude").await;
    let reason = json!({ "reason": "rude" });
    let of_event = format!("report/{}", escape(&said));
    house.in_room(&bob, &room, &of_event, reason.clone()).await.fails(404, "M_NOT_FOUND");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&bob, &room, &of_event, reason.clone()).await.ok();
    house.in_room(&bob, &room, &of_event, json!({})).await.ok();
    house.in_room(&bob, &room, "report/$none", reason.clone()).await.fails(404, "M_NOT_FOUND");
    house.in_room(&bob, &room, "report", reason.clone()).await.ok();
    house.in_room(&bob, "!none:hs.test", "report", reason.clone()).await.fails(404, "M_NOT_FOUND");
    let long = json!({ "reason": "x".repeat(10_001) });
    house.in_room(&bob, &room, "report", long).await.fails(413, "M_TOO_LARGE");
    let user = |name: &str| format!("{CLIENT}/users/@{name}:hs.test/report");
    house.post(&user("alice"), &bob, reason.clone()).await.ok();
    house.post(&user("nobody"), &bob, reason).await.fails(404, "M_NOT_FOUND");
    let db = ground.place.open(homeserver::Homeserver::migrations());
    house.stop().await;
    let db = db.await;
    let rows = db
        .fetch_all("SELECT reporter, reason FROM reports ORDER BY report_id", support_db::params![])
        .await
        .unwrap();
    let reasons: Vec<Option<String>> = rows.iter().map(|row| row.get("reason").unwrap()).collect();
    let rude = Some("rude".to_owned());
    assert_eq!(reasons, [rude.clone(), None, rude.clone(), rude]);
    db.close().await;
}

#[tokio::test]
async fn what_this_server_has_not_it_says_so() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let ids = house.get(&format!("{CLIENT}/account/3pid"), &alice).await.ok();
    assert_eq!(ids, json!({ "threepids": [] }));
    let add = json!({ "client_secret": "s", "sid": "1" });
    house
        .post(&format!("{CLIENT}/account/3pid/add"), &alice, add)
        .await
        .fails(403, "M_THREEPID_DENIED");
    let mail = json!({ "client_secret": "s", "email": "a@example.org", "send_attempt": 1 });
    for purpose in ["account/3pid", "account/password", "register"] {
        let path = format!("{CLIENT}/{purpose}/email/requestToken");
        house.post_bare(&path, mail.clone()).await.fails(403, "M_THREEPID_DENIED");
    }
    let gone = json!({ "address": "a@example.org", "medium": "email" });
    let removed = house.post(&format!("{CLIENT}/account/3pid/delete"), &alice, gone).await.ok();
    assert_eq!(removed, json!({ "id_server_unbind_result": "no-support" }));
    let protocols = house.get(&format!("{CLIENT}/thirdparty/protocols"), &alice).await.ok();
    assert_eq!(protocols, json!({}));
    house.get(&format!("{CLIENT}/thirdparty/protocol/irc"), &alice).await.fails(404, "M_NOT_FOUND");
    let path = format!("{CLIENT}/thirdparty/user?userid=@a:b");
    assert_eq!(house.get(&path, &alice).await.ok(), json!([]));
    let relays = house.get(&format!("{CLIENT}/voip/turnServer"), &alice).await.ok();
    assert_eq!(relays, json!({}));
    house
        .ask(Method::GET, &format!("{CLIENT}/voip/turnServer"), None, None)
        .await
        .fails(401, "M_MISSING_TOKEN");
    house.stop().await;
}
