//! Rooms and who is in them.

use bridge_testkit::TestHouse;

use crate::logged_in;

#[tokio::test(flavor = "multi_thread")]
async fn a_joined_chat_has_a_room_that_says_what_it_is() {
    let house = TestHouse::new().await;
    house.network().sets_topic("bob", "lobby", "come in");
    house.network().comes("bob", "lobby");
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    assert_eq!(alice.join(&bot, "demo", "lobby").await, lobby, "the same room again");

    let key = "com.rialto:%2F%2Fdemo%2Fdemo%2Flobby";
    let info = alice.state(&lobby, "m.bridge", key).await.expect("the room tells its bridge");
    assert_eq!(info["protocol"]["id"], "demo");
    assert_eq!(info["network"]["id"], "demo");
    assert_eq!(info["channel"]["id"], "lobby");
    assert_eq!(info["bridgebot"], "@rialtobot:house.test");
    let create = alice.state(&lobby, "m.room.create", "").await.expect("a room was created");
    assert_eq!(create["m.federate"], false);
    let name = alice.state(&lobby, "m.room.name", "").await.expect("it has a name");
    assert_eq!(name["name"], "lobby");
    let topic = alice.state(&lobby, "m.room.topic", "").await.expect("it has a topic");
    assert_eq!(topic["topic"], "come in");

    alice
        .waits_for("bob in the room", |timeline| {
            let came = |event: &&serde_json::Value| {
                event["state_key"] == "@_rialto_demo_bob:house.test"
                    && event["content"]["membership"] == "join"
            };
            timeline.iter().find(came).map(drop)
        })
        .await;
    assert!(alice.members(&lobby).await.contains(&"@alice:house.test".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_come_and_go_do_so_in_the_room() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    let network = house.network();
    let bob = "@_rialto_demo_bob:house.test";
    let membership = |wanted: &'static str| {
        move |timeline: &[serde_json::Value]| {
            let last = timeline.iter().rev().find(|event| event["state_key"] == bob)?;
            (last["content"]["membership"] == wanted).then(|| last.clone())
        }
    };
    network.comes("bob", "lobby");
    alice.waits_for("bob coming", membership("join")).await;
    network.goes("bob", "lobby");
    alice.waits_for("bob going", membership("leave")).await;
    network.says("bob", "lobby", "back again");
    alice.sees(&lobby, "bob", "back again").await;
    network.removes("carol", "bob", "lobby", "too loud");
    let removed = alice.waits_for("bob removed", membership("leave")).await;
    assert_eq!(removed["sender"], "@rialtobot:house.test");
    let reason = removed["content"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("carol") && reason.contains("too loud"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_set_over_there_is_shown_as_the_setters() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    alice.join(&bot, "demo", "lobby").await;
    house.network().comes("bob", "lobby");
    house.network().sets_topic("bob", "lobby", "high water today");
    let topic = alice
        .waits_for("the topic", |timeline| {
            let set = |event: &&serde_json::Value| event["content"]["topic"] == "high water today";
            timeline.iter().find(set).cloned()
        })
        .await;
    assert_eq!(topic["sender"], "@_rialto_demo_bob:house.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_in_private_gets_a_direct_room() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    house.network().writes("bob", "alice", "psst");
    let seen = alice
        .waits_for("bob's whisper", |timeline| {
            timeline.iter().find(|event| event["content"]["body"] == "psst").cloned()
        })
        .await;
    let room = seen["room_id"].as_str().expect("it was said somewhere").to_owned();
    let mut members = alice.members(&room).await;
    members.retain(|member| member != "@rialtobot:house.test");
    assert_eq!(members, ["@_rialto_demo_bob:house.test", "@alice:house.test"]);
    assert_eq!(alice.join(&bot, "demo", "bob").await, room, "joining by name is the same room");

    let sent = alice.says(&room, "yes?").await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
    let said = house.network().said_between("alice", "bob");
    let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["psst", "yes?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_share_a_room_and_hear_everything_once() {
    let house = TestHouse::new().await;
    let (mut alice, alices) = logged_in(&house, "alice").await;
    let (mut bella, bellas) = logged_in(&house, "bella").await;
    let lobby = alice.join(&alices, "demo", "lobby").await;
    assert_eq!(bella.join(&bellas, "demo", "lobby").await, lobby);
    house.network().says("bob", "lobby", "hello both");
    bella.sees(&lobby, "bob", "hello both").await;
    let sent = bella.says(&lobby, "hello bob").await;
    bella.status(&sent).await;
    alice.sees(&lobby, bella.id(), "hello bob").await;
    house.network().says("bob", "lobby", "the end");
    alice.sees(&lobby, "bob", "the end").await;
    let texts: Vec<String> = alice.said_in(&lobby).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["hello both", "hello bob", "the end"]);
    let said = house.network().said_in("lobby");
    assert_eq!(said.iter().filter(|said| said.text == "hello bob").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_over_there_is_told_how_to_come_back() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.network().comes("bob", "lobby");
    house.network().removes("bob", "alice", "lobby", "flooding");
    let words = alice
        .waits_for("the words", |timeline| {
            let mut bodies = timeline.iter().filter_map(|event| event["content"]["body"].as_str());
            bodies.find(|body| body.contains("flooding")).map(str::to_owned)
        })
        .await;
    assert!(words.contains("!rialto join demo lobby"), "{words}");
    let sent = alice.says(&lobby, "am I still here?").await;
    let status = alice.status(&sent).await;
    assert_ne!(status["status"], "SUCCESS", "{status}");
}
