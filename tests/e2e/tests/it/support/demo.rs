//! `rialto demo` as a newcomer runs it, its standard output read line by line.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bridge_testkit::peers::bound_command;
use e2e::matrix::DEADLINE;
use e2e::program::rialto_binary;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

/// A running demo.
pub(crate) struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    _folder: TempDir,
}

impl Demo {
    /// Starts it in an empty folder, with nothing on standard input and no terminal.
    pub(crate) fn start() -> Result<Demo> {
        let folder = TempDir::with_prefix("rialto-demo-story-")?;
        let mut command = bound_command(&rialto_binary()?, None);
        command.arg("demo").current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let lines = BufReader::new(stdout).lines();
        Ok(Demo { child, lines, seen: Vec::new(), _folder: folder })
    }

    /// Waits for a line that begins like this and returns the rest of it.
    pub(crate) async fn value_of(&mut self, key: &str) -> Result<String> {
        let prefix = format!("{key}: ");
        let line = self.expect_line(&prefix, |line| line.starts_with(&prefix)).await?;
        Ok(line[prefix.len()..].to_owned())
    }

    /// Waits for a line that fits, among all that were printed.
    pub(crate) async fn expect_line(
        &mut self,
        what: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<String> {
        loop {
            if let Some(line) = self.seen.iter().find(|line| fits(line)) {
                return Ok(line.clone());
            }
            match tokio::time::timeout(DEADLINE, self.lines.next_line()).await {
                Ok(Ok(Some(line))) => self.seen.push(line),
                Ok(_) => bail!("demo ended without `{what}`; it printed {:#?}", self.seen),
                Err(_) => bail!("demo printed no `{what}`, only {:#?}", self.seen),
            }
        }
    }

    /// Ends it with SIGTERM and returns its exit code.
    pub(crate) async fn stop(mut self) -> Result<Option<i32>> {
        let pid = self.child.id().context("it has ended already")?;
        bridge_testkit::peers::send_signal(pid, "TERM")?;
        let status = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??;
        Ok(status.code())
    }
}
