//! A wire between a client and a server that a story can cut: connections break in the middle of whatever was on them,
//! and neither end is told why.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// A listening wire; dropped, it is cut for good.
#[derive(Debug)]
pub struct Wire {
    address: String,
    /// Cancelled by each cut and then replaced.
    uncut: Arc<Mutex<CancellationToken>>,
    _alive: DropGuard,
}

impl Wire {
    /// Lays a wire to a server.
    pub async fn to(server: &str) -> Result<Wire> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port")?;
        let address = listener.local_addr()?.to_string();
        let end = CancellationToken::new();
        let uncut = Arc::new(Mutex::new(end.child_token()));
        let carrying = carry_all(listener, server.to_owned(), Arc::clone(&uncut));
        TaskTracker::new().spawn(end.clone().run_until_cancelled_owned(carrying));
        Ok(Wire { address, uncut, _alive: end.drop_guard() })
    }

    /// Returns where clients connect to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Breaks every connection; new ones are carried again.
    pub fn cut(&self) {
        let mut uncut = self.uncut.lock().unwrap_or_else(PoisonError::into_inner);
        uncut.cancel();
        *uncut = CancellationToken::new();
    }
}

async fn carry_all(listener: TcpListener, server: String, uncut: Arc<Mutex<CancellationToken>>) {
    let tasks = TaskTracker::new();
    while let Ok((client, _)) = listener.accept().await {
        let until = uncut.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tasks.spawn(until.run_until_cancelled_owned(carry(client, server.clone())));
    }
}

async fn carry(mut client: TcpStream, server: String) {
    let Ok(mut server) = TcpStream::connect(&server).await else { return };
    // Every way it ends is an end of the connection, which both sides notice.
    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
}
