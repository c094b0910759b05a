//! The program under load: `rialto up` in a folder of its own, rate limits off.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::client::Client;

/// A running `rialto up`.
pub(crate) struct Program {
    child: Child,
    folder: TempDir,
    url: String,
}

impl Program {
    /// Starts it and returns it with the time from start to the first answer.
    pub(crate) async fn start(irc: &str) -> Result<(Self, Duration)> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        std::fs::write(
            folder.path().join("rialto.toml"),
            format!(
                "[homeserver]\nlisten = \"127.0.0.1:{port}\"\nrate_limits = {{ enabled = false }}\n\
                 [networks.irc]\nkind = \"irc\"\nserver = \"{irc}\"\ntls = false\n\
                 pacing = {{ burst = 1000, interval_ms = 1 }}\n"
            ),
        )?;
        let begun = Instant::now();
        let child = rialto(&folder)
            .arg("up")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log"))?)
            .spawn()
            .context("cannot start rialto: run `cargo build --release` first")?;
        let mut program = Self { child, folder, url: format!("http://127.0.0.1:{port}") };
        program.wait_until_ready(begun).await?;
        Ok((program, begun.elapsed()))
    }

    async fn wait_until_ready(&mut self, begun: Instant) -> Result<()> {
        while !Client::answers(&self.url).await {
            ensure!(self.child.try_wait()?.is_none(), "rialto ended: {}", self.log());
            ensure!(begun.elapsed() < Duration::from_secs(30), "no answer: {}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns the address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns a path in the program's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs another verb of the program with the same configuration.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Result<()> {
        use std::io::Write as _;
        let mut child = rialto(&self.folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        ensure!(child.wait()?.success(), "rialto {} failed", arguments.join(" "));
        Ok(())
    }

    /// Returns the resident memory.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Returns the CPU time used so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("no stat")?.1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // Linux counts in hundredths of a second on every machine we know (USER_HZ).
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Asks it to stop and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(asked.success(), "cannot signal rialto");
        let ended = self.child.wait()?;
        if !ended.success() {
            bail!("rialto did not stop cleanly ({ended}): {}", self.log());
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already ended after `stop`; otherwise a failed measurement must not leave it behind.
        drop(self.child.kill());
    }
}

fn rialto(folder: &TempDir) -> Command {
    let built = std::env::var_os("RIALTO_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/release/rialto"),
        PathBuf::from,
    );
    let mut command = Command::new(built);
    command.current_dir(folder.path());
    command
}
