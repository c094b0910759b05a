//! Foreign appservices on the embedded homeserver: added while it runs, served over HTTP, and not to be confused by
//! anybody's death.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use e2e::matrix::{escape, user};
use e2e::numbers::{ensure_once_and_in_order, numbers_of};
use e2e::{ForeignAppservice, MatrixClient, Program, Setup};
use serde_json::{Value, json};

const GHOST: &str = "@foreign_carol:story.test";

/// A running homeserver with the appservice added, and a room in which Alice and its bot are.
struct Guest {
    appservice: ForeignAppservice,
    alice: MatrixClient,
    room: String,
    program: Program,
}

impl Guest {
    async fn begin() -> Result<Guest> {
        let program = Setup::new().start().await?;
        let mut alice = program.person("alice").await?;
        let mut appservice = ForeignAppservice::prepare(&program)?;
        appservice.start().await?;
        add(&program, &appservice).await?;
        let options = json!({ "preset": "private_chat", "invite": [user("foreignbot")] });
        let room = alice.create_room(options).await?;
        appservice
            .expect("the invitation", |news| {
                let mut events = news.iter().filter_map(|one| one["delivery"]["events"].as_array());
                events
                    .any(|events| {
                        events.iter().any(|event| event["content"]["membership"] == "invite")
                    })
                    .then_some(())
            })
            .await?;
        let join = format!("/_matrix/client/v3/join/{}", escape(&room));
        appservice.call("POST", &join, None, json!({})).await?;
        alice.sync(std::time::Duration::ZERO).await?;
        Ok(Guest { appservice, alice, room, program })
    }

    /// Registers a ghost and brings it into the room.
    async fn bring_ghost(&mut self) -> Result<()> {
        let register = json!({
            "type": "m.login.application_service", "username": "foreign_carol", "inhibit_login": true,
        });
        self.appservice.call("POST", "/_matrix/client/v3/register", None, register).await?;
        let invite = format!("/_matrix/client/v3/rooms/{}/invite", escape(&self.room));
        self.alice.call(reqwest::Method::POST, &invite, Some(json!({ "user_id": GHOST }))).await?;
        let join = format!("/_matrix/client/v3/join/{}", escape(&self.room));
        self.appservice.call("POST", &join, Some(GHOST), json!({})).await?;
        Ok(())
    }

    async fn say_as_ghost(&mut self, txn: &str, body: &str) -> Result<Value> {
        let path =
            format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{txn}", escape(&self.room));
        let content = json!({ "msgtype": "m.text", "body": body });
        self.appservice.call("PUT", &path, Some(GHOST), content).await
    }
}

async fn add(program: &Program, appservice: &ForeignAppservice) -> Result<()> {
    let file = appservice.registration().display().to_string();
    program.cli(&["appservice", "add", &file]).await?;
    let listed = program.cli(&["appservice", "list"]).await?;
    ensure!(listed.contains("foreign"), "it is not listed: {listed}");
    Ok(())
}

/// Asserts what every retry has to keep, and returns the numbers of `mx` messages in the order an appservice sees them.
fn ensure_honest_deliveries(appservice: &ForeignAppservice) -> Result<Vec<u32>> {
    let mut digests = BTreeMap::new();
    for delivery in appservice.deliveries()? {
        let digest = digests.entry(delivery.txn.clone()).or_insert(delivery.digest.clone());
        ensure!(*digest == delivery.digest, "transaction {} changed on retry", delivery.txn);
    }
    let events = appservice.events()?;
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    ensure!(ids.len() == distinct.len(), "an event came in two transactions: {ids:?}");
    let bodies = events.iter().filter_map(|event| event["content"]["body"].as_str());
    let numbers = numbers_of("mx", bodies);
    ensure_once_and_in_order("deliveries", &numbers)?;
    Ok(numbers)
}

#[tokio::test]
async fn a_foreign_appservice_gets_transactions_and_speaks_as_its_ghosts() -> Result<()> {
    let mut guest = Guest::begin().await?;
    guest.bring_ghost().await?;
    let first = guest.say_as_ghost("t1", "I am Carol").await?;
    let again = guest.say_as_ghost("t1", "I am Carol").await?;
    ensure!(first["event_id"] == again["event_id"], "one transaction id, two events");
    let room = guest.room.clone();
    guest.alice.expect_message(&room, GHOST, "I am Carol").await?;
    guest.alice.send(&room, "mx 1").await?;
    guest.appservice.expect_body("mx 1").await?;
    ensure_honest_deliveries(&guest.appservice)?;

    // It may not speak for others, nor others for it.
    let join = format!("/_matrix/client/v3/join/{}", escape(&room));
    let (status, answer) =
        guest.appservice.request("POST", &join, Some(&user("alice")), json!({})).await?;
    ensure!(status == 403, "it acts as Alice: {status} {answer}");
    let register = json!({
        "username": "foreign_eve", "password": "secret", "auth": { "type": "m.login.dummy" },
    });
    let path = "/_matrix/client/v3/register";
    let (status, answer) = guest.alice.request(reqwest::Method::POST, path, Some(register)).await?;
    ensure!(status >= 400, "anybody registers its ghosts: {answer}");

    let ping = json!({ "transaction_id": "hello" });
    let answer = guest
        .appservice
        .call("POST", "/_matrix/client/v1/appservice/foreign/ping", None, ping)
        .await?;
    ensure!(answer["duration_ms"].is_number(), "{answer}");
    guest
        .appservice
        .expect("the ping", |news| {
            news.iter().any(|one| one["ping"]["transaction_id"] == "hello").then_some(())
        })
        .await
}

