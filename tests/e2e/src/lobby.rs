//! The lobby of the demo network in a running program, played through its stage.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::matrix::DEADLINE;
use crate::program::Program;

/// The lobby as people on the demo network see it.
#[derive(Debug)]
pub struct Lobby {
    http: reqwest::Client,
    base: String,
}

impl Lobby {
    /// Takes the stage of a demo network with `stage = true`.
    pub fn of(program: &Program, network: &str) -> Lobby {
        let base = format!("{}/_rialto/network/{network}/stage", program.url());
        Lobby { http: program.http().clone(), base }
    }

    /// Somebody does something: `{"do": "say", "text": ...}` and so on.
    pub async fn does(&self, who: &str, mut deed: Value) -> Result<()> {
        deed["who"] = json!(who);
        let answer = self.http.post(format!("{}/deed", self.base)).json(&deed).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{deed}: {status} {}", answer.text().await?);
        Ok(())
    }

    /// Somebody says something.
    pub async fn says(&self, who: &str, text: &str) -> Result<()> {
        self.does(who, json!({ "do": "say", "text": text })).await
    }

    /// Returns what is said there now, oldest first.
    pub async fn said(&self) -> Result<Vec<Value>> {
        let scene = self.scene(0).await?;
        scene["said"].as_array().cloned().context("a scene without what is said")
    }

    /// Waits until a line fits, and returns it.
    pub async fn expect(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = 0;
        loop {
            let scene = self.scene(seen).await?;
            let lines = scene["said"].as_array().context("a scene without what is said")?;
            if let Some(line) = lines.iter().find(|line| fits(line)) {
                return Ok(line.clone());
            }
            if Instant::now() > deadline {
                bail!("the lobby waited in vain for {what}; there is {lines:#?}");
            }
            // The next question waits for news.
            seen = scene["seen"].as_u64().context("a scene without its number")?;
        }
    }

    async fn scene(&self, seen: u64) -> Result<Value> {
        let question = self.http.get(format!("{}/scene?seen={seen}", self.base));
        let answer = question.timeout(DEADLINE + Duration::from_secs(30)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
