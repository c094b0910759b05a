//! Atheme: the services that bring accounts, and with them SASL, to InspIRCd.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use test_daemons::account::Account;
use test_daemons::process::{Daemon, bound_command, require_program};

use super::probe::Probe;

/// Running services, linked to a server.
#[derive(Debug)]
pub(super) struct Atheme {
    #[expect(dead_code, reason = "held for what its drop does")]
    daemon: Daemon,
    clients_port: u16,
    #[expect(dead_code, reason = "held for what its drop does")]
    folder: TempDir,
}

impl Atheme {
    /// Links services to the server of this name, and waits until it offers SASL, or else until NickServ is there.
    pub(super) fn start(
        server: &str,
        clients_port: u16,
        servers_port: u16,
        sasl: bool,
    ) -> Result<Atheme> {
        let program = require_program("atheme-services", "atheme-services")?;
        let folder = TempDir::with_prefix("rialto-atheme-").context("no temporary folder")?;
        let path = folder.path();
        fs::write(path.join("atheme.conf"), configuration(server, servers_port))
            .context("Atheme's configuration cannot be written")?;
        // Atheme refuses root.
        let account = Account::for_daemon(&["irc"])?;
        if let Some(account) = account {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
            account.take(path)?;
        }
        let mut command = bound_command(&program, account);
        command.arg("-n").arg("-c").arg(path.join("atheme.conf")).arg("-D").arg(path);
        command.arg("-l").arg(path.join("atheme.log")).arg("-p").arg(path.join("pid"));
        command.current_dir(path);
        let mut daemon = Daemon::start("Atheme", command, &path.join("output"))?;
        let ready = if sasl { offers_sasl } else { has_nickserv };
        daemon.wait_ready(|| Ok(ready(clients_port).unwrap_or(false)))?;
        Ok(Atheme { daemon, clients_port, folder })
    }

    /// Registers an account the way a person does.
    pub(super) fn create_account(&self, account: &str, password: &str) -> Result<()> {
        let mut probe = Probe::connect(self.clients_port)?;
        probe.register(account)?;
        probe.say(&format!("PRIVMSG NickServ :REGISTER {password} {account}@story.test"))?;
        let answer = probe.hear(|line| line.command == "NOTICE" && line.nick() == "NickServ")?;
        ensure!(answer.text().contains("registered"), "NickServ said: {}", answer.text());
        probe.quit()
    }
}

fn offers_sasl(clients_port: u16) -> Result<bool> {
    let mut probe = Probe::connect(clients_port)?;
    probe.say("CAP LS 302")?;
    let offer = probe.hear(|line| line.command == "CAP")?;
    Ok(offer.text().split(' ').any(|capability| capability.starts_with("sasl")))
}

fn has_nickserv(clients_port: u16) -> Result<bool> {
    let mut probe = Probe::connect(clients_port)?;
    probe.register("probe")?;
    probe.say("ISON NickServ")?;
    let there = probe.hear(|line| line.command == "303")?;
    probe.quit()?;
    Ok(there.text().contains("NickServ"))
}

fn configuration(server: &str, port: u16) -> String {
    format!(
        r#"loadmodule "modules/protocol/inspircd";
loadmodule "modules/backend/opensex";
loadmodule "modules/crypto/rawsha1";
loadmodule "modules/nickserv/main";
loadmodule "modules/nickserv/register";
loadmodule "modules/nickserv/identify";
loadmodule "modules/saslserv/main";
loadmodule "modules/saslserv/plain";
serverinfo {{
    name = "services.story.test";
    desc = "services of a story";
    numeric = "00S";
    recontime = 1;
    netname = "StoryNet";
    adminname = "nobody";
    adminemail = "nobody@story.test";
    registeremail = "nobody@story.test";
    mta = "/bin/false";
    loglevel = {{ error; info; network; }};
    maxlogins = 100;
    maxusers = 100;
    mdlimit = 10;
    emaillimit = 1000;
    emailtime = 1;
    auth = none;
    casemapping = rfc1459;
}};
uplink "{server}" {{
    host = "127.0.0.1";
    port = {port};
    send_password = "link";
    receive_password = "link";
}};
nickserv {{ nick = "NickServ"; user = "services"; host = "services.story.test"; real = "Nickname Services"; }};
saslserv {{ nick = "SaslServ"; user = "services"; host = "services.story.test"; real = "SASL Services"; }};
general {{ uflags = {{ }}; cflags = {{ }}; commit_interval = 60; flood_msgs = 0; }};
"#
    )
}
