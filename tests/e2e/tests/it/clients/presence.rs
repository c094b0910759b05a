//! What people do without saying anything: read and type.

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
