//! Rooms of two and of several.

use anyhow::{Result, ensure};
use e2e::{Library, NewRoom};
use serde_json::json;

use super::Two;

pub(super) async fn direct_room(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { direct: true, ..NewRoom::default() }).await?;
    let (alice, bob) = (two.alice.user_id.clone(), two.bob.user_id.clone());
    two.alice.send(&room, "hello, Bob 🦀").await?;
    two.bob.expect_message(&room, &alice, "hello, Bob 🦀").await?;
    let answer = two.bob.send(&room, "hello, Alice").await?;
    two.alice.expect_message(&room, &bob, "hello, Alice").await?;

    // What is taken back is gone in both clients.
    two.bob.ask("redact", json!({ "room": room, "event": answer })).await?;
    two.alice
        .expect_event(&room, "the redaction", |event| {
            event["type"] == "m.room.redaction" && event["content"]["redacts"] == answer
        })
        .await?;
    two.end().await
}

pub(super) async fn group(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let wish = NewRoom {
        name: Some("Bridge builders"),
        topic: Some("stone and wood"),
        ..NewRoom::default()
    };
    let room = two.room(wish).await?;
    let mut carol = two.program.person("carol").await?;
    let path = format!("/_matrix/client/v3/rooms/{}/invite", e2e::matrix::escape(&room));
    two.program
        .log_in("alice")
        .await?
        .call(reqwest::Method::POST, &path, Some(json!({ "user_id": carol.user_id() })))
        .await?;
    carol
        .wait("the group", |client| client.rooms().get(&room).filter(|room| room.joined).map(drop))
        .await?;
    carol.send(&room, "I brought a saw").await?;

    let carols = carol.user_id().to_owned();
    for person in [&mut two.alice, &mut two.bob] {
        person.expect_message(&room, &carols, "I brought a saw").await?;
        let seen = person.expect_joined(&room, 3).await?;
        ensure!(seen["name"] == "Bridge builders" && seen["topic"] == "stone and wood", "{seen:#}");
        let name = seen["member_names"][&carols].as_str().unwrap_or_default();
        ensure!(name.contains("carol"), "{seen:#}");
    }
    two.alice.send_state(&room, "m.room.topic", "", json!({ "topic": "only stone" })).await?;
    two.bob.expect(&room, "new topic", |seen| seen["topic"] == "only stone").await?;
    two.end().await
}
