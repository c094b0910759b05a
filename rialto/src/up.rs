//! `rialto up`: runs everything the configuration names until it is told to stop.

use crate::{Kinds, config::Loaded, failure::Failure, logs::Logs, running::Running};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a clean stop may take.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// Reads the configuration, again each time.
pub(crate) type Load<'l> = dyn Fn() -> Result<Loaded, Failure> + Sync + 'l;

/// Runs until SIGTERM or SIGINT. A second one ends it at once: everything acknowledged is committed. SIGHUP reads the
/// configuration again.
pub(crate) async fn up(kinds: &Kinds, load: &Load<'_>, logs: &Logs) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let loaded = load()?;
    logs.set_level(loaded.config.log.level);
    let mut running = tokio::select! {
        running = Running::start(kinds, &loaded, None) => running?,
        () = signals.next() => return Ok(()),
    };
    logs.release();
    tracing::info!(address = %running.address, "ready");
    loop {
        tokio::select! {
            () = signals.next() => break,
            _ = hang_up.recv() => {}
        }
        let reloading = async {
            match load() {
                Ok(loaded) => running.reload(kinds, &loaded, logs).await,
                Err(failure) => Err(failure),
            }
        };
        tokio::select! {
            outcome = reloading => if let Err(failure) = outcome {
                tracing::error!(%failure, "the configuration was not put into effect; everything goes on as before");
            },
            () = signals.next() => break,
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = running.stop(DRAIN) => {}
        () = signals.next() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        Failure::new("cannot start", format!("no signals: {error}"), "Check the system")
    })
}

/// The two signals that end the program.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Signals, Failure> {
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
