//! One client from its login on: it sends, is answered in a thread and answers there, is waved at, and hears all of it back.

use anyhow::Result;
use e2e::foreign::seen_event;
use e2e::{Library, NewRoom};
use serde_json::{Value, json};

use super::Two;

const MESSAGE: &str = "m.room.message";

pub(super) async fn a_day(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { name: Some("Monday"), ..NewRoom::default() }).await?;
    let (alice, bob) = (two.alice.user_id.clone(), two.bob.user_id.clone());

    // Sent, and received.
    let question = two.alice.send(&room, "who is there?").await?;
    two.bob.expect_message(&room, &alice, "who is there?").await?;
    two.bob.ask("typing", json!({ "room": room, "on": true })).await?;
    two.alice.expect(&room, "Bob typing", |seen| seen["typing"] == json!([bob])).await?;

    // An answer in a thread, and one to that.
    let answer = two.bob.send_event(&room, MESSAGE, in_thread(&question, "I am")).await?;
    two.alice.expect_message(&room, &bob, "I am").await?;
    two.alice.send_event(&room, MESSAGE, in_thread(&question, "good")).await?;
    two.bob.expect_message(&room, &alice, "good").await?;

    // A reaction, and how far it was read.
    let relation = json!({ "rel_type": "m.annotation", "event_id": question, "key": "👋" });
    let wave = two.bob.send_event(&room, "m.reaction", json!({ "m.relates_to": relation })).await?;
    let waved = two.alice.expect_event(&room, "Bob waving", |event| event["event_id"] == *wave);
    waved.await?;
    two.bob.read(&room, &question).await?;
    two.alice.expect(&room, "Bob's receipt", |seen| seen["receipts"][&bob] != Value::Null).await?;
    if !library.aggregates() {
        return two.end().await;
    }

    // What each library has made of it all.
    for person in [&mut two.alice, &mut two.bob] {
        person
            .expect(&room, "a greeted question with a thread of two answers", |seen| {
                seen["threads"][&question] == json!(["I am", "good"])
                    && seen_event(seen, &question).is_some_and(|event| {
                        event["thread"] == 2 && event["reactions"] == json!({ "👋": 1 })
                    })
            })
            .await?;
    }
    let asked = json!({ "room": room, "event": question, "rel": "m.thread" });
    let found = two.alice.ask("relations", asked).await?;
    anyhow::ensure!(found.as_array().is_some_and(|ids| ids.contains(&json!(answer))), "{found}");
    two.end().await
}

fn in_thread(root: &str, body: &str) -> Value {
    json!({
        "msgtype": "m.text", "body": body,
        "m.relates_to": {
            "rel_type": "m.thread", "event_id": root, "is_falling_back": true,
            "m.in_reply_to": { "event_id": root },
        },
    })
}
