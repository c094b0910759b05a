//! InspIRCd: the modern server of the stories, with message tags, echo and labels, TLS and accounts.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use test_daemons::account::running_as_root;
use test_daemons::ports::{StartFault, start_on_free_ports};
use test_daemons::process::{Daemon, bound_command, require_program};

use super::atheme::Atheme;
use super::probe::who_answers;
use super::raw::{RawIrc, RawIrcOptions};
use super::{OBSERVER_PASSWORD, OPERATOR};

/// What a modern network offers. Modules that need a configuration of their own are added where it is written.
const MODULES: [&str; 18] = [
    "cap",
    "chghost",
    "ircv3",
    "ircv3_accounttag",
    "ircv3_batch",
    "ircv3_capnotify",
    "ircv3_chghost",
    "ircv3_ctctags",
    "ircv3_echomessage",
    "ircv3_invitenotify",
    "ircv3_labeledresponse",
    "ircv3_msgid",
    "ircv3_servertime",
    "monitor",
    "namesx",
    "services_account",
    "setname",
    "uhnames",
];

/// A connection class without limits.
const UNLIMITED: &str = r#"fakelag="no" threshold="1000000" commandrate="1000000" hardsendq="64M" softsendq="64M" recvq="1M""#;
/// The limits that InspIRCd's own example configuration has.
const DEFAULT_FLOOD_PROTECTION: &str =
    r#"fakelag="yes" threshold="10" commandrate="1000" hardsendq="1M" softsendq="10K" recvq="10K""#;

/// Which servers this one is linked to.
#[derive(Clone, Debug, Default)]
enum Links {
    #[default]
    None,
    /// A leaf may link itself to this one.
    Hub,
    /// This one links itself to a hub of this name, whose port for servers is this.
    Leaf { hub: String, port: u16 },
}

/// What a leaf calls itself: its hub must know it before it is there.
const LEAF: &str = "leaf.story.test";

/// Chooses what the server offers.
#[derive(Clone, Debug, Default)]
pub struct InspIrcdBuilder {
    flood_protection: bool,
    tls: bool,
    services: bool,
    without_sasl: bool,
    bare_quits: bool,
    links: Links,
    extra: String,
}

impl InspIrcdBuilder {
    /// Keeps the flood protection that InspIRCd has by default; without this there is none.
    #[must_use]
    pub fn flood_protection(mut self) -> Self {
        self.flood_protection = true;
        self
    }

    /// Opens a TLS port with a fresh certificate for `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Links Atheme, which brings accounts and SASL PLAIN.
    #[must_use]
    pub fn services(mut self) -> Self {
        self.services = true;
        self
    }

    /// Links Atheme as [`InspIrcdBuilder::services`] does, but offers no SASL: accounts are a matter between people
    /// and NickServ, as on old networks.
    #[must_use]
    pub fn services_without_sasl(mut self) -> Self {
        self.services = true;
        self.without_sasl = true;
        self
    }

    /// Shows the reasons of quits as they are given, so that a person can play a netsplit.
    #[must_use]
    pub fn bare_quits(mut self) -> Self {
        self.bare_quits = true;
        self
    }

    /// Lets one other server link itself to this one.
    #[must_use]
    pub fn hub(mut self) -> Self {
        self.links = Links::Hub;
        self
    }

    /// Links this server to a [hub](InspIrcdBuilder::hub): people of both are in the same channels.
    #[must_use]
    pub fn leaf_of(mut self, hub: &InspIrcd) -> Self {
        self.links = Links::Leaf { hub: hub.name.clone(), port: hub.ports.servers };
        self
    }

    /// Adds lines to the configuration.
    #[must_use]
    pub fn configure(mut self, lines: &str) -> Self {
        self.extra += lines;
        self.extra.push('\n');
        self
    }

    /// Starts the server and waits until it welcomes people.
    pub fn start(self) -> Result<InspIrcd> {
        InspIrcd::start_new(self)
    }
}

