//! What was said around an event.

use serde_json::{Value, json};

use super::talk::{bodies, events, of_type};
use crate::harness::{Ground, escape};

fn names(state: &Value) -> Vec<&str> {
    let members = events(state).iter().filter(|event| event["type"] == "m.room.member");
    let mut names: Vec<_> = members.filter_map(|event| event["state_key"].as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn an_event_is_shown_among_its_neighbours_and_in_the_state_of_its_time() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let room = house.room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.in_room(&carol, &room, "join", json!({})).await.ok();
    let mut said = Vec::new();
    for number in 0..9 {
        let who = if number == 4 { &bob } else { &alice };
        said.push(house.say(who, &room, &number.to_string(), &number.to_string()).await);
    }
    house.set_state(&alice, &room, "m.room.name", json!({ "name": "Coffee" })).await.ok();
    let path = format!("context/{}", escape(&said[4]));
    let context = house.look(&alice, &room, &format!("{path}?limit=4")).await.ok();
    assert_eq!(context["event"]["content"]["body"], "4");
    assert_eq!(bodies(events(&context["events_before"])), ["3", "2"]);
    assert_eq!(bodies(events(&context["events_after"])), ["5", "6"]);
    let name = of_type(events(&context["state"]), "m.room.name").unwrap();
    assert_eq!(name["content"]["name"], "Tea");
    assert_eq!(names(&context["state"]), ["@alice:hs.test", "@bob:hs.test", "@carol:hs.test"]);
    // One can go on from both ends.
    for (end, query, there) in [("start", "dir=b&limit=2", "1 0"), ("end", "dir=f&limit=2", "7 8")]
    {
        let from = context[end].as_str().unwrap();
        let page = house.look(&alice, &room, &format!("messages?{query}&from={from}")).await.ok();
        assert_eq!(bodies(events(&page["chunk"])).join(" "), there);
    }
    let alone = house.look(&alice, &room, &format!("{path}?limit=0")).await.ok();
    assert!(alone.get("events_before").is_none() && alone.get("events_after").is_none());

    let filter = json!({ "lazy_load_members": true, "senders": ["@alice:hs.test"], "types": ["m.room.message"] });
    let filter = escape(&filter.to_string());
    let context = house.look(&alice, &room, &format!("{path}?limit=20&filter={filter}")).await.ok();
    assert_eq!(bodies(events(&context["events_before"])), ["3", "2", "1", "0"]);
    assert_eq!(bodies(events(&context["events_after"])), ["5", "6", "7", "8"]);
    assert_eq!(names(&context["state"]), ["@alice:hs.test", "@bob:hs.test"]);
    assert!(of_type(events(&context["state"]), "m.room.create").is_some());
    house.stop().await;
}

#[tokio::test]
async fn who_left_sees_the_context_up_to_his_leaving() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let before = house.say(&alice, &room, "1", "before").await;
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.set_state(&alice, &room, "m.room.topic", json!({ "topic": "secret" })).await.ok();
    let after = house.say(&alice, &room, "2", "secret").await;
    let path = |event: &str| format!("context/{}?limit=20", escape(event));
    let context = house.look(&bob, &room, &path(&before)).await.ok();
    assert!(!context.to_string().contains("secret"), "{context}");
    assert!(of_type(events(&context["state"]), "m.room.create").is_some());
    house.look(&bob, &room, &path(&after)).await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}
