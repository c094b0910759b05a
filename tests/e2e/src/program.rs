//! The program as people run it: a configuration in a folder of its own, `rialto up` as a child, its other verbs beside.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bridge_testkit::peers::{Daemon, bound_command};
use support_matrix_http::{ClientOptions, shared_client};
use tempfile::TempDir;
use test_daemons::ports::free_ports;
use tokio::io::AsyncWriteExt;

use crate::SERVER;
use crate::external::{Beside, Kind};
use crate::matrix::MatrixClient;
use crate::quirks::{Quirk, QuirkProxy};
use crate::synapse::Synapse;

/// How long the program may take to answer its first request.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// The contract gives it ten seconds to drain; the rest is for a busy machine.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// A port that was free can be taken before the program binds it; then another one is tried.
const PORT_TRIES: u32 = 5;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// Finds the built program: `RIALTO_BIN`, else beside the test that is running, else the other profile's.
pub fn rialto_binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("RIALTO_BIN") {
        return Ok(PathBuf::from(path));
    }
    // A test lies in `<target>/<profile>/deps`.
    let test = std::env::current_exe().context("a test without a path")?;
    let profile = test.parent().and_then(Path::parent).context("a test outside a target folder")?;
    let beside = profile.join("rialto");
    let release = profile.with_file_name("release").join("rialto");
    [beside, release].into_iter().find(|path| path.is_file()).with_context(|| {
        format!("no rialto in {}: `cargo build -p rialto` first", profile.display())
    })
}

/// Chooses what the program is configured with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    database: Option<String>,
    homeserver: String,
    sections: String,
    external: Option<Elsewhere>,
    beside: Option<(Kind, Vec<Quirk>)>,
}

/// Where the homeserver of a story is, if it is not the built-in one.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// How Rialto reaches it.
    pub url: String,
    /// What it is told about the way back.
    pub address: String,
    /// How people reach it.
    pub for_people: String,
}

impl Setup {
    /// An embedded homeserver on SQLite without any network.
    pub fn new() -> Self {
        Setup::default()
    }

    /// Keeps everything on PostgreSQL.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// Adds lines to `[homeserver]`.
    #[must_use]
    pub fn homeserver(mut self, lines: &str) -> Self {
        self.homeserver += lines;
        self.homeserver.push('\n');
        self
    }

    /// Adds sections, networks for example.
    #[must_use]
    pub fn section(mut self, lines: &str) -> Self {
        self.sections += lines;
        self.sections.push('\n');
        self
    }

    /// Works with a homeserver elsewhere.
    #[must_use]
    pub fn elsewhere(mut self, elsewhere: Elsewhere) -> Self {
        self.external = Some(elsewhere);
        self
    }

    /// Stands beside a real homeserver with these ways, and has double puppets there; it is started along.
    /// `RIALTO_TEST_HOMESERVER` asks this of every story that chooses nothing about the built-in one.
    #[must_use]
    pub fn beside(mut self, kind: Kind, quirks: &[Quirk]) -> Self {
        self.beside = Some((kind, quirks.to_vec()));
        self
    }

    /// Writes the configuration without starting anything.
    pub fn write(self) -> Result<Program> {
        let folder = TempDir::with_prefix("rialto-story-").context("no temporary folder")?;
        let http = shared_client(&ClientOptions::default()).context("no HTTP client")?;
        let [port] = free_ports::<1>()?;
        let program = Program { daemon: None, port, setup: self, http, folder, around: None };
        program.write_config()?;
        Ok(program)
    }

    /// Starts `rialto up` and waits until it answers.
    pub async fn start(self) -> Result<Program> {
        let asked = Kind::asked_for()?.filter(|_| self.homeserver.is_empty());
        let beside = self.beside.clone().or_else(|| Some((asked?, Vec::new())));
        if let Some((kind, quirks)) = beside.filter(|_| self.external.is_none()) {
            return self.start_beside(kind, &quirks).await;
        }
        let mut program = self.write()?;
        for _ in 1..PORT_TRIES {
            match program.up().await {
                Err(error) if format!("{error:#}").contains(&format!(":{}", program.port)) => {
                    [program.port] = free_ports::<1>()?;
                    program.write_config()?;
                }
                other => return other.map(|()| program),
            }
        }
        program.up().await?;
        Ok(program)
    }

    async fn start_beside(self, kind: Kind, quirks: &[Quirk]) -> Result<Program> {
        let Beside { mut program, way_there, way_back, homeserver } =
            Beside::registered(kind, self, quirks, true).await?;
        program.up().await?;
        program.around = Some(Around { homeserver, _ways: [way_there, way_back] });
        Ok(program)
    }
}

/// The homeserver a program stands beside, and the ways between them.
#[derive(Debug)]
struct Around {
    homeserver: Synapse,
    _ways: [QuirkProxy; 2],
}

