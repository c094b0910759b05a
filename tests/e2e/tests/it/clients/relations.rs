//! What refers to something said before: reactions, edits, threads.

use anyhow::{Result, ensure};
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

pub(super) async fn related_events(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { direct: true, ..NewRoom::default() }).await?;
    let said = two.alice.send(&room, "who brings a saw?").await?;
    let relation = json!({ "rel_type": "m.annotation", "event_id": said, "key": "🪚" });
    let like = two.bob.send_event(&room, "m.reaction", json!({ "m.relates_to": relation })).await?;
    let question = json!({ "room": room, "event": said, "rel": "m.annotation" });
    let found = two.alice.ask("relations", question).await?;
    ensure!(found == json!([like]), "{found}");
    two.end().await
}

pub(super) async fn threads(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { name: Some("planning"), ..NewRoom::default() }).await?;
    let root = two.alice.send(&room, "where shall it stand?").await?;
    let mut answers = Vec::new();
    for number in 0_usize..3 {
        let mut answer = text(&format!("place {number}"));
        answer["m.relates_to"] = json!({
            "rel_type": "m.thread", "event_id": root, "is_falling_back": true,
            "m.in_reply_to": { "event_id": root },
        });
        let person = if number == 1 { &mut two.alice } else { &mut two.bob };
        answers.push(person.send_event(&room, MESSAGE, answer).await?);
        // js-sdk orders a thread by when an event reached it, less the age it then had: who answers within the time that
        // a busy browser needs to read an event may be put before it. So everybody has read before the next one answers.
        if library.aggregates() {
            let told = number + 1;
            // Whoever begins a thread has none before somebody else's answer.
            let mut readers = vec![&mut two.alice];
            if number > 0 {
                readers.push(&mut two.bob);
            }
            for person in readers {
                person
                    .expect(&room, &format!("a thread of {told}"), |seen| {
                        seen["threads"][&root].as_array().map(Vec::len) == Some(told)
                    })
                    .await?;
            }
        }
    }
    let question = json!({ "room": room, "event": root, "rel": "m.thread" });
    let mut found = two.alice.ask("relations", question).await?;
    if let Some(found) = found.as_array_mut() {
        found.reverse();
    }
    ensure!(found == json!(answers), "{found}");
    if library.aggregates() {
        for person in [&mut two.alice, &mut two.bob] {
            person
                .expect(&room, "a thread of three answers", |seen| {
                    seen["threads"][&root] == json!(["place 0", "place 1", "place 2"])
                        && seen_event(seen, &root).is_some_and(|event| event["thread"] == 3)
                })
                .await?;
        }
    }
    two.end().await
}
