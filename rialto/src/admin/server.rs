//! The running server's end of the socket.

use super::{Answer, LONGEST_LINE, Order, Steward, shorten, socket_path};
use crate::failure::Failure;
use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The socket in the data folder; its file goes when this does.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Opens the socket. Call it holding the instance lock: a file that is there already was left by a crash.
    pub(crate) fn bind(data_dir: &Path) -> Result<AdminSocket, Failure> {
        let path = socket_path(data_dir);
        let bind = || -> io::Result<UnixListener> {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let short = shorten(&path)?;
            let listener = UnixListener::bind(&short.path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener =
            bind().map_err(|error| Failure::file("cannot open the admin socket", &path, &error))?;
        Ok(AdminSocket { listener, path })
    }

    /// Takes orders until told to stop, then finishes those it has.
    pub(crate) async fn serve(self, steward: Arc<dyn Steward>, stop: CancellationToken) {
        let orders = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (steward, stop) = (Arc::clone(&steward), stop.clone());
                    orders.spawn(async move {
                        if let Err(error) = attend(stream, steward, stop).await {
                            tracing::debug!(
                                error = &error as &dyn std::error::Error,
                                "an order broke off"
                            );
                        }
                    });
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the admin socket takes no more orders"
                    );
                    break;
                }
            }
        }
        orders.close();
        orders.wait().await;
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // One that stays is taken for a crash's and replaced.
        std::fs::remove_file(&self.path).ok();
    }
}

/// Reads one order and answers it. Only the reading ends with the server: an order begun is finished.
async fn attend(
    mut stream: UnixStream,
    steward: Arc<dyn Steward>,
    stop: CancellationToken,
) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(LONGEST_LINE));
    tokio::select! {
        () = stop.cancelled() => return Ok(()),
        read = reader.read_line(&mut line) => read?,
    };
    let outcome: Result<Answer, Failure> = match serde_json::from_str::<Order>(&line) {
        Ok(order) => steward.carry_out(order).await,
        Err(_) => Err(Failure::new(
            "the order was not understood",
            "the running server is of another version than this program",
            "Restart the server with this program and try again",
        )),
    };
    let mut answer = serde_json::to_vec(&outcome)?;
    answer.push(b'\n');
    write.write_all(&answer).await
}
