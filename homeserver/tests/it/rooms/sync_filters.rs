//! What filters of `/sync` leave out, and how events are written.

use serde_json::{Value, json};

use super::talk::{CLIENT, bodies, events, of_type, timeline};
use crate::harness::{Ground, House, escape};

async fn filtered(house: &House, token: &str, filter: &Value) -> Value {
    house.sync(token, &format!("filter={}", escape(&filter.to_string()))).await
}

#[tokio::test]
async fn only_the_events_that_were_asked_for_are_shown() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let path = format!("{CLIENT}/rooms/{}/send/m.room.message/picture", escape(&room));
    let picture = json!({ "msgtype": "m.image", "body": "picture", "url": "mxc://hs.test/x" });
    house.put(&path, &alice, picture).await.ok();
    house.say(&alice, &room, "a", "by alice").await;
    house.say(&bob, &room, "b", "by bob").await;
    for (timeline_filter, shown) in [
        (json!({ "senders": ["@bob:hs.test"], "types": ["m.room.m*ge"] }), "by bob"),
        (
            json!({ "not_senders": ["@bob:hs.test"], "types": ["m.room.message"] }),
            "picture by alice",
        ),
        (json!({ "contains_url": true }), "picture"),
        (json!({ "contains_url": false, "not_types": ["m.room.member"] }), "by alice by bob"),
        (json!({ "limit": 1 }), "by bob"),
        (json!({ "not_rooms": [room] }), ""),
        (json!({ "rooms": [] }), ""),
    ] {
        let sync =
            filtered(&house, &alice, &json!({ "room": { "timeline": timeline_filter } })).await;
        assert_eq!(bodies(timeline(&sync, &room)).join(" "), shown, "{timeline_filter}");
        // What happened is never lost: what the timeline leaves out of the state is in the state.
        let all = timeline(&sync, &room).iter();
        let all: Vec<_> =
            all.chain(events(&sync["rooms"]["join"][&room]["state"]["events"])).collect();
        let bob = |event: &&&Value| event["state_key"] == "@bob:hs.test";
        assert!(all.iter().any(|event| bob(&event)), "{timeline_filter}");
    }
    let none = filtered(&house, &alice, &json!({ "room": { "not_rooms": [room] } })).await;
    assert!(none.get("rooms").is_none(), "{none}");
    let state =
        json!({ "room": { "timeline": { "limit": 1 }, "state": { "types": ["m.room.c*"] } } });
    let sync = filtered(&house, &alice, &state).await;
    let state = events(&sync["rooms"]["join"][&room]["state"]["events"]);
    assert_eq!((state.len(), &state[0]["type"]), (1, &json!("m.room.create")));
    house.stop().await;
}

#[tokio::test]
async fn events_are_cut_to_the_fields_and_written_in_the_format_asked_for() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    house.say(&alice, &room, "1", "tea").await;
    let fields = ["type", "event_id", "sender", "origin_server_ts", "content", "unsigned.nothing"];
    let sync = filtered(&house, &alice, &json!({ "event_fields": fields })).await;
    let said = timeline(&sync, &room).last().unwrap();
    assert_eq!(said["content"]["body"], "tea");
    assert!(said.get("unsigned").is_none() && said.get("origin_server_ts").is_some(), "{said}");
    let create = of_type(timeline(&sync, &room), "m.room.create").unwrap();
    assert!(create.get("state_key").is_none(), "{create}");
    let sync = filtered(&house, &alice, &json!({ "event_format": "federation" })).await;
    let said = timeline(&sync, &room).last().unwrap();
    for key in ["hashes", "signatures", "auth_events", "prev_events", "depth", "event_id"] {
        assert!(said.get(key).is_some(), "{key} of {said}");
    }
    house.stop().await;
}

#[tokio::test]
async fn account_data_is_chosen_by_type_and_room() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({})).await;
    let data = format!("{CLIENT}/user/@alice:hs.test/rooms/{}/account_data", escape(&room));
    for kind in ["org.tea", "org.coffee"] {
        house.put(&format!("{data}/{kind}"), &alice, json!({ "kind": kind })).await.ok();
    }
    for (filter, shown) in [
        (json!({}), vec!["org.tea", "org.coffee"]),
        (json!({ "types": ["org.t*"] }), vec!["org.tea"]),
        (json!({ "not_types": ["org.tea"] }), vec!["org.coffee"]),
        (json!({ "not_rooms": [room] }), vec![]),
    ] {
        let sync = filtered(&house, &alice, &json!({ "room": { "account_data": filter } })).await;
        let data = events(&sync["rooms"]["join"][&room]["account_data"]["events"]);
        let data: Vec<_> = data.iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!(data, shown, "{filter}");
    }
    house.stop().await;
}

#[tokio::test]
async fn lazy_members_are_those_who_speak_and_those_a_room_is_known_by() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let room = house.room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    let nameless = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let mut people = Vec::new();
    for name in ["bob", "carol", "dan"] {
        let token = house.person(name).await;
        house.in_room(&token, &room, "join", json!({})).await.ok();
        house.in_room(&token, &nameless, "join", json!({})).await.ok();
        people.push(token);
    }
    for number in 0..3 {
        house.say(&people[1], &room, &number.to_string(), "tea").await;
        house.say(&alice, &nameless, &number.to_string(), "tea").await;
    }
    let filter = json!({ "room": {
        "state": { "lazy_load_members": true }, "timeline": { "limit": 2 }
    } });
    let sync = filtered(&house, &alice, &filter).await;
    let members = |sync: &Value, room: &str| {
        let state = events(&sync["rooms"]["join"][room]["state"]["events"]).iter();
        let members = state.filter(|event| event["type"] == "m.room.member");
        let mut names: Vec<_> =
            members.map(|event| event["state_key"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.join(" ").replace(":hs.test", "")
    };
    assert_eq!(members(&sync, &room), "@alice @carol");
    assert_eq!(members(&sync, &nameless), "@alice @bob @carol @dan");
    // Later, whoever speaks is told of with his words.
    let since = sync["next_batch"].as_str().unwrap();
    house.say(&people[2], &room, "late", "late").await;
    let query = format!("since={since}&filter={}", escape(&filter.to_string()));
    let sync = house.sync(&alice, &query).await;
    assert_eq!(members(&sync, &room), "@dan");
    house.stop().await;
}
