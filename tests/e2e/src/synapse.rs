//! A real Synapse as a child of a story, on SQLite or PostgreSQL, without limits and without federation.
//! `cargo xtask peers --install` brings it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bridge_testkit::peers::{Daemon, PostgresServer, bound_command};
use reqwest::Method;
use serde_json::json;
use support_matrix_http::{ClientOptions, shared_client};
use tempfile::TempDir;
use test_daemons::ports::free_ports;

use crate::SERVER;
use crate::matrix::MatrixClient;
use crate::program::PASSWORD;

/// It makes its tables at the first start, which takes its time on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// A running Synapse.
#[derive(Debug)]
pub struct Synapse {
    daemon: Option<Daemon>,
    port: u16,
    http: reqwest::Client,
    folder: TempDir,
    // After the daemon: it uses it to its end.
    _postgres: Option<PostgresServer>,
}

impl Synapse {
    /// Starts on SQLite with these registrations.
    pub async fn start(registrations: &[PathBuf]) -> Result<Synapse> {
        Synapse::start_with(registrations, None).await
    }

    /// Starts on a PostgreSQL of its own.
    pub async fn start_on_postgres(registrations: &[PathBuf]) -> Result<Synapse> {
        let postgres = PostgresServer::start()?;
        let make = "CREATE DATABASE synapse ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' \
                    TEMPLATE template0";
        postgres.query("postgres", make)?;
        Synapse::start_with(registrations, Some(postgres)).await
    }

