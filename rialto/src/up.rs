//! `rialto up`: runs everything the configuration names until it is told to stop.

use crate::{Kinds, config::Loaded, failure::Failure, logs::HeldLogs, running::Running};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a clean stop may take.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// Runs until SIGTERM or SIGINT. A second one ends it at once: everything acknowledged is committed.
pub(crate) async fn up(kinds: &Kinds, loaded: &Loaded, logs: &HeldLogs) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        running = Running::start(kinds, loaded, None) => running?,
        () = signals.next() => return Ok(()),
    };
    logs.release();
    tracing::info!(address = %running.address, "ready");
    signals.next().await;
    tracing::info!("stopping");
    tokio::select! {
        () = running.stop(DRAIN) => {}
        () = signals.next() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

/// The two signals that end the program.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Signals, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new("cannot start", format!("no signals: {error}"), "Check the system")
            })
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
