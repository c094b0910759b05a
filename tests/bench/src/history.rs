//! History inserted by an application service, in batches as bridges send them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::client::Client;
use crate::program::Program;

/// How many events one request inserts.
const BATCH: usize = 500;

/// What inserting cost.
pub(crate) struct Inserted {
    pub(crate) per_second: f64,
    pub(crate) batch_ms: f64,
    pub(crate) cpu_ms_each: f64,
}

/// Inserts so many events before everything, the newest batch first.
pub(crate) async fn measure(program: &Program, messages: usize) -> Result<Inserted> {
    let file = program.path("history.yaml");
    std::fs::write(
        &file,
        "id: history\nurl: null\nas_token: history_as\nhs_token: history_hs\n\
         sender_localpart: historybot\nrate_limited: false\n\
         namespaces:\n  users:\n  - exclusive: true\n    regex: \"@_past_.*:localhost\"\n",
    )?;
    program.run(&["appservice", "add", file.to_str().context("path")?], "")?;
    let client = Client::with_token(program.url(), "history_as")?;
    let room = client.create_room(json!({})).await?;
    let mut longest = Duration::ZERO;
    let (begun, cpu) = (Instant::now(), program.cpu()?);
    let mut end = messages;
    while end > 0 {
        let first = end.saturating_sub(BATCH);
        let events: Vec<Value> = (first..end).map(event).collect();
        let sent = Instant::now();
        client.insert(&room, events).await?;
        longest = longest.max(sent.elapsed());
        end = first;
    }
    let whole = begun.elapsed().as_secs_f64();
    let cpu = program.cpu()?.saturating_sub(cpu);
    let count = f64::from(u32::try_from(messages)?);
    Ok(Inserted {
        per_second: count / whole,
        batch_ms: longest.as_secs_f64() * 1000.0,
        cpu_ms_each: cpu.as_secs_f64() * 1000.0 / count,
    })
}

fn event(number: usize) -> Value {
    json!({
        "type": "m.room.message",
        "sender": format!("@_past_{}:localhost", number % 20),
        "origin_server_ts": 1_600_000_000_000_u64 + number as u64,
        "event_id": format!("$past{number}:localhost"),
        "content": { "msgtype": "m.text", "body": format!("message {number} of the past") },
    })
}
