//! What interests an appservice, in the order it is asked: sender, target, room, aliases, members.

use std::sync::Arc;

use registration::{Namespace, Registration};
use serde_json::{Value, json};

use super::scripted::{Scripted, registration};
use crate::harness::{Ground, House, escape};

struct Stage {
    house: House,
    scripted: Arc<Scripted>,
    token: String,
    alice: String,
}

impl Stage {
    async fn new(ground: &Ground) -> Self {
        Self::with(ground, registration("irc")).await
    }

    async fn with(ground: &Ground, irc: Registration) -> Self {
        let (house, scripted) = (ground.start().await, Scripted::new());
        let token = irc.as_token.expose().to_owned();
        house.homeserver.attach_appservice(irc, scripted.clone()).await.unwrap();
        let alice = house.person("alice").await;
        Self { house, scripted, token, alice }
    }

    /// A public room of Alice's, which interests nobody yet.
    async fn room(&self) -> String {
        self.house.room(&self.alice, json!({ "preset": "public_chat" })).await
    }

    /// Has the bot say something in a room of its own, and waits for it: everything before it has then been pushed.
    async fn settle(&self, mark: &str) {
        let room = self.house.room(&self.token, json!({})).await;
        self.house.say(&self.token, &room, mark, mark).await;
        self.scripted.until_body(mark).await;
    }

    fn heard(&self, body: &str) -> bool {
        self.scripted.bodies().iter().any(|one| one == body)
    }
}

#[tokio::test]
async fn rooms_without_any_of_its_users_are_not_its_business() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let room = stage.room().await;
    stage.house.say(&stage.alice, &room, "1", "private").await;
    stage.settle("end").await;
    assert!(!stage.heard("private"));
    assert!(stage.scripted.events().iter().all(|event| event["room_id"] != room));
}

#[tokio::test]
async fn an_invite_is_delivered_with_the_rooms_face_though_nobody_is_inside() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    stage.house.ghost(&stage.token, "_irc_bob").await;
    let body = json!({ "name": "The lobby", "is_direct": true, "invite": ["@_irc_bob:hs.test"] });
    stage.house.room(&stage.alice, body).await;
    let invite = |event: &Value| {
        event["type"] == "m.room.member" && event["state_key"] == "@_irc_bob:hs.test"
    };
    stage.scripted.until(|one| one.events().iter().any(invite)).await;
    let event = stage.scripted.events().into_iter().find(invite).unwrap();
    assert_eq!(event["content"]["membership"], "invite");
    assert_eq!(event["content"]["is_direct"], true);
    let face = event["unsigned"]["invite_room_state"].as_array().unwrap();
    for kind in ["m.room.create", "m.room.join_rules", "m.room.name"] {
        assert!(face.iter().any(|one| one["type"] == kind), "{kind} in {event}");
    }
}

#[tokio::test]
async fn a_joined_ghost_makes_a_room_interesting_until_the_last_one_left() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let (house, room) = (&stage.house, stage.room().await);
    house.say(&stage.alice, &room, "0", "before").await;
    for name in ["_irc_bob", "_irc_eve"] {
        house.ghost(&stage.token, name).await;
        house.join_as(&stage.token, &room, &format!("@{name}:hs.test")).await;
    }
    house.say(&stage.alice, &room, "1", "both are here").await;
    let leave = |user: &str| format!("leave?user_id={}", escape(user));
    house.in_room(&stage.token, &room, &leave("@_irc_bob:hs.test"), json!({})).await.ok();
    house.say(&stage.alice, &room, "2", "one is here").await;
    house
        .in_room(&stage.alice, &room, "kick", json!({ "user_id": "@_irc_eve:hs.test" }))
        .await
        .ok();
    house.say(&stage.alice, &room, "3", "nobody is here").await;
    stage.settle("end").await;
    assert_eq!(stage.scripted.bodies(), ["both are here", "one is here", "end"]);
    let kick = stage.scripted.events().into_iter().rfind(|event| {
        event["state_key"] == "@_irc_eve:hs.test" && event["content"]["membership"] == "leave"
    });
    assert_eq!(kick.unwrap()["sender"], "@alice:hs.test");
}