/// Rialto in its folder, running or not.
#[derive(Debug)]
pub struct Program {
    daemon: Option<Daemon>,
    port: u16,
    setup: Setup,
    http: reqwest::Client,
    folder: TempDir,
    // After the daemon: it uses it to its end.
    around: Option<Around>,
}

impl Program {
    /// Returns the address of the client API, or of the application service where the homeserver is elsewhere.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the client that this story's requests are made with.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Returns the folder of configuration and data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.folder().join("rialto.toml")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub fn database(&self) -> Option<&str> {
        self.setup.database.as_deref()
    }

    /// Changes what the next start is configured with.
    pub fn configure(&mut self, change: impl FnOnce(Setup) -> Setup) -> Result<()> {
        self.setup = change(self.setup.clone());
        self.write_config()
    }

    /// Starts `rialto up` and waits for a 200 on `/_matrix/client/versions`.
    pub async fn up(&mut self) -> Result<()> {
        ensure!(self.daemon.is_none(), "it runs already");
        // A killed program leaves its socket behind.
        drop(std::fs::remove_file(self.data_dir().join("rialto.sock")));
        let mut command = bound_command(&rialto_binary()?, None);
        command.arg("up").arg("--config").arg(self.config_path());
        command.env("RUST_LOG", log_filter()).env("NO_COLOR", "1").current_dir(self.folder());
        let mut daemon = Daemon::start("rialto", command, &self.folder().join("log"))?;
        let is_external = self.setup.external.is_some();
        let path = if is_external { "/ready" } else { "/_matrix/client/versions" };
        let versions = format!("{}{path}", self.url());
        // Whoever answers at the port is ours only once our own admin socket is there.
        let socket = self.data_dir().join("rialto.sock");
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Some(status) = daemon.ended()? {
                bail!("rialto up ended before it was ready ({status}):\n{}", daemon.log());
            }
            let answer = self.http.get(&versions).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) && (is_external || socket.exists())
            {
                break;
            }
            ensure!(Instant::now() < deadline, "rialto up is not ready:\n{}", daemon.log());
            tokio::time::sleep(POLL).await;
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Kills the program at once, as a power cut would.
    pub fn kill_9(&mut self) -> Result<()> {
        self.daemon.take().context("it does not run")?.kill()
    }

    /// Ends the program the polite way and asserts that it says so with 0.
    pub fn stop(&mut self) -> Result<()> {
        let mut daemon = self.daemon.take().context("it does not run")?;
        daemon.signal("TERM")?;
        let status = daemon.wait_end(STOP_DEADLINE)?;
        ensure!(status.success(), "SIGTERM ended it with {status}:\n{}", daemon.log());
        Ok(())
    }

    /// Has it read its configuration again, and waits until it has done so or says why not.
    pub async fn reload(&self) -> Result<()> {
        const DONE: &str = "the configuration was read again";
        const NOT: &str = "the configuration was not put into effect";
        let count = |words: &str| self.log().matches(words).count();
        let before = (count(DONE), count(NOT));
        self.daemon.as_ref().context("it does not run")?.signal("HUP")?;
        let deadline = Instant::now() + START_DEADLINE;
        while (count(DONE), count(NOT)) == before {
            ensure!(Instant::now() < deadline, "SIGHUP changed nothing:\n{}", self.log());
            tokio::time::sleep(POLL).await;
        }
        let log = self.log();
        let last = log.lines().rfind(|line| line.contains(NOT)).unwrap_or_default();
        ensure!(count(NOT) == before.1, "{last}");
        Ok(())
    }

    /// Ends and starts the program.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.up().await
    }

    /// Returns everything it has printed since the first start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Waits until it has said something in its log.
    pub async fn expect_log(&self, words: &str) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while !self.log().contains(words) {
            ensure!(Instant::now() < deadline, "it does not say `{words}`:\n{}", self.log());
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Prepares a verb with this configuration.
    pub fn verb(&self, arguments: &[&str]) -> Verb {
        let mut arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        arguments.extend(["--config".to_owned(), self.config_path().display().to_string()]);
        Verb { arguments, folder: self.folder().to_owned(), input: String::new() }
    }

    /// Runs a verb that must succeed and returns what it printed.
    pub async fn cli(&self, arguments: &[&str]) -> Result<String> {
        self.verb(arguments).run().await?.success()
    }

    /// Creates an account with everybody's password.
    pub async fn create_user(&self, name: &str) -> Result<()> {
        if let Some(around) = &self.around {
            return around.homeserver.create_user(name).await;
        }
        let create = self.verb(&["user", "create", name, "--password-stdin"]);
        create.input(&format!("{PASSWORD}\n")).run().await?.success()?;
        Ok(())
    }

    /// Creates an account and logs it in.
    pub async fn person(&self, name: &str) -> Result<MatrixClient> {
        self.create_user(name).await?;
        self.log_in(name).await
    }

    /// Logs an existing account in.
    pub async fn log_in(&self, name: &str) -> Result<MatrixClient> {
        let there = self.setup.external.as_ref().map(|elsewhere| elsewhere.for_people.clone());
        let base = there.unwrap_or_else(|| self.url());
        MatrixClient::log_in(&self.http, &base, name, PASSWORD).await
    }

    fn write_config(&self) -> Result<()> {
        let Setup { database, homeserver, sections, external, .. } = &self.setup;
        let database = database.as_deref().unwrap_or("sqlite");
        if let Some(Elsewhere { url, address, .. }) = external {
            let text = format!(
                "data_dir = \"data\"\n\
                 [homeserver]\n\
                 mode = \"external\"\n\
                 server_name = \"{SERVER}\"\n\
                 url = \"{url}\"\n\
                 {homeserver}\
                 [appservice]\n\
                 listen = \"127.0.0.1:{}\"\n\
                 address = \"{address}\"\n\
                 [database]\n\
                 url = \"{database}\"\n\
                 {sections}",
                self.port
            );
            return std::fs::write(self.config_path(), text)
                .context("the configuration cannot be written");
        }
        let text = format!(
            "data_dir = \"data\"\n\
             [homeserver]\n\
             server_name = \"{SERVER}\"\n\
             listen = \"127.0.0.1:{}\"\n\
             rate_limits = {{ enabled = false }}\n\
             {homeserver}\
             [database]\n\
             url = \"{database}\"\n\
             {sections}",
            self.port
        );
        std::fs::write(self.config_path(), text).context("the configuration cannot be written")
    }
}

