//! A wire to a PostgreSQL server that can be cut at the worst moments.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the next COMMIT meets. It happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// It arrives, and so does its answer.
    Passes,
    /// It arrives and is carried out; the answer is lost with the connection.
    LosesItsAnswer,
    /// The connection dies before it arrives.
    NeverArrives,
}

pub(crate) struct Proxy {
    port: u16,
    wire: Arc<Wire>,
    tasks: TaskTracker,
}

struct Wire {
    server: String,
    commit: watch::Sender<Commit>,
    down: AtomicBool,
    refused: watch::Sender<usize>,
    /// Replaced each time the wire is cut.
    cut: std::sync::Mutex<CancellationToken>,
    end: CancellationToken,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let server =
            format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(5432));
        let wire = Arc::new(Wire {
            server,
            commit: watch::Sender::new(Commit::Passes),
            down: AtomicBool::new(false),
            refused: watch::Sender::new(0),
            cut: std::sync::Mutex::default(),
            end: CancellationToken::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tasks = TaskTracker::new();
        tasks.spawn(listen(listener, Arc::clone(&wire), tasks.clone()));
        Self { port, wire, tasks }
    }

    /// Returns the server's URL with the proxy's port.
    pub(crate) fn url(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        // The proxy reads along.
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.into()
    }

    pub(crate) fn next_commit(&self, commit: Commit) {
        self.wire.commit.send_replace(commit);
    }

    /// Cuts all connections and lets no new one through.
    pub(crate) fn go_down(&self) {
        self.wire.down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Waits until this many more connections have been turned away.
    pub(crate) async fn turned_away(&self, more: usize) {
        let mut refused = self.wire.refused.subscribe();
        let until = *refused.borrow_and_update() + more;
        refused.wait_for(|&refused| refused >= until).await.unwrap();
    }

    pub(crate) fn come_back(&self) {
        self.wire.down.store(false, Ordering::SeqCst);
    }

    /// Cuts all connections; new ones pass.
    pub(crate) fn cut(&self) {
        let mut cut = self.wire.cut.lock().unwrap();
        std::mem::take(&mut *cut).cancel();
    }

    pub(crate) async fn end(self) {
        self.wire.end.cancel();
        self.cut();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn listen(listener: TcpListener, wire: Arc<Wire>, tasks: TaskTracker) {
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            () = wire.end.cancelled() => return,
        };
        if wire.down.load(Ordering::SeqCst) {
            wire.refused.send_modify(|refused| *refused += 1);
        } else {
            tasks.spawn(carry(client, Arc::clone(&wire)));
        }
    }
}

async fn carry(client: TcpStream, wire: Arc<Wire>) {
    let cut = wire.cut.lock().unwrap().clone();
    let server = TcpStream::connect(&wire.server).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mute = AtomicBool::new(false);
    tokio::select! {
        () = requests(from_client, to_server, &wire, &mute) => {}
        () = answers(from_server, to_client, &mute) => {}
        () = cut.cancelled() => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, wire: &Wire, mute: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        let commits = buffer[..read].windows(12).any(|bytes| bytes == b"job; COMMIT\0");
        if commits {
            match wire.commit.send_replace(Commit::Passes) {
                Commit::Passes => {}
                Commit::LosesItsAnswer => mute.store(true, Ordering::SeqCst),
                Commit::NeverArrives => return,
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mute: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        // The server has answered, so it has committed; now the connection may go.
        if mute.load(Ordering::SeqCst) || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
