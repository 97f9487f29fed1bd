//! The calibration: the same crowd with real daemons and in the simulator, and how far the one is from the other.
//!
//! ```text
//! figures  what both are compared by
//! model    the simulator's crowd
//! report   the table, and the file that reports cite
//! ```

mod figures;
mod model;
mod report;

use clap::Parser;
use figures::Figures;
use pollux_sim::{ByteSize, Rate};
use pollux_tests::crowd::{Crowd, CrowdError, CrowdPlan, Wave};
use pollux_tests::lan::{LanError, Link};
use pollux_tests::{Programs, ProgramsError, say, step};
use report::Report;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// This machine cannot do it: this is not root, or namespaces are not allowed.
const CANNOT: u8 = 3;
const INTERRUPTED: u8 = 130;

/// Run a crowd of real daemons in network namespaces behind shaped links, and the same crowd in the simulator; print both
/// beside each other, with the error of the simulator. Needs root, `ip` and `tc`; all that it makes is removed at the end.
///
/// Cores that are busy most of the time make the daemons the limit, not the links: take slower links then. Exit status:
/// 0 every error is within its bar; 1 one is not, or something failed; 3 this machine cannot make such a network.
///
///   cargo run --release -p pollux-tests --bin calibrate -- --json calibration.json
#[derive(Debug, Parser)]
#[command(name = "calibrate")]
struct Arguments {
    /// Nodes
    #[arg(long, value_name = "COUNT", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=200))]
    nodes: u16,
    /// The cache
    #[arg(long, value_name = "BYTES", default_value = "24MB")]
    size: ByteSize,
    /// A node's link, each way
    #[arg(long, value_name = "RATE", default_value = "16Mbit/s")]
    rate: Rate,
    /// The seed's link, each way [default: as a node's]
    #[arg(long, value_name = "RATE")]
    seed_rate: Option<Rate>,
    /// Crowds; figures are medians of them
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// What chance begins with, in the cache's bytes and in the simulator
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    rng_seed: u64,
    /// Take `pollux` and `pollux-node` from this directory, instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Make everything below this directory [default: in memory]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Write every figure to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Arguments {
    fn seed_rate(&self) -> Rate {
        self.seed_rate.unwrap_or(self.rate)
    }

    fn plan(&self) -> Result<CrowdPlan, CalibrateError> {
        let bits = |rate: Rate| rate.0.saturating_mul(8);
        let link = |rate| Link { up: bits(rate), down: bits(rate) };
        Ok(CrowdPlan {
            nodes: self.nodes,
            cache_bytes: usize::try_from(self.size.0).map_err(io::Error::other)?,
            link: link(self.rate),
            seed_link: link(self.seed_rate()),
            rng_seed: self.rng_seed,
            work: self.work.clone(),
        })
    }
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
enum CalibrateError {
    #[error(transparent)]
    Crowd(#[from] CrowdError),
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    #[error(transparent)]
    Model(#[from] model::ModelError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("interrupted; every process is stopped, and every namespace and file removed")]
    Interrupted,
}

impl CalibrateError {
    fn status(&self) -> ExitCode {
        match self {
            Self::Crowd(CrowdError::Lan(LanError::NotRoot | LanError::Command { .. })) => {
                ExitCode::from(CANNOT)
            }
            Self::Interrupted => ExitCode::from(INTERRUPTED),
            Self::Crowd(_) | Self::Programs(_) | Self::Model(_) | Self::Io(_) => ExitCode::FAILURE,
        }
    }
}

fn main() -> ExitCode {
    match calibrate(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing better can be done where standard error is gone.
            drop(writeln!(io::stderr(), "calibrate: {error}"));
            error.status()
        }
    }
}

/// Whether every error is within its bar.
fn calibrate(arguments: &Arguments) -> Result<bool, CalibrateError> {
    let interrupted = pollux_tests::interruption()?;
    pollux_tests::lan::Lan::open().map_err(CrowdError::from)?;
    let programs = Programs::given_or_built(arguments.programs.as_deref(), step)?;
    let plan = arguments.plan()?;
    let mut rounds = Vec::new();
    let mut chunks = 0;
    for round in 1..=arguments.rounds {
        step(&format!("Round {round} of {}: {} real nodes", arguments.rounds, arguments.nodes));
        let (wave, content_chunks) = real(&programs, &plan, &interrupted)?;
        say(&report::line(&Figures::of_wave(&wave), wave.busy));
        rounds.push(wave);
        chunks = content_chunks;
    }
    step("The same in the simulator");
    let report = Report::new(arguments, &rounds, &model::runs(arguments, chunks)?);
    say(&report.text());
    if let Some(file) = &arguments.json {
        report.write(file)?;
    }
    Ok(report.is_within())
}

/// One crowd of real daemons, and how many chunks its cache has.
fn real(
    programs: &Programs,
    plan: &CrowdPlan,
    interrupted: &AtomicBool,
) -> Result<(Wave, u32), CalibrateError> {
    let stop = || if interrupted.load(Ordering::Relaxed) { Err(CalibrateError::Interrupted) } else { Ok(()) };
    stop()?;
    // What is interrupted fails in its own way, which is of no interest then.
    let crowd = Crowd::start(programs, plan).or_else(|error| stop().and(Err(error.into())))?;
    stop()?;
    let wave = crowd.restore(0..plan.nodes.into()).or_else(|error| stop().and(Err(error.into())))?;
    stop()?;
    Ok((wave, crowd.cached.content_chunks))
}
