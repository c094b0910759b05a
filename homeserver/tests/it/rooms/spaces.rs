//! Spaces and what rooms look like from outside.

use serde_json::{Value, json};

use super::talk::events;
use crate::harness::{Answer, Ground, House, escape};

impl House {
    async fn space(&self, token: &str, preset: &str) -> String {
        let wish = json!({ "preset": preset, "creation_content": { "type": "m.space" } });
        self.room(token, wish).await
    }

    async fn put_into(&self, token: &str, space: &str, room: &str, mut content: Value) {
        content["via"] = json!(["hs.test"]);
        let key = format!("m.space.child/{}", escape(room));
        self.set_state(token, space, &key, content).await.ok();
    }

    async fn hierarchy(&self, token: &str, space: &str, query: &str) -> Answer {
        let path = format!("/_matrix/client/v1/rooms/{}/hierarchy?{query}", escape(space));
        self.get(&path, token).await
    }

    async fn tree(&self, token: &str, space: &str, query: &str) -> Vec<String> {
        ids(&self.hierarchy(token, space, query).await.ok())
    }

    async fn summary(&self, token: &str, room: &str) -> Answer {
        self.get(&format!("/_matrix/client/v1/room_summary/{}", escape(room)), token).await
    }
}

fn ids(page: &Value) -> Vec<String> {
    let rooms = events(&page["rooms"]).iter();
    rooms.map(|room| room["room_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_space_shows_its_rooms_in_order_and_depth_first() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let top = house.space(&alice, "public_chat").await;
    let below = house.space(&alice, "public_chat").await;
    let mut rooms = Vec::new();
    for name in ["one", "two", "three", "four"] {
        rooms.push(house.room(&alice, json!({ "name": name, "preset": "public_chat" })).await);
    }
    let [one, two, three, four] = <[String; 4]>::try_from(rooms).unwrap();
    house.put_into(&alice, &top, &one, json!({})).await;
    house.put_into(&alice, &top, &two, json!({ "order": "b" })).await;
    house.put_into(&alice, &top, &below, json!({ "order": "a", "suggested": true })).await;
    house.put_into(&alice, &top, &three, json!({ "order": 7, "suggested": true })).await;
    house.put_into(&alice, &below, &four, json!({})).await;
    // Round and round, and again: each room is shown once.
    house.put_into(&alice, &below, &top, json!({})).await;
    house.put_into(&alice, &below, &two, json!({})).await;
    // What is not here, and what is no child.
    house.put_into(&alice, &top, "!gone:hs.test", json!({})).await;
    house.set_state(&alice, &top, "m.space.child/!bare:hs.test", json!({})).await.ok();

    let all = [&top, &below, &four, &two, &one, &three].map(String::clone);
    assert_eq!(house.tree(&alice, &top, "").await, all);
    let flat = [&top, &below, &two, &one, &three].map(String::clone);
    assert_eq!(house.tree(&alice, &top, "max_depth=1").await, flat);
    let suggested = [&top, &below, &three].map(String::clone);
    assert_eq!(house.tree(&alice, &top, "suggested_only=true").await, suggested);

    let page = house.hierarchy(&alice, &top, "").await.ok();
    let root = &page["rooms"][0];
    // Public is what a room is whose rule is not told.
    assert_eq!((&root["room_type"], root.get("join_rule")), (&json!("m.space"), None));
    assert_eq!(events(&root["children_state"]).len(), 5);
    assert_eq!(root["children_state"][0]["content"]["order"], "a");
    assert_eq!(page["rooms"][4]["name"], "one");
    assert_eq!(page["rooms"][4]["num_joined_members"], 1);
    assert!(page.get("next_batch").is_none());

    // Page by page it is the same tree.
    let (mut found, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = house.hierarchy(&alice, &top, &query).await.ok();
        found.extend(ids(&page));
        let Some(next) = page["next_batch"].as_str() else { break };
        query = format!("limit=2&from={next}");
    }
    assert_eq!(found, all);
    let other = format!("{query}&suggested_only=true");
    house.hierarchy(&alice, &top, &other).await.fails(400, "M_INVALID_PARAM");
    house.hierarchy(&alice, &top, "from=nonsense").await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn everybody_sees_of_a_space_what_he_may_enter() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let space = house.space(&alice, "public_chat").await;
    let with = |rule: Value, sight: &str| {
        json!({ "initial_state": [
            { "type": "m.room.join_rules", "content": rule },
            { "type": "m.room.history_visibility", "content": { "history_visibility": sight } },
        ] })
    };
    let allow = json!([{ "type": "m.room_membership", "room_id": space }]);
    let closed = house.room(&alice, with(json!({ "join_rule": "invite" }), "shared")).await;
    let knocked = house.room(&alice, with(json!({ "join_rule": "knock" }), "shared")).await;
    let readable =
        house.room(&alice, with(json!({ "join_rule": "invite" }), "world_readable")).await;
    let rule = json!({ "join_rule": "restricted", "allow": allow });
    let restricted = house.room(&alice, with(rule, "shared")).await;
    let rooms = [&closed, &knocked, &readable, &restricted];
    for (number, room) in rooms.iter().enumerate() {
        house.put_into(&alice, &space, room, json!({ "order": number.to_string() })).await;
    }
    let stranger = [&space, &knocked, &readable].map(String::clone);
    assert_eq!(house.tree(&bob, &space, "").await, stranger);
    house.in_room(&bob, &space, "join", json!({})).await.ok();
    let member = [&space, &knocked, &readable, &restricted].map(String::clone);
    assert_eq!(house.tree(&bob, &space, "").await, member);
    house.in_room(&alice, &closed, "invite", json!({ "user_id": "@bob:hs.test" })).await.ok();
    let invited = [&space, &closed, &knocked, &readable, &restricted].map(String::clone);
    assert_eq!(house.tree(&bob, &space, "").await, invited);

    let hidden = house.space(&alice, "private_chat").await;
    house.hierarchy(&bob, &hidden, "").await.fails(403, "M_FORBIDDEN");
    house.hierarchy(&bob, "!none:hs.test", "").await.fails(403, "M_FORBIDDEN");

    let told = house.summary(&bob, &restricted).await.ok();
    assert_eq!(told["join_rule"], "restricted");
    assert_eq!(told["allowed_room_ids"], json!([space]));
    assert_eq!(told["membership"], "leave");
    assert_eq!(told["room_version"], "11");
    assert_eq!(house.summary(&bob, &closed).await.ok()["membership"], "invite");
    house.summary(&bob, &hidden).await.fails(404, "M_NOT_FOUND");
    // Without an account one sees what is open to all.
    let path = |room: &str| format!("/_matrix/client/v1/room_summary/{}", escape(room));
    assert!(house.get_bare(&path(&readable)).await.ok().get("membership").is_none());
    house.get_bare(&path(&restricted)).await.fails(404, "M_NOT_FOUND");
    house.get(&path(&readable), "nonsense").await.fails(401, "M_UNKNOWN_TOKEN");
    house.stop().await;
}
