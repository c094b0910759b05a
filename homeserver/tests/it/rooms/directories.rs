//! The directory of rooms, and finding people.

use http::Method;
use serde_json::{Value, json};

use super::talk::{CLIENT, events};
use crate::harness::{Answer, Ground, House, escape};

impl House {
    async fn public(&self, token: &str, body: Value) -> Value {
        self.post(&format!("{CLIENT}/publicRooms"), token, body).await.ok()
    }

    async fn publish(&self, token: &str, room: &str, visibility: &str) -> Answer {
        let path = format!("{CLIENT}/directory/list/room/{}", escape(room));
        self.put(&path, token, json!({ "visibility": visibility })).await
    }

    async fn people(&self, token: &str, term: &str) -> Vec<String> {
        let found = self.find_people(token, json!({ "search_term": term })).await;
        let results = events(&found["results"]).iter();
        results.map(|one| one["user_id"].as_str().unwrap().to_owned()).collect()
    }

    async fn find_people(&self, token: &str, body: Value) -> Value {
        self.post(&format!("{CLIENT}/user_directory/search"), token, body).await.ok()
    }
}

fn names(page: &Value) -> Vec<&str> {
    events(&page["chunk"]).iter().filter_map(|room| room["name"].as_str()).collect()
}

#[tokio::test]
async fn published_rooms_are_found_by_their_words_and_kinds() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let wish =
        |name: &str, topic: &str| json!({ "visibility": "public", "name": name, "topic": topic });
    house.room(&alice, wish("Tea", "green and black")).await;
    let big = house.room(&alice, wish("Кофе", "ÄPFEL")).await;
    house.in_room(&bob, &big, "join", json!({})).await.ok();
    house.room(&alice, json!({ "preset": "public_chat", "name": "Unlisted" })).await;
    let mut space = wish("Garden", "");
    space["creation_content"] = json!({ "type": "m.space" });
    space["room_alias_name"] = "paradise".into();
    house.room(&alice, space).await;

    let all = house.get_bare(&format!("{CLIENT}/publicRooms")).await.ok();
    assert_eq!(names(&all), ["Кофе", "Tea", "Garden"]);
    assert_eq!(all["total_room_count_estimate"], 3);
    let first = &all["chunk"][0];
    assert_eq!(
        (&first["num_joined_members"], &first["world_readable"]),
        (&json!(2), &json!(false))
    );
    for (filter, expected) in [
        (json!({ "generic_search_term": "коф" }), vec!["Кофе"]),
        (json!({ "generic_search_term": "äpfel" }), vec!["Кофе"]),
        (json!({ "generic_search_term": "PARADISE" }), vec!["Garden"]),
        (json!({ "generic_search_term": "%" }), vec![]),
        (json!({ "generic_search_term": "" }), vec!["Кофе", "Tea", "Garden"]),
        (json!({ "room_types": ["m.space"] }), vec!["Garden"]),
        (json!({ "room_types": [null] }), vec!["Кофе", "Tea"]),
        (
            json!({ "room_types": [null, "m.space"], "generic_search_term": "a" }),
            vec!["Tea", "Garden"],
        ),
    ] {
        let found = house.public(&alice, json!({ "filter": filter })).await;
        assert_eq!(names(&found), expected, "{filter}");
    }
    // Forward and back.
    let one = house.public(&alice, json!({ "limit": 1 })).await;
    let two = house.public(&alice, json!({ "limit": 1, "since": one["next_batch"] })).await;
    let three = house.public(&alice, json!({ "limit": 1, "since": two["next_batch"] })).await;
    assert_eq!(
        (names(&one), names(&two), names(&three)),
        (vec!["Кофе"], vec!["Tea"], vec!["Garden"])
    );
    assert!(one.get("prev_batch").is_none() && three.get("next_batch").is_none());
    let back = house.public(&alice, json!({ "limit": 1, "since": three["prev_batch"] })).await;
    assert_eq!(names(&back), ["Tea"]);
    let path = format!("{CLIENT}/publicRooms?since=nonsense");
    house.get_bare(&path).await.fails(400, "M_INVALID_PARAM");
    let path = format!("{CLIENT}/publicRooms?server=other.test");
    house.get_bare(&path).await.fails(404, "M_NOT_FOUND");
    house
        .ask(Method::POST, &format!("{CLIENT}/publicRooms"), None, Some(json!({})))
        .await
        .fails(401, "M_MISSING_TOKEN");
    house.stop().await;
}

