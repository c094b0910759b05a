//! How much is unread: counted as people's push rules say, taken down by receipts and one's own words.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Ground, House, escape};

const SYNC: &str = "/_matrix/client/v3/sync";

/// A room of Alice and Bob, with a third person so that it is no chat of two.
async fn room_of_three(house: &House) -> (String, String, String) {
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    let room = house.room(&alice, json!({ "preset": "public_chat" })).await;
    for token in [&bob, &carol] {
        house.in_room(token, &room, "join", json!({})).await.ok();
    }
    (alice, bob, room)
}

async fn sync(house: &House, token: &str, since: Option<&Value>, filter: &Value) -> Value {
    let since = since.map(|answer| format!("&since={}", answer["next_batch"].as_str().unwrap()));
    let filter = escape(&filter.to_string());
    let path = format!("{SYNC}?filter={filter}{}", since.unwrap_or_default());
    house.get(&path, token).await.ok()
}

fn counts(answer: &Value, room: &str) -> (Option<i64>, Option<i64>) {
    let unread = &answer["rooms"]["join"][room]["unread_notifications"];
    (unread["notification_count"].as_i64(), unread["highlight_count"].as_i64())
}

async fn unread(house: &House, token: &str, room: &str) -> (i64, i64) {
    let answer = sync(house, token, None, &json!({})).await;
    let (notifications, highlights) = counts(&answer, room);
    (notifications.unwrap(), highlights.unwrap())
}

async fn say(house: &House, token: &str, room: &str, txn: &str, content: Value) -> String {
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn}", escape(room));
    house.put(&path, token, content).await.ok()["event_id"].as_str().unwrap().to_owned()
}

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

async fn read(house: &House, token: &str, room: &str, event: &str, kind: &str, body: Value) {
    house.in_room(token, room, &format!("receipt/{kind}/{}", escape(event)), body).await.ok();
}

#[tokio::test]
async fn messages_and_mentions_are_counted_until_they_are_read() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    let first = say(&house, &alice, &room, "1", text("hello")).await;
    let mut mention = text("look here");
    mention["m.mentions"] = json!({ "user_ids": ["@bob:hs.test"] });
    let second = say(&house, &alice, &room, "2", mention).await;
    assert_eq!(unread(&house, &bob, &room).await, (2, 1));
    assert_eq!(unread(&house, &alice, &room).await, (0, 0));

    let before = sync(&house, &bob, None, &json!({})).await;
    read(&house, &bob, &room, &first, "m.read.private", json!({})).await;
    let after = sync(&house, &bob, Some(&before), &json!({})).await;
    assert_eq!(counts(&after, &room), (Some(1), Some(1)));
    read(&house, &bob, &room, &second, "m.read", json!({})).await;
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    house.stop().await;
    let house = ground.start().await;
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    house.stop().await;
}

#[tokio::test]
async fn who_speaks_has_read_what_was_said_before() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    say(&house, &alice, &room, "1", text("hello")).await;
    assert_eq!(unread(&house, &bob, &room).await, (1, 0));
    say(&house, &bob, &room, "2", text("hello yourself")).await;
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    assert_eq!(unread(&house, &alice, &room).await, (1, 0));
    house.stop().await;
}

#[tokio::test]
async fn threads_are_counted_for_themselves_where_that_is_asked_for() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    let root = say(&house, &alice, &room, "1", text("a question")).await;
    let mut reply = text("an answer");
    reply["m.relates_to"] = json!({ "rel_type": "m.thread", "event_id": root });
    let reply = say(&house, &alice, &room, "2", reply).await;
    assert_eq!(unread(&house, &bob, &room).await, (2, 0));
    let filter = json!({ "room": { "timeline": { "unread_thread_notifications": true } } });
    let answer = sync(&house, &bob, None, &filter).await;
    assert_eq!(counts(&answer, &room), (Some(1), Some(0)));
    let threads = &answer["rooms"]["join"][&room]["unread_thread_notifications"];
    assert_eq!(threads[&root], json!({ "notification_count": 1, "highlight_count": 0 }));

    read(&house, &bob, &room, &reply, "m.read", json!({ "thread_id": root })).await;
    assert_eq!(unread(&house, &bob, &room).await, (1, 0));
    read(&house, &bob, &room, &root, "m.read", json!({ "thread_id": "main" })).await;
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    house.stop().await;
}

