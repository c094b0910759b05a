//! `docs/src/beside-synapse.md`, carried out as it stands: only addresses, and IRC's TLS, are others here.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{Daemon, InspIrcd, bound_command};
use e2e::chat::{BotChat, room_id_in};
use e2e::program::rialto_binary;
use e2e::{SERVER, Synapse};
use tempfile::TempDir;
use test_daemons::ports::free_ports;

/// The page's fenced blocks, in order: what they are, and their text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(kind), None) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

fn run_in(folder: &Path, line: &str) -> Result<()> {
    let mut command = bound_command(Path::new("/bin/sh"), None);
    command.arg("-c").arg(line).current_dir(folder).env("PATH", path()?);
    let output = command.output()?;
    ensure!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Where the programs are, ours first.
fn path() -> Result<String> {
    let ours = rialto_binary()?;
    let ours = ours.parent().context("a program in no folder")?.display().to_string();
    Ok(format!("{ours}:{}", std::env::var("PATH").unwrap_or_default()))
}

#[tokio::test]
async fn the_page_about_two_networks_beside_a_running_synapse_is_true() -> Result<()> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/beside-synapse.md");
    let page = std::fs::read_to_string(page)?;
    let folder = TempDir::with_prefix("rialto-docs-")?;
    let mut synapse = Synapse::start(&[]).await?;
    let (libera, oftc) = (InspIrcd::start()?, InspIrcd::start()?);
    let [port] = free_ports::<1>()?;
    let homeserver = synapse.url();
    let here = |text: &str| {
        text.replace("http://127.0.0.1:8008", &homeserver)
            .replace("29300", &port.to_string())
            .replace("matrix.example.org", SERVER)
            .replace("irc.libera.chat:6697", &libera.address())
            .replace("irc.oftc.net:6697", &oftc.address())
            .replace("tls = true", "tls = false")
            .replace("/etc/rialto", &folder.path().display().to_string())
    };
    let steps = page.lines().filter(|line| line.starts_with("## Step ")).count();
    ensure!(steps == 5 && page.contains("five steps"), "the page counts its steps wrong: {steps}");
    let blocks: Vec<(String, String)> =
        blocks(&page).into_iter().map(|(kind, text)| (kind, here(&text))).collect();
    let kinds: Vec<&str> = blocks.iter().map(|(kind, _)| kind.as_str()).collect();
    ensure!(kinds == ["toml", "sh", "yaml", "sh", "text"], "the page has other blocks: {kinds:?}");

    std::fs::write(folder.path().join("rialto.toml"), &blocks[0].1)?;
    for line in blocks[1].1.lines() {
        run_in(folder.path(), line)?;
    }
    synapse.add_to_config(&blocks[2].1)?;
    synapse.restart().await?;

    ensure!(blocks[3].1 == "rialto up\n", "another way to start: {}", blocks[3].1);
    let mut up = bound_command(&rialto_binary()?, None);
    up.arg("up").current_dir(folder.path()).env("NO_COLOR", "1");
    let mut rialto = Daemon::start("rialto", up, &folder.path().join("log"))?;
    let http = support_matrix_http::shared_client(&support_matrix_http::ClientOptions::default())?;
    let ready = here("http://127.0.0.1:29300/ready");
    let deadline = std::time::Instant::now() + e2e::matrix::DEADLINE;
    while !http.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200) {
        ensure!(rialto.ended()?.is_none(), "it ended: {}", rialto.log());
        ensure!(std::time::Instant::now() < deadline, "it is not ready: {}", rialto.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    let mut bobs = Vec::new();
    for irc in [&libera, &oftc] {
        let mut bob = irc.observer("bob").await?;
        bob.join("#rialto").await?;
        bobs.push(bob);
    }
    let mut alice = synapse.person("alice").await?;
    let bot = BotChat::open(&mut alice).await?;
    let mut rooms = Vec::new();
    for line in blocks[4].1.lines() {
        let expected = if line.starts_with("login") { "connected" } else { "You are in its room" };
        let answer = bot.ask(&mut alice, line, |answer| answer.contains(expected)).await?;
        rooms.extend(room_id_in(&answer));
    }
    ensure!(rooms.len() == 2, "the rooms are {rooms:?}");
    for (room, bob) in rooms.iter().zip(&mut bobs) {
        alice.send(room, "hello there").await?;
        bob.expect_message("#rialto", "hello there").await?;
    }
    rialto.signal("TERM")?;
    ensure!(rialto.wait_end(std::time::Duration::from_secs(20))?.success(), "{}", rialto.log());
    Ok(())
}
