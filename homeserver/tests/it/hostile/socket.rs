//! HTTP/1.1 by hand, so that a request can be wrong in ways no client library lets it be.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

use crate::harness::House;

/// A house that listens.
pub(super) struct Door {
    port: u16,
    task: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Heard {
    /// 0 when the connection was closed without an answer.
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Door {
    pub(super) async fn open(house: &House) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = house.homeserver.router();
        let task = TaskTracker::new().spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { port, task }
    }

    pub(super) fn close(self) {
        self.task.abort();
    }

    /// Sends a whole request and reads until the server has nothing more to say.
    pub(super) async fn ask(&self, bytes: &[u8]) -> Heard {
        self.talk(bytes, false).await
    }

    /// The same, and ends the sending side: nothing more will come.
    pub(super) async fn say(&self, bytes: &[u8]) -> Heard {
        self.talk(bytes, true).await
    }

    async fn talk(&self, bytes: &[u8], ends: bool) -> Heard {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // A server that has heard enough closes before it was told everything: no fault.
        let (mut reader, mut writer) = stream.split();
        let mut heard = Vec::new();
        let writing = async {
            writer.write_all(bytes).await.ok();
            if ends {
                writer.shutdown().await.ok();
            }
        };
        let reading = async { reader.read_to_end(&mut heard).await.ok() };
        let both = async { tokio::join!(writing, reading) };
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("an answer in time");
        read(&heard)
    }
}

fn read(heard: &[u8]) -> Heard {
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        return Heard { status: 0, head: String::new(), body: heard.to_vec() };
    };
    let head = String::from_utf8_lossy(&heard[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Heard { status, head, body: heard[end + 4..].to_vec() }
}
