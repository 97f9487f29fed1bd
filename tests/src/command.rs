//! The `pollux` command, run to its end.

use serde_json::Value;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Deadlines of a restore that is expected to go well.
const PATIENT: [&str; 4] = ["--answer-timeout", "10", "--progress-timeout", "60"];

/// The command with the socket of one node.
#[derive(Clone, Debug)]
pub struct Pollux {
    /// The program.
    pub program: PathBuf,
    /// The node's socket.
    pub socket: PathBuf,
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit status; none if a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said to people.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Pollux {
    /// A command line, not yet started, without anything of this process's own settings.
    #[must_use]
    pub fn command(&self, arguments: &[&OsStr]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("POLLUX_SOCKET", &self.socket).env_remove("POLLUX_DISABLE");
        // What a save keeps for the next one stays beside the node's own files.
        if let Some(own) = self.socket.ancestors().nth(2) {
            command.env("XDG_CACHE_HOME", own.join("cache"));
        }
        command
    }

    /// Runs it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> io::Result<Finished> {
        let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        Finished::of(&mut self.command(&arguments))
    }

    /// `pollux restore KEY BASE`, as JSON. Patient, unless `more` says otherwise: a machine that tests may be busy.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn restore(&self, key: &str, base: &Path, more: &[&str]) -> io::Result<Finished> {
        let mut arguments =
            vec![OsStr::new("restore"), OsStr::new("--json"), OsStr::new(key), base.as_os_str()];
        if !more.contains(&"--answer-timeout") {
            arguments.extend(PATIENT.map(OsStr::new));
        }
        arguments.extend(more.iter().map(OsStr::new));
        self.run(&arguments)
    }

    /// `pollux save KEY BASE`, as JSON.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn save(&self, key: &str, base: &Path, signing_key: &Path, more: &[&str]) -> io::Result<Finished> {
        let mut arguments = vec![OsStr::new("save"), OsStr::new("--json"), OsStr::new("--signing-key")];
        arguments.extend([signing_key.as_os_str(), OsStr::new(key), base.as_os_str()]);
        arguments.extend(more.iter().map(OsStr::new));
        self.run(&arguments)
    }

    /// `pollux status`, as JSON; null if the node does not answer.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn status(&self) -> io::Result<Value> {
        Ok(self.run(&["status", "--json"])?.json())
    }
}

impl Finished {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn of(command: &mut Command) -> io::Result<Self> {
        let began = Instant::now();
        let Output { status, stdout, stderr } = command.output()?;
        Ok(Self {
            status: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            elapsed: began.elapsed(),
        })
    }

    /// The JSON object that it printed; null if it printed none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or(Value::Null)
    }

    /// The field `result` of that object.
    #[must_use]
    pub fn result(&self) -> String {
        self.text("/result")
    }

    /// A text in that object, by JSON pointer; empty if it is not there.
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A number in that object, by JSON pointer; 0 if it is not there.
    #[must_use]
    pub fn number(&self, pointer: &str) -> u64 {
        self.json().pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }
}