#[tokio::test]
async fn refused_and_unanswered_transactions_come_again_byte_for_byte() -> Result<()> {
    let mut guest = Guest::begin().await?;
    let room = guest.room.clone();
    guest.appservice.fail(2, 0).await?;
    guest.alice.send(&room, "mx 1").await?;
    guest.alice.send(&room, "mx 2").await?;
    guest.appservice.expect_body("mx 2").await?;
    guest.appservice.fail(0, 2).await?;
    guest.alice.send(&room, "mx 3").await?;
    guest.appservice.expect_body("mx 3").await?;
    guest.alice.send(&room, "mx 4").await?;
    guest.appservice.expect_body("mx 4").await?;
    let numbers = ensure_honest_deliveries(&guest.appservice)?;
    ensure!(numbers == [1, 2, 3, 4], "delivered: {numbers:?}");
    let deliveries = guest.appservice.deliveries()?;
    ensure!(deliveries.iter().any(|one| one.again), "nothing was delivered again");
    ensure!(deliveries.iter().any(|one| !one.kept), "nothing was refused");
    Ok(())
}

#[tokio::test]
async fn a_foreign_appservice_survives_its_own_death_and_ours() -> Result<()> {
    let mut guest = Guest::begin().await?;
    guest.bring_ghost().await?;
    let room = guest.room.clone();
    let mut next = 0;
    let mut say = async |alice: &mut MatrixClient, count: u32| -> Result<()> {
        for _ in 0..count {
            next += 1;
            alice.send(&room, &format!("mx {next}")).await?;
        }
        Ok(())
    };

    say(&mut guest.alice, 20).await?;
    guest.appservice.kill().await?;
    say(&mut guest.alice, 20).await?;
    guest.appservice.start().await?;
    // A ping tells the homeserver that the back-off may end.
    let ping = "/_matrix/client/v1/appservice/foreign/ping";
    guest.appservice.call("POST", ping, None, json!({})).await?;
    guest.appservice.expect_body("mx 40").await?;

    say(&mut guest.alice, 20).await?;
    guest.program.kill_9()?;
    guest.program.up().await?;
    say(&mut guest.alice, 20).await?;
    guest.appservice.expect_body("mx 80").await?;

    // Both at once.
    say(&mut guest.alice, 20).await?;
    guest.appservice.kill().await?;
    guest.program.kill_9()?;
    guest.program.up().await?;
    guest.appservice.start().await?;
    guest.appservice.call("POST", ping, None, json!({})).await?;
    guest.appservice.expect_body("mx 100").await?;

    let numbers = ensure_honest_deliveries(&guest.appservice)?;
    let expected: Vec<u32> = (1..=100).collect();
    ensure!(numbers == expected, "delivered: {numbers:?}");
    // It is still registered, and its ghost still speaks.
    guest.say_as_ghost("after", "still here").await?;
    let room = guest.room.clone();
    guest.alice.expect_message(&room, GHOST, "still here").await?;
    Ok(())
}

#[tokio::test]
async fn a_removed_appservice_is_gone_for_good() -> Result<()> {
    let mut guest = Guest::begin().await?;
    guest.program.cli(&["appservice", "remove", "foreign"]).await?;
    let listed = guest.program.cli(&["appservice", "list"]).await?;
    ensure!(!listed.contains("foreign"), "it is still listed: {listed}");
    let whoami = "/_matrix/client/v3/account/whoami";
    let (status, answer) = guest.appservice.request("GET", whoami, None, json!({})).await?;
    ensure!(status == 401 && answer["errcode"] == "M_UNKNOWN_TOKEN", "{status} {answer}");
    guest.program.restart().await?;
    let (status, _) = guest.appservice.request("GET", whoami, None, json!({})).await?;
    ensure!(status == 401, "it is back after a restart");
    guest.program.verb(&["appservice", "remove", "foreign"]).run().await?.refusal(1, &["foreign"])
}

#[tokio::test]
async fn an_appservice_added_while_nothing_runs_is_there_at_start() -> Result<()> {
    let mut program = Setup::new().write()?;
    let mut appservice = ForeignAppservice::prepare(&program)?;
    add(&program, &appservice).await?;
    program.up().await?;
    appservice.start().await?;
    let whoami =
        appservice.call("GET", "/_matrix/client/v3/account/whoami", None, json!({})).await?;
    ensure!(whoami["user_id"] == user("foreignbot"), "{whoami}");
    Ok(())
}

#[tokio::test]
async fn a_bot_on_mautrix_echoes() -> Result<()> {
    let program = Setup::new().start().await?;
    let mut alice = program.person("alice").await?;
    let mut appservice = ForeignAppservice::prepare(&program)?;
    add(&program, &appservice).await?;
    appservice.start_mautrix_echo().await.context("mautrix does not start")?;
    let bot = user("foreignbot");
    let options = json!({ "preset": "public_chat", "invite": [bot] });
    let room = alice.create_room(options).await?;
    alice
        .wait("the bot to come", |client| {
            let member = client.rooms().get(&room)?.state("m.room.member", &bot)?;
            (member["membership"] == "join").then_some(())
        })
        .await?;
    for number in 1..=5 {
        alice.send(&room, &format!("tic {number}")).await?;
    }
    // mautrix handles every event in a task of its own: the echoes come in any order.
    let mut echoes = alice
        .wait("five echoes", |client| {
            let echoes = client.room(&room).bodies_of("@foreign_echo:story.test");
            (echoes.len() >= 5).then_some(echoes)
        })
        .await?;
    echoes.sort();
    let expected: Vec<String> = (1..=5).map(|number| format!("echo: tic {number}")).collect();
    ensure!(echoes == expected, "echoes: {echoes:?}");
    Ok(())
}
