//! `pollux-sim diff`: two runs beside each other.

use crate::{Failure, failed, usage};
use clap::Args;
use pollux_sim::{Diff, Measured, READY, Scenario, Trace};
use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// A report or a scenario has so many bytes at most: a report of the largest run has less than a hundredth of them.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// See the module.
#[derive(Debug, Args)]
pub(crate) struct DiffFlags {
    /// The first: a report of `run --json`, a scenario file, or the name of a scenario that comes along
    #[arg(value_name = "A")]
    a: String,
    /// The second
    #[arg(value_name = "B")]
    b: String,
    /// Print it as JSON: one object whose `version` is 1
    #[arg(long)]
    json: bool,
}

impl DiffFlags {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let diff = Diff::new(&measured(&self.a)?, &measured(&self.b)?);
        self.show(&diff).map_err(failed)?;
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, diff: &Diff) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, diff)?;
            writeln!(out)
        } else {
            write!(out, "{diff}")
        }
    }
}

/// What a report tells; a scenario is run for that.
fn measured(name: &str) -> Result<Measured, Failure> {
    let said = |error: &dyn std::error::Error| usage(format!("{name}: {error}"));
    if READY.iter().any(|(known, _)| *known == name) {
        return run(name, &Scenario::ready(name).map_err(|error| said(&error))?);
    }
    let text = read(name).map_err(|error| said(&error))?;
    if text.trim_start().starts_with('{') {
        return Measured::from_json(&text).map_err(|error| said(&error));
    }
    run(name, &Scenario::from_toml(&text).map_err(|error| said(&error))?)
}

fn run(name: &str, scenario: &Scenario) -> Result<Measured, Failure> {
    let report =
        pollux_sim::run(scenario, Trace::new()).map_err(|error| usage(format!("{name}: {error}")))?;
    Ok(Measured::of(&report.with_command(format!("pollux-sim run {name}"))))
}

fn read(name: &str) -> io::Result<String> {
    #[expect(clippy::disallowed_types, reason = "the program has files, the library has none")]
    let file = fs::File::open(name)?;
    let mut text = String::new();
    let bytes = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= FILE_BYTES_MAX) {
        return Ok(text);
    }
    Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes: it is no report and no scenario")))
}
