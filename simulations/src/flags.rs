//! The flags of `run`: a scenario file, and what goes before it.

use clap::Args;
use pollux_sim::{Arrival, ByteSize, Patience, Rate, Scenario, Span};
use std::path::PathBuf;

/// See the module. A flag that is not given leaves what the file says, or the default.
#[derive(Debug, Args)]
pub(crate) struct RunFlags {
    /// A scenario in TOML.
    #[arg(value_name = "SCENARIO.toml")]
    file: Option<PathBuf>,
    /// Nodes of the crowd, 1 to 10000 [default: 50]
    #[arg(long, value_name = "N", hide_default_value = true)]
    nodes: Option<u32>,
    /// Plain bytes of the cache; its chunks do not compress [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    size: Option<ByteSize>,
    /// Plain bytes of a chunk, 4KiB to 1MiB [default: 256KiB]
    #[arg(long, value_name = "SIZE")]
    chunk_bytes: Option<ByteSize>,
    /// Each node's uplink [default: 1Gbit/s]
    #[arg(long, value_name = "RATE")]
    up: Option<Rate>,
    /// Each node's downlink [default: 1Gbit/s]
    #[arg(long, value_name = "RATE")]
    down: Option<Rate>,
    /// The seed's link, each way [default: 1Gbit/s]
    #[arg(long, value_name = "RATE")]
    seed_up: Option<Rate>,
    /// One way between any two nodes [default: 1ms]
    #[arg(long, value_name = "TIME")]
    latency: Option<Span>,
    /// When nodes boot: `all-at-once`, or each at a random moment of this time [default: all-at-once]
    #[arg(long, value_name = "all-at-once|TIME")]
    arrival: Option<Arrival>,
    /// How long a job waits for the first answer [default: off]
    #[arg(long, value_name = "off|TIME")]
    answer_deadline: Option<Patience>,
    /// How long a job waits without any chunk [default: off]
    #[arg(long, value_name = "off|TIME")]
    progress_deadline: Option<Patience>,
    /// How long a job waits in all [default: off]
    #[arg(long, value_name = "off|TIME")]
    total_deadline: Option<Patience>,
    /// Virtual time at most; a run that takes longer has failed [default: 60min]
    #[arg(long, value_name = "TIME")]
    time_max: Option<Span>,
    /// Events at most; a run that would take more is not begun [default: 500000000]
    #[arg(long, value_name = "COUNT")]
    events_max: Option<u64>,
    /// Makes every random choice repeatable [default: 1]
    #[arg(long, value_name = "NUMBER")]
    rng_seed: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write every input and output of every engine to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

impl RunFlags {
    /// The file's scenario, or the default, with the flags over it; its bounds are not looked at.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn scenario(&self) -> Result<Scenario, String> {
        let file = match &self.file {
            None => Scenario::default(),
            Some(path) => {
                let said = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| said(&error))?;
                Scenario::from_toml(&text).map_err(|error| said(&error))?
            }
        };
        Ok(self.over(file))
    }

    fn over(&self, file: Scenario) -> Scenario {
        Scenario {
            nodes: self.nodes.unwrap_or(file.nodes),
            size: self.size.unwrap_or(file.size),
            chunk_bytes: self.chunk_bytes.unwrap_or(file.chunk_bytes),
            up: self.up.unwrap_or(file.up),
            down: self.down.unwrap_or(file.down),
            seed_up: self.seed_up.unwrap_or(file.seed_up),
            latency: self.latency.unwrap_or(file.latency),
            arrival: self.arrival.unwrap_or(file.arrival),
            answer_deadline: self.answer_deadline.unwrap_or(file.answer_deadline),
            progress_deadline: self.progress_deadline.unwrap_or(file.progress_deadline),
            total_deadline: self.total_deadline.unwrap_or(file.total_deadline),
            time_max: self.time_max.unwrap_or(file.time_max),
            events_max: self.events_max.unwrap_or(file.events_max),
            rng_seed: self.rng_seed.unwrap_or(file.rng_seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        flags: RunFlags,
    }

    fn parsed(words: &str) -> Scenario {
        let words = std::iter::once("run").chain(words.split_whitespace());
        Cli::try_parse_from(words).unwrap().flags.scenario().unwrap()
    }

    #[test]
    fn a_run_can_be_repeated_by_its_command() {
        let scenario = Scenario {
            nodes: 7,
            size: ByteSize(1 << 20),
            chunk_bytes: ByteSize(64 << 10),
            up: Rate(1_000_001),
            down: Rate(2_000_000),
            seed_up: Rate(3_000_000),
            latency: Span(5_000),
            arrival: Arrival::Spread(Span(30_000_000)),
            answer_deadline: Patience::For(Span(3_000_000)),
            progress_deadline: Patience::For(Span(10_000_000)),
            total_deadline: Patience::For(Span(120_000_000)),
            time_max: Span(600_000_000),
            events_max: 12_345,
            rng_seed: 99,
        };
        let command = scenario.command();
        assert_eq!(parsed(command.strip_prefix("pollux-sim run").unwrap()), scenario);
        assert_eq!(parsed(""), Scenario::default());
    }

    #[test]
    fn the_help_names_the_true_defaults() {
        let command = <Cli as clap::CommandFactory>::command();
        let fields = toml_of(&Scenario::default());
        for (field, value) in &fields {
            let flag = command.get_arguments().find(|flag| flag.get_id().as_str() == field).unwrap();
            let help = flag.get_help().unwrap().to_string();
            assert!(help.contains(&format!("[default: {value}]")), "{field}: {help}, but {value}");
        }
        assert_eq!(fields.len(), 14);
    }

    fn toml_of(scenario: &Scenario) -> Vec<(String, String)> {
        let text = toml::to_string(scenario).unwrap();
        let field =
            |line: &str| line.split_once(" = ").map(|(a, b)| (a.to_owned(), b.trim_matches('"').to_owned()));
        text.lines().filter_map(field).collect()
    }
}
