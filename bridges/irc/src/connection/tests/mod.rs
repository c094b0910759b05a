//! Stories of one connection against a server that follows a script.

mod keeping;
mod registration;
mod sending;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use support_clock::{SharedClock, SystemClock};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, split},
    net::{TcpListener, TcpStream},
};

use super::{Pacing, Sasl, Settings, Timing};
use crate::wire::Encoding;

pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock::new())
}

pub(crate) fn settings(port: u16) -> Settings {
    Settings {
        host: "127.0.0.1".to_owned(),
        port,
        tls: None,
        server_password: None,
        nick: "alice".to_owned(),
        alternate_nicks: true,
        username: "al".to_owned(),
        realname: "Alice A.".to_owned(),
        sasl: None,
        nickserv: None,
        encoding: Encoding::default(),
        pacing: Pacing { burst: 100, interval: Duration::ZERO },
        timing: Timing::default(),
    }
}

pub(crate) fn with_account(mut settings: Settings) -> Settings {
    settings.sasl =
        Some(Sasl { account: "alice".to_owned(), password: SecretString::from("sesame") });
    settings
}

/// Listens, and hands out connections to be scripted.
pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    pub(crate) async fn accept_stream(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer::new(self.accept_stream().await)
    }

    /// Accepts somebody who registers without capabilities.
    pub(crate) async fn welcome(&self) -> Peer {
        self.welcome_with("").await
    }

    /// Accepts somebody who registers and gets these capabilities.
    pub(crate) async fn welcome_with(&self, caps: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.expect("CAP LS 302").await;
        let nick = peer.line().await.replace("NICK ", "");
        peer.expect_start("USER ").await;
        peer.send(&format!(":irc.test CAP * LS :{caps}")).await;
        if !caps.is_empty() {
            peer.expect_start("CAP REQ ").await;
            peer.send(&format!(":irc.test CAP * ACK :{caps}")).await;
        }
        peer.expect("CAP END").await;
        peer.send(&format!(":irc.test 001 {nick} :Welcome {nick}!al@host")).await;
        peer.send(&format!(":irc.test 005 {nick} CASEMAPPING=ascii NICKLEN=20 :are supported"))
            .await;
        peer.send(&format!(":irc.test 422 {nick} :No message of the day")).await;
        peer.expect("PING rialto-ready").await;
        peer
    }
}

/// The server's end of one connection.
pub(crate) struct Peer {
    lines: tokio::io::Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    write: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Peer {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (read, write) = split(stream);
        let read: Box<dyn AsyncRead + Send + Unpin> = Box::new(read);
        Self { lines: BufReader::new(read).lines(), write: Box::new(write) }
    }

    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(20), self.lines.next_line()).await;
        line.expect("a line in time").unwrap().expect("a line before the end")
    }

    pub(crate) async fn expect(&mut self, expected: &str) {
        assert_eq!(self.line().await, expected);
    }

    pub(crate) async fn expect_start(&mut self, expected: &str) -> String {
        let line = self.line().await;
        assert!(line.starts_with(expected), "{line} begins with {expected}");
        line
    }

    /// Answers PINGs that are barriers until another line comes.
    pub(crate) async fn answer_pings(&mut self) -> String {
        loop {
            let line = self.line().await;
            match line.strip_prefix("PING :") {
                Some(token) => self.send(&format!(":irc.test PONG irc.test :{token}")).await,
                None => return line,
            }
        }
    }

    /// Reads one PING and answers it.
    pub(crate) async fn pong(&mut self) {
        let token = self.expect_start("PING :").await.replace("PING :", "");
        self.send(&format!(":irc.test PONG irc.test :{token}")).await;
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.unwrap();
        self.write.flush().await.unwrap();
    }

    /// Waits until the other side has closed.
    pub(crate) async fn expect_end(mut self) {
        while let Ok(Some(_)) = self.lines.next_line().await {}
    }
}
