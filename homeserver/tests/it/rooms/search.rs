//! Finding what was said.

use http::Method;
use serde_json::{Value, json};
use support_db::testing::test_locations;

use super::talk::{CLIENT, event_id, events};
use crate::harness::{Ground, House, escape};

impl House {
    async fn search(&self, token: &str, criteria: Value) -> Value {
        let body = json!({ "search_categories": { "room_events": criteria } });
        let found = self.post(&format!("{CLIENT}/search"), token, body).await.ok();
        found["search_categories"]["room_events"].clone()
    }

    async fn find(&self, token: &str, term: &str) -> Vec<String> {
        let found = self.search(token, json!({ "search_term": term, "order_by": "recent" })).await;
        assert_eq!(found["count"], events(&found["results"]).len());
        bodies(&found)
    }

    async fn edit(&self, token: &str, room: &str, event: &str, txn: &str, text: &str) -> String {
        let body = json!({
            "msgtype": "m.text", "body": format!("* {text}"),
            "m.new_content": { "msgtype": "m.text", "body": text },
            "m.relates_to": { "rel_type": "m.replace", "event_id": event },
        });
        let path = format!("{CLIENT}/rooms/{}/send/m.room.message/{txn}", escape(room));
        event_id(self.put(&path, token, body).await.ok())
    }
}

fn bodies(found: &Value) -> Vec<String> {
    let results = events(&found["results"]).iter().map(|one| &one["result"]["content"]);
    let text = |content: &Value| {
        ["body", "name", "topic"].iter().find_map(|key| content[key].as_str().map(str::to_owned))
    };
    results.map(|content| text(content).unwrap()).collect()
}

fn ids(found: &Value) -> Vec<&str> {
    events(&found["results"]).iter().filter_map(|one| one["result"]["event_id"].as_str()).collect()
}

#[tokio::test]
async fn words_are_found_wherever_they_stand_on_every_database() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let house = ground.start().await;
        let alice = house.person("alice").await;
        let room =
            house.room(&alice, json!({ "name": "Tea room", "topic": "All about tea" })).await;
        for (txn, text) in ["I like tea", "Tea, tea: TEA!", "coffee for ÄRGER", "team", "東京 tea"]
            .iter()
            .enumerate()
        {
            house.say(&alice, &room, &txn.to_string(), text).await;
        }
        let recent = ["東京 tea", "Tea, tea: TEA!", "I like tea", "All about tea", "Tea room"];
        assert_eq!(house.find(&alice, "tea").await, recent);
        assert_eq!(house.find(&alice, "like TEA").await, ["I like tea"]);
        assert_eq!(house.find(&alice, "ärger").await, ["coffee for ÄRGER"]);
        assert_eq!(house.find(&alice, "東京").await, ["東京 tea"]);
        assert!(house.find(&alice, "like coffee").await.is_empty());
        for (key, expected) in [
            ("content.name", vec!["Tea room"]),
            ("content.topic", vec!["All about tea"]),
            ("content.body", vec!["東京 tea", "Tea, tea: TEA!", "I like tea"]),
        ] {
            let wish = json!({ "search_term": "tea", "keys": [key], "order_by": "recent" });
            assert_eq!(bodies(&house.search(&alice, wish).await), expected);
        }
        let best = house.search(&alice, json!({ "search_term": "tea" })).await;
        assert_eq!(bodies(&best)[0], "Tea, tea: TEA!");
        assert_eq!(best["highlights"], json!(["tea"]));
        let ranks = events(&best["results"]).iter().map(|one| one["rank"].as_f64().unwrap());
        assert!(ranks.is_sorted_by(|a, b| a >= b));
        house.stop().await;
    }
}

#[tokio::test]
async fn a_question_is_words_and_never_syntax() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let house = ground.start().await;
        let alice = house.person("alice").await;
        let room = house.room(&alice, json!({})).await;
        house.say(&alice, &room, "1", "near the river \u{0} or not").await;
        for term in [
            "\"near\"",
            "NEAR(the river)",
            "near*",
            "^near",
            "-near",
            "words:near",
            "near AND river",
            "'near' & !river",
            "near\u{0}river",
            "(near",
            "river | not",
            "\u{202e}near",
            "{near}",
        ] {
            let found = house.find(&alice, term).await;
            // Signs are no words; AND and `words` are, and nobody said them.
            let expected = usize::from(!term.contains("AND") && !term.contains("words"));
            assert_eq!(found.len(), expected, "{term}");
        }
        for term in ["", "*", "\"", "'; DROP TABLE events; --", "%", "\u{0}"] {
            assert!(house.find(&alice, term).await.is_empty(), "{term}");
        }
        house.stop().await;
    }
}

