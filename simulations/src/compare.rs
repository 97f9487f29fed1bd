//! `pollux-sim diff`: two runs beside each other.

use crate::files::{self, FILE_BYTES_MAX};
use crate::{Failure, unwritten, usage};
use clap::Args;
use pollux_sim::{Diff, Measured, READY, Scenario, Trace};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

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
        self.show(&diff).map_err(unwritten)?;
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
        return run(name, &files::named(name).map_err(usage)?);
    }
    let text = files::read(Path::new(name), FILE_BYTES_MAX).map_err(|error| said(&error))?;
    if text.trim_start().starts_with('{') {
        return Measured::from_json(&text).map_err(|error| said(&error));
    }
    run(name, &files::scenario(name, &text).map_err(usage)?)
}

fn run(name: &str, scenario: &Scenario) -> Result<Measured, Failure> {
    let report =
        pollux_sim::run(scenario, Trace::new()).map_err(|error| usage(format!("{name}: {error}")))?;
    Ok(Measured::of(&report.with_command(format!("pollux-sim run {name}"))))
}