    async fn start_with(
        registrations: &[PathBuf],
        postgres: Option<PostgresServer>,
    ) -> Result<Synapse> {
        let folder = TempDir::with_prefix("rialto-synapse-").context("no temporary folder")?;
        let http = shared_client(&ClientOptions::default()).context("no HTTP client")?;
        let [port] = free_ports::<1>()?;
        let database = match &postgres {
            None => {
                let file = folder.path().join("homeserver.db").display().to_string();
                json!({ "name": "sqlite3", "args": { "database": file } })
            }
            Some(postgres) => {
                // The URL ends with the database that every cluster has.
                let url = postgres.url();
                let dsn = format!("{}/synapse", url.trim_end_matches("/postgres"));
                json!({
                    "name": "psycopg2",
                    "args": { "dsn": dsn, "cp_min": 1, "cp_max": 5 },
                })
            }
        };
        write_config(folder.path(), port, &database, registrations)?;
        let file = folder.path().join("homeserver.db");
        let template = peers()?.join("synapse/empty.db");
        let by_template = postgres.is_none() && template.is_file();
        if by_template {
            fs::copy(&template, &file).context("the empty database cannot be copied")?;
        }
        let on_sqlite = postgres.is_none();
        let mut synapse = Synapse { daemon: None, port, http, folder, _postgres: postgres };
        synapse.up().await?;
        if on_sqlite && !by_template {
            keep_template(&file, &template)?;
        }
        Ok(synapse)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it and waits until it answers.
    pub async fn up(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let mut command = bound_command(&python()?, None);
        command.args(["-m", "synapse.app.homeserver", "-c"]).arg(folder.join("homeserver.yaml"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder);
        let mut daemon = Daemon::start("Synapse", command, &folder.join("log"))?;
        let deadline = Instant::now() + START_DEADLINE;
        let versions = format!("{}/_matrix/client/versions", self.url());
        loop {
            if let Some(status) = daemon.ended()? {
                bail!("Synapse ended before it was ready ({status}):\n{}", daemon.log());
            }
            let answer = self.http.get(&versions).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                break;
            }
            ensure!(Instant::now() < deadline, "Synapse is not ready:\n{}", daemon.log());
            tokio::time::sleep(POLL).await;
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Adds lines to its configuration, for the next start.
    pub fn add_to_config(&self, lines: &str) -> Result<()> {
        let path = self.folder.path().join("homeserver.yaml");
        let before = fs::read_to_string(&path)?;
        fs::write(path, format!("{before}{lines}")).context("the configuration cannot be written")
    }

    /// Ends it and starts it again.
    pub async fn restart(&mut self) -> Result<()> {
        let mut daemon = self.daemon.take().context("it does not run")?;
        daemon.signal("TERM")?;
        daemon.wait_end(START_DEADLINE)?;
        self.up().await
    }

    /// Kills it at once.
    pub fn kill_9(&mut self) -> Result<()> {
        self.daemon.take().context("it does not run")?.kill()
    }

    /// Kills it and starts it again: what it had in memory is gone.
    pub async fn crash(&mut self) -> Result<()> {
        self.kill_9()?;
        self.up().await
    }

    /// Makes an account with everybody's password.
    pub async fn create_user(&self, name: &str) -> Result<()> {
        let register = format!("{}/_matrix/client/v3/register", self.url());
        let body = json!({
            "username": name, "password": PASSWORD, "inhibit_login": true,
            "auth": { "type": "m.login.dummy" },
        });
        let answer = self.http.request(Method::POST, register).json(&body).send().await?;
        let status = answer.status();
        ensure!(status == 200, "{name} got no account ({status}): {}", answer.text().await?);
        Ok(())
    }

    /// Makes an account with everybody's password and logs it in.
    pub async fn person(&self, name: &str) -> Result<MatrixClient> {
        self.create_user(name).await?;
        MatrixClient::log_in(&self.http, &self.url(), name, PASSWORD).await
    }

    /// Returns what it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Synapse {
    /// A story that fails may be Synapse's fault, too.
    #[expect(clippy::print_stderr, reason = "captured by the runner")]
    fn drop(&mut self) {
        let log = self.log();
        let from = log.lines().count().saturating_sub(30);
        for line in log.lines().skip(from) {
            eprintln!("synapse: {line}");
        }
    }
}

/// One key a line: a value in JSON is YAML, too.
fn write_config(
    folder: &Path,
    port: u16,
    database: &serde_json::Value,
    registrations: &[PathBuf],
) -> Result<()> {
    let free = json!({ "per_second": 10_000, "burst_count": 10_000 });
    let inside = |name: &str| folder.join(name).display().to_string();
    let config = json!({
        "server_name": SERVER,
        "listeners": [{
            "port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": false,
            "resources": [{ "names": ["client"], "compress": false }],
        }],
        "database": database,
        "media_store_path": inside("media"),
        "signing_key_path": inside("signing.key"),
        "pid_file": inside("pid"),
        "log_config": inside("log.yaml"),
        "report_stats": false,
        "enable_registration": true,
        "enable_registration_without_verification": true,
        "send_federation": false,
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "suppress_key_server_warning": true,
        "macaroon_secret_key": "a story's",
        "form_secret": "a story's",
        "filter_timeline_limit": 5000,
        "rc_message": free,
        "rc_registration": free,
        "rc_login": { "address": free, "account": free, "failed_attempts": free },
        "rc_joins": { "local": free, "remote": free },
        "rc_joins_per_room": free,
        "rc_invites": { "per_room": free, "per_user": free, "per_issuer": free },
        "rc_room_creation": free,
    });
    let log = json!({
        "version": 1,
        "formatters": { "plain": { "format": "%(asctime)s %(levelname)s %(name)s %(message)s" } },
        "handlers": { "console": { "class": "logging.StreamHandler", "formatter": "plain" } },
        "root": { "level": "WARNING", "handlers": ["console"] },
        "disable_existing_loggers": false,
    });
    // Ed25519 in Synapse's spelling: any 32 bytes will do, this server talks to no other.
    let key = "ed25519 a_story AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let mut text = String::new();
    for (key, value) in config.as_object().context("a configuration is a table")? {
        text += &format!("{key}: {value}\n");
    }
    if !registrations.is_empty() {
        text += &format!("app_service_config_files: {}\n", json!(registrations));
    }
    fs::write(folder.join("homeserver.yaml"), text)?;
    fs::write(folder.join("log.yaml"), log.to_string())?;
    fs::write(folder.join("signing.key"), key)?;
    Ok(())
}

/// Making its tables takes Synapse most of its first start: a database in which they are made is kept beside the program,
/// and goes with it when another version comes.
fn keep_template(file: &Path, template: &Path) -> Result<()> {
    let draft = template.with_extension(std::process::id().to_string());
    let database = rusqlite::Connection::open(file).context("no database")?;
    database
        .execute("VACUUM INTO ?1", [draft.display().to_string()])
        .context("the empty database cannot be kept")?;
    fs::rename(&draft, template).context("the empty database cannot be kept")
}

/// Where the foreign programs are.
fn peers() -> Result<PathBuf> {
    Ok(match std::env::var_os("RIALTO_TEST_PEERS") {
        Some(folder) => PathBuf::from(folder),
        // A test lies in `<target>/<profile>/deps`, the environments in `<target>/peers`.
        None => {
            let test = std::env::current_exe().context("a test without a path")?;
            test.ancestors().nth(3).context("a test outside a target folder")?.join("peers")
        }
    })
}

/// The Python that has Synapse.
fn python() -> Result<PathBuf> {
    let python = peers()?.join("synapse/bin/python");
    ensure!(
        python.is_file(),
        "{} is missing: `cargo xtask peers --install` makes it",
        python.display()
    );
    Ok(python)
}