#[tokio::test]
async fn edits_are_found_by_their_new_words_and_what_is_taken_back_is_not() {
    for place in test_locations() {
        let ground = Ground::on(place);
        let house = ground.start().await;
        let (alice, bob) = (house.person("alice").await, house.person("bob").await);
        let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
        house.in_room(&bob, &room, "join", json!({})).await.ok();
        let said = house.say(&alice, &room, "1", "green tea").await;
        let first = house.edit(&alice, &room, &said, "2", "black tea").await;
        let second = house.edit(&alice, &room, &said, "3", "white tea").await;
        // Nobody edits what others said: this stays a message of Bob's.
        let foreign = house.edit(&bob, &room, &said, "4", "stolen").await;
        let found = house.search(&alice, json!({ "search_term": "white" })).await;
        assert_eq!(ids(&found), [&said]);
        for gone in ["green", "black"] {
            assert!(house.find(&alice, gone).await.is_empty(), "{gone}");
        }
        let found = house.search(&alice, json!({ "search_term": "stolen" })).await;
        assert_eq!(ids(&found), [&foreign]);
        house.redact(&alice, &room, &second, "5").await.ok();
        let found = house.search(&alice, json!({ "search_term": "black" })).await;
        assert_eq!(ids(&found), [&said]);
        house.redact(&alice, &room, &first, "6").await.ok();
        assert_eq!(house.find(&alice, "green").await, ["green tea"]);
        let third = house.edit(&alice, &room, &said, "7", "red tea").await;
        house.redact(&alice, &room, &said, "8").await.ok();
        for gone in ["green", "red", "tea"] {
            assert!(house.find(&alice, gone).await.is_empty(), "{gone} {third}");
        }
        house.stop().await;
    }
}

#[tokio::test]
async fn everybody_finds_what_he_may_read() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let joined = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let wish = json!({ "preset": "public_chat", "initial_state": joined });
    let room = house.room(&alice, wish).await;
    house.say(&alice, &room, "1", "secret before").await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.say(&alice, &room, "2", "secret between").await;
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.say(&alice, &room, "3", "secret after").await;
    assert_eq!(house.find(&alice, "secret").await.len(), 3);
    let found = house.search(&bob, json!({ "search_term": "secret", "order_by": "recent" })).await;
    assert_eq!((bodies(&found), &found["count"]), (vec!["secret between".to_owned()], &json!(1)));
    // What is around it is not more than he may read either.
    let context = &found["results"][0]["context"];
    assert!(!context.to_string().contains("secret"), "{context}");
    house.in_room(&bob, &room, "forget", json!({})).await.ok();
    assert!(house.find(&bob, "secret").await.is_empty());
    let body = json!({ "search_categories": {} });
    house
        .ask(Method::POST, &format!("{CLIENT}/search"), None, Some(body.clone()))
        .await
        .fails(401, "M_MISSING_TOKEN");
    let nothing = house.post(&format!("{CLIENT}/search"), &alice, body).await.ok();
    assert_eq!(nothing, json!({ "search_categories": {} }));
    house.stop().await;
}

