//! A room is replaced by one of another version.

use serde_json::{Value, json};

use super::talk::{CLIENT, event_id};
use crate::harness::{Answer, Ground, House, escape};

impl House {
    async fn upgrade(&self, token: &str, room: &str, body: Value) -> Answer {
        self.in_room(token, room, "upgrade", body).await
    }

    async fn upgraded(&self, token: &str, room: &str, version: &str) -> String {
        let answer = self.upgrade(token, room, json!({ "new_version": version })).await.ok();
        answer["replacement_room"].as_str().unwrap().to_owned()
    }

    async fn state_of(&self, token: &str, room: &str, key: &str) -> Value {
        self.look(token, room, &format!("state/{key}")).await.ok()
    }
}

#[tokio::test]
async fn a_replaced_room_goes_on_in_every_version() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let mut names = 0;
    for from in ["10", "11", "12"] {
        for to in ["10", "11", "12"] {
            names += 1;
            let alias = format!("#tea{names}:hs.test");
            let state = |kind: &str, content: Value| json!({ "type": kind, "content": content });
            let room = house
                .room(
                    &alice,
                    json!({
                        "room_version": from,
                        "visibility": "public",
                        "name": "Tea",
                        "topic": "Leaves",
                        "room_alias_name": format!("tea{names}"),
                        "creation_content": { "type": "org.example.type", "m.federate": false },
                        "power_level_content_override": { "invite": 33 },
                        "initial_state": [
                            state("m.room.avatar", json!({ "url": "mxc://hs.test/a" })),
                            state("m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
                            state("m.room.server_acl", json!({ "allow": ["*"] })),
                            state("m.room.history_visibility", json!({ "history_visibility": "invited" })),
                        ],
                    }),
                )
                .await;
            let ban = json!({ "user_id": "@bob:hs.test", "reason": "spam" });
            house.in_room(&alice, &room, "ban", ban).await.ok();
            let last = house.say(&alice, &room, "1", "last words").await;
            let new = house.upgraded(&alice, &room, to).await;
            assert_ne!(room, new);

            let create = house.state_of(&alice, &new, "m.room.create/").await;
            assert_eq!(create["room_version"], to);
            assert_eq!(create["type"], "org.example.type");
            assert_eq!(create["m.federate"], false);
            assert_eq!(create["predecessor"]["room_id"], *room);
            let expected = if to == "12" { Value::Null } else { last.into() };
            assert_eq!(create["predecessor"]["event_id"], expected);
            assert_eq!(create["creator"] == "@alice:hs.test", to == "10");
            for (key, field, expected) in [
                ("m.room.name/", "name", "Tea"),
                ("m.room.topic/", "topic", "Leaves"),
                ("m.room.avatar/", "url", "mxc://hs.test/a"),
                ("m.room.encryption/", "algorithm", "m.megolm.v1.aes-sha2"),
                ("m.room.history_visibility/", "history_visibility", "invited"),
                ("m.room.join_rules/", "join_rule", "public"),
                ("m.room.canonical_alias/", "alias", alias.as_str()),
                ("m.room.member/@bob:hs.test", "membership", "ban"),
                ("m.room.member/@bob:hs.test", "reason", "spam"),
            ] {
                assert_eq!(house.state_of(&alice, &new, key).await[field], expected, "{key}");
            }
            let levels = house.state_of(&alice, &new, "m.room.power_levels/").await;
            assert_eq!(levels["invite"], 33);
            let users = if to == "12" { json!({}) } else { json!({ "@alice:hs.test": 100 }) };
            assert_eq!(levels["users"], users, "{from} to {to}");

            let tombstone = house.state_of(&alice, &room, "m.room.tombstone/").await;
            assert_eq!(tombstone["replacement_room"], *new);
            let levels = house.state_of(&alice, &room, "m.room.power_levels/").await;
            assert_eq!((&levels["events_default"], &levels["invite"]), (&json!(50), &json!(50)));
            let alias_of_old = house.state_of(&alice, &room, "m.room.canonical_alias/").await;
            assert_eq!(alias_of_old, json!({}));
            let path = format!("{CLIENT}/directory/room/{}", escape(&alias));
            assert_eq!(house.get_bare(&path).await.ok()["room_id"], *new);
            house.in_room(&bob, &new, "join", json!({})).await.fails(403, "M_FORBIDDEN");
            // Whose answer was lost asks again and is told the same.
            assert_eq!(house.upgraded(&alice, &room, to).await, new);
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn only_who_may_replaces_a_room_and_only_by_what_is_offered() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    for version in ["1", "nonsense"] {
        let answer = house.upgrade(&alice, &room, json!({ "new_version": version })).await;
        answer.fails(400, "M_UNSUPPORTED_ROOM_VERSION");
    }
    house.upgrade(&alice, &room, json!({})).await.fails(400, "M_BAD_JSON");
    let wish = json!({ "new_version": "12" });
    house.upgrade(&bob, &room, wish.clone()).await.fails(403, "M_FORBIDDEN");
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    house.upgrade(&bob, &room, wish.clone()).await.fails(403, "M_FORBIDDEN");
    house.upgrade(&alice, "!none:hs.test", wish).await.fails(403, "M_FORBIDDEN");
    // Nothing happened.
    house.look(&alice, &room, "state/m.room.tombstone/").await.fails(404, "M_NOT_FOUND");
    house.say(&bob, &room, "1", "still here").await;
    house.stop().await;
}

#[tokio::test]
async fn the_creators_of_version_12_are_who_replaces_the_room_and_whom_he_names() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let levels =
        json!({ "users": { "@alice:hs.test": 100, "@bob:hs.test": 50, "@carol:hs.test": 40 } });
    let wish = json!({ "preset": "public_chat", "room_version": "11", "power_level_content_override": levels });
    let room = house.room(&alice, wish).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let wish =
        json!({ "new_version": "12", "additional_creators": ["@bob:hs.test", "@alice:hs.test"] });
    let answer = house.upgrade(&alice, &room, wish).await.ok();
    let new = answer["replacement_room"].as_str().unwrap();
    let create = house.state_of(&alice, new, "m.room.create/").await;
    assert_eq!(create["additional_creators"], json!(["@bob:hs.test"]));
    let levels = house.state_of(&alice, new, "m.room.power_levels/").await;
    assert_eq!(levels["users"], json!({ "@carol:hs.test": 40 }));
    house.in_room(&bob, new, "join", json!({})).await.ok();
    house
        .set_state(&bob, new, "m.room.tombstone", json!({ "body": "x", "replacement_room": "!x" }))
        .await
        .ok();
    // Back to a version without them, creators keep the highest power there is a number for.
    let older = house.upgraded(&alice, new, "11").await;
    let levels = house.state_of(&alice, &older, "m.room.power_levels/").await;
    let expected = json!({ "@alice:hs.test": 100, "@bob:hs.test": 100, "@carol:hs.test": 40 });
    assert_eq!(levels["users"], expected);
    house.stop().await;
}

#[tokio::test]
async fn a_moderator_furnishes_the_new_room_and_stays_a_moderator() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let levels = json!({
        "users": { "@alice:hs.test": 100, "@bob:hs.test": 50 },
        "events": { "m.room.tombstone": 50, "m.room.power_levels": 100, "m.room.encryption": 100 },
    });
    let encrypted =
        json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let wish = json!({
        "preset": "public_chat", "power_level_content_override": levels, "initial_state": [encrypted],
    });
    let room = house.room(&alice, wish).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let new = house.upgraded(&bob, &room, "11").await;
    let levels = house.state_of(&bob, &new, "m.room.power_levels/").await;
    assert_eq!(levels["users"], json!({ "@alice:hs.test": 100, "@bob:hs.test": 50 }));
    house.state_of(&bob, &new, "m.room.encryption/").await;
    // In the old room he may not change power: it stays open, and the way is shown all the same.
    house.say(&alice, &room, "1", "who turned off the light?").await;
    let tombstone = house.state_of(&alice, &room, "m.room.tombstone/").await;
    assert_eq!(tombstone["replacement_room"], *new);
    house.stop().await;
}