/// A running InspIRCd.
#[derive(Debug)]
pub struct InspIrcd {
    // Services go before the server they are linked to, the folder goes last.
    services: Option<Atheme>,
    daemon: Option<Daemon>,
    options: InspIrcdBuilder,
    ports: Ports,
    name: String,
    folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: u16,
    tls: u16,
    servers: u16,
}

impl InspIrcd {
    /// Returns a server to be chosen: plain, no flood protection, no services.
    pub fn builder() -> InspIrcdBuilder {
        InspIrcdBuilder::default()
    }

    /// Starts a plain server without limits.
    pub fn start() -> Result<InspIrcd> {
        InspIrcd::builder().start()
    }

    fn start_new(options: InspIrcdBuilder) -> Result<InspIrcd> {
        require_program("inspircd", "inspircd")?;
        start_on_free_ports("InspIRCd", |[clients, tls, servers]| {
            let folder = TempDir::with_prefix("rialto-inspircd-").context("no temporary folder")?;
            let mut server = InspIrcd {
                services: None,
                daemon: None,
                options: options.clone(),
                ports: Ports { clients, tls, servers },
                // The port in its name makes it tell-tale: another server at that port is no server of ours.
                name: match options.links {
                    Links::Leaf { .. } => LEAF.to_owned(),
                    _ => format!("irc{clients}.story.test"),
                },
                folder,
            };
            server.write_files()?;
            server.resume_or_clash()?;
            if server.options.services {
                server.services = Some(Atheme::start(
                    &server.name,
                    clients,
                    servers,
                    !server.options.without_sasl,
                )?);
            }
            Ok(server)
        })
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.clients)
    }

    /// Returns `localhost:PORT` of the TLS port.
    pub fn tls_address(&self) -> String {
        format!("localhost:{}", self.ports.tls)
    }

    /// Returns the certificate's file (PEM), which is its own authority.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Returns what the server calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes an account with the services.
    pub fn create_account(&self, account: &str, password: &str) -> Result<()> {
        let services =
            self.services.as_ref().context("this server was started without services")?;
        services.create_account(account, password)
    }

    /// Connects an unlimited observer.
    pub async fn observer(&self, nick: &str) -> Result<RawIrc> {
        RawIrc::connect(&self.address(), RawIrcOptions::observer(nick)).await
    }

    /// Connects an observer and makes it operator of the network.
    pub async fn operator(&self, nick: &str) -> Result<RawIrc> {
        let mut operator = self.observer(nick).await?;
        let (name, password) = OPERATOR;
        operator.command(&format!("OPER {name} {password}")).await?;
        operator.expect("to be an operator", |line| line.command == "381").await?;
        Ok(operator)
    }

    /// Kills the server as a power cut would; connections break.
    pub fn kill(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(mut daemon) => daemon.kill(),
            None => Ok(()),
        }
    }

    /// Starts a killed server again, on the same ports.
    pub fn resume(&mut self) -> Result<()> {
        match self.resume_or_clash() {
            Ok(()) => Ok(()),
            Err(StartFault::PortTaken(why)) => bail!("InspIRCd's port was taken meanwhile: {why}"),
            Err(StartFault::Broken(error)) => Err(error),
        }
    }

    /// Kills the server and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.resume()
    }

    /// Stops the server's process without ending it: connections stay open and nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.daemon.as_ref().context("the server does not run")?.signal("STOP")
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> Result<()> {
        self.daemon.as_ref().context("the server does not run")?.signal("CONT")
    }

    /// Returns what the server has printed.
    pub fn log(&self) -> String {
        self.daemon.as_ref().map(Daemon::log).unwrap_or_default()
    }

    fn resume_or_clash(&mut self) -> Result<(), StartFault> {
        let mut command = bound_command(&require_program("inspircd", "inspircd")?, None);
        command.arg("--nofork").arg("--config").arg(self.folder.path().join("inspircd.conf"));
        if running_as_root()? {
            command.arg("--runasroot");
        }
        let log = self.folder.path().join("output");
        let mut daemon = Daemon::start("InspIRCd", command, &log)?;
        let mut answered_by = None;
        let came_up = daemon.wait_ready(|| {
            answered_by = who_answers(self.ports.clients);
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

    fn write_files(&self) -> Result<()> {
        let folder = self.folder.path();
        if self.options.tls {
            write_certificate(&self.certificate(), &folder.join("key.pem"))?;
        }
        fs::write(folder.join("inspircd.conf"), self.configuration()?)
            .context("InspIRCd's configuration cannot be written")
    }

    fn configuration(&self) -> Result<String> {
        let InspIrcd { name, ports, options, folder, .. } = self;
        let Ports { clients, tls, servers } = ports;
        let folder = folder.path().display();
        let limits = if options.flood_protection { DEFAULT_FLOOD_PROTECTION } else { UNLIMITED };
        let everyone = r#"allow="*" timeout="20" pingfreq="2m" localmax="200" globalmax="200" maxconnwarn="no" maxchans="100" resolvehostnames="no" useident="no" limit="1000""#;
        let (operator, password) = OPERATOR;
        let quit = if options.bare_quits { "" } else { "Quit: " };
        let number = if matches!(options.links, Links::Leaf { .. }) { "2LF" } else { "1ST" };
        let mut text = format!(
            r#"<server name="{name}" description="a story" network="StoryNet" id="{number}">
<admin name="nobody" nick="nobody" email="nobody@story.test">
<bind address="127.0.0.1" port="{clients}" type="clients">
<pid file="{folder}/pid">
<connect name="observer" password="{OBSERVER_PASSWORD}" {everyone} {UNLIMITED}>
<connect name="main" {everyone} {limits}>
<class name="All" commands="*" privs="*" usermodes="*" chanmodes="*" snomasks="*">
<type name="Admin" classes="All">
<oper name="{operator}" password="{password}" host="*@*" type="Admin">
<options prefixquit="{quit}" defaultmodes="not" syntaxhints="no" announcets="yes" hostintopic="no">
<security maxtargets="20" hideserver="" customversion="">
<performance somaxconn="128" netbuffersize="10240" nouserdns="yes">
<badnick nick="forbidden*" reason="reserved for the story">
"#
        );
        for module in MODULES {
            writeln!(text, r#"<module name="{module}">"#)?;
        }
        if options.tls {
            write!(
                text,
                r#"<module name="ssl_gnutls">
<sslprofile name="story" provider="gnutls" certfile="{folder}/certificate.pem" keyfile="{folder}/key.pem">
<bind address="127.0.0.1" port="{tls}" type="clients" sslprofile="story">
"#
            )?;
        }
        if options.services {
            write!(
                text,
                r#"<module name="spanningtree">
<module name="hidechans">
<module name="chgident">
<module name="servprotect">
<module name="svshold">
<module name="cban">
<bind address="127.0.0.1" port="{servers}" type="servers">
<link name="services.story.test" ipaddr="127.0.0.1" port="{servers}" allowmask="127.0.0.0/8" sendpass="link" recvpass="link">
<uline server="services.story.test" silent="yes">
"#
            )?;
        }
        if options.services && !options.without_sasl {
            text +=
                "<module name=\"sasl\">\n<sasl target=\"services.story.test\" requiressl=\"no\">\n";
        }
        match &options.links {
            Links::None => {}
            Links::Hub => write!(
                text,
                r#"<module name="spanningtree">
<bind address="127.0.0.1" port="{servers}" type="servers">
<link name="{LEAF}" ipaddr="127.0.0.1" port="{servers}" allowmask="127.0.0.0/8" sendpass="link" recvpass="link">
"#
            )?,
            Links::Leaf { hub, port } => write!(
                text,
                r#"<module name="spanningtree">
<link name="{hub}" ipaddr="127.0.0.1" port="{port}" allowmask="127.0.0.0/8" sendpass="link" recvpass="link">
<autoconnect period="1" server="{hub}">
"#
            )?,
        }
        Ok(text + &options.extra)
    }
}

fn write_certificate(certificate: &std::path::Path, key: &std::path::Path) -> Result<()> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).context("no certificate")?;
    fs::write(certificate, made.cert.pem()).context("the certificate cannot be written")?;
    fs::write(key, made.signing_key.serialize_pem()).context("the key cannot be written")
}
