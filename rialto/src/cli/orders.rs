//! Verbs that change state: through the running server, else on the opened databases.

use crate::{
    admin::{Answer, Order, Steward, send_to_running},
    config::{Config, Mode},
    data_dir::DataDir,
    failure::Failure,
    house::{self, NotRunning, Own},
    running::not_ours,
};
use std::{sync::Arc, time::Duration};

/// How long a verb waits for its homeserver to end; what it did is committed by then.
const END: Duration = Duration::from_secs(5);

/// Has an order carried out by whoever has the databases open.
pub(super) async fn carry_out(config: &Config, order: Order) -> Result<Answer, Failure> {
    if config.homeserver.mode == Mode::External {
        return Err(not_ours());
    }
    if let Some(outcome) = send_to_running(&config.data_dir, &order).await {
        return outcome;
    }
    let data = DataDir::open(&config.data_dir)?;
    let _lock = data.lock()?;
    // The bridges are attached although they do not run: their names are theirs, and what they miss is queued.
    let own = Own::keep(config, &data)?;
    let homeserver = house::open(config, &data, &own).await?;
    house::attach(&homeserver, own, Arc::new(NotRunning)).await?;
    let outcome = homeserver.carry_out(order).await;
    house::close(homeserver, END).await;
    outcome
}