#[tokio::test]
async fn what_people_keep_of_a_room_follows_them_into_the_new_one() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    let data = |name: &str, rest: &str| format!("{CLIENT}/user/@{name}:hs.test/{rest}");
    let (tags, direct) =
        (json!({ "tags": { "m.favourite": {} } }), json!({ "@alice:hs.test": [room] }));
    for (token, name) in [(&bob, "bob"), (&carol, "carol")] {
        let tag = data(name, &format!("rooms/{}/account_data/m.tag", escape(&room)));
        house.put(&tag, token, tags.clone()).await.ok();
        house.put(&data(name, "account_data/m.direct"), token, direct.clone()).await.ok();
    }
    let new = house.upgraded(&alice, &room, "12").await;
    for (token, name, was_there) in [(&bob, "bob", true), (&carol, "carol", false)] {
        house.in_room(token, &new, "join", json!({})).await.ok();
        let tag = data(name, &format!("rooms/{}/account_data/m.tag", escape(&new)));
        let found = house.get(&data(name, "account_data/m.direct"), token).await.ok();
        if was_there {
            assert_eq!(house.get(&tag, token).await.ok(), tags);
            assert_eq!(found, json!({ "@alice:hs.test": [room, new] }));
        } else {
            house.get(&tag, token).await.fails(404, "M_NOT_FOUND");
            assert_eq!(found, direct);
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn a_space_takes_its_rooms_along() {
    let ground = Ground::new();
    let house = ground.start().await;
    let alice = house.person("alice").await;
    let space = house.room(&alice, json!({ "creation_content": { "type": "m.space" } })).await;
    let child = json!({ "via": ["hs.test"], "order": "a" });
    let set = house.set_state(&alice, &space, "m.space.child/!one:hs.test", child.clone()).await;
    event_id(set.ok());
    house.set_state(&alice, &space, "m.space.child/!gone:hs.test", json!({})).await.ok();
    let new = house.upgraded(&alice, &space, "12").await;
    assert_eq!(house.state_of(&alice, &new, "m.space.child/!one:hs.test").await, child);
    house.look(&alice, &new, "state/m.space.child/!gone:hs.test").await.fails(404, "M_NOT_FOUND");
    house.stop().await;
}
