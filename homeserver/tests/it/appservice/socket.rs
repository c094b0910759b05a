//! The same over a real socket, where connections are refused, broken off, and left without an answer.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use support_matrix_http::SocketOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::TaskTracker;

use super::scripted::registration;
use crate::harness::Ground;

#[derive(Debug, Clone, Copy)]
enum Turn {
    Status(&'static str),
    Redirect,
    Silence,
    Reset,
}

/// An HTTP/1.1 server of a few lines, so that it can misbehave below HTTP.
struct Listener {
    port: u16,
    turns: Mutex<VecDeque<Turn>>,
    requests: watch::Sender<Vec<(String, Vec<u8>)>>,
}

impl Listener {
    async fn start(tasks: &TaskTracker, turns: &[Turn]) -> Arc<Self> {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = Arc::new(Self {
            port: socket.local_addr().unwrap().port(),
            turns: Mutex::new(turns.iter().copied().collect()),
            requests: watch::Sender::new(Vec::new()),
        });
        let (shared, spawner) = (Arc::clone(&listener), tasks.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let shared = Arc::clone(&shared);
                spawner.spawn(async move { shared.serve(stream).await });
            }
        });
        listener
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let (head, body) = loop {
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if bytes.len() >= end + 4 + length.unwrap_or(0_usize) {
                break (head, bytes.split_off(end + 4));
            }
        };
        let line = head.lines().next().unwrap_or_default().to_owned();
        self.requests.send_modify(|requests| requests.push((line, body)));
        let turn = self.turns.lock().unwrap().pop_front().unwrap_or(Turn::Status("200 OK"));
        let answer = match turn {
            Turn::Status(status) => format!(
                "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            ),
            Turn::Redirect => {
                "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .to_owned()
            }
            Turn::Silence => return std::future::pending().await,
            // Half an answer, then nothing.
            Turn::Reset => "HTTP/1.1 200 OK\r\nContent-".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await.ok();
        stream.shutdown().await.ok();
    }

    async fn until(&self, what: impl Fn(&[(String, Vec<u8>)]) -> bool) {
        let mut requests = self.requests.subscribe();
        let seen = requests.wait_for(|requests| what(requests));
        assert!(
            tokio::time::timeout(Duration::from_secs(30), seen).await.is_ok(),
            "it did not come"
        );
    }
}

#[tokio::test]
async fn an_http_appservice_gets_the_same_request_until_it_takes_it() {
    let ground = Ground::new();
    let tasks = TaskTracker::new();
    // One fault a second: the pauses are real here.
    let turns = [Turn::Status("502 Bad Gateway"), Turn::Silence];
    let listener = Listener::start(&tasks, &turns).await;
    let options = SocketOptions { timeout: Duration::from_millis(300), ..SocketOptions::default() };
    let house = ground.start_with(|builder| builder.outgoing(options)).await.unwrap();
    let mut irc = registration("irc");
    irc.url = Some(format!("http://127.0.0.1:{}/bridge/", listener.port));
    let token = irc.as_token.expose().to_owned();
    house.homeserver.add_appservice(irc).await.unwrap();
    house.room(&token, json!({})).await;
    listener.until(|requests| requests.len() >= 3).await;
    let requests = listener.requests.borrow().clone();
    assert!(requests[0].0.starts_with("PUT /bridge/_matrix/app/v1/transactions/"), "{requests:?}");
    assert!(requests[..3].iter().all(|one| *one == requests[0]));
}

#[tokio::test]
async fn a_redirect_and_half_an_answer_acknowledge_nothing() {
    let ground = Ground::new();
    let tasks = TaskTracker::new();
    let listener = Listener::start(&tasks, &[Turn::Redirect, Turn::Reset]).await;
    let house = ground.start().await;
    let mut irc = registration("irc");
    irc.url = Some(format!("http://127.0.0.1:{}", listener.port));
    let token = irc.as_token.expose().to_owned();
    house.homeserver.add_appservice(irc).await.unwrap();
    house.room(&token, json!({})).await;
    listener.until(|requests| requests.len() >= 3).await;
    let requests = listener.requests.borrow().clone();
    assert!(requests[..3].iter().all(|one| *one == requests[0]), "{requests:?}");
}
