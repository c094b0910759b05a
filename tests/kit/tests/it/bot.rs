//! Talking to the bot.

use bridge_testkit::{TestHouse, TestUser};
use http::Method;
use serde_json::{Value, json};

use crate::logged_in;

const BOT: &str = "@rialtobot:house.test";

#[tokio::test(flavor = "multi_thread")]
async fn help_names_the_commands_and_the_networks() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let help = alice.command(&bot, "help").await;
    for word in ["login", "logout", "list-logins", "join", "ping", "cancel", "demo"] {
        assert!(help.contains(word), "{word} is missing in: {help}");
    }
    assert!(alice.command(&bot, "ping").await.contains("Pong"));
    let unknown = alice.command(&bot, "lgoin demo").await;
    assert!(unknown.contains("`login`"), "{unknown}");
    let unknown = alice.command(&bot, "login dmeo").await;
    assert!(unknown.contains("`demo`"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_a_login_is_asked_for() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let question = alice.command(&bot, "login demo").await;
    assert!(question.contains("Name?"), "{question}");
    let answer = alice.command(&bot, "not a name").await;
    assert!(answer.contains("a name has"), "{answer}");
    let answer = alice.command(&bot, "allie").await;
    assert!(answer.contains("demo-1") && answer.contains("connected"), "{answer}");
    let list = alice.command(&bot, "list-logins").await;
    assert!(list.contains("demo-1: allie on Demo, connected"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_can_be_cancelled_and_ended() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    alice.command(&bot, "login demo").await;
    assert!(alice.command(&bot, "cancel").await.contains("cancelled"));
    assert!(alice.command(&bot, "cancel").await.contains("Nothing"));
    alice.command(&bot, "login demo name=alice").await;
    let answer = alice.command(&bot, "logout demo-7").await;
    assert!(answer.contains("demo-1"), "{answer}");
    let answer = alice.command(&bot, "logout demo-1").await;
    assert!(answer.contains("logged out"), "{answer}");
    assert!(alice.command(&bot, "list-logins").await.contains("no logins"));
    // A number is never given out again.
    let answer = alice.command(&bot, "login demo name=alice").await;
    assert!(answer.contains("demo-2"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_what_is_not_there_says_so() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = alice.command(&bot, "join demo lobby").await;
    assert!(answer.contains("login demo"), "{answer}");
    alice.command(&bot, "login demo name=alice").await;
    let answer = alice.command(&bot, "join demo nowhere").await;
    assert!(answer.contains("there is no such chat"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_commands_have_a_prefix() {
    let house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    alice.says(&lobby, "!rialto ping").await;
    alice.sees(&lobby, "Rialto", "Pong! Rialto 0.1.0 is here; 1 of your 1 logins connected.").await;
    let sent = alice.says(&lobby, "ping").await;
    alice.status(&sent).await;
    let said = house.network().said_in("lobby");
    let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["ping"], "commands are not for the network");
}

/// Makes a room with the bot in it, which has said hello.
async fn room_with_bot(alice: &mut TestUser, mut room: Value) -> String {
    room["preset"] = json!("public_chat");
    room["invite"] = json!([BOT]);
    let made = alice.call(Method::POST, "createRoom", Some(room)).await.expect("a room is made");
    let room = made["room_id"].as_str().expect("a room has an id").to_owned();
    alice.waits_for("the bot's greeting", |timeline| said(timeline, &room).pop()).await;
    room
}

/// Returns what the bot has said in a room.
fn said(timeline: &[Value], room: &str) -> Vec<String> {
    let theirs = timeline.iter().filter(|event| {
        event["room_id"] == room && event["sender"] == BOT && event["type"] == "m.room.message"
    });
    theirs.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
}

/// Says `ping` in both ways and returns how many answers there are.
async fn pings(alice: &mut TestUser, room: &str) -> usize {
    let before = said(alice.timeline(), room).len();
    for text in ["ping", "!rialto ping", "!rialto help"] {
        alice.says(room, text).await;
    }
    // Answers come in order: the last one is last.
    alice
        .waits_for("the last answer", |timeline| {
            let after = said(timeline, room).split_off(before);
            let has_come = after.iter().any(|answer| answer.contains("list-logins"));
            has_come.then(|| after.iter().filter(|answer| answer.contains("Pong")).count())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_a_name_is_not_for_commands_alone() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let square = room_with_bot(&mut alice, json!({ "name": "Square" })).await;
    assert_eq!(
        pings(&mut alice, &square).await,
        1,
        "only what begins with the prefix is a command"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_into_which_others_come_is_no_longer_for_commands_alone() {
    let house = TestHouse::new().await;
    let mut alice = house.user("alice").await;
    let room = room_with_bot(&mut alice, json!({})).await;
    assert_eq!(pings(&mut alice, &room).await, 2, "alone with the bot, all are commands");
    let bob = house.user("bob").await;
    bob.call(Method::POST, &format!("join/{room}"), Some(json!({}))).await.expect("it is open");
    assert_eq!(pings(&mut alice, &room).await, 1, "only what begins with the prefix is a command");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_gone_is_told_to_its_owner() {
    let house = TestHouse::new().await;
    let (mut alice, _bot) = logged_in(&house, "alice").await;
    house.network().delete_account("alice");
    alice
        .waits_for("the bad news", |timeline| {
            let mut bodies = timeline.iter().filter_map(|event| event["content"]["body"].as_str());
            bodies.find(|body| body.contains("login demo") && body.contains("refused")).map(drop)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_come_back_after_a_restart() {
    let mut house = TestHouse::new().await;
    let (mut alice, bot) = logged_in(&house, "alice").await;
    let lobby = alice.join(&bot, "demo", "lobby").await;
    house.stop().await;
    house.network().says("bob", "lobby", "while you were away");
    house.start().await;
    alice.sees(&lobby, "bob", "while you were away").await;
    let sent = alice.says(&lobby, "I am back").await;
    assert_eq!(alice.status(&sent).await["status"], "SUCCESS");
}
