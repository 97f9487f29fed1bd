//! The built command, from outside: what it prints, how it ends.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a script knows the requests that it is about")]

mod audit;
mod doctor;
mod elsewhere;
mod ends;
mod help;
mod job;
mod keys;
mod log;
mod pool_change;
mod pool_init;
mod says;
mod scene;
mod shells;
mod usage;
mod variables;
mod verify;
mod who;
mod yank;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The command without any settings of whoever runs the tests.
fn pollux<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollux"));
    command.args(arguments).stdin(Stdio::null());
    for setting in ["POLLUX_SOCKET", "POLLUX_SIGNING_KEY", "POLLUX_DISABLE", "COLUMNS"] {
        command.env_remove(setting);
    }
    command
}

/// What a finished command said, with its status, in a form that is the same everywhere.
fn told(output: &Output, directory: &Path) -> String {
    let text = |bytes: &[u8]| redacted(&String::from_utf8_lossy(bytes), directory);
    let status = output.status.code().unwrap_or(-1);
    format!("status {status}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

/// Without the names of temporary directories and of keys.
fn redacted(text: &str, directory: &Path) -> String {
    let text = text.replace(directory.to_str().unwrap(), "[DIR]");
    let mut words = Vec::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let plain = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let long = plain.len() >= 32;
        words.push(if long { word.replacen(plain, "[ID]", 1) } else { word.to_owned() });
    }
    words.concat()
}
