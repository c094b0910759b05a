//! One child process that cannot outlive its owner.
//!
//! `setpriv --pdeathsig` asks the kernel to kill the child when the thread that started it ends, whatever way: this
//! needs no unsafe code here and leaves the child its own process id. Start daemons from the test's own thread, not from
//! `spawn_blocking`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::account::Account;

/// How long a daemon may take to answer; generous, because the machine may be busy compiling.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

/// Pause between two looks at something that can only be polled.
const POLL: Duration = Duration::from_millis(15);

/// Prepares `program` to run with this process's fate, and as `account` where one is given.
pub fn bound_command(program: &Path, account: Option<Account>) -> Command {
    bound_command_with("KILL", program, account)
}

/// Like [`bound_command`], with the signal that the child gets when its owner ends.
pub fn bound_command_with(signal: &str, program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal]);
    if let Some(Account { uid, gid }) = account {
        command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

/// A running daemon with its output in a file.
#[derive(Debug)]
pub struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the command; its output is added to `log`.
    pub fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Daemon> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("{} cannot be written", log.display()))?;
        let err = out.try_clone().context("a file handle cannot be cloned")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("{name} cannot be started (is setpriv there?)"))?;
        Ok(Daemon { name, child, log: log.to_owned() })
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns everything it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns how it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("{} cannot be waited for", self.name))
    }

    /// Polls `is_ready` until it says so, the daemon ends, or the deadline passes.
    pub fn wait_ready(&mut self, mut is_ready: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Some(status) = self.ended()? {
                bail!("{} ended before it was ready ({status}):\n{}", self.name, self.log());
            }
            if is_ready()? {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} is not ready after {START_DEADLINE:?}:\n{}", self.name, self.log());
            }
            thread::sleep(POLL);
        }
    }

    /// Sends a signal by name (`TERM`, `HUP`, `STOP`, `CONT`).
    pub fn signal(&self, signal: &str) -> Result<()> {
        send_signal(self.pid(), signal)
    }

    /// Waits for the end, at most until the deadline.
    pub fn wait_end(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} still runs after {within:?}:\n{}", self.name, self.log());
            }
            thread::sleep(POLL);
        }
    }

    /// Kills it at once, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            self.child.kill().with_context(|| format!("{} cannot be killed", self.name))?;
            self.child.wait().with_context(|| format!("{} cannot be reaped", self.name))?;
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A daemon that cannot be killed is already gone; there is nobody left to tell.
        drop(self.kill());
    }
}

/// Sends a signal by name to a process.
pub fn send_signal(pid: u32, signal: &str) -> Result<()> {
    let status = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status()
        .context("`kill` cannot be run")?;
    if !status.success() {
        bail!("process {pid} took no {signal}");
    }
    Ok(())
}

/// Finds a program on PATH or in the folders where Debian keeps daemons.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// Like [`find_program`], with words for the person who has to install it.
pub fn require_program(name: &str, package: &str) -> Result<PathBuf> {
    find_program(name).with_context(|| {
        format!("{name} is not installed; `cargo xtask test --install` does it, or `apt-get install {package}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_daemon_is_gone() {
        let folder = std::env::temp_dir().join(format!("rialto-daemon-{}", std::process::id()));
        let mut command = bound_command(Path::new("/bin/sleep"), None);
        command.arg("600");
        let daemon = Daemon::start("sleep", command, &folder).unwrap();
        let pid = daemon.pid();
        drop(daemon);
        fs::remove_file(&folder).unwrap();
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
