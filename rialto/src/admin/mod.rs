//! Orders to a running server. Every verb that changes state is an [`Order`]; it is carried out by whoever has the databases open: the
//! running server, reached through the socket `rialto.sock` in the data folder, or the verb itself.
//!
//! On the socket an order is one line of JSON, its answer another. Only the owner of the data folder can open it.

mod client;
mod order;
mod server;

pub(crate) use client::send_to_running;
pub(crate) use order::{Answer, AppserviceLine, Ask, Hidden, Order, UserLine};
pub(crate) use server::AdminSocket;

use crate::failure::Failure;
use async_trait::async_trait;
use std::path::{Path, PathBuf};

/// Carries out orders.
#[async_trait]
pub(crate) trait Steward: Send + Sync {
    /// Does what is ordered. Returns when it is durable and in effect.
    async fn carry_out(&self, order: Order) -> Result<Answer, Failure>;
}

/// An order or answer is a registration file at most.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// The socket's file.
fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("rialto.sock")
}

/// A path the kernel takes as a socket's address. It allows about a hundred bytes; a longer one is reached through the opened folder,
/// which has to stay open meanwhile.
struct ShortPath {
    path: PathBuf,
    _folder: Option<std::fs::File>,
}

fn shorten(path: &Path) -> std::io::Result<ShortPath> {
    use std::os::fd::AsRawFd;
    const LIMIT: usize = 100;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(ShortPath { path: path.to_owned(), _folder: None });
    };
    if path.as_os_str().len() <= LIMIT || !cfg!(target_os = "linux") {
        return Ok(ShortPath { path: path.to_owned(), _folder: None });
    }
    let folder = std::fs::File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    Ok(ShortPath { path, _folder: Some(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::PermissionsExt, sync::Arc};
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    struct Echo;

    #[async_trait]
    impl Steward for Echo {
        async fn carry_out(&self, order: Order) -> Result<Answer, Failure> {
            match order {
                Order::CreateUser { name, password, .. } if password.expose() == "p" => {
                    Ok(Answer::Text(name))
                }
                Order::DeactivateUser { .. } => Err(Failure::new("a", "b", "c")),
                _ => Ok(Answer::Done),
            }
        }
    }

    async fn with_server(data_dir: &Path, story: impl AsyncFnOnce()) {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let socket = AdminSocket::bind(data_dir).unwrap();
        tasks.spawn(socket.serve(Arc::new(Echo), stop.clone()));
        story().await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn order_and_answer_pass_through_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        with_server(folder.path(), async || {
            let order = Order::CreateUser {
                name: "alice".to_owned(),
                password: Hidden::from("p".to_owned()),
                admin: false,
            };
            let answer = send_to_running(folder.path(), &order).await.unwrap().unwrap();
            assert_eq!(answer, Answer::Text("alice".to_owned()));
            let order = Order::DeactivateUser { name: "alice".to_owned() };
            let failure = send_to_running(folder.path(), &order).await.unwrap().unwrap_err();
            assert_eq!(failure, Failure::new("a", "b", "c"));
            let mode = std::fs::metadata(socket_path(folder.path())).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        })
        .await;
        assert!(send_to_running(folder.path(), &Order::ListUsers).await.is_none(), "it is gone");
        assert!(!socket_path(folder.path()).exists());
    }

    #[tokio::test]
    async fn socket_left_by_a_crash_counts_as_not_running_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(socket_path(folder.path())).unwrap());
        assert!(send_to_running(folder.path(), &Order::ListUsers).await.is_none());
        with_server(folder.path(), async || {
            let answer = send_to_running(folder.path(), &Order::ListUsers).await.unwrap();
            assert_eq!(answer, Ok(Answer::Done));
        })
        .await;
    }

    #[tokio::test]
    async fn folder_with_a_very_long_path_has_a_socket_too() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        with_server(&long, async || {
            let answer = send_to_running(&long, &Order::ListUsers).await.unwrap();
            assert_eq!(answer, Ok(Answer::Done));
        })
        .await;
    }

    #[test]
    fn passwords_do_not_print() {
        let order = Order::SetPassword {
            name: "alice".to_owned(),
            password: Hidden::from("hunter2".to_owned()),
        };
        assert!(!format!("{order:?}").contains("hunter2"));
    }
}
