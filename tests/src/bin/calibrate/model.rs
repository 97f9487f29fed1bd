//! The simulator's crowd.

use crate::Arguments;
use pollux_sim::{ByteSize, CacheSpec, Group, Rate, Report, RunError, Scenario, Seeds, Span, Trace};

/// Why the simulator says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("in the simulator not every node completed, or a promise was broken: {}", .0.join("; "))]
    NotWell(Vec<String>),
}

/// Runs of the simulator, each with another rng seed: as with real daemons, chance moves every figure, and one run is no
/// median.
const RUNS: u64 = 9;
/// One way through namespaces, and a scheduler that has other things to do.
const LATENCY: Span = Span(200);
/// Of a link's bytes, those that TCP carries: 1,448 of each frame of 1,514. A real link is shaped by what is on the wire, a
/// simulated one by what is carried.
const CARRIED: (u64, u64) = (1_448, 1_514);

/// What the simulator says of the crowd, a run each.
pub(crate) fn runs(arguments: &Arguments, chunks: u32) -> Result<Vec<Report>, ModelError> {
    let seeds = (0..RUNS).map(|run| arguments.rng_seed.wrapping_add(run));
    seeds.map(|rng_seed| run(&Scenario { rng_seed, ..scenario(arguments, chunks) })).collect()
}

fn run(scenario: &Scenario) -> Result<Report, ModelError> {
    let report = pollux_sim::run(scenario, Trace::new())?;
    if report.verdict.ok { Ok(report) } else { Err(ModelError::NotWell(report.verdict.first_violations)) }
}

/// Chunks of real caches differ in length; here they have the same as the mean.
fn scenario(arguments: &Arguments, chunks: u32) -> Scenario {
    let (link, seed) = (carried(arguments.rate), carried(arguments.seed_rate()));
    let chunk_bytes = ByteSize(arguments.size.0.div_ceil(chunks.max(1).into()));
    Scenario {
        latency: LATENCY,
        seeds: Seeds { up: seed, down: seed, ..Seeds::default() },
        caches: vec![CacheSpec { size: arguments.size, chunk_bytes, ..CacheSpec::default() }],
        groups: vec![Group { count: arguments.nodes.into(), up: link, down: link, ..Group::default() }],
        ..Scenario::default()
    }
}

const fn carried(rate: Rate) -> Rate {
    Rate(rate.0.saturating_mul(CARRIED.0) / CARRIED.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn the_model_is_the_crowd_behind_links_without_their_headers() {
        let arguments = Arguments::parse_from(["calibrate", "--nodes", "3", "--rate", "12.112MB/s"]);
        let scenario = scenario(&arguments, 80);
        assert_eq!(scenario.check(), Ok(()));
        assert_eq!((scenario.nodes(), scenario.caches[0].chunk_bytes), (3, ByteSize(300_000)));
        assert_eq!([scenario.groups[0].up, scenario.seeds.up], [Rate(11_584_000); 2]);
    }

    #[test]
    fn runs_differ_by_their_rng_seeds() {
        let arguments = Arguments::parse_from(["calibrate", "--nodes", "3", "--size", "4MB"]);
        let runs = runs(&arguments, 16).unwrap();
        assert!(runs.windows(2).all(|pair| pair[0].trace.digest != pair[1].trace.digest));
    }
}
