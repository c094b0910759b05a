//! A foreign appservice over HTTP: a Python program with a registration of its own, added to the running homeserver.
//! It fsyncs every delivery before it answers, so its file is the truth about what it was given.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_daemons::ports::free_ports;

use crate::SERVER;
use crate::program::Program;
use crate::script::ScriptPeer;

const AS_TOKEN: &str = "foreign-as-token-0123456789abcdef0123456789abcdef";
const HS_TOKEN: &str = "foreign-hs-token-0123456789abcdef0123456789abcdef";

/// The appservice `foreign` with its bot `@foreignbot` and ghosts `@foreign_*`.
#[derive(Debug)]
pub struct ForeignAppservice {
    // `None` while it is killed.
    peer: Option<ScriptPeer>,
    port: u16,
    homeserver: String,
    folder: PathBuf,
}

/// One delivery of a transaction, as the appservice wrote it down.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub txn: String,
    /// SHA-256 of the body's bytes.
    pub digest: String,
    pub events: Vec<Value>,
    /// Whether it was acknowledged, at least in the appservice's own eyes.
    pub kept: bool,
    /// Whether the transaction had been kept before.
    pub again: bool,
}

impl ForeignAppservice {
    /// Chooses a port and writes the registration beside the program's configuration; nothing runs yet.
    pub fn prepare(program: &Program) -> Result<ForeignAppservice> {
        let [port] = free_ports::<1>()?;
        let appservice = ForeignAppservice {
            peer: None,
            port,
            homeserver: program.url(),
            folder: program.folder().to_owned(),
        };
        std::fs::write(appservice.registration(), registration(port))?;
        Ok(appservice)
    }

    /// Returns the registration's file.
    pub fn registration(&self) -> PathBuf {
        self.folder.join("foreign.yaml")
    }

    /// Starts the aiohttp appservice and waits until it listens.
    pub async fn start(&mut self) -> Result<()> {
        let file = self.file().display().to_string();
        let port = self.port.to_string();
        let arguments = [&*file, &port, &self.homeserver, AS_TOKEN, HS_TOKEN];
        self.peer = Some(listening("foreign_appservice.py", &arguments).await?);
        Ok(())
    }

    /// Starts the one on mautrix instead.
    pub async fn start_mautrix_echo(&mut self) -> Result<()> {
        let port = self.port.to_string();
        let arguments = [&*port, &self.homeserver, SERVER, AS_TOKEN, HS_TOKEN];
        self.peer = Some(listening("mautrix_echo.py", &arguments).await?);
        Ok(())
    }

    /// Kills it at once.
    pub async fn kill(&mut self) -> Result<()> {
        self.peer.take().context("it does not run")?.kill().await
    }

    /// Makes the next deliveries go wrong: refused with 500, or written down without an answer.
    pub async fn fail(&mut self, refuse: u32, swallow: u32) -> Result<()> {
        let question = json!({ "verb": "fail", "refuse": refuse, "swallow": swallow });
        self.peer()?.ask(question).await.map(drop)
    }

    /// Makes a request to the homeserver with the appservice's token, as one of its users or as itself.
    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        acting_as: Option<&str>,
        body: Value,
    ) -> Result<(u64, Value)> {
        let mut question = json!({
            "verb": "request", "method": method, "path": path, "body": body,
        });
        if let Some(user) = acting_as {
            question["as"] = json!(user);
        }
        let mut answer = self.peer()?.ask(question).await?;
        let status = answer["status"].as_u64().context("no status")?;
        Ok((status, answer["body"].take()))
    }

    /// Like [`ForeignAppservice::request`], where only 200 will do.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        acting_as: Option<&str>,
        body: Value,
    ) -> Result<Value> {
        let (status, answer) = self.request(method, path, acting_as, body).await?;
        ensure!(status == 200, "{method} {path} answered {status}: {answer}");
        Ok(answer)
    }

    /// Waits until the running appservice has told something that fits.
    pub async fn expect<T>(&self, what: &str, found: impl Fn(&[Value]) -> Option<T>) -> Result<T> {
        self.peer.as_ref().context("it does not run")?.expect(what, found).await
    }

    /// Waits until it has been given a message with this body.
    pub async fn expect_body(&self, body: &str) -> Result<()> {
        self.expect(&format!("a delivery of `{body}`"), |news| {
            let mut events = news.iter().filter_map(|one| one["delivery"]["events"].as_array());
            events
                .any(|events| events.iter().any(|event| event["content"]["body"] == body))
                .then_some(())
        })
        .await
    }

    /// Returns every delivery of all its lives, in order.
    pub fn deliveries(&self) -> Result<Vec<Delivery>> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str::<Value>);
        lines
            .map(|line| {
                let mut line = line.context("the appservice's file is damaged")?;
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let events = match line["events"].take() {
                    Value::Array(events) => events,
                    _ => Vec::new(),
                };
                Ok(Delivery {
                    txn: word(&line["txn"]),
                    digest: word(&line["digest"]),
                    events,
                    kept: line["kept"] == true,
                    again: line["again"] == true,
                })
            })
            .collect()
    }

    /// Returns the events as an appservice sees them that knows a transaction again: each kept transaction once.
    pub fn events(&self) -> Result<Vec<Value>> {
        let kept = self.deliveries()?.into_iter().filter(|one| one.kept && !one.again);
        Ok(kept.flat_map(|delivery| delivery.events).collect())
    }

    fn peer(&mut self) -> Result<&mut ScriptPeer> {
        self.peer.as_mut().context("it does not run")
    }

    fn file(&self) -> PathBuf {
        self.folder.join("foreign.jsonl")
    }
}

async fn listening(script: &str, arguments: &[&str]) -> Result<ScriptPeer> {
    let peer = ScriptPeer::python(script, arguments)?;
    peer.expect("an open port", |news| {
        news.iter().any(|one| one.get("listening").is_some()).then_some(())
    })
    .await?;
    Ok(peer)
}

fn registration(port: u16) -> String {
    format!(
        "id: foreign
url: http://127.0.0.1:{port}
as_token: {AS_TOKEN}
hs_token: {HS_TOKEN}
sender_localpart: foreignbot
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: '@foreign_.*:{SERVER}'
  aliases:
    - exclusive: true
      regex: '#foreign_.*:{SERVER}'
  rooms: []
"
    )
}
