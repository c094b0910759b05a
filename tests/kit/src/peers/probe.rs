//! A blocking client for a server that is coming up: does *our* server answer there, and are its services linked?

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::OBSERVER_PASSWORD;
use super::line::Line;

/// How long one answer may take before the probe is given up and tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that has not registered yet.
pub(super) struct Probe {
    reader: BufReader<TcpStream>,
}

impl Probe {
    /// Connects; an error means: not there yet.
    pub(super) fn connect(port: u16) -> Result<Probe> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Probe { reader: BufReader::new(stream) })
    }

    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        self.reader.get_mut().write_all(format!("{line}\r\n").as_bytes()).context("write failed")
    }

    /// Reads until a line fits; PINGs on the way are answered.
    pub(super) fn hear(&mut self, fits: impl Fn(&Line) -> bool) -> Result<Line> {
        loop {
            let mut text = Vec::new();
            if self.reader.read_until(b'\n', &mut text)? == 0 {
                bail!("the server closed the connection");
            }
            let text = String::from_utf8_lossy(&text);
            let line = Line::parse(text.trim_end());
            if line.command == "PING" {
                self.say(&format!("PONG :{}", line.text()))?;
            }
            if fits(&line) {
                return Ok(line);
            }
        }
    }

    /// Registers with a nick, in the class without limits.
    pub(super) fn register(&mut self, nick: &str) -> Result<()> {
        self.say(&format!("PASS {OBSERVER_PASSWORD}"))?;
        self.say(&format!("NICK {nick}"))?;
        self.say(&format!("USER {nick} 0 * :{nick}"))?;
        self.hear(|line| line.command == "001").map(drop)
    }

    /// Ends the connection the polite way, so that the nick is free at once.
    pub(super) fn quit(mut self) -> Result<()> {
        self.say("QUIT")?;
        // The server answers with ERROR and closes; either is the end.
        drop(self.hear(|line| line.command == "ERROR"));
        Ok(())
    }
}

/// Returns the name of the server that answers at the port, if one does. Another name than ours is somebody else's
/// server: a clash. The capability list is asked for and not a registration, for which InspIRCd takes a second.
pub(super) fn who_answers(port: u16) -> Option<String> {
    let mut probe = Probe::connect(port).ok()?;
    probe.say("CAP LS 302").ok()?;
    Some(probe.hear(|line| line.command == "CAP").ok()?.source)
}
