//! Who is online: told to those who share a room, and to nobody where the house does not want to know.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use support_clock::TestClock;
use support_db::testing::test_locations;

use crate::{
    appservice::{Scripted, registration},
    harness::{Answer, Ground, House, escape},
    rooms::talk::{CLIENT, events, next_batch},
};

async fn start(ground: &Ground, clock: &TestClock) -> House {
    let clock = Arc::new(clock.clone());
    ground.start_with(|builder| builder.clock(clock).presence(true)).await.unwrap()
}

fn path(name: &str) -> String {
    format!("{CLIENT}/presence/{}/status", escape(&format!("@{name}:hs.test")))
}

async fn of(house: &House, token: &str, name: &str) -> Answer {
    house.get(&path(name), token).await
}

async fn state_of(house: &House, token: &str, name: &str) -> Value {
    of(house, token, name).await.ok()["presence"].clone()
}

/// What a sync tells of somebody.
fn told<'a>(sync: &'a Value, name: &str) -> Option<&'a Value> {
    let sender = format!("@{name}:hs.test");
    let mut told = events(&sync["presence"]["events"]).iter();
    Some(&told.find(|event| event["sender"] == *sender)?["content"])
}

/// Alice and Bob, who share a room, and Carol, who shares none with them.
async fn people(house: &House) -> [String; 3] {
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    [alice, bob, carol]
}

#[tokio::test]
async fn those_who_share_a_room_see_who_comes_and_goes_on_every_database() {
    for place in test_locations() {
        let (ground, clock) = (Ground::on(place), TestClock::new());
        let house = start(&ground, &clock).await;
        let [alice, bob, carol] = people(&house).await;
        let at_alice = house.sync(&alice, "").await;
        assert_eq!(told(&at_alice, "bob"), None);
        let at_carol = next_batch(&house.sync(&carol, "").await);

        // Alice waits, Bob comes.
        let waiting = format!("since={}&timeout=30000", next_batch(&at_alice));
        let (news, _) = tokio::join!(house.sync(&alice, &waiting), house.sync(&bob, ""));
        let bobs = told(&news, "bob").unwrap();
        assert_eq!(
            (&bobs["presence"], &bobs["currently_active"]),
            (&json!("online"), &json!(true))
        );
        let at_alice = next_batch(&news);
        house.sync(&bob, "").await;
        let again = house.since(&alice, &at_alice).await;
        assert_eq!(told(&again, "bob"), None, "a tick is no news: {again}");
        assert!(told(&house.sync(&alice, "").await, "bob").is_some());
        assert_eq!(told(&house.since(&carol, &at_carol).await, "bob"), None);

        // Nobody asks any more, but Alice: Bob is gone after a while.
        let waiting = format!("since={}&timeout=60000", next_batch(&again));
        let passing = async {
            // The sweeper, Alice, and the collection of files.
            clock.wait_for_sleepers(3).await;
            clock.advance(Duration::from_secs(36));
        };
        let (news, ()) = tokio::join!(house.sync(&alice, &waiting), passing);
        let bobs = told(&news, "bob").unwrap();
        assert_eq!(bobs, &json!({ "presence": "offline", "last_active_ago": 36_000 }));
        assert_eq!(told(&house.sync(&alice, "").await, "bob"), None);
        house.stop().await;
    }
}

#[tokio::test]
async fn somebody_who_does_nothing_is_idle_until_he_does_something() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let [alice, bob, _] = people(&house).await;
    let room = house.room(&bob, json!({})).await;
    for _ in 0..20 {
        house.sync(&bob, "").await;
        assert_eq!(state_of(&house, &alice, "bob").await, "online");
        clock.advance(Duration::from_secs(15));
    }
    house.sync(&bob, "").await;
    let idle = of(&house, &alice, "bob").await.ok();
    assert_eq!(idle, json!({ "presence": "unavailable", "last_active_ago": 300_000 }));
    house.say(&bob, &room, "1", "here I am").await;
    assert_eq!(of(&house, &alice, "bob").await.ok()["last_active_ago"], 0);
    assert_eq!(state_of(&house, &alice, "bob").await, "online");
    for (wish, state) in
        [("unavailable", "unavailable"), ("offline", "offline"), ("online", "online")]
    {
        house.sync(&bob, &format!("set_presence={wish}")).await;
        assert_eq!(state_of(&house, &alice, "bob").await, state);
    }
    house.stop().await;
}

