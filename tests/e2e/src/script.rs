//! A script beside a story, in Python or JavaScript, spoken with in JSON lines: questions and answers by number, and news
//! that it tells by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bridge_testkit::peers::bound_command;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::matrix::DEADLINE;

/// A running script.
#[derive(Debug)]
pub struct ScriptPeer {
    child: Child,
    stdin: ChildStdin,
    heard: watch::Receiver<HeardLines>,
    asked: u64,
    _alive: DropGuard,
}

#[derive(Debug, Default)]
struct HeardLines {
    answers: BTreeMap<u64, Value>,
    news: Vec<Value>,
}

impl ScriptPeer {
    /// Starts a script of `tests/e2e/python` with the Python that `cargo xtask test` has set up.
    pub fn python(script: &str, arguments: &[&str]) -> Result<ScriptPeer> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let mut command = bound_command(&peer_file("python/bin/python")?, None);
        command.arg("-u").arg(scripts.join(script)).args(arguments);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        ScriptPeer::start(command)
    }

    /// Starts a script of `tests/e2e/node` with the Node and the packages that `cargo xtask test` has set up.
    pub fn node(script: &str, arguments: &[&str]) -> Result<ScriptPeer> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
        let mut command = bound_command(&peer_file("node/node_modules/node/bin/node")?, None);
        command.arg("--import").arg(scripts.join("resolve.mjs"));
        command.arg(scripts.join(script)).args(arguments);
        command.env("PEERS", peers()?.join("node"));
        ScriptPeer::start(command)
    }

    fn start(mut command: Command) -> Result<ScriptPeer> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        let stdin = child.stdin.take().context("no standard input")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let (memory, heard) = watch::channel(HeardLines::default());
        let end = CancellationToken::new();
        let listening = end.clone().run_until_cancelled_owned(listen(stdout, memory));
        TaskTracker::new().spawn(listening);
        Ok(ScriptPeer { child, stdin, heard, asked: 0, _alive: end.drop_guard() })
    }

    /// Asks something and waits for the answer.
    pub async fn ask(&mut self, mut question: Value) -> Result<Value> {
        self.asked += 1;
        let id = self.asked;
        question["id"] = json!(id);
        self.stdin.write_all(format!("{question}\n").as_bytes()).await.context("it is gone")?;
        self.stdin.flush().await?;
        let reply = self
            .wait(&format!("answer to {question}"), |heard| heard.answers.get(&id).cloned())
            .await?;
        if let Some(error) = reply.get("error") {
            bail!("{question} failed: {error}");
        }
        Ok(reply["answer"].clone())
    }

    /// Returns everything it has told by itself, in order.
    pub fn news(&self) -> Vec<Value> {
        self.heard.borrow().news.clone()
    }

    /// Waits until it has told something that fits.
    pub async fn expect<T>(&self, what: &str, found: impl Fn(&[Value]) -> Option<T>) -> Result<T> {
        self.wait(what, |heard| found(&heard.news)).await
    }

    /// Kills it at once.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("it cannot be killed")
    }

    async fn wait<T>(&self, what: &str, found: impl Fn(&HeardLines) -> Option<T>) -> Result<T> {
        let mut heard = self.heard.clone();
        let waited = tokio::time::timeout(
            DEADLINE + Duration::from_secs(15),
            heard.wait_for(|heard| found(heard).is_some()),
        )
        .await
        .map(|outcome| outcome.is_ok());
        if let Some(it) = found(&self.heard.borrow()) {
            return Ok(it);
        }
        let news = self.news();
        let last = &news[news.len().saturating_sub(10)..];
        ensure!(waited != Ok(false), "the script ended without {what}; its last news: {last:?}");
        bail!("no {what}; the last news: {last:?}")
    }
}

async fn listen(stdout: ChildStdout, memory: watch::Sender<HeardLines>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(mut value) = serde_json::from_str::<Value>(&line) else { continue };
        memory.send_modify(|heard| {
            if let Some(id) = value["id"].as_u64() {
                heard.answers.insert(id, value);
            } else {
                heard.news.push(value["news"].take());
            }
        });
    }
}

/// Returns the folder where `cargo xtask peers` puts what is not a Debian package.
pub fn peers() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("RIALTO_TEST_PEERS") {
        return Ok(PathBuf::from(path));
    }
    // A test lies in `<target>/<profile>/deps`.
    let test = std::env::current_exe().context("a test without a path")?;
    Ok(test.ancestors().nth(3).context("a test outside a target folder")?.join("peers"))
}

/// Finds a file there.
pub fn peer_file(name: &str) -> Result<PathBuf> {
    let file = peers()?.join(name);
    ensure!(
        file.is_file(),
        "{} is missing: `cargo xtask peers --install` makes it",
        file.display()
    );
    Ok(file)
}
