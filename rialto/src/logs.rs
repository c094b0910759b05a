//! Logs go to standard error, as text for people or JSON for machines.
//!
//! While a verb starts, lines are held back for a moment: should it fail, the failure is the first line, and the log follows.

use crate::config::LogLevel;
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

/// Our own crates.
const OURS: [&str; 9] = [
    "rialto",
    "bridge_core",
    "bridge_demo",
    "bridge_irc",
    "homeserver",
    "registration",
    "support_clock",
    "support_db",
    "support_matrix_http",
];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The logger of this process.
pub(crate) struct Logs {
    held: HeldLogs,
    /// Changes what is printed; nothing where `RUST_LOG` or an embedding program decides.
    filter: Option<SetFilter>,
}

type SetFilter = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;

impl Logs {
    /// Prints what was held back and holds no longer.
    pub(crate) fn release(&self) {
        self.held.release();
    }

    /// Prints from this level on, unless `RUST_LOG` says otherwise.
    pub(crate) fn set_level(&self, level: LogLevel) {
        let Some(set) = &self.filter else { return };
        let filter = EnvFilter::try_new(format!("{QUIET},{}", directives(level)));
        if !filter.is_ok_and(set) {
            tracing::warn!("the log level could not be changed");
        }
    }
}

/// More than usual is told by our own crates only: what libraries say in detail may quote what nobody should read.
fn directives(level: LogLevel) -> String {
    match level {
        LogLevel::Error | LogLevel::Warn | LogLevel::Info => level.as_str().to_owned(),
        LogLevel::Debug | LogLevel::Trace => {
            let ours = OURS.map(|name| format!("{name}={}", level.as_str()));
            format!("info,{}", ours.join(","))
        }
    }
}

/// Installs the logger. `RUST_LOG` decides what is printed, else `usually`.
pub(crate) fn install(format: LogFormat, usually: &str) -> Logs {
    let held = HeldLogs::default();
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let filter = [asked.as_deref(), Some(usually)]
        .into_iter()
        .flatten()
        .find_map(|words| EnvFilter::try_new(format!("{QUIET},{words}")).ok())
        .unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(held.clone());
    let (installed, set): (_, SetFilter) = match format {
        LogFormat::Text => {
            let builder = builder.with_ansi(io::stderr().is_terminal()).with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.try_init(), Box::new(move |filter| handle.reload(filter).is_ok()))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.try_init(), Box::new(move |filter| handle.reload(filter).is_ok()))
        }
    };
    if installed.is_err() {
        // A program that embeds Rialto has a logger of its own already; that one stays.
        held.release();
    }
    let filter = (installed.is_ok() && asked.is_none()).then_some(set);
    Logs { held, filter }
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
    fn release(&self) {
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
