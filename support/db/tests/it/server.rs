//! A PostgreSQL server of our own, for the stories in which it is stopped. It needs the server's
//! programs on this machine and, where the tests run as root, an unprivileged user for them.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Starts a server, or says why there is none.
    #[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let all = std::env::var("RIALTO_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
            assert!(!all, "no PostgreSQL server programs found, but everything is required");
            eprintln!("not run: no PostgreSQL server programs found");
            return None;
        };
        let folder = TempDir::new().unwrap();
        if as_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        // Free now; the server takes it in a moment.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { programs, folder, port };
        let data = server.data();
        run(server.program("initdb").arg("-D").arg(&data).args([
            "-U",
            "rialto",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        server.control(&["start"]);
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://rialto@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the server as a power cut would.
    pub(crate) fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    pub(crate) fn start_again(&self) {
        self.control(&["start"]);
    }

    /// Without fsync: the server crashes here, the machine under it does not.
    fn control(&self, verb: &[&str]) {
        let folder = self.folder.path().display();
        let options =
            format!("-p {} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off", self.port);
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(self.data()).arg("-o").arg(options).arg("-w");
        command.arg("-l").arg(self.folder.path().join("log")).args(verb);
        run(&mut command);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if as_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}

fn as_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// Finds the folder of the server's programs: where Debian puts them, else on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let debian = versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found: Vec<PathBuf> =
        debian.chain(std::env::split_paths(&path)).filter(|folder| has_server(folder)).collect();
    found.into_iter().next()
}

fn has_server(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("pg_ctl").is_file()
}
