//! The program as its users run it.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A folder with a configuration and the program.
pub(crate) struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    /// A program that would listen on a port of the system's choice.
    pub(crate) fn new() -> Program {
        Program::with_config("[homeserver]\nlisten = \"127.0.0.1:0\"\n")
    }

    pub(crate) fn with_config(text: &str) -> Program {
        let program = Program::without_config();
        program.write("rialto.toml", text);
        program
    }

    pub(crate) fn without_config() -> Program {
        Program { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder().join("rialto-data").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
        command.args(args.split_whitespace()).current_dir(self.folder()).env_remove("RUST_LOG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &str) -> Ran {
        self.run_with_input(args, "")
    }

    pub(crate) fn run_with_input(&self, args: &str, input: &str) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        // A program that wants no input may be gone already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        Ran::from(child.wait_with_output().unwrap())
    }

    /// Starts a verb that does not end by itself.
    pub(crate) fn spawn(&self, args: &str) -> Spawned {
        let mut command = self.command(args);
        command.stderr(Stdio::inherit());
        Spawned { child: command.spawn().unwrap() }
    }

    /// Starts the server and waits until it says that it is ready.
    pub(crate) fn up(&self) -> Up {
        let mut child = self.command("up --log-format json").spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        for line in log.by_ref() {
            let line = line.unwrap();
            if let Ok(entry) = serde_json::from_str::<serde_json::Value>(&line)
                && entry["message"] == "ready"
            {
                let address = entry["address"].as_str().unwrap().to_owned();
                // Somebody has to read on, or the pipe fills.
                let rest = std::thread::spawn(move || log.map_while(Result::ok).collect());
                return Up { child, address, rest: Some(rest) };
            }
            seen.push_str(&line);
        }
        let ended = child.wait().unwrap();
        panic!("it did not start ({ended}): {seen}");
    }
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The first line of standard error.
    pub(crate) fn complaint(&self) -> &str {
        self.err.lines().next().unwrap_or_default()
    }

    /// The output of a run that has to have succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running verb; killed when dropped.
pub(crate) struct Spawned {
    pub(crate) child: Child,
}

impl Spawned {
    /// Asks it to end and returns its exit code.
    pub(crate) fn end(&mut self, signal: &str) -> i32 {
        let kill =
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A running server; killed when dropped.
pub(crate) struct Up {
    child: Child,
    pub(crate) address: String,
    rest: Option<std::thread::JoinHandle<Vec<String>>>,
}

impl Up {
    /// Asks it to stop, and returns its exit code and the rest of its log.
    pub(crate) fn stop(mut self, signal: &str) -> (i32, Vec<String>) {
        let kill =
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), self.rest.take().unwrap().join().unwrap())
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