#[tokio::test]
async fn changed_rules_hold_from_the_next_event_on() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    say(&house, &alice, &room, "1", text("hello")).await;
    let mute = format!("/_matrix/client/v3/pushrules/global/room/{}", escape(&room));
    house.put(&mute, &bob, json!({ "actions": [] })).await.ok();
    say(&house, &alice, &room, "2", text("psst")).await;
    assert_eq!(unread(&house, &bob, &room).await, (1, 0));
    house.ask(Method::DELETE, &mute, Some(&bob), None).await.ok();
    say(&house, &alice, &room, "3", text("loud")).await;
    assert_eq!(unread(&house, &bob, &room).await, (2, 0));
    house.stop().await;
}

#[tokio::test]
async fn what_was_taken_back_is_no_longer_counted_or_listed() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    let mut mention = text("look here");
    mention["m.mentions"] = json!({ "user_ids": ["@bob:hs.test"] });
    let event = say(&house, &alice, &room, "1", mention).await;
    assert_eq!(unread(&house, &bob, &room).await, (1, 1));
    let path = format!("/_matrix/client/v3/rooms/{}/redact/{}/2", escape(&room), escape(&event));
    house.put(&path, &alice, json!({})).await.ok();
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    let listed = house.get("/_matrix/client/v3/notifications", &bob).await.ok();
    assert_eq!(listed["notifications"], json!([]));
    house.stop().await;
}

#[tokio::test]
async fn notifications_are_listed_page_by_page() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    let mut events = Vec::new();
    for number in 1..=3 {
        let mut content = text("hello");
        if number == 2 {
            content["m.mentions"] = json!({ "user_ids": ["@bob:hs.test"] });
        }
        events.push(say(&house, &alice, &room, &number.to_string(), content).await);
    }
    read(&house, &bob, &room, &events[0], "m.read", json!({})).await;
    let list = "/_matrix/client/v3/notifications";
    let page = house.get(&format!("{list}?limit=2"), &bob).await.ok();
    let of = |page: &Value, at: usize| page["notifications"][at].clone();
    assert_eq!(of(&page, 0)["event"]["event_id"], events[2].as_str());
    assert_eq!(of(&page, 1)["event"]["event_id"], events[1].as_str());
    assert_eq!(
        (of(&page, 0)["read"].as_bool(), &of(&page, 0)["room_id"]),
        (Some(false), &json!(room))
    );
    let next = page["next_token"].as_str().unwrap();
    let page = house.get(&format!("{list}?limit=2&from={next}"), &bob).await.ok();
    assert_eq!(of(&page, 0)["event"]["event_id"], events[0].as_str());
    assert_eq!((of(&page, 0)["read"].as_bool(), page.get("next_token")), (Some(true), None));
    let page = house.get(&format!("{list}?only=highlight"), &bob).await.ok();
    assert_eq!(page["notifications"].as_array().unwrap().len(), 1);
    assert_eq!(of(&page, 0)["event"]["event_id"], events[1].as_str());
    house.get(&format!("{list}?from=x"), &bob).await.fails(400, "M_INVALID_PARAM");
    house.stop().await;
}

#[tokio::test]
async fn who_comes_back_begins_with_nothing_unread() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (alice, bob, room) = room_of_three(&house).await;
    say(&house, &alice, &room, "1", text("hello")).await;
    house.in_room(&bob, &room, "leave", json!({})).await.ok();
    say(&house, &alice, &room, "2", text("gone?")).await;
    house.in_room(&bob, &room, "join", json!({})).await.ok();
    assert_eq!(unread(&house, &bob, &room).await, (0, 0));
    say(&house, &alice, &room, "3", text("back!")).await;
    assert_eq!(unread(&house, &bob, &room).await, (1, 0));
    house.stop().await;
}