#[tokio::test]
async fn an_alias_makes_a_room_interesting_as_long_as_it_is_there() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let (house, room) = (&stage.house, stage.room().await);
    house.say(&stage.alice, &room, "1", "without alias").await;
    let alias = format!("/_matrix/client/v3/directory/room/{}", escape("#_irc_lobby:hs.test"));
    house.put(&alias, &stage.token, json!({ "room_id": room })).await.ok();
    house.say(&stage.alice, &room, "2", "with alias").await;
    house.ask(http::Method::DELETE, &alias, Some(&stage.token), None).await.ok();
    house.say(&stage.alice, &room, "3", "without alias again").await;
    stage.settle("end").await;
    assert_eq!(stage.scripted.bodies(), ["with alias", "end"]);
}

#[tokio::test]
async fn a_room_namespace_needs_nobody_inside() {
    let ground = Ground::new();
    let mut irc = registration("irc");
    irc.namespaces.rooms = vec![Namespace::new(false, "!.*")];
    let stage = Stage::with(&ground, irc).await;
    let room = stage.room().await;
    stage.house.say(&stage.alice, &room, "1", "overheard").await;
    stage.scripted.until_body("overheard").await;
}

#[tokio::test]
async fn a_room_of_one_request_is_delivered_from_the_event_that_makes_it_interesting() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    // The ghost creates the room: every event of it is the ghost's own.
    stage.house.ghost(&stage.token, "_irc_bob").await;
    let path = "/_matrix/client/v3/createRoom?user_id=@_irc_bob:hs.test";
    let body = json!({ "name": "Portal", "topic": "IRC", "invite": ["@alice:hs.test"] });
    let made = stage.house.post(path, &stage.token, body).await.ok();
    stage.settle("end").await;
    let kinds: Vec<_> = stage
        .scripted
        .events()
        .into_iter()
        .filter(|event| event["room_id"] == made["room_id"])
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds[..3], ["m.room.create", "m.room.member", "m.room.power_levels"]);
    assert!(
        kinds.contains(&"m.room.name".to_owned()) && kinds.contains(&"m.room.topic".to_owned())
    );
}

#[tokio::test]
async fn a_registration_without_url_is_owed_nothing() {
    let ground = Ground::new();
    let mut silent = registration("irc");
    silent.url = None;
    silent.namespaces.users = vec![Namespace::new(false, r"@.*:hs\.test")];
    let stage = Stage::with(&ground, silent).await;
    let room = stage.room().await;
    stage.house.say(&stage.alice, &room, "1", "hello").await;
    let info = stage.house.homeserver.list_appservices().await.unwrap().remove(0);
    assert_eq!((info.owed, info.oldest), (0, None));
    assert!(stage.scripted.seen().is_empty());
}

#[tokio::test]
async fn an_appservice_added_later_hears_what_comes_later() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let room = stage.room().await;
    stage.house.ghost(&stage.token, "_irc_bob").await;
    stage.house.join_as(&stage.token, &room, "@_irc_bob:hs.test").await;
    stage.house.say(&stage.alice, &room, "1", "first").await;
    let mut all = registration("all");
    all.namespaces.users = vec![Namespace::new(false, r"@.*:hs\.test")];
    let late = Scripted::new();
    stage.house.homeserver.attach_appservice(all, late.clone()).await.unwrap();
    stage.house.say(&stage.alice, &room, "2", "second").await;
    late.until_body("second").await;
    stage.scripted.until_body("second").await;
    assert_eq!(late.bodies(), ["second"]);
}

