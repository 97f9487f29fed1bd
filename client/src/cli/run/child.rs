//! The command: it has the terminal and the streams, signals reach it, and how it ends is how this process ends.

use crate::cli::exit::{Failure, Kind};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// As shells say that a command is not there, and that it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
/// As shells say which signal ended a command: beyond this.
const BY_SIGNAL: i32 = 128;

/// How a command ended.
#[derive(Debug, Serialize)]
pub(super) struct Ended {
    /// Whether its status was 0.
    pub(super) succeeded: bool,
    /// What this process ends with.
    pub(super) status: u8,
    /// Seconds that it took.
    pub(super) seconds: f64,
    /// Why it did not run at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_run: Option<String>,
}

impl Ended {
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

/// Runs it to its end. Where the publisher's key came by standard input, the command has none.
pub(super) fn run(
    command: &[OsString],
    environment: &BTreeMap<String, String>,
    has_input: bool,
) -> Result<Ended, Failure> {
    let began = Instant::now();
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::new(Kind::Usage, "no command is named"));
    };
    let mut child = Command::new(program);
    child.args(arguments).envs(environment).env_remove("POLLUX_SIGNING_KEY");
    if !has_input {
        child.stdin(Stdio::null());
    }
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])
        .map_err(|error| Failure::new(Kind::Failed, error))?;
    let mut child = match child.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_run(program, &error)),
    };
    let handle = signals.handle();
    let target = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let hand = thread::spawn(move || {
        for signal in signals.forever() {
            forward(signal, target);
        }
    });
    let waited = child.wait();
    handle.close();
    drop(hand.join());
    let status = waited.map_err(|error| Failure::new(Kind::Failed, format!("the command: {error}")))?;
    Ok(ended(status, began.elapsed()))
}

/// What a terminal sends reaches the command by itself, for it is of the same group; a second one changes nothing there.
fn forward(signal: i32, target: Option<Pid>) {
    if matches!(signal, SIGINT | SIGQUIT) && is_at_terminal() {
        return;
    }
    if let (Some(signal), Some(target)) = (Signal::from_named_raw(signal), target) {
        // It may have ended a moment ago.
        kill_process(target, signal).unwrap_or_default();
    }
}

/// Whether this process is in the group that the terminal's keys reach.
fn is_at_terminal() -> bool {
    let front = rustix::termios::tcgetpgrp(io::stdin());
    front.is_ok_and(|front| front == rustix::process::getpgrp())
}

fn not_run(program: &OsString, error: &io::Error) -> Ended {
    let status = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN };
    let why = format!("{}: {error}", program.to_string_lossy());
    Ended { succeeded: false, status, seconds: 0.0, not_run: Some(why) }
}

fn ended(status: ExitStatus, took: Duration) -> Ended {
    let by_signal = status.signal().map(|signal| BY_SIGNAL + signal);
    let code = status.code().or(by_signal).unwrap_or(1);
    Ended {
        succeeded: status.success(),
        status: u8::try_from(code).unwrap_or(1),
        seconds: took.as_secs_f64(),
        not_run: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(words: &[&str]) -> Ended {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        run(&words, &BTreeMap::from([("CACHE".to_owned(), "/x".to_owned())]), true).unwrap()
    }

    #[test]
    fn its_end_is_ours() {
        assert!(ran(&["sh", "-c", "test $CACHE = /x"]).succeeded);
        assert_eq!(ran(&["sh", "-c", "exit 7"]).status, 7);
        assert_eq!(ran(&["sh", "-c", "kill -TERM $$"]).status, 143);
        let missing = ran(&["/nowhere/at-all"]);
        assert_eq!((missing.status, missing.not_run.is_some()), (NOT_FOUND, true));
        assert_eq!(ran(&["/etc"]).status, NOT_RUN);
    }
}
