//! What a large room and many rooms cost: the same requests at three sizes, each ten times the one before.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::figures::Growth;
use crate::program::Program;

/// Members of the one room.
const MEMBERS: [usize; 3] = [100, 1_000, 10_000];
/// Rooms of the one user.
const ROOMS: [usize; 3] = [10, 100, 1_000];
/// How often each request is made; the table has the median.
const TIMES: usize = 20;
/// Ghosts come in over so many connections.
const DOORS: usize = 16;

const AS_TOKEN: &str = "crowd_as";
const PASSWORD: &str = "bench-password";
const LAZY: &str = r#"{"room":{"state":{"lazy_load_members":true}}}"#;

/// Measures a room that grows.
pub(crate) async fn of_members(program: &Program) -> Result<Growth> {
    let file = program.path("crowd.yaml");
    // Nobody is pushed to: only the homeserver's own work counts.
    std::fs::write(
        &file,
        format!(
            "id: crowd\nurl: null\nas_token: {AS_TOKEN}\nhs_token: crowd_hs\n\
             sender_localpart: crowdbot\nrate_limited: false\n\
             namespaces:\n  users:\n  - exclusive: true\n    regex: \"@crowd_.*:localhost\"\n"
        ),
    )?;
    program.run(&["appservice", "add", file.to_str().context("path")?], "")?;
    let alice = person(program, "mayor").await?;
    let room = alice.create_room(json!({ "preset": "public_chat" })).await?;
    let crowd = Client::with_token(program.url(), AS_TOKEN)?;

    let mut growth = Growth::new("one room, members", MEMBERS);
    let mut members = 1;
    for size in MEMBERS {
        let joins = crowd_in(&crowd, &room, members, size - TIMES).await?;
        let joins_per_second = joins.0 as f64 / joins.1.as_secs_f64();
        growth.note("registered and joined a second", format!("{joins_per_second:.0}"));
        // The last ones come one by one.
        let mut one_by_one = Vec::new();
        for number in size - TIMES..size {
            register(&crowd, number).await?;
            let begun = Instant::now();
            join(&crowd, &room, number).await?;
            one_by_one.push(begun.elapsed());
        }
        members = size;
        growth.time("join", one_by_one);
        measure(&alice, &room, &mut growth).await?;
        growth.note("memory, MiB", format!("{:.0}", program.resident_mib()?));
    }
    Ok(growth)
}

/// Measures a user who has more and more rooms.
pub(crate) async fn of_rooms(program: &Program) -> Result<Growth> {
    let alice = person(program, "landlady").await?;
    let bob = person(program, "lodger").await?;
    let mut growth = Growth::new("one user, rooms", ROOMS);
    let mut rooms = Vec::new();
    for size in ROOMS {
        let mut created = Vec::new();
        while rooms.len() < size {
            let begun = Instant::now();
            let body = json!({ "preset": "public_chat", "name": format!("room {}", rooms.len()) });
            rooms.push(alice.create_room(body).await?);
            created.push(begun.elapsed());
        }
        growth.time("createRoom", created);
        let mut joins = Vec::new();
        for room in rooms.iter().rev().take(TIMES.min(size / 2)) {
            let begun = Instant::now();
            bob.join(room, "").await?;
            joins.push(begun.elapsed());
        }
        growth.time("join", joins);
        measure(&alice, &rooms[0], &mut growth).await?;
        growth.note("memory, MiB", format!("{:.0}", program.resident_mib()?));
    }
    Ok(growth)
}

/// Syncs and sends, as somebody who is in the room.
async fn measure(client: &Client, room: &str, growth: &mut Growth) -> Result<()> {
    let mut since = String::new();
    for (name, filter) in [("initial sync", ""), ("initial sync, lazy members", LAZY)] {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..TIMES.min(5) {
            let begun = Instant::now();
            let (answer, length) = client.sync_with(None, filter).await?;
            times.push(begun.elapsed());
            bytes = length;
            since = answer["next_batch"].as_str().context("no next_batch")?.to_owned();
        }
        growth.time(name, times);
        growth.note(&format!("{name}, KiB"), format!("{}", bytes / 1024));
    }
    let (mut sends, mut syncs) = (Vec::new(), Vec::new());
    for number in 0..TIMES {
        let begun = Instant::now();
        client.say(room, &format!("{since}-{number}"), "news").await?;
        sends.push(begun.elapsed());
        let begun = Instant::now();
        let (answer, _) = client.sync_with(Some(&since), LAZY).await?;
        syncs.push(begun.elapsed());
        since = answer["next_batch"].as_str().context("no next_batch")?.to_owned();
    }
    growth.time("send", sends);
    growth.time("incremental sync", syncs);
    Ok(())
}

/// Registers and joins the ghosts of these numbers; returns how many and how long it took.
async fn crowd_in(crowd: &Client, room: &str, from: usize, to: usize) -> Result<(usize, Duration)> {
    let begun = Instant::now();
    let mut doors = JoinSet::new();
    for door in 0..DOORS {
        let (crowd, room) = (crowd.another_connection()?, room.to_owned());
        doors.spawn(async move {
            for number in (from..to).filter(|number| number % DOORS == door) {
                register(&crowd, number).await?;
                join(&crowd, &room, number).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = doors.join_next().await {
        done??;
    }
    Ok((to - from, begun.elapsed()))
}

async fn register(crowd: &Client, number: usize) -> Result<Value> {
    crowd.register_ghost(&format!("crowd_{number}")).await
}

async fn join(crowd: &Client, room: &str, number: usize) -> Result<()> {
    crowd.join(room, &format!("?user_id=@crowd_{number}:localhost")).await
}

async fn person(program: &Program, name: &str) -> Result<Client> {
    program.run(&["user", "create", name, "--password-stdin"], &format!("{PASSWORD}\n"))?;
    Client::login(program.url(), name, PASSWORD).await
}
