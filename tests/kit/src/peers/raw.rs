//! A raw IRC client: says lines, remembers everything it hears with the time it was heard, answers PINGs and nothing
//! else. It is the stories' independent witness of what was on the network.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::OBSERVER_PASSWORD;
use super::line::Line;

/// How long an expected line may take; generous, because the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// Who the client is.
#[derive(Clone, Debug)]
pub struct RawIrcOptions {
    pub nick: String,
    pub password: Option<String>,
    /// Capabilities to ask for, apart by spaces.
    pub capabilities: Option<String>,
    /// A certificate (PEM) to trust: TLS is spoken when there is one.
    pub certificate: Option<PathBuf>,
}

impl RawIrcOptions {
    /// A client with nothing but a nick.
    pub fn named(nick: &str) -> Self {
        let nick = nick.to_owned();
        RawIrcOptions { nick, password: None, capabilities: None, certificate: None }
    }

    /// A client in the class without limits, which sees times and message ids.
    pub fn observer(nick: &str) -> Self {
        RawIrcOptions {
            password: Some(OBSERVER_PASSWORD.to_owned()),
            capabilities: Some("server-time message-tags echo-message".to_owned()),
            ..RawIrcOptions::named(nick)
        }
    }
}

/// One line as it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub line: Line,
    /// When it arrived here: milliseconds since 1970.
    pub at_ms: i64,
}

/// A connected, registered client.
#[derive(Debug)]
pub struct RawIrc {
    nick: String,
    say: mpsc::Sender<String>,
    heard: watch::Receiver<Vec<Heard>>,
    /// Lines before this one have been asked about.
    cursor: usize,
    barriers: u32,
    _alive: DropGuard,
}

impl RawIrc {
    /// Connects to `host:port` and registers.
    pub async fn connect(address: &str, options: RawIrcOptions) -> Result<RawIrc> {
        let mut client = RawIrc::open(address, &options).await?;
        if let Some(capabilities) = &options.capabilities {
            client.command(&format!("CAP REQ :{capabilities}")).await?;
        }
        if let Some(password) = &options.password {
            client.command(&format!("PASS {password}")).await?;
        }
        client.command(&format!("NICK {}", options.nick)).await?;
        client.command(&format!("USER {} 0 * :{}", options.nick, options.nick)).await?;
        if options.capabilities.is_some() {
            client.expect("an answer to CAP REQ", |line| line.command == "CAP").await?;
            client.command("CAP END").await?;
        }
        client
            .expect("the end of the welcome", |line| matches!(&*line.command, "376" | "422"))
            .await?;
        Ok(client)
    }

