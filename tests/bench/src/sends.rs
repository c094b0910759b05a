//! Messages sent by one user over several connections into one room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::figures::Load;
use crate::program::Program;

/// Sends `messages` over `connections` at once.
pub(crate) async fn measure(
    program: &Program,
    connections: usize,
    messages: usize,
) -> Result<Load> {
    let name = format!("sender{connections}");
    program.run(&["user", "create", &name, "--password-stdin"], "bench-password\n")?;
    let client = Client::login(program.url(), &name, "bench-password").await?;
    let room = client.create_room(json!({ "preset": "private_chat" })).await?;

    let next = Arc::new(AtomicUsize::new(0));
    let (begun, cpu) = (Instant::now(), program.cpu()?);
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (client, room, next) = (client.another_connection()?, room.clone(), next.clone());
        senders.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= messages {
                    return anyhow::Ok(latencies);
                }
                let sent = Instant::now();
                client.say(&room, &format!("t{number}"), &format!("message {number}")).await?;
                latencies.push(sent.elapsed());
            }
        });
    }
    let mut latencies = Vec::with_capacity(messages);
    while let Some(done) = senders.join_next().await {
        latencies.extend(done??);
    }
    Ok(Load::of(latencies, begun.elapsed(), program.cpu()?.saturating_sub(cpu)))
}
