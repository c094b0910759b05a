//! Somebody whose network was gone.

use anyhow::{Result, ensure};
use e2e::{Library, NewRoom};
use serde_json::json;

use super::Two;

const MISSED: usize = 5_000;

pub(super) async fn catch_up(library: Library) -> Result<()> {
    let mut two = Two::on(library).await?;
    let room = two.room(NewRoom { name: Some("busy"), ..NewRoom::default() }).await?;
    let last = two.alice.send(&room, "I am off").await?;
    let alices = two.alice.user_id.clone();
    two.alice.expect_message(&room, &alices, "I am off").await?;
    two.alice.ask("offline", json!({})).await?;

    // One after the other, so that the order is known.
    let mut bob = two.program.log_in("bob").await?;
    let said: Vec<String> = (0..MISSED).map(|number| format!("news {number}")).collect();
    for text in &said {
        bob.send(&room, text).await?;
    }

    two.alice.ask("online", json!({})).await?;
    let question = json!({ "room": room, "after": last });
    let caught_up = two.alice.ask("catch_up", question).await?;
    let caught_up: Vec<&str> =
        caught_up.as_array().into_iter().flatten().filter_map(|body| body.as_str()).collect();
    let wrong = caught_up.iter().zip(&said).position(|(seen, said)| seen != said);
    ensure!(
        caught_up == said,
        "{} of {MISSED} were seen; the first that differs is {wrong:?}",
        caught_up.len()
    );
    two.end().await
}