#[tokio::test]
async fn an_answer_is_filtered_grouped_and_read_page_by_page() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let wish = json!({ "preset": "public_chat" });
    let (one, two) = (house.room(&alice, wish.clone()).await, house.room(&alice, wish).await);
    for room in [&one, &two] {
        house.in_room(&bob, room, "join", json!({})).await.ok();
    }
    for number in 0..4 {
        house.say(&alice, &one, &format!("a{number}"), &format!("word {number}")).await;
        house.say(&bob, &two, &format!("b{number}"), &format!("word and more {number}")).await;
    }
    let picture = json!({ "msgtype": "m.image", "body": "word.png", "url": "mxc://hs.test/x" });
    let path = format!("{CLIENT}/rooms/{}/send/m.room.message/p", escape(&one));
    house.put(&path, &alice, picture).await.ok();
    for (filter, expected) in [
        (json!({ "rooms": [one] }), 5),
        (json!({ "not_rooms": [one] }), 4),
        (json!({ "senders": ["@bob:hs.test"] }), 4),
        (json!({ "not_senders": ["@bob:hs.test"] }), 5),
        (json!({ "types": ["m.room.name"] }), 0),
        (json!({ "contains_url": true }), 1),
        (json!({ "contains_url": false, "senders": ["@alice:hs.test"] }), 4),
    ] {
        let wish = json!({ "search_term": "word", "filter": filter });
        let found = house.search(&alice, wish).await;
        assert_eq!((&found["count"], ids(&found).len()), (&json!(expected), expected), "{filter}");
    }
    for order in ["recent", "rank"] {
        let (mut found, mut query) = (Vec::new(), String::new());
        loop {
            let criteria =
                json!({ "search_term": "word", "order_by": order, "filter": { "limit": 4 } });
            let body = json!({ "search_categories": { "room_events": criteria } });
            let page = house.post(&format!("{CLIENT}/search{query}"), &alice, body).await.ok();
            let page = &page["search_categories"]["room_events"];
            assert_eq!(page["count"], 9);
            found.extend(ids(page).into_iter().map(str::to_owned));
            let Some(next) = page["next_batch"].as_str() else { break };
            query = format!("?next_batch={next}");
        }
        assert_eq!(found.len(), 9);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 9);
    }
    let grouped = json!({
        "search_term": "more",
        "order_by": "recent",
        "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] },
        "event_context": { "before_limit": 1, "after_limit": 1, "include_profile": true },
        "include_state": true,
    });
    let found = house.search(&alice, grouped).await;
    let all = json!(ids(&found));
    assert_eq!(found["groups"]["room_id"][&two]["results"], all);
    assert_eq!(found["groups"]["sender"]["@bob:hs.test"]["results"], all);
    assert!(
        found["state"][&two]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["type"] == "m.room.create")
    );
    let context = &found["results"][1]["context"];
    assert_eq!(context["events_before"][0]["content"]["body"], "word and more 1");
    assert_eq!(context["events_after"][0]["content"]["body"], "word and more 3");
    assert!(context["profile_info"]["@bob:hs.test"].is_object());
    assert!(context["start"].is_string() && context["end"].is_string());
    let wrong = json!({ "search_categories": { "room_events": { "search_term": "x", "keys": ["content.odd"] } } });
    house.post(&format!("{CLIENT}/search"), &alice, wrong).await.fails(400, "M_INVALID_PARAM");
    let right = json!({ "search_categories": { "room_events": { "search_term": "x" } } });
    house
        .post(&format!("{CLIENT}/search?next_batch=odd"), &alice, right)
        .await
        .fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn what_is_found_comes_with_what_others_say_of_it() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let slip = house.say(&alice, &room, "slip", "harbour at nne").await;
    let root = house.say(&alice, &room, "root", "harbour at eight").await;
    house.edit(&alice, &room, &slip, "edit", "harbour at nine").await;
    let reply = |text: &str| {
        json!({ "msgtype": "m.text", "body": text,
            "m.relates_to": { "rel_type": "m.thread", "event_id": root } })
    };
    let path = format!("{CLIENT}/rooms/{}/send/m.room.message", escape(&room));
    house.put(&format!("{path}/1"), &alice, reply("first")).await.ok();
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    house.put(&format!("{path}/2"), &alice, reply("second")).await.ok();
    for (who, replies) in [(&alice, 2), (&bob, 1)] {
        let found = house.search(who, json!({ "search_term": "harbour" })).await;
        let told = |event: &str| {
            let results = events(&found["results"]).iter().map(|one| &one["result"]);
            let mut fitting = results.filter(|result| result["event_id"] == event);
            fitting.next().unwrap()["unsigned"]["m.relations"].clone()
        };
        let edited = &told(&slip)["m.replace"]["content"]["m.new_content"]["body"];
        assert_eq!(*edited, "harbour at nine");
        assert_eq!(told(&root)["m.thread"]["count"], replies);
    }
    house.stop().await;
}