/// Joins, leaves and messages run into each other, many of them in one commit. What was pushed has to be what the room's
/// own history says: everything while the ghost was inside, its own comings and goings, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn comings_and_goings_in_one_commit_hide_nothing_and_tell_nothing_too_much() {
    let ground = Ground::new();
    let stage = Arc::new(Stage::new(&ground).await);
    let room = stage.room().await;
    let ghost = "@_irc_bob:hs.test";
    stage.house.ghost(&stage.token, "_irc_bob").await;
    let tasks = tokio_util::task::TaskTracker::new();
    for speaker in 0..4 {
        let (stage, room) = (Arc::clone(&stage), room.clone());
        tasks.spawn(async move {
            for number in 0..30 {
                let text = format!("{speaker}:{number}");
                stage.house.say(&stage.alice, &room, &text, &text).await;
            }
        });
    }
    let (walker, place) = (Arc::clone(&stage), room.clone());
    tasks.spawn(async move {
        for _ in 0..12 {
            walker.house.join_as(&walker.token, &place, ghost).await;
            let leave = format!("leave?user_id={}", escape(ghost));
            walker.house.in_room(&walker.token, &place, &leave, json!({})).await.ok();
        }
    });
    tasks.close();
    tasks.wait().await;
    stage.settle("end").await;

    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=1000", escape(&room));
    let page = stage.house.get(&path, &stage.alice).await.ok();
    let mut inside = false;
    let mut expected = Vec::new();
    for event in page["chunk"].as_array().unwrap().iter().rev() {
        let own = event["type"] == "m.room.member" && event["state_key"] == ghost;
        if own {
            inside = event["content"]["membership"] == "join";
        }
        if own || inside {
            expected.push(event["event_id"].clone());
        }
    }
    let pushed = stage.scripted.events();
    let pushed = pushed.iter().filter(|event| event["room_id"] == room);
    let pushed: Vec<_> = pushed.map(|event| event["event_id"].clone()).collect();
    assert!(expected.len() > 24, "the story is too quiet: {}", expected.len());
    assert_eq!(pushed, expected);
}

#[tokio::test]
async fn a_ghosts_knock_is_told_with_the_rooms_face() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let rule = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
    let wish = json!({ "name": "Tea", "initial_state": rule });
    let room = stage.house.room(&stage.alice, wish).await;
    stage.house.ghost(&stage.token, "_irc_bob").await;
    let path = format!("/_matrix/client/v3/knock/{}?user_id=@_irc_bob:hs.test", escape(&room));
    stage.house.post(&path, &stage.token, json!({})).await.ok();
    stage.settle("end").await;
    let events = stage.scripted.events();
    let knock = events.iter().find(|event| event["content"]["membership"] == "knock").unwrap();
    let face = knock["unsigned"]["knock_room_state"].as_array().unwrap();
    assert!(face.iter().any(|event| event["content"]["name"] == "Tea"), "{face:?}");
    assert!(knock["unsigned"].get("invite_room_state").is_none());
}

#[tokio::test]
async fn an_appservice_keeps_lists_of_its_networks() {
    let ground = Ground::new();
    let stage = Stage::new(&ground).await;
    let room = stage.room().await;
    let path = |network: &str| {
        let room = escape(&room);
        format!("/_matrix/client/v3/directory/list/appservice/{network}/{room}")
    };
    let public = json!({ "visibility": "public" });
    let refused = stage.house.put(&path("libera"), &stage.alice, public.clone()).await;
    refused.fails(403, "M_FORBIDDEN");
    stage.house.put(&path("libera"), &stage.token, public.clone()).await.ok();
    stage.house.put(&path("oftc"), &stage.token, public).await.ok();
    let count = async |body: Value| {
        let list = "/_matrix/client/v3/publicRooms";
        let page = stage.house.post(list, &stage.alice, body).await.ok();
        page["chunk"].as_array().unwrap().len()
    };
    let of = |network: &str| json!({ "third_party_instance_id": format!("irc|{network}") });
    assert_eq!(count(json!({})).await, 0);
    assert_eq!(count(json!({ "include_all_networks": true })).await, 1);
    assert_eq!(count(of("libera")).await, 1);
    assert_eq!(count(of("efnet")).await, 0);
    stage.house.ask(http::Method::DELETE, &path("libera"), Some(&stage.token), None).await.ok();
    assert_eq!(count(of("libera")).await, 0);
    assert_eq!(count(of("oftc")).await, 1);
    // Ghosts are found like people.
    stage.house.ghost(&stage.token, "_irc_bob").await;
    stage.house.join_as(&stage.token, &room, "@_irc_bob:hs.test").await;
    let body = json!({ "search_term": "bob" });
    let path = "/_matrix/client/v3/user_directory/search";
    let found = stage.house.post(path, &stage.alice, body).await.ok();
    assert_eq!(found["results"][0]["user_id"], "@_irc_bob:hs.test");
}
