//! The stages of a run: a line when one begins, its time when it ends, and the summary that closes everything.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Keeps the times and outcomes of stages.
#[derive(Debug)]
pub(crate) struct Stages {
    verb: &'static str,
    begun: Instant,
    done: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: &'static str,
    took: Duration,
    passed: bool,
}

impl Stages {
    pub(crate) fn new(verb: &'static str) -> Self {
        Stages { verb, begun: Instant::now(), done: Vec::new() }
    }

    /// Runs a stage without which the next ones make no sense.
    pub(crate) fn require<T>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        crate::say(&format!("\n=== {name}"));
        let begun = Instant::now();
        let outcome = work();
        let took = begun.elapsed();
        let passed = outcome.is_ok();
        let verdict = if passed { "done in" } else { "FAILED after" };
        crate::say(&format!("=== {name}: {verdict} {}", spell(took)));
        self.done.push(Stage { name, took, passed });
        outcome.with_context(|| format!("stage `{name}` failed"))
    }

    /// Runs a stage whose failure does not stop the next ones; it is counted.
    pub(crate) fn attempt(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        if let Err(error) = self.require(name, work) {
            crate::complain(&format!("xtask: {error:#}"));
        }
    }

    /// Prints the closing lines and returns the exit code they deserve. An error is a stage that ended the run early; it is
    /// counted already, and its words come here, in full, where they are not scrolled away.
    pub(crate) fn close(self, outcome: Result<()>) -> ExitCode {
        if let Err(error) = outcome {
            crate::complain(&format!("\nxtask: {error:#}"));
        }
        let times: Vec<String> =
            self.done.iter().map(|stage| format!("{} {}", stage.name, spell(stage.took))).collect();
        let failed: Vec<&str> =
            self.done.iter().filter(|stage| !stage.passed).map(|stage| stage.name).collect();
        let total = spell(self.begun.elapsed());
        crate::say(&format!("\nstages: {}", times.join(", ")));
        if failed.is_empty() {
            crate::say(&format!("xtask {}: passed in {total}", self.verb));
            return ExitCode::SUCCESS;
        }
        crate::say(&format!("xtask {}: FAILED in {total}: {}", self.verb, failed.join(", ")));
        ExitCode::FAILURE
    }
}

fn spell(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