#[tokio::test]
async fn people_say_what_they_are_and_with_which_words() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let [alice, bob, carol] = people(&house).await;
    house.sync(&bob, "").await;
    let at_alice = next_batch(&house.sync(&alice, "").await);
    let body = json!({ "presence": "unavailable", "status_msg": "Making cupcakes" });
    house.put(&path("bob"), &bob, body.clone()).await.ok();
    house.put(&path("bob"), &alice, body).await.fails(403, "M_FORBIDDEN");
    let news = house.since(&alice, &at_alice).await;
    let bobs = told(&news, "bob").unwrap();
    assert_eq!(bobs["presence"], "unavailable");
    assert_eq!(bobs["status_msg"], "Making cupcakes");
    house.sync(&bob, "").await;
    assert_eq!(state_of(&house, &alice, "bob").await, "unavailable");
    house.put(&path("bob"), &bob, json!({ "presence": "offline" })).await.ok();
    let news = house.since(&alice, &next_batch(&news)).await;
    assert_eq!(told(&news, "bob").unwrap()["presence"], "offline");
    assert!(told(&news, "bob").unwrap().get("status_msg").is_none());

    of(&house, &carol, "bob").await.fails(403, "M_FORBIDDEN");
    of(&house, &carol, "nobody").await.fails(404, "M_NOT_FOUND");
    assert_eq!(state_of(&house, &carol, "carol").await, "offline");
    house.stop().await;
}

#[tokio::test]
async fn who_comes_into_a_room_and_those_in_it_see_each_other() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let [alice, _, carol] = people(&house).await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    let at_alice = next_batch(&house.sync(&alice, "").await);
    let at_carol = next_batch(&house.sync(&carol, "").await);
    assert_eq!(told(&house.since(&alice, &at_alice).await, "carol"), None);
    house.in_room(&carol, &room, "join", json!({})).await.ok();
    assert!(told(&house.since(&alice, &at_alice).await, "carol").is_some());
    assert!(told(&house.since(&carol, &at_carol).await, "alice").is_some());
    house.stop().await;
}

#[tokio::test]
async fn after_a_restart_nobody_is_taken_for_online_who_is_not() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let [alice, bob, _] = people(&house).await;
    house.sync(&bob, "").await;
    let at_alice = house.sync(&alice, "").await;
    assert_eq!(told(&at_alice, "bob").unwrap()["presence"], "online");
    house.stop().await;
    clock.advance(Duration::from_secs(60));
    let house = start(&ground, &clock).await;
    let news = house.since(&alice, &next_batch(&at_alice)).await;
    assert_eq!(told(&news, "bob"), Some(&json!({ "presence": "offline" })));
    assert_eq!(told(&house.since(&alice, &next_batch(&news)).await, "bob"), None);
    house.stop().await;
}

#[tokio::test]
async fn a_filter_says_of_whom_to_tell() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let [alice, bob, _] = people(&house).await;
    house.sync(&bob, "").await;
    for (filter, expected) in [
        (json!({}), 2),
        (json!({ "limit": 1 }), 1),
        (json!({ "not_types": ["m.presence"] }), 0),
        (json!({ "types": ["m.*"] }), 2),
        (json!({ "senders": ["@bob:hs.test"] }), 1),
        (json!({ "not_senders": ["@bob:hs.test", "@alice:hs.test"] }), 0),
    ] {
        let filter = json!({ "presence": filter }).to_string();
        let sync = house.sync(&alice, &format!("filter={}", escape(&filter))).await;
        assert_eq!(events(&sync["presence"]["events"]).len(), expected, "{filter}: {sync}");
    }
    house.stop().await;
}

#[tokio::test]
async fn ghosts_have_no_presence() {
    let (ground, clock) = (Ground::new(), TestClock::new());
    let house = start(&ground, &clock).await;
    let [alice, ..] = people(&house).await;
    let registration = registration("irc");
    let token = registration.as_token.expose().to_owned();
    house.homeserver.attach_appservice(registration, Scripted::new()).await.unwrap();
    house.ghost(&token, "_irc_anna").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    house.join_as(&token, &room, "@_irc_anna:hs.test").await;
    let ghost = format!("{}?user_id={}", path("_irc_anna"), escape("@_irc_anna:hs.test"));
    house.put(&ghost, &token, json!({ "presence": "online" })).await.ok();
    assert_eq!(of(&house, &alice, "_irc_anna").await.ok(), json!({ "presence": "offline" }));
    assert_eq!(told(&house.sync(&alice, "").await, "_irc_anna"), None);
    house.stop().await;
}

#[tokio::test]
async fn a_house_that_does_not_want_to_know_takes_everybody_for_offline() {
    let ground = Ground::new();
    let house = ground.start().await;
    let [alice, bob, carol] = people(&house).await;
    let body = json!({ "presence": "online", "status_msg": "here" });
    house.put(&path("bob"), &bob, body).await.ok();
    house.sync(&bob, "set_presence=online").await;
    assert_eq!(of(&house, &alice, "bob").await.ok(), json!({ "presence": "offline" }));
    of(&house, &carol, "bob").await.fails(403, "M_FORBIDDEN");
    of(&house, &carol, "nobody").await.fails(404, "M_NOT_FOUND");
    let sync = house.sync(&alice, "").await;
    assert!(sync.get("presence").is_none(), "{sync}");
    house.stop().await;
}
