//! A PostgreSQL cluster of one's own: made in a folder of its own by `initdb`, as an unprivileged account, on a port of
//! the system's choice, with `fsync` on as in life. Enter: nothing. Leave: a URL, and a server that can be killed and
//! started again on the same data.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::account::Account;
use crate::ports::{StartFault, start_on_free_ports};
use crate::process::{Daemon, bound_command, bound_command_with};

/// A running cluster; its files are the owner's to remove, after it is dropped.
#[derive(Debug)]
pub struct Postgres {
    // `None` only between `kill` and `start`.
    daemon: Option<Daemon>,
    programs: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
    port: u16,
}

impl Postgres {
    /// Makes a cluster in `folder`, which must exist and be empty, and starts it.
    pub fn start_in(folder: &Path) -> Result<Postgres> {
        let programs = find_programs()
            .context("PostgreSQL is not installed; `cargo xtask test --install` does it, or `apt-get install postgresql`")?;
        let account = Account::for_daemon(&["postgres"])?;
        // The account must be able to walk through the folder, which temporary folders do not let it.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        let data = folder.join("data");
        fs::create_dir(&data)?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        if let Some(account) = account {
            account.take(&data)?;
        }
        make_cluster(&programs, &data, account)?;
        start_on_free_ports("PostgreSQL", |[port]| {
            let mut cluster = Postgres {
                daemon: None,
                programs: programs.clone(),
                folder: folder.to_owned(),
                account,
                port,
            };
            match cluster.start() {
                Ok(()) => Ok(cluster),
                Err(error) if format!("{error:#}").contains("already in use") => {
                    Err(StartFault::PortTaken(format!("{error:#}")))
                }
                Err(error) => Err(StartFault::Broken(error)),
            }
        })
    }

    /// Returns the URL of the database `name` of this cluster, for its superuser.
    pub fn url_of(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Returns the URL of the database that every cluster has.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Runs SQL through `psql` and returns what it printed: one line a row, columns apart by `|`.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &self.url_of(database),
                "-c",
                sql,
            ])
            .stdin(Stdio::null())
            .output()
            .context("psql cannot be run")?;
        ensure!(
            output.status.success(),
            "psql refused: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Makes a fresh database and returns its URL.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.query("postgres", &format!("CREATE DATABASE \"{name}\""))?;
        Ok(self.url_of(name))
    }

    /// Kills the server as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        // SIGQUIT is PostgreSQL's own word for "drop everything": its children go with it, nothing is flushed.
        daemon.signal("QUIT")?;
        daemon.wait_end(std::time::Duration::from_secs(20))?;
        Ok(())
    }

    /// Starts the server on the port and data it has.
    pub fn start(&mut self) -> Result<()> {
        let mut command = bound_command_with("QUIT", &self.programs.join("postgres"), self.account);
        command
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""])
            .args(["-c", "max_connections=200", "-c", "log_min_messages=warning"])
            .args(["-c", "shared_buffers=32MB"])
            .current_dir("/");
        let mut daemon = Daemon::start("PostgreSQL", command, &self.folder.join("log"))?;
        let is_ready = self.programs.join("pg_isready");
        let port = self.port.to_string();
        daemon.wait_ready(|| {
            let status = Command::new(&is_ready)
                .args(["-q", "-h", "127.0.0.1", "-p", &port, "-t", "2"])
                .stdin(Stdio::null())
                .status()
                .context("pg_isready cannot be run")?;
            Ok(status.success())
        })?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Kills the server and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.start()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGKILL would leave its children running for a moment; this way they are gone with it.
        drop(self.kill());
    }
}

/// Finds the newest installed PostgreSQL: Debian keeps one folder a version, others put it on PATH.
pub fn find_programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, programs)| programs.join("initdb").is_file())
        .collect();
    versions.sort();
    if let Some((_, newest)) = versions.pop() {
        return Some(newest);
    }
    crate::process::find_program("initdb")?.parent().map(Path::to_owned)
}

fn make_cluster(programs: &Path, data: &Path, account: Option<Account>) -> Result<()> {
    let output = bound_command(&programs.join("initdb"), account)
        .arg("-D")
        .arg(data)
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-instructions"])
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .context("initdb cannot be run")?;
    ensure!(
        output.status.success(),
        "initdb failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
