//! Foreign bridges, whole programs by other people, as appservices of the embedded homeserver: heisenbridge (IRC) and
//! mautrix-telegram.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bridge_testkit::peers::{Daemon, bound_command};
use tempfile::TempDir;
use test_daemons::ports::free_ports;

use crate::SERVER;
use crate::matrix::DEADLINE;
use crate::program::Program;
use crate::script::peer_file;

const POLL: Duration = Duration::from_millis(50);
const AS_TOKEN: &str = "bridge-as-token-0123456789abcdef0123456789abcdef";
const HS_TOKEN: &str = "bridge-hs-token-0123456789abcdef0123456789abcdef";

/// A foreign bridge, running in a folder of its own.
#[derive(Debug)]
pub struct ForeignBridge {
    daemon: Daemon,
    // Removed when the bridge is gone.
    _folder: TempDir,
}

impl ForeignBridge {
    /// Adds heisenbridge to the running homeserver and starts it; `homeserver` is the address it is given.
    pub async fn heisenbridge(program: &Program, homeserver: &str) -> Result<ForeignBridge> {
        let folder = TempDir::with_prefix("rialto-heisenbridge-")?;
        let [port] = free_ports::<1>()?;
        let file = registration(folder.path(), "heisenbridge", "heisenbridge", "irc_", port)?;
        add(program, &file).await?;
        let mut command = bound_command(&peer_file("bridges/bin/python")?, None);
        command.args(["-u", "-m", "heisenbridge", "-v", "-c"]).arg(&file);
        command.args(["-l", "127.0.0.1", "-p", &port.to_string(), homeserver]);
        let daemon = Daemon::start("heisenbridge", command, &folder.path().join("log"))?;
        let mut bridge = ForeignBridge { daemon, _folder: folder };
        bridge.expect_log("Starting presence loop").await?;
        Ok(bridge)
    }

    /// Adds mautrix-telegram to the running homeserver and starts it. It gets as far as a bridge without a login can.
    pub async fn telegram(program: &Program, homeserver: &str) -> Result<ForeignBridge> {
        let folder = TempDir::with_prefix("rialto-telegram-")?;
        let [port] = free_ports::<1>()?;
        let file = registration(folder.path(), "telegram", "telegrambot", "telegram_", port)?;
        add(program, &file).await?;
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, telegram_config(homeserver, port))?;
        let mut command = bound_command(&peer_file("bridges/bin/python")?, None);
        command.args(["-u", "-m", "mautrix_telegram", "-c"]).arg(&config);
        command.current_dir(folder.path());
        let daemon = Daemon::start("mautrix-telegram", command, &folder.path().join("log"))?;
        let mut bridge = ForeignBridge { daemon, _folder: folder };
        bridge.expect_log("Startup actions complete").await?;
        Ok(bridge)
    }

    /// Returns everything it has printed.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Waits until it has said these words.
    pub async fn expect_log(&mut self, words: &str) -> Result<()> {
        let deadline = std::time::Instant::now() + DEADLINE;
        loop {
            let log = self.log();
            if log.contains(words) {
                return Ok(());
            }
            if let Some(status) = self.daemon.ended()? {
                anyhow::bail!("it ended ({status}) without `{words}`:\n{log}");
            }
            ensure!(std::time::Instant::now() < deadline, "it did not say `{words}`:\n{log}");
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn add(program: &Program, registration: &Path) -> Result<()> {
    let file = registration.to_str().context("a folder that is not UTF-8")?;
    program.cli(&["appservice", "add", file]).await.map(drop)
}

fn registration(folder: &Path, id: &str, bot: &str, ghosts: &str, port: u16) -> Result<PathBuf> {
    let file = folder.join("registration.yaml");
    std::fs::write(
        &file,
        format!(
            "id: {id}\n\
             url: http://127.0.0.1:{port}\n\
             as_token: {AS_TOKEN}\n\
             hs_token: {HS_TOKEN}\n\
             sender_localpart: {bot}\n\
             rate_limited: false\n\
             receive_ephemeral: true\n\
             namespaces:\n\
             \x20 users:\n\
             \x20 - exclusive: true\n\
             \x20   regex: '@{ghosts}.*'\n"
        ),
    )?;
    Ok(file)
}

/// What differs from its example configuration; the rest it fills in by itself.
fn telegram_config(homeserver: &str, port: u16) -> String {
    format!(
        "homeserver:\n\
         \x20 address: {homeserver}\n\
         \x20 domain: {SERVER}\n\
         appservice:\n\
         \x20 address: http://127.0.0.1:{port}\n\
         \x20 hostname: 127.0.0.1\n\
         \x20 port: {port}\n\
         \x20 database: sqlite:telegram.db\n\
         \x20 bot_username: telegrambot\n\
         \x20 bot_avatar: remove\n\
         \x20 id: telegram\n\
         \x20 as_token: {AS_TOKEN}\n\
         \x20 hs_token: {HS_TOKEN}\n\
         bridge:\n\
         \x20 username_template: 'telegram_{{userid}}'\n\
         \x20 permissions:\n\
         \x20   '{SERVER}': full\n\
         telegram:\n\
         \x20 api_id: 1\n\
         \x20 api_hash: none\n"
    )
}