    /// Connects without registering, for lines of one's own.
    pub async fn open(address: &str, options: &RawIrcOptions) -> Result<RawIrc> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("no connection to {address}"))?;
        stream.set_nodelay(true).context("no delay option")?;
        let (say, to_say) = mpsc::channel(10_000);
        let (memory, heard) = watch::channel(Vec::new());
        let end = CancellationToken::new();
        let tasks = TaskTracker::new();
        let talk = Talk { to_say, pong: say.clone().downgrade(), memory };
        match &options.certificate {
            None => {
                tasks.spawn(end.clone().run_until_cancelled_owned(talk.run(stream)));
            }
            Some(certificate) => {
                let stream = wrap_in_tls(stream, address, certificate).await?;
                tasks.spawn(end.clone().run_until_cancelled_owned(talk.run(stream)));
            }
        }
        Ok(RawIrc {
            nick: options.nick.clone(),
            say,
            heard,
            cursor: 0,
            barriers: 0,
            _alive: end.drop_guard(),
        })
    }

    /// Returns the nick it registered with.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Says a raw line.
    pub async fn command(&self, line: &str) -> Result<()> {
        self.say.send(line.to_owned()).await.context("the connection is closed")
    }

    /// Joins a channel and waits until it is in.
    pub async fn join(&mut self, channel: &str) -> Result<()> {
        self.command(&format!("JOIN {channel}")).await?;
        self.expect(&format!("to be in {channel}"), |line| {
            line.command == "366" && line.param(1).eq_ignore_ascii_case(channel)
        })
        .await?;
        Ok(())
    }

    /// Says a text to a channel or person.
    pub async fn say(&self, target: &str, text: &str) -> Result<()> {
        self.command(&format!("PRIVMSG {target} :{text}")).await
    }

    /// Waits until the server has worked through everything said so far.
    pub async fn barrier(&mut self) -> Result<()> {
        self.barriers += 1;
        let token = format!("barrier-{}", self.barriers);
        self.command(&format!("PING {token}")).await?;
        // Asks the memory, not the cursor: a barrier must not swallow lines that are expected later.
        self.wait(&token, |heard| {
            heard.iter().any(|one| one.line.command == "PONG" && one.line.text() == token)
        })
        .await
    }

    /// Waits for the next line that fits, after the last one that was expected, and returns it.
    pub async fn expect(&mut self, what: &str, fits: impl Fn(&Line) -> bool) -> Result<Line> {
        Ok(self.expect_heard(what, fits).await?.line)
    }

    /// Like [`RawIrc::expect`], with the time of the line.
    pub async fn expect_heard(
        &mut self,
        what: &str,
        fits: impl Fn(&Line) -> bool,
    ) -> Result<Heard> {
        let from = self.cursor;
        let find = |heard: &[Heard]| {
            heard.iter().skip(from).position(|one| fits(&one.line)).map(|at| from + at)
        };
        self.wait(what, |heard| find(heard).is_some()).await?;
        let heard = self.heard.borrow();
        let at = find(&heard).context("a heard line was forgotten")?;
        self.cursor = at + 1;
        Ok(heard[at].clone())
    }

    /// Waits for a message with this text in a channel (or from a person to us) and returns its line.
    pub async fn expect_message(&mut self, target: &str, text: &str) -> Result<Line> {
        self.expect(&format!("`{text}` to {target}"), |line| {
            line.is_message_to(target) && line.text() == text
        })
        .await
    }

    /// Waits until everything heard so far fulfils a condition.
    pub async fn wait(&self, what: &str, is_so: impl Fn(&[Heard]) -> bool) -> Result<()> {
        self.wait_within(DEADLINE, what, is_so).await
    }

    /// Like [`RawIrc::wait`], with a deadline of one's own.
    pub async fn wait_within(
        &self,
        deadline: Duration,
        what: &str,
        is_so: impl Fn(&[Heard]) -> bool,
    ) -> Result<()> {
        let mut heard = self.heard.clone();
        let begun = Instant::now();
        let outcome = tokio::time::timeout(deadline, heard.wait_for(|heard| is_so(heard))).await;
        match outcome {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => bail!("{}: closed while waiting for {what}; {}", self.nick, self.tail()),
            Err(_) => {
                bail!("{}: no {what} within {:?}; {}", self.nick, begun.elapsed(), self.tail())
            }
        }
    }

    /// Returns everything heard since the connection began.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// Returns the texts of all messages to a target, in the order they were heard.
    pub fn texts_to(&self, target: &str) -> Vec<String> {
        let heard = self.heard.borrow();
        let messages = heard.iter().filter(|one| one.line.is_message_to(target));
        messages.map(|one| one.line.text().to_owned()).collect()
    }

    fn tail(&self) -> String {
        let heard = self.heard.borrow();
        let from = heard.len().saturating_sub(12);
        let lines: Vec<String> =
            heard[from..].iter().map(|one| format!("{:?}", one.line)).collect();
        format!("the last of {} lines heard:\n{}", heard.len(), lines.join("\n"))
    }
}

/// The connection's own side: one task that reads and writes.
struct Talk {
    to_say: mpsc::Receiver<String>,
    // Weak, so that the client's drop ends the writing half.
    pong: mpsc::WeakSender<String>,
    memory: watch::Sender<Vec<Heard>>,
}

impl Talk {
    async fn run(mut self, stream: impl AsyncRead + AsyncWrite) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        loop {
            tokio::select! {
                read = reader.read_until(b'\n', &mut bytes) => {
                    if !matches!(read, Ok(1..)) {
                        return;
                    }
                    self.hear(&bytes);
                    bytes.clear();
                }
                line = self.to_say.recv() => {
                    let Some(line) = line else { return };
                    let written = writer.write_all(format!("{line}\r\n").as_bytes()).await;
                    if written.is_err() || writer.flush().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn hear(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let line = Line::parse(text.trim_end_matches(['\r', '\n']));
        if line.command == "PING"
            && let Some(pong) = self.pong.upgrade()
        {
            // A full queue means that thousands of lines wait to be written: the server knows that we live.
            drop(pong.try_send(format!("PONG :{}", line.text())));
        }
        self.memory.send_modify(|heard| heard.push(Heard { line, at_ms: now_ms() }));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the times that real servers write down"
)]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

async fn wrap_in_tls(
    stream: TcpStream,
    address: &str,
    certificate: &PathBuf,
) -> Result<impl AsyncRead + AsyncWrite + Send + 'static> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).context("the certificate is no PEM")?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned();
    let name = ServerName::try_from(host).context("the address is no server name")?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.context("the TLS handshake failed")
}
