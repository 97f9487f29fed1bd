//! What every part of the benchmark is told.

use crate::BenchError;
use crate::input::Input;
use crate::place;
use crate::words::step;
use clap::Args;
use pollux_tests::Programs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// How often everything is done, where, and what is left out.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Measure only these groups of rows
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    only: Vec<String>,
    /// How often everything is done
    #[arg(long, value_name = "COUNT", default_value = "5")]
    rounds: NonZero<u16>,
    /// Write everything below this directory
    #[arg(long, value_name = "DIR", default_value = "/dev/shm")]
    pub(crate) work: PathBuf,
    /// Write to a journaled ext4 in an image of that size, such as 12G, below --work (needs root)
    #[arg(long, value_name = "SIZE", value_parser = place::parse_size)]
    pub(crate) loop_ext4: Option<u64>,
    /// Take `pollux` and `pollux-node` from this directory, instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Write every figure to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a page of HTML with plots, too, that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl Options {
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.get().into()
    }

    /// The programs that are measured.
    pub(crate) fn programs(&self) -> Result<Programs, BenchError> {
        Ok(Programs::given_or_built(self.programs.as_deref(), step)?)
    }

    /// Whether rows of this group are measured.
    pub(crate) fn is_wanted(&self, group: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == group)
    }

    /// A group that there is not is a mistake.
    pub(crate) fn check_groups(&self, known: &[&str]) -> Result<(), BenchError> {
        match self.only.iter().find(|only| !known.contains(&only.as_str())) {
            None => Ok(()),
            Some(unknown) => {
                let why = format!("there is no group `{unknown}`; there are: {}", known.join(", "));
                Err(BenchError::step("--only", why))
            }
        }
    }

    /// What measures the same again.
    pub(crate) fn command(&self, part: &str, input: &Input) -> String {
        self.command_of(&format!("{part} {}", input.flags))
    }

    /// The same of what has no input.
    pub(crate) fn command_of(&self, part: &str) -> String {
        let mut words = vec![
            "cargo run --release --locked -p pollux-tests --bin bench --".to_owned(),
            part.to_owned(),
            format!("--rounds {}", self.rounds),
            format!("--work {}", self.work.display()),
        ];
        words.extend(self.loop_ext4.map(|bytes| format!("--loop-ext4 {bytes}")));
        if !self.only.is_empty() {
            words.push(format!("--only {}", self.only.join(",")));
        }
        words.join(" ")
    }

    /// Files that cannot be written are told before anything is measured.
    pub(crate) fn check_files(&self) -> Result<(), BenchError> {
        for file in [&self.json, &self.html].into_iter().flatten() {
            let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
            if !directory.unwrap_or(Path::new(".")).is_dir() {
                return Err(BenchError::step(
                    format!("writing {}", file.display()),
                    "its directory is not there",
                ));
            }
        }
        Ok(())
    }
}
