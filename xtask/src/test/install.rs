//! Installing peers through the package managers as this machine has them set up. No address is written here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use test_daemons::account::running_as_root;

/// Debian asks this script whether a freshly installed daemon may start. Ours only ever run as children of a test.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str = "#!/bin/sh\n# Put here by `cargo xtask test` while it installs: no daemon shall start.\nexit 101\n";

/// Returns the command that installs the packages, as a person would type it.
pub(crate) fn debian_command(packages: &[&str]) -> String {
    format!("apt-get install --yes --no-install-recommends {}", packages.join(" "))
}

/// Installs Debian packages without leaving their daemons running.
pub(crate) fn debian_packages(packages: &[&str]) -> Result<()> {
    crate::say(&format!("installing {}", packages.join(", ")));
    let _policy = NoDaemons::declare()?;
    run_as_root("apt-get", &["update", "-qq"])?;
    let mut arguments = vec!["install", "-qq", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    run_as_root("apt-get", &arguments)?;
    disable_services(packages)
}

/// Keeps what was just installed from starting at the next boot.
fn disable_services(packages: &[&str]) -> Result<()> {
    let services = packages
        .iter()
        .filter(|name| Path::new("/lib/systemd/system").join(format!("{name}.service")).exists());
    for service in services {
        run_as_root("systemctl", &["disable", "--quiet", service])?;
    }
    Ok(())
}

/// Keeps Debian from starting daemons until dropped. A machine that has its own policy keeps it.
#[derive(Debug)]
struct NoDaemons {
    ours: bool,
}

impl NoDaemons {
    fn declare() -> Result<Self> {
        if Path::new(POLICY).exists() {
            return Ok(NoDaemons { ours: false });
        }
        let draft = std::env::temp_dir().join(format!("rialto-policy-{}", std::process::id()));
        fs::write(&draft, POLICY_TEXT).context("the temporary folder is not writable")?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
        let draft = draft.to_str().context("the temporary folder's name is not UTF-8")?;
        run_as_root("mv", &[draft, POLICY])?;
        Ok(NoDaemons { ours: true })
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = run_as_root("rm", &[POLICY])
        {
            crate::complain(&format!("{POLICY} is left behind, please remove it: {error:#}"));
        }
    }
}

fn run_as_root(program: &str, arguments: &[&str]) -> Result<()> {
    if running_as_root()? {
        return run(program, arguments);
    }
    let mut with_sudo = vec!["-n", program];
    with_sudo.extend(arguments);
    run("sudo", &with_sudo)
}

/// Runs a program with its output on the terminal.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let line = format!("{program} {}", arguments.join(" "));
    crate::say(&line);
    let status = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{program}` cannot be run"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}
