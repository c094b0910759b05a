//! The foreign servers and clients that the tests run against: which there must be, which are missing, and how they come.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::cargo::answers;
use super::install;
use test_daemons::postgres::{Postgres, find_programs};
use test_daemons::process::find_program;

/// Foreign programs by the Debian package that brings each.
const PROGRAMS: [(&str, &str); 8] = [
    ("setpriv", "util-linux"),
    ("inspircd", "inspircd"),
    ("ngircd", "ngircd"),
    ("atheme-services", "atheme-services"),
    ("chromium", "chromium"),
    ("npm", "npm"),
    // Synapse's way to PostgreSQL is compiled where it is installed.
    ("pg_config", "libpq-dev"),
    ("python3-config", "python3-dev"),
];

/// The peers, ready to be started.
#[derive(Debug)]
pub(crate) struct Peers {
    /// Where everything lies that is not a Debian package.
    pub(crate) folder: PathBuf,
}

/// Looks for every peer; what is missing is installed or named.
pub(crate) fn prepare(may_install: bool) -> Result<Peers> {
    let folder = crate::target().join("peers");
    let environments = Environment::all(&folder);
    let packages = missing_packages();
    let missing: Vec<&Environment> =
        environments.iter().filter(|environment| !environment.is_complete()).collect();
    if packages.is_empty() && missing.is_empty() {
        crate::say(
            "all peers are there: IRC servers, PostgreSQL, Chromium, Matrix clients and bridges",
        );
        return Ok(Peers { folder });
    }
    if !may_install {
        bail!("{}", words_for_missing(&packages, &missing));
    }
    if !packages.is_empty() {
        install::debian_packages(&packages)?;
        let still = missing_packages();
        if !still.is_empty() {
            bail!("apt-get said yes, but these are still missing: {}", still.join(" "));
        }
    }
    for environment in missing {
        environment.install()?;
    }
    Ok(Peers { folder })
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

fn words_for_missing(packages: &[&str], environments: &[&Environment]) -> String {
    let mut words = String::from("peers of the tests are missing on this machine.");
    if !packages.is_empty() {
        words += &format!("\n  Debian packages:  {}", install::debian_command(packages));
    }
    for environment in environments {
        words += &format!("\n  {}:  {}", environment.kind.words(), environment.folder.display());
    }
    words + "\nInstall all of it with:  cargo xtask test --install"
}

/// Packages of one registry in a folder of their own.
#[derive(Debug)]
struct Environment {
    kind: Kind,
    folder: PathBuf,
    /// Files that say which packages, with their versions.
    wanted: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Python packages, and the modules that have to be there.
    Python(&'static str),
    /// npm packages; Node itself is one of them.
    Node,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Python(_) => "Python packages",
            Kind::Node => "npm packages",
        }
    }
}

impl Environment {
    fn all(peers: &Path) -> [Environment; 4] {
        let scripts = crate::workspace().join("tests/e2e");
        let python = |name: &str, requirements: &str, modules| Environment {
            kind: Kind::Python(modules),
            folder: peers.join(name),
            wanted: vec![scripts.join("python").join(requirements)],
        };
        [
            python("python", "requirements.txt", "nio, aiohttp, mautrix"),
            // The bridges want another mautrix than the framework's own story.
            python("bridges", "bridges.txt", "heisenbridge, mautrix_telegram, aiosqlite"),
            python("synapse", "synapse.txt", "synapse.app.homeserver, psycopg2"),
            Environment {
                kind: Kind::Node,
                folder: peers.join("node"),
                wanted: ["package.json", "package-lock.json"]
                    .map(|name| scripts.join("node").join(name))
                    .to_vec(),
            },
        ]
    }

    fn program(&self) -> PathBuf {
        self.folder.join(match self.kind {
            Kind::Python(_) => "bin/python",
            Kind::Node => "node_modules/node/bin/node",
        })
    }

    /// What was wanted lies in the environment once it is installed, so that a changed version is noticed.
    fn stamp(&self) -> PathBuf {
        self.folder.join("installed.txt")
    }

    fn is_complete(&self) -> bool {
        let installed = fs::read_to_string(self.stamp()).ok();
        let works = match self.kind {
            Kind::Python(modules) => {
                answers(&self.program(), &["-c", &format!("import {modules}")])
            }
            Kind::Node => answers(&self.program(), &["--version"]),
        };
        works && installed.is_some() && installed == self.text_of_wanted().ok()
    }

    fn text_of_wanted(&self) -> Result<String> {
        let texts = self.wanted.iter().map(|file| {
            fs::read_to_string(file).with_context(|| format!("{} is missing", file.display()))
        });
        texts.collect()
    }

    fn install(&self) -> Result<()> {
        let folder = self.folder.to_str().context("the target folder's name is not UTF-8")?;
        match self.kind {
            Kind::Python(_) => {
                install::run("python3", &["-m", "venv", "--clear", folder])?;
                let program = self.program();
                let program = program.to_str().context("the target folder's name is not UTF-8")?;
                let wanted = self.wanted[0].to_str().context("the workspace is not UTF-8")?;
                let quiet = ["--quiet", "--disable-pip-version-check"];
                install::run(
                    program,
                    &[&["-m", "pip", "install"], &quiet[..], &["-r", wanted]].concat(),
                )?;
            }
            Kind::Node => {
                fs::create_dir_all(&self.folder).context("the target folder is not writable")?;
                for file in &self.wanted {
                    let name = file.file_name().context("a file without a name")?;
                    fs::copy(file, self.folder.join(name)).context("cannot be copied")?;
                }
                let quiet = ["--no-audit", "--no-fund", "--loglevel", "error"];
                install::run("npm", &[&["ci", "--prefix", folder], &quiet[..]].concat())?;
            }
        }
        fs::write(self.stamp(), self.text_of_wanted()?).context("the stamp cannot be written")?;
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
