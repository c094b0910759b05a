//! ngIRCd: the legacy server of the stories. It has no message tags and no echo, and answers a tagged line with 421.

use std::fs;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use test_daemons::ports::{StartFault, start_on_free_ports};
use test_daemons::process::{Daemon, bound_command, require_program};

use super::OPERATOR;
use super::probe::who_answers;
use super::raw::{RawIrc, RawIrcOptions};

/// A running ngIRCd.
#[derive(Debug)]
pub struct NgIrcd {
    daemon: Option<Daemon>,
    port: u16,
    name: String,
    folder: TempDir,
}

impl NgIrcd {
    /// Starts a server that throttles nobody, and waits until it welcomes people.
    pub fn start() -> Result<NgIrcd> {
        require_program("ngircd", "ngircd")?;
        start_on_free_ports("ngIRCd", |[port]| {
            let folder = TempDir::with_prefix("rialto-ngircd-").context("no temporary folder")?;
            let name = format!("legacy{port}.story.test");
            fs::write(folder.path().join("ngircd.conf"), configuration(&name, port))
                .context("ngIRCd's configuration cannot be written")?;
            let mut server = NgIrcd { daemon: None, port, name, folder };
            server.resume_or_clash()?;
            Ok(server)
        })
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Connects an observer.
    pub async fn observer(&self, nick: &str) -> Result<RawIrc> {
        // Without a password: this server knows no classes, and refuses one it did not ask for.
        RawIrc::connect(&self.address(), RawIrcOptions::named(nick)).await
    }

    /// Kills the server as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(mut daemon) => daemon.kill(),
            None => Ok(()),
        }
    }

    /// Starts a killed server again, on the same port.
    pub fn resume(&mut self) -> Result<()> {
        match self.resume_or_clash() {
            Ok(()) => Ok(()),
            Err(StartFault::PortTaken(why)) => bail!("ngIRCd's port was taken meanwhile: {why}"),
            Err(StartFault::Broken(error)) => Err(error),
        }
    }

    fn resume_or_clash(&mut self) -> Result<(), StartFault> {
        let mut command = bound_command(&require_program("ngircd", "ngircd")?, None);
        command.arg("-n").arg("-f").arg(self.folder.path().join("ngircd.conf"));
        let mut daemon = Daemon::start("ngIRCd", command, &self.folder.path().join("output"))?;
        let mut answered_by = None;
        let came_up = daemon.wait_ready(|| {
            answered_by = who_answers(self.port);
            Ok(answered_by.is_some())
        });
        let printed = daemon.log();
        if printed.contains("Address already in use") {
            return Err(StartFault::PortTaken(printed));
        }
        came_up?;
        if let Some(other) = answered_by.filter(|name| *name != self.name) {
            return Err(StartFault::PortTaken(format!("{other} answers")));
        }
        self.daemon = Some(daemon);
        Ok(())
    }
}

fn configuration(name: &str, port: u16) -> String {
    let (operator, password) = OPERATOR;
    format!(
        "[Global]
Name = {name}
Info = a story
Network = LegacyNet
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = welcome
AdminInfo1 = nobody
[Limits]
ConnectRetry = 5
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30
MaxPenaltyTime = 0
PingTimeout = 120
PongTimeout = 20
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
[Operator]
Name = {operator}
Password = {password}
"
    )
}
