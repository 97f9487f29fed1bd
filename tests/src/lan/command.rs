//! `ip` and `tc`, and what they say.

use super::LanError;
use std::process::Command;

/// Runs `ip` with these words, and gives what it prints.
pub(super) fn ip(words: &str) -> Result<String, LanError> {
    run(Command::new("ip").args(words.split_whitespace()))
}

/// Runs `tc` with these words.
pub(super) fn tc(words: &str) -> Result<(), LanError> {
    run(Command::new("tc").args(words.split_whitespace())).map(drop)
}

/// Runs a command to its end, and gives what it prints.
pub(super) fn run(command: &mut Command) -> Result<String, LanError> {
    let failed = |command: &Command, why| LanError::Command { command: line(command), why };
    let output = command.output().map_err(|error| failed(command, error.to_string()))?;
    if !output.status.success() {
        return Err(failed(command, String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
