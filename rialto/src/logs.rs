//! Logs go to standard error, as text for people or JSON for machines.
//!
//! While a verb starts, lines are held back for a moment: should it fail, the failure is the first line, and the log follows.

use clap::ValueEnum;
use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// For how long, and how much. What takes longer is waiting for something, and the log says for what.
const HOLD_FOR: Duration = Duration::from_secs(3);
const HOLD_AT_MOST: usize = 64 * 1024;

/// Libraries that tell at `info` what is of interest to their own developers, once per event.
const QUIET: &str = "ruma_state_res=warn";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the logger of this process. `RUST_LOG` decides what is printed, else `usually`.
pub(crate) fn install(format: LogFormat, usually: &str) -> HeldLogs {
    let held = HeldLogs::default();
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let filter = [asked.as_deref(), Some(usually)]
        .into_iter()
        .flatten()
        .find_map(|words| EnvFilter::try_new(format!("{QUIET},{words}")).ok())
        .unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(held.clone());
    let installed = match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if installed.is_err() {
        // A program that embeds Rialto has a logger of its own already; that one stays.
        held.release();
    }
    held
}

/// The writer of log lines: holds them back until released.
#[derive(Debug, Clone)]
pub(crate) struct HeldLogs(Arc<Mutex<State>>);

#[derive(Debug)]
enum State {
    Holding { since: Instant, lines: Vec<u8> },
    Flowing,
}

impl Default for HeldLogs {
    fn default() -> HeldLogs {
        HeldLogs(Arc::new(Mutex::new(State::Holding { since: Instant::now(), lines: Vec::new() })))
    }
}

impl HeldLogs {
    /// Prints what was held back and holds no longer.
    pub(crate) fn release(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *state, State::Flowing);
        if let State::Holding { lines, .. } = before {
            print(&lines);
        }
    }

    fn write_line(&self, line: &[u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Holding { since, lines } = &mut *state {
            lines.extend_from_slice(line);
            if since.elapsed() < HOLD_FOR && lines.len() < HOLD_AT_MOST {
                return;
            }
            let lines = std::mem::take(lines);
            *state = State::Flowing;
            print(&lines);
            return;
        }
        print(line);
    }
}

/// A log that cannot be written has nobody to tell.
fn print(lines: &[u8]) {
    io::stderr().lock().write_all(lines).ok();
}

impl<'a> MakeWriter<'a> for HeldLogs {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter(self.clone())
    }
}

/// Hands one log line on; the logger writes each line in one call.
#[derive(Debug)]
pub(crate) struct LineWriter(HeldLogs);

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
