//! From settings to a registered connection: TCP, TLS, then the [`Handshake`].

use std::{io, path::Path, sync::Arc};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use support_clock::Clock;
use support_matrix_http::{Trust, tls_client_config};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Failure, FailureKind, Session, Settings, handshake::Handshake, handshake::Progress};
use crate::wire::{Encoding, LineBuffer, Message};

pub(super) type BoxRead = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type BoxWrite = Box<dyn AsyncWrite + Send + Unpin>;

/// A registered connection whose tasks have not begun.
pub struct Established {
    pub(super) lines: LineReader,
    pub(super) write: BoxWrite,
    /// What registration found out.
    pub session: Session,
    /// News that came before registration ended.
    pub(super) early: Vec<Message>,
}

impl std::fmt::Debug for Established {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Established").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Established {
    /// Says goodbye and waits until the server has closed, so that the nick is free again.
    pub async fn quit(mut self, clock: &dyn Clock) {
        let gone = async {
            if self.write.write_all(b"QUIT\r\n").await.is_err() || self.write.flush().await.is_err()
            {
                return;
            }
            while let Ok(Some(_)) = self.lines.next().await {}
        };
        let patience = clock.sleep(std::time::Duration::from_secs(3));
        tokio::select! {
            () = gone => {}
            () = patience => {}
        }
    }
}

/// Connects and registers.
///
/// # Errors
/// The reason, classified.
pub async fn connect(settings: &Settings, clock: &dyn Clock) -> Result<Established, Failure> {
    let (read, mut write) = tokio::select! {
        biased;
        dialled = dial(settings) => dialled?,
        () = clock.sleep(settings.timing.dial) => {
            return Err(Failure::new(FailureKind::Unreachable, "no answer in time"));
        }
    };
    let mut lines = LineReader::new(read, settings.encoding);
    let mut handshake = Handshake::new(settings);
    let mut early = Vec::new();
    let registered = tokio::select! {
        biased;
        registered = register(&mut handshake, &mut lines, &mut write, &mut early) => registered,
        () = clock.sleep(settings.timing.registration) => {
            Err(Failure::new(FailureKind::Unreachable, "the server did not finish the registration"))
        }
    };
    registered.map_err(|failure| match failure.kind {
        FailureKind::Unreachable => handshake.ended(failure),
        _ => failure,
    })?;
    Ok(Established { lines, write, session: handshake.finish(), early })
}

async fn register(
    handshake: &mut Handshake<'_>,
    lines: &mut LineReader,
    write: &mut BoxWrite,
    early: &mut Vec<Message>,
) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::new(FailureKind::Closed, error.to_string());
    send(write, handshake.begin()).await.map_err(broken)?;
    loop {
        let Some(message) = lines.next().await.map_err(broken)? else {
            let closed = Failure::new(FailureKind::Closed, "closed during registration");
            return Err(handshake.ended(closed));
        };
        match handshake.handle(&message)? {
            Progress::Send(answers) => send(write, answers).await.map_err(broken)?,
            Progress::News => early.push(message),
            Progress::Done => return Ok(()),
        }
    }
}

async fn send(write: &mut BoxWrite, messages: Vec<Message>) -> io::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for message in messages {
        let line =
            message.encode().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    write.write_all(&bytes).await?;
    write.flush().await
}

async fn dial(settings: &Settings) -> Result<(BoxRead, BoxWrite), Failure> {
    let address = (settings.host.as_str(), settings.port);
    let unreachable = |error: io::Error| Failure::new(FailureKind::Unreachable, error.to_string());
    let stream = TcpStream::connect(address).await.map_err(unreachable)?;
    // Lines are small and each is a message: none should wait for company.
    stream.set_nodelay(true).map_err(unreachable)?;
    let Some(tls) = &settings.tls else {
        let (read, write) = stream.into_split();
        return Ok((Box::new(read), Box::new(write)));
    };
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector
        .connect(tls.name.clone(), stream)
        .await
        .map_err(|error| Failure::new(FailureKind::Tls, error.to_string()))?;
    let (read, write) = tokio::io::split(stream);
    Ok((Box::new(read), Box::new(write)))
}

/// Lines from a socket.
pub(super) struct LineReader {
    read: BoxRead,
    buffer: LineBuffer,
    chunk: Box<[u8; 8192]>,
    encoding: Encoding,
}

impl LineReader {
    fn new(read: BoxRead, encoding: Encoding) -> Self {
        Self { read, buffer: LineBuffer::default(), chunk: Box::new([0; 8192]), encoding }
    }

    /// Returns the next line that is a message; `None` at the end. May be dropped and called again:
    /// nothing that was read is lost.
    pub(super) async fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(message) = self.buffered() {
                return Ok(Some(message));
            }
            let read = match self.read.read(&mut self.chunk[..]).await {
                Ok(read) => read,
                // Many servers close TLS without its farewell.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
                Err(error) => return Err(error),
            };
            if read == 0 {
                return Ok(None);
            }
            self.buffer.push(&self.chunk[..read]);
        }
    }

    fn buffered(&mut self) -> Option<Message> {
        while let Some(line) = self.buffer.next_line() {
            match Message::parse(line, self.encoding) {
                Ok(message) => return Some(message),
                Err(error) => tracing::debug!(%error, "a line of the server is no message"),
            }
        }
        None
    }
}

/// A TLS set-up that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file cannot be read or holds no certificate.
    #[error("{file}: {problem}")]
    CaFile {
        /// Which file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The host is neither a name nor an address.
    #[error("`{0}` is not a host name")]
    Name(String),
}

/// Prepares TLS for a host: the web's authorities, or only those of `ca_file`, or none at all.
///
/// # Errors
/// The CA file or the name is unusable.
pub fn tls_config(
    host: &str,
    ca_file: Option<&Path>,
    accept_invalid_certificates: bool,
) -> Result<super::Tls, TlsError> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))?;
    let trust = match ca_file {
        _ if accept_invalid_certificates => Trust::Anybody,
        Some(file) => Trust::Only(authorities(file)?),
        None => Trust::Web,
    };
    let config = tls_client_config(trust).expect("ring supports the default protocol versions");
    Ok(super::Tls { config: Arc::new(config), name })
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let unusable = |problem: String| TlsError::CaFile { file: path.display().to_string(), problem };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("holds no certificate".to_owned()));
    }
    Ok(roots)
}
