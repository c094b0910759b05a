//! `rialto up`: runs everything the configuration names until it is told to stop.

use crate::{
    Kinds,
    admin::AdminSocket,
    config::{Loaded, Mode},
    data_dir::DataDir,
    external,
    failure::{Failure, config_failure},
    house::{self, NotRunning, Own},
    listener,
    logs::HeldLogs,
    own_registration,
};
use axum_server::Handle;
use std::{sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a clean stop may take.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn up(kinds: &Kinds, loaded: Loaded, logs: &HeldLogs) -> Result<(), Failure> {
    let config = &loaded.config;
    let connectors = kinds
        .connectors(&config.networks)
        .map_err(|faults| config_failure(loaded.file.as_deref(), faults))?;
    let tls = config.homeserver.tls.as_ref().map(listener::load_tls).transpose()?;
    let data = DataDir::open(&config.data_dir)?;
    let _lock = data.lock()?;
    if let (Some(transport), Some(url)) = (external::transport(config)?, &config.homeserver.url) {
        let registration = own_registration::bridges(config, &data)?;
        external::check(url, &transport, &registration).await?;
    }
    if config.homeserver.mode == Mode::External || !connectors.is_empty() {
        return Err(Failure::new("cannot start", "bridges are not part of this build", ""));
    }
    let port = listener::bind(&config.homeserver.listen, "homeserver.listen")?;
    let address = port
        .local_addr()
        .map_or_else(|_| config.homeserver.listen.to_string(), |address| address.to_string());
    let own = Own::keep(config, &data)?;
    let homeserver = house::open(config, &data, &own, Arc::new(NotRunning)).await?;

    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let socket = AdminSocket::bind(data.path())?;
    tasks.spawn(socket.serve(Arc::clone(&homeserver) as _, stop.clone()));
    let handle = Handle::new();
    tasks.spawn(listener::serve(port, homeserver.router(), tls, handle.clone()));
    logs.release();
    tracing::info!(%address, "ready");

    wait_for_signal().await?;
    tracing::info!("stopping");
    stop.cancel();
    handle.graceful_shutdown(Some(DRAIN));
    tasks.close();
    let ended = tokio::time::timeout(DRAIN, tasks.wait()).await;
    if ended.is_err() {
        tracing::warn!("some work did not end in time");
    }
    house::close(homeserver, DRAIN).await;
    Ok(())
}

async fn wait_for_signal() -> Result<(), Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Failure::new("cannot start", format!("no signals: {error}"), "Check the system")
        })
    };
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