impl Drop for Program {
    /// A story that fails is understood from the program's last words; the runner shows them only then.
    #[expect(clippy::print_stderr, reason = "captured by the runner")]
    fn drop(&mut self) {
        let log = self.log();
        let from = log.lines().count().saturating_sub(60);
        for line in log.lines().skip(from) {
            eprintln!("rialto: {line}");
        }
        if std::env::var_os("RIALTO_TEST_KEEP").is_some() {
            eprintln!("its folder is kept: {}", self.folder().display());
            self.folder.disable_cleanup(true);
        }
    }
}

fn log_filter() -> String {
    std::env::var("RIALTO_TEST_LOG").unwrap_or_else(|_| "info".to_owned())
}

/// One call of a verb.
#[derive(Debug)]
pub struct Verb {
    arguments: Vec<String>,
    folder: PathBuf,
    input: String,
}

impl Verb {
    /// A verb outside any story's configuration.
    pub fn bare(folder: &Path, arguments: &[&str]) -> Verb {
        let arguments = arguments.iter().map(|one| (*one).to_owned()).collect();
        Verb { arguments, folder: folder.to_owned(), input: String::new() }
    }

    /// Gives it standard input.
    #[must_use]
    pub fn input(mut self, text: &str) -> Verb {
        text.clone_into(&mut self.input);
        self
    }

    /// Runs it to its end.
    pub async fn run(self) -> Result<CliOutput> {
        let mut command: Command = bound_command(&rialto_binary()?, None);
        command.args(&self.arguments).current_dir(&self.folder).env("NO_COLOR", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command).spawn().context("no rialto")?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        // A verb that refuses its arguments does not read: a closed pipe is no fault here.
        drop(stdin.write_all(self.input.as_bytes()).await);
        drop(stdin);
        let line = format!("rialto {}", self.arguments.join(" "));
        let output = tokio::time::timeout(START_DEADLINE, child.wait_with_output())
            .await
            .with_context(|| format!("`{line}` does not end"))??;
        Ok(CliOutput {
            line,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).context("stdout is not UTF-8")?,
            stderr: String::from_utf8(output.stderr).context("stderr is not UTF-8")?,
        })
    }
}

/// How a verb ended.
#[derive(Clone, Debug)]
pub struct CliOutput {
    pub line: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl CliOutput {
    /// Asserts exit code 0 and returns standard output.
    pub fn success(self) -> Result<String> {
        ensure!(self.code == 0, "`{}` ended with {}: {}", self.line, self.code, self.stderr);
        Ok(self.stdout)
    }

    /// Asserts a refusal: this exit code, nothing on standard output, and on standard error words that contain all of
    /// these (without regard to case).
    pub fn refusal(self, code: i32, words: &[&str]) -> Result<()> {
        ensure!(
            self.code == code,
            "`{}` ended with {} instead of {code}:\n{}{}",
            self.line,
            self.code,
            self.stdout,
            self.stderr
        );
        let said = self.stderr.to_lowercase();
        for word in words {
            ensure!(
                said.contains(&word.to_lowercase()),
                "`{}` does not say `{word}`:\n{}",
                self.line,
                self.stderr
            );
        }
        ensure!(!said.contains("panicked"), "`{}` panicked:\n{}", self.line, self.stderr);
        ensure!(self.stdout.is_empty(), "`{}` printed {:?}", self.line, self.stdout);
        Ok(())
    }
}
