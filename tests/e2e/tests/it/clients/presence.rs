//! What people do without saying anything: read, type, be counted.

use anyhow::Result;
use e2e::{Library, NewRoom};
use serde_json::json;

use super::Two;

pub(super) async fn receipts_and_typing(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { direct: true, ..NewRoom::default() }).await?;
    let (alice, bob) = (two.alice.user_id.clone(), two.bob.user_id.clone());
    two.bob.ask("typing", json!({ "room": room, "on": true })).await?;
    two.alice.expect(&room, "Bob typing", |seen| seen["typing"] == json!([bob])).await?;
    two.bob.ask("typing", json!({ "room": room, "on": false })).await?;
    two.alice.expect(&room, "nobody typing", |seen| seen["typing"] == json!([])).await?;

    let said = two.alice.send(&room, "did you see?").await?;
    two.bob.expect_message(&room, &alice, "did you see?").await?;
    two.bob.read(&room, &said).await?;
    two.alice.expect(&room, "Bob's receipt", |seen| seen["receipts"][&bob] == *said).await?;
    two.end().await
}

pub(super) async fn push_counts(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { name: Some("busy"), ..NewRoom::default() }).await?;
    let alice = two.alice.user_id.clone();
    two.alice.send(&room, "one").await?;
    two.alice.send(&room, "two").await?;
    let mention = json!({
        "msgtype": "m.text", "body": "three, Bob", "m.mentions": { "user_ids": [two.bob.user_id] },
    });
    let last = two.alice.send_event(&room, "m.room.message", mention).await?;
    two.bob.expect_message(&room, &alice, "three, Bob").await?;
    two.bob
        .expect(&room, "three unread, one for Bob", |seen| {
            seen["unread"] == 3 && seen["highlights"] == 1
        })
        .await?;
    two.bob.read(&room, &last).await?;
    two.bob
        .expect(&room, "nothing unread", |seen| seen["unread"] == 0 && seen["highlights"] == 0)
        .await?;
    two.end().await
}
