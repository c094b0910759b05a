//! Secrets typed into a chat do not stay there, nor in the bridge's database.

use bridge_testkit::{BotRoom, HouseOptions, TestHouse, TestUser};
use http::Method;
use serde_json::{Value, json};
use support_db::params;

use crate::vault::{PASSWORD, factory};

async fn house() -> TestHouse {
    let networks = vec![("vault".to_owned(), factory(), json!({}))];
    TestHouse::with(HouseOptions { networks, ..HouseOptions::default() }).await
}

/// Sends a message with a secret, waits for its redaction and returns the bot's answer.
async fn tells(user: &mut TestUser, bot: &BotRoom, text: &str) -> String {
    let answer = user.command(bot, text).await;
    let said = user.timeline().iter().rev().find(|event| event["sender"] == user.id());
    let event = said.and_then(|event| event["event_id"].as_str()).expect("it was said").to_owned();
    let path = format!("rooms/{}/event/{event}", bot.0);
    user.waits_for("the redaction", |timeline| {
        timeline.iter().find(|event| event["type"] == "m.room.redaction").map(drop)
    })
    .await;
    let left = user.call(Method::GET, &path, None).await.expect("the event is there");
    assert_eq!(left["content"].get("body"), None, "{left}");
    answer
}

async fn nothing_is_left_in(house: &TestHouse) {
    let rows = house.database().fetch_all("SELECT payload FROM journal_row", params![]).await;
    for row in rows.expect("the table is there") {
        let payload: Option<String> = row.get("payload").expect("the column is text");
        assert!(payload.is_none_or(|payload| !payload.contains(PASSWORD)));
    }
    let rows = house.database().fetch_all("SELECT sealed, metadata FROM login", params![]).await;
    for row in rows.expect("the table is there") {
        let sealed: Vec<u8> = row.get("sealed").expect("the column is bytes");
        assert!(!sealed.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes()));
        assert!(!row.get::<String>("metadata").expect("the column is text").contains(PASSWORD));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_command_is_taken_out_of_the_room() {
    let mut house = house().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = tells(&mut alice, &bot, "login vault name=alice password=\"hunter 2\"").await;
    assert!(answer.contains("vault-1, connected"), "{answer}");
    nothing_is_left_in(&house).await;
    // Sealed with the house's key, it opens again after a restart.
    house.restart().await;
    assert!(alice.command(&bot, "list-logins").await.contains("vault-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_asked_for_is_taken_out_of_the_room() {
    let house = house().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    assert!(alice.command(&bot, "login vault").await.contains("name?"));
    assert!(alice.command(&bot, "alice").await.contains("password?"));
    let answer = tells(&mut alice, &bot, PASSWORD).await;
    assert!(answer.contains("vault-1, connected"), "{answer}");
    nothing_is_left_in(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_under_a_mistyped_name_is_taken_out_too_and_not_repeated() {
    let house = house().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = tells(&mut alice, &bot, "login vault name=alice pasword=\"hunter 2\"").await;
    assert!(answer.contains("`pasword`") && !answer.contains(PASSWORD), "{answer}");
    let all: Vec<&Value> = alice.timeline().iter().collect();
    let bots = all.iter().filter(|event| event["sender"] != alice.id());
    assert!(bots.clone().all(|event| !event.to_string().contains(PASSWORD)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_says_so_and_keeps_nothing() {
    let house = house().await;
    let mut alice = house.user("alice").await;
    let bot = alice.meet_bot().await;
    let answer = tells(&mut alice, &bot, "login vault name=alice password=wrong").await;
    assert!(answer.contains("The password is wrong.") && answer.contains("Nothing was stored"));
    assert!(alice.command(&bot, "list-logins").await.contains("no logins"));
}
