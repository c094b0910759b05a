//! Somebody at a browser: Chromium, driven by a script of `tests/e2e/node`.

use std::path::Path;

use anyhow::{Context as _, Result};
use e2e::script::ScriptPeer;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_daemons::process::require_program;

pub(crate) struct Visitor {
    peer: ScriptPeer,
    light: &'static str,
    _profile: TempDir,
}

impl Visitor {
    /// Opens the browser; the script says what its visitor can do.
    pub(crate) fn arrive(script: &str, light: &'static str) -> Result<Visitor> {
        let chromium = require_program("chromium", "chromium")?;
        let profile = TempDir::with_prefix("rialto-visitor-")?;
        let words = [&*chromium, profile.path()].map(Path::to_string_lossy);
        let peer = ScriptPeer::node(script, &[&words[0], &words[1], light])?;
        Ok(Visitor { peer, light, _profile: profile })
    }

    pub(crate) async fn ask(&mut self, verb: &str, mut question: Value) -> Result<Value> {
        question["verb"] = json!(verb);
        self.peer.ask(question).await.with_context(|| format!("the visitor cannot {verb}"))
    }

    /// Where pictures of what was seen are put, if somebody wants them.
    pub(crate) async fn picture(&mut self, name: &str) -> Result<()> {
        let Some(folder) = std::env::var_os("RIALTO_TEST_PICTURES") else { return Ok(()) };
        let file = Path::new(&folder).join(format!("{}-{name}.png", self.light));
        self.ask("picture", json!({ "file": file })).await.map(drop)
    }
}
