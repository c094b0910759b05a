//! Rooms one has left, knocks at or was away from, in `/sync`.

use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use support_matrix_http::HttpTransport;

use super::talk::{CLIENT, bodies, events, next_batch, of_type, timeline};
use crate::harness::{Ground, House, escape};

#[tokio::test]
async fn left_rooms_are_told_of_up_to_the_leaving_and_only_when_asked_for() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    let other = house.room(&alice, json!({ "invite": ["@bob:hs.test"] })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    for number in 0..5 {
        house.say(&alice, &room, &number.to_string(), &number.to_string()).await;
    }
    let since = next_batch(&house.sync(&bob, "").await);
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.in_room(&bob, &other, "leave", json!({})).await.ok();
    house.set_state(&alice, &room, "m.room.name", json!({ "name": "secret" })).await.ok();
    house.say(&alice, &room, "late", "secret").await;
    house.say(&alice, &other, "late", "secret").await;

    let sync = house.since(&bob, &since).await;
    assert!(!sync.to_string().contains("secret"), "{sync}");
    let left = &sync["rooms"]["leave"][&room]["timeline"]["events"];
    assert_eq!(events(left).last().unwrap()["content"]["membership"], "leave");
    assert!(sync["rooms"]["leave"][&other].is_object());
    // From then on they are gone.
    let later = house.since(&bob, &next_batch(&sync)).await;
    assert!(later.get("rooms").is_none(), "{later}");
    let initial = house.sync(&bob, "").await;
    assert!(initial.get("rooms").is_none(), "{initial}");

    let filter = json!({ "room": { "include_leave": true, "timeline": { "limit": 3 } } });
    let query = format!("filter={}", escape(&filter.to_string()));
    let archive = house.sync(&bob, &query).await;
    assert!(!archive.to_string().contains("secret"), "{archive}");
    let left = &archive["rooms"]["leave"][&room];
    assert_eq!(left["timeline"]["limited"], true);
    let shown = events(&left["timeline"]["events"]);
    assert_eq!((shown.len(), bodies(shown)), (3, vec!["3", "4"]));
    let state = events(&left["state"]["events"]);
    assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "Tea");
    // Who declined an invitation learns nothing more of the room.
    let declined = &archive["rooms"]["leave"][&other];
    assert!(of_type(events(&declined["state"]["events"]), "m.room.create").is_none());
    house.in_room(&bob, &room, "forget", json!({})).await.ok();
    let archive = house.sync(&bob, &query).await;
    assert!(archive["rooms"]["leave"].get(&room).is_none());
    house.stop().await;
}

#[tokio::test]
async fn a_room_one_knocks_at_is_told_of_in_outline() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let rules = json!({ "type": "m.room.join_rules", "content": { "join_rule": "knock" } });
    let room = house.room(&alice, json!({ "name": "Tea", "initial_state": [rules] })).await;
    house.say(&alice, &room, "1", "secret").await;
    let since = next_batch(&house.sync(&bob, "").await);
    let path = format!("{CLIENT}/knock/{}", escape(&room));
    house.post(&path, &bob, json!({ "reason": "thirst" })).await.ok();
    for sync in [house.since(&bob, &since).await, house.sync(&bob, "").await] {
        assert!(!sync.to_string().contains("secret"), "{sync}");
        let state = events(&sync["rooms"]["knock"][&room]["knock_state"]["events"]);
        assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "Tea");
        let own: Vec<_> = state.iter().filter(|event| event["type"] == "m.room.member").collect();
        assert_eq!(own.len(), 1, "{state:?}");
        assert_eq!(own[0]["content"], json!({ "membership": "knock", "reason": "thirst" }));
        let later = house.since(&bob, &next_batch(&sync)).await;
        assert!(later.get("rooms").is_none(), "{later}");
    }
    // A poll that waits is woken by the answer to the knock.
    house.in_room(&alice, &room, "invite", json!({ "user_id": "@bob:hs.test" })).await.ok();
    let sync = house.since(&bob, &since).await;
    assert!(sync["rooms"]["invite"][&room].is_object() && sync["rooms"].get("knock").is_none());
    house.stop().await;
}

