//! What refers to something said before: reactions and edits.

use anyhow::Result;
use e2e::foreign::seen_event;
use e2e::{Library, NewRoom};
use serde_json::{Value, json};

use super::Two;

const MESSAGE: &str = "m.room.message";

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

pub(super) async fn reactions_and_edits(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { direct: true, ..NewRoom::default() }).await?;
    let (alice, bob) = (two.alice.user_id.clone(), two.bob.user_id.clone());
    let said = two.alice.send(&room, "the brigde is open").await?;
    two.bob.expect_message(&room, &alice, "the brigde is open").await?;

    let relation = json!({ "rel_type": "m.annotation", "event_id": said, "key": "🎉" });
    let like = two.bob.send_event(&room, "m.reaction", json!({ "m.relates_to": relation })).await?;
    let mut correction = text("* the bridge is open");
    correction["m.new_content"] = text("the bridge is open");
    correction["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": said });
    let edit = two.alice.send_event(&room, MESSAGE, correction).await?;
    for person in [&two.alice, &two.bob] {
        let of_bob = |event: &Value| event["type"] == "m.reaction" && event["sender"] == *bob;
        person.expect_event(&room, "the reaction", of_bob).await?;
        person.expect_event(&room, "the edit", |event| event["event_id"] == *edit).await?;
    }
    if !library.aggregates() {
        return two.end().await;
    }

    for person in [&mut two.alice, &mut two.bob] {
        person
            .expect(&room, "one message, edited and liked", |seen| {
                seen_event(seen, &said).is_some_and(|event| {
                    event["body"] == "the bridge is open" && event["reactions"]["🎉"] == 1
                })
            })
            .await?;
    }
    two.bob.ask("redact", json!({ "room": room, "event": like })).await?;
    two.alice
        .expect(&room, "reaction taken back", |seen| {
            seen_event(seen, &said).is_some_and(|event| event["reactions"] == json!({}))
        })
        .await?;
    two.end().await
}