#[tokio::test]
async fn a_room_is_published_by_who_may() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat", "name": "Tea" })).await;
    let path = format!("{CLIENT}/directory/list/room/{}", escape(&room));
    assert_eq!(house.get_bare(&path).await.ok(), json!({ "visibility": "private" }));
    house.publish(&bob, &room, "public").await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.publish(&bob, &room, "public").await.fails(403, "M_FORBIDDEN");
    house.publish(&alice, &room, "sideways").await.fails(400, "M_INVALID_PARAM");
    house.publish(&alice, &room, "public").await.ok();
    assert_eq!(house.get_bare(&path).await.ok(), json!({ "visibility": "public" }));
    assert_eq!(names(&house.public(&bob, json!({})).await), ["Tea"]);
    house.publish(&alice, &room, "private").await.ok();
    assert!(names(&house.public(&bob, json!({})).await).is_empty());
    house.publish(&alice, "!none:hs.test", "public").await.fails(404, "M_NOT_FOUND");
    // A replaced room gives its place in the directory to the new one.
    house.publish(&alice, &room, "public").await.ok();
    let wish = json!({ "new_version": "12" });
    let new = house.in_room(&alice, &room, "upgrade", wish).await.ok();
    let listed = house.public(&bob, json!({})).await;
    assert_eq!(listed["chunk"][0]["room_id"], new["replacement_room"]);
    assert_eq!(events(&listed["chunk"]).len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn people_find_whom_they_may_know() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let (carol, dora) = (house.person("carol").await, house.person("dora").await);
    let name = |who: &str| format!("{CLIENT}/profile/@{who}:hs.test/displayname");
    house.put(&name("bob"), &bob, json!({ "displayname": "Bobby Große" })).await.ok();
    // Bob shares a closed room with Alice, Carol is in an open one, Dora hides.
    let room = house.room(&alice, json!({ "invite": ["@bob:hs.test"] })).await;
    assert!(house.people(&alice, "bob").await.is_empty());
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let open = house.room(&carol, json!({ "preset": "public_chat" })).await;
    house.room(&dora, json!({})).await;
    assert_eq!(house.people(&alice, "GROSSE bo").await, ["@bob:hs.test"]);
    assert_eq!(house.people(&alice, "@bob:hs").await, ["@bob:hs.test"]);
    assert_eq!(house.people(&alice, "car").await, ["@carol:hs.test"]);
    assert!(house.people(&alice, "dora").await.is_empty());
    assert!(house.people(&alice, "alice").await.is_empty());
    assert!(house.people(&dora, "bob").await.is_empty());
    let found = house.find_people(&alice, json!({ "search_term": "bob" })).await;
    let bobby = json!({ "user_id": "@bob:hs.test", "display_name": "Bobby Große" });
    assert_eq!(found, json!({ "results": [bobby], "limited": false }));
    // A door that is closed hides who is behind it; one that is made of glass does not.
    let rule = json!({ "join_rule": "invite" });
    house.set_state(&carol, &open, "m.room.join_rules", rule).await.ok();
    assert!(house.people(&alice, "carol").await.is_empty());
    let glass = json!({ "history_visibility": "world_readable" });
    house.set_state(&carol, &open, "m.room.history_visibility", glass).await.ok();
    assert_eq!(house.people(&alice, "carol").await, ["@carol:hs.test"]);
    house.in_room(&dora, &open, "join", json!({})).await.fails(403, "M_FORBIDDEN");
    let both = json!({ "search_term": "", "limit": 1 });
    assert_eq!(house.find_people(&alice, both).await, json!({ "results": [], "limited": false }));
    house.stop().await;
}