#[tokio::test]
async fn who_was_away_from_a_room_learns_how_its_state_changed_meanwhile() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let rule = json!({ "history_visibility": "joined" });
    let rule = json!({ "type": "m.room.history_visibility", "content": rule });
    let body = json!({ "preset": "public_chat", "initial_state": [rule] });
    let room = house.room(&alice, body).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let since = next_batch(&house.sync(&bob, "").await);
    house.say(&alice, &room, "1", "here").await;
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.set_state(&alice, &room, "m.room.name", json!({ "name": "Tea" })).await.ok();
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    for after in [false, true] {
        let query = format!("since={since}&use_state_after={after}");
        let sync = house.sync(&bob, &query).await;
        assert_eq!(bodies(timeline(&sync, &room)), ["here"]);
        let key = if after { "state_after" } else { "state" };
        let state = events(&sync["rooms"]["join"][&room][key]["events"]);
        assert_eq!(of_type(state, "m.room.name").unwrap()["content"]["name"], "Tea");
    }
    house.stop().await;
}

/// Everything a client has of a room: what `/sync` showed, and what fills the gap before it.
async fn caught_up(house: &House, token: &str, room: &str, sync: &Value, to: &str) -> Vec<String> {
    let shown = &sync["rooms"]["join"][room]["timeline"];
    let mut bodies: Vec<String> =
        bodies(timeline(sync, room)).iter().rev().map(|&it| it.into()).collect();
    let mut from = shown["prev_batch"].as_str().map(str::to_owned);
    while let Some(place) = from.filter(|_| shown["limited"] == true) {
        let path = format!("messages?dir=b&limit=500&from={place}&to={to}");
        let page = house.look(token, room, &path).await.ok();
        let chunk = events(&page["chunk"]).iter();
        bodies.extend(chunk.filter_map(|it| it["content"]["body"].as_str().map(str::to_owned)));
        from = page["end"].as_str().map(str::to_owned);
    }
    bodies
}

#[tokio::test]
async fn a_client_that_was_away_for_five_thousand_events_misses_none() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
        house.in_room(&bob, &room, "join", json!({})).await.ok();
        rooms.push(room);
    }
    let since = next_batch(&house.sync(&bob, "").await);
    // Two thirds here, one third there, nothing in the third room; fifty people talk at once.
    let mut expected = vec![Vec::new(); 2];
    for hundred in 0..50 {
        let sends = (hundred * 100..hundred * 100 + 100).map(|number| {
            let which = usize::from(number % 3 == 0);
            expected[which].push(number.to_string());
            let room = escape(&rooms[which]);
            let path = format!("{CLIENT}/rooms/{room}/send/m.room.message/{number}");
            let body = json!({ "msgtype": "m.text", "body": number.to_string() }).to_string();
            let request = Request::put(path).header("authorization", format!("Bearer {alice}"));
            house.transport.call(request.body(body.into()).unwrap())
        });
        let sends: Vec<_> = sends.collect();
        assert!(join_all(sends).await.into_iter().all(|sent| sent.unwrap().status().is_success()));
    }
    let sync = house.since(&bob, &since).await;
    assert!(sync["rooms"]["join"].get(&rooms[2]).is_none());
    for (room, expected) in rooms.iter().zip(&expected) {
        assert_eq!(sync["rooms"]["join"][room]["timeline"]["limited"], true);
        let mut found = caught_up(&house, &bob, room, &sync, &since).await;
        found.sort_by_key(|text| text.parse::<u32>().unwrap());
        assert!(found == *expected, "{room}");
    }
    let later = house.since(&bob, &next_batch(&sync)).await;
    assert!(later.get("rooms").is_none(), "{later}");
    house.stop().await;
}
