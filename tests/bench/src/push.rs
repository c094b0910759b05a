//! How long after a send a foreign appservice has the event.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::routing::put;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::Client;
use crate::figures::Load;
use crate::program::Program;

/// Sends one message after the other, each when the one before has arrived at the appservice.
pub(crate) async fn measure(program: &Program, messages: usize) -> Result<Load> {
    let (deliveries, mut arrived) = mpsc::channel(1_000);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let appservice =
        Router::new().route("/_matrix/app/v1/transactions/{txn}", put(take)).with_state(deliveries);
    let served =
        tokio::task::JoinSet::from_iter([async move { axum::serve(listener, appservice).await }]);

    let file = program.path("appservice.yaml");
    std::fs::write(
        &file,
        format!(
            "id: bench\nurl: http://{address}\nas_token: bench_as\nhs_token: bench_hs\n\
             sender_localpart: benchbot\nrate_limited: false\n\
             namespaces:\n  users:\n  - exclusive: false\n    regex: \"@pushed:localhost\"\n"
        ),
    )?;
    program.run(&["appservice", "add", file.to_str().context("path")?], "")?;
    program.run(&["user", "create", "pushed", "--password-stdin"], "bench-password\n")?;
    let client = Client::login(program.url(), "pushed", "bench-password").await?;
    let room = client.create_room(json!({})).await?;

    let (begun, cpu) = (Instant::now(), program.cpu()?);
    let mut latencies = Vec::with_capacity(messages);
    for number in 0..messages {
        let sent = Instant::now();
        let event_id = client.say(&room, &format!("p{number}"), "news").await?;
        while arrived.recv().await.context("the appservice ended")? != event_id {}
        latencies.push(sent.elapsed());
    }
    let whole: Duration = begun.elapsed();
    drop(served);
    Ok(Load::of(latencies, whole, program.cpu()?.saturating_sub(cpu)))
}

async fn take(
    State(deliveries): State<mpsc::Sender<String>>,
    Json(body): Json<Value>,
) -> Json<Value> {
    for event in body["events"].as_array().into_iter().flatten() {
        if let Some(event_id) = event["event_id"].as_str() {
            // The measurement may be over; then nobody listens any more.
            drop(deliveries.send(event_id.to_owned()).await);
        }
    }
    Json(json!({}))
}
