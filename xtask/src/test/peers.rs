//! The foreign servers and clients that the tests run against: which there must be, which are missing, and how they come.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::cargo::answers;
use super::install;
use test_daemons::postgres::{Postgres, find_programs};
use test_daemons::process::find_program;

/// Foreign programs by the Debian package that brings each.
const PROGRAMS: [(&str, &str); 4] = [
    ("setpriv", "util-linux"),
    ("inspircd", "inspircd"),
    ("ngircd", "ngircd"),
    ("atheme-services", "atheme-services"),
];

/// The peers, ready to be started.
#[derive(Debug)]
pub(crate) struct Peers {
    /// The Python that has matrix-nio, aiohttp and mautrix.
    pub(crate) python: PathBuf,
}

/// Looks for every peer; what is missing is installed or named.
pub(crate) fn prepare(may_install: bool) -> Result<Peers> {
    let packages = missing_packages();
    let python = Python::here();
    if packages.is_empty() && python.is_complete() {
        crate::say("all peers are there: InspIRCd, ngIRCd, Atheme, PostgreSQL, matrix-nio");
        return Ok(Peers { python: python.program() });
    }
    if !may_install {
        bail!("{}", words_for_missing(&packages, &python));
    }
    if !packages.is_empty() {
        install::debian_packages(&packages)?;
        let still = missing_packages();
        if !still.is_empty() {
            bail!("apt-get said yes, but these are still missing: {}", still.join(" "));
        }
    }
    if !python.is_complete() {
        python.install()?;
    }
    Ok(Peers { python: python.program() })
}

fn missing_packages() -> Vec<&'static str> {
    let mut packages: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if find_programs().is_none() {
        packages.push("postgresql");
    }
    if find_program("python3").is_none() {
        packages.push("python3");
    }
    if !answers(Path::new("python3"), &["-c", "import venv, ensurepip"]) {
        packages.push("python3-venv");
    }
    packages
}

fn words_for_missing(packages: &[&str], python: &Python) -> String {
    let mut words = String::from("peers of the tests are missing on this machine.");
    if !packages.is_empty() {
        words += &format!("\n  Debian packages:  {}", install::debian_command(packages));
    }
    if !python.is_complete() {
        words += &format!("\n  Python packages:  {}", python.words());
    }
    words + "\nInstall all of it with:  cargo xtask test --install"
}

/// The virtual environment with the Python clients.
#[derive(Debug)]
struct Python {
    folder: PathBuf,
    requirements: PathBuf,
}

impl Python {
    fn here() -> Self {
        Python {
            folder: crate::target().join("peers").join("python"),
            requirements: crate::workspace().join("tests/e2e/python/requirements.txt"),
        }
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin").join("python")
    }

    /// A copy of the requirements lies in the environment once they are installed, so that a changed pin is noticed.
    fn stamp(&self) -> PathBuf {
        self.folder.join("installed.txt")
    }

    fn is_complete(&self) -> bool {
        let wanted = fs::read_to_string(&self.requirements).ok();
        wanted.is_some()
            && wanted == fs::read_to_string(self.stamp()).ok()
            && answers(&self.program(), &["-c", "import nio, aiohttp, mautrix"])
    }

    fn words(&self) -> String {
        format!(
            "python3 -m venv {folder} && {folder}/bin/python -m pip install -r {requirements} && cp {requirements} {stamp}",
            folder = self.folder.display(),
            requirements = self.requirements.display(),
            stamp = self.stamp().display(),
        )
    }

    fn install(&self) -> Result<()> {
        let folder = self.folder.to_str().context("the target folder's name is not UTF-8")?;
        let requirements = self.requirements.to_str().context("the workspace is not UTF-8")?;
        install::run("python3", &["-m", "venv", "--clear", folder])?;
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
        install::run(self.program().to_str().unwrap_or_default(), &pip)?;
        fs::copy(&self.requirements, self.stamp()).context("the stamp cannot be written")?;
        Ok(())
    }
}

/// The PostgreSQL that all tests of a run share.
#[derive(Debug)]
pub(crate) struct Cluster {
    postgres: Postgres,
    folder: PathBuf,
}

impl Cluster {
    pub(crate) fn url(&self) -> String {
        self.postgres.url()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.postgres.kill());
        // Nothing depends on the folder being gone; the system clears its temporary folder anyway.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Makes and starts the cluster in a folder of its own.
pub(crate) fn start_cluster() -> Result<Cluster> {
    let folder = std::env::temp_dir().join(format!("rialto-xtask-{}", std::process::id()));
    fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let postgres = Postgres::start_in(&folder)?;
    crate::say(&format!("PostgreSQL runs at {}", postgres.url()));
    Ok(Cluster { postgres, folder })
}
