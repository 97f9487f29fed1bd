//! The flags of `run`: a scenario file, and what goes before it.

use crate::files;
use clap::Args;
use pollux_sim::{Arrival, ByteSize, Patience, Rate, Scenario, Sharing, Span};
use std::path::PathBuf;

/// See the module. A flag that is not given leaves what the file says, or the default.
#[derive(Debug, Args)]
pub(crate) struct RunFlags {
    /// A scenario: a file in TOML, or the name of one that comes along (see below) [default: crowd]
    #[arg(value_name = "SCENARIO", hide_default_value = true)]
    scenario: Option<String>,
    /// Nodes of the group, 1 to 20000, where there is one [default: 50]
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
    /// Share links by exact max-min fairness at every change, as the check of what is done otherwise, which is off by a few
    /// per cent: slow, and for 128 nodes and seeds at most
    #[arg(long)]
    exact: bool,
    /// Virtual time at most; a run that takes longer has failed [default: 1h]
    #[arg(long, value_name = "TIME")]
    time_max: Option<Span>,
    /// Events at most; a run that would take more is not begun [default: 500000000]
    #[arg(long, value_name = "COUNT")]
    events_max: Option<u64>,
    /// Makes every random choice repeatable [default: 1]
    #[arg(long, value_name = "NUMBER")]
    rng_seed: Option<u64>,
    #[command(flatten)]
    pub(crate) shown: ShownFlags,
}

/// Where a run is told.
#[derive(Debug, Args)]
pub(crate) struct ShownFlags {
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report as a page of HTML, too, that needs nothing else: with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write every input and output of every engine to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

impl RunFlags {
    /// The scenario that is named, with the flags over it; its bounds are not looked at.
    ///
    /// # Errors
    /// What is wrong with the file, or with a flag that does not fit it.
    pub(crate) fn scenario(&self) -> Result<Scenario, String> {
        let name = self.scenario.as_deref().unwrap_or("crowd");
        self.over(files::named(name)?)
    }

    fn over(&self, mut scenario: Scenario) -> Result<Scenario, String> {
        self.over_caches(&mut scenario)?;
        self.over_groups(&mut scenario)?;
        set(&mut scenario.seeds.up, self.seed_up);
        set(&mut scenario.seeds.down, self.seed_up);
        set(&mut scenario.latency, self.latency);
        set(&mut scenario.time_max, self.time_max);
        set(&mut scenario.events_max, self.events_max);
        set(&mut scenario.rng_seed, self.rng_seed);
        set(&mut scenario.sharing, self.exact.then_some(Sharing::Exact));
        Ok(scenario)
    }

    fn over_caches(&self, scenario: &mut Scenario) -> Result<(), String> {
        if self.size.is_none() && self.chunk_bytes.is_none() {
            return Ok(());
        }
        let [cache] = scenario.caches.as_mut_slice() else {
            return Err(
                "the scenario has several caches: say their sizes in a file that `extends` it".to_owned()
            );
        };
        set(&mut cache.size, self.size);
        set(&mut cache.chunk_bytes, self.chunk_bytes);
        Ok(())
    }

    /// Flags about nodes are about those of all groups, but how many there are.
    fn over_groups(&self, scenario: &mut Scenario) -> Result<(), String> {
        if let Some(nodes) = self.nodes {
            let [group] = scenario.groups.as_mut_slice() else {
                return Err(
                    "the scenario has several groups: say how many in a file that `extends` it".to_owned()
                );
            };
            group.count = nodes;
        }
        for group in &mut scenario.groups {
            set(&mut group.up, self.up);
            set(&mut group.down, self.down);
            set(&mut group.arrival, self.arrival.clone());
            set(&mut group.answer_deadline, self.answer_deadline);
            set(&mut group.progress_deadline, self.progress_deadline);
            set(&mut group.total_deadline, self.total_deadline);
        }
        Ok(())
    }

    /// What repeats the run, as it was given.
    pub(crate) fn command(&self) -> String {
        fn flag<T: ToString>(name: &str, value: Option<T>) -> Option<String> {
            value.map(|value| format!("--{name} '{}'", value.to_string()))
        }
        let flags = [
            flag("nodes", self.nodes),
            flag("size", self.size),
            flag("chunk-bytes", self.chunk_bytes),
            flag("up", self.up),
            flag("down", self.down),
            flag("seed-up", self.seed_up),
            flag("latency", self.latency),
            flag("arrival", self.arrival.as_ref()),
            flag("answer-deadline", self.answer_deadline),
            flag("progress-deadline", self.progress_deadline),
            flag("total-deadline", self.total_deadline),
            flag("time-max", self.time_max),
            flag("events-max", self.events_max),
            flag("rng-seed", self.rng_seed),
            self.exact.then(|| "--exact".to_owned()),
        ];
        let words =
            ["pollux-sim run".to_owned(), self.scenario.clone().unwrap_or_else(|| "crowd".to_owned())];
        let words: Vec<String> = words.into_iter().chain(flags.into_iter().flatten()).collect();
        // Quotes only where a shell needs them.
        words.join(" ").replace('\'', "").replace("poisson ", "poisson\\ ")
    }
}

fn set<T>(field: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use pollux_sim::{CacheSpec, Group};

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
        let words = "small-crowd --nodes 7 --size 1MiB --chunk-bytes 64KiB --up 1000001B/s --down 16Mbit/s --seed-up 24Mbit/s \
                     --latency 5ms --arrival 30s --answer-deadline 3s --progress-deadline off --total-deadline 2min \
                     --time-max 10min --events-max 12345 --rng-seed 99 --exact";
        let scenario = parsed(words);
        let group = &scenario.groups[0];
        assert_eq!((group.count, group.up, group.down), (7, Rate(1_000_001), Rate(2_000_000)));
        assert_eq!((group.progress_deadline, scenario.seeds.up), (Patience::Off, Rate(3_000_000)));
        assert_eq!((scenario.events_max, scenario.rng_seed), (12_345, 99));
        assert_eq!([scenario.sharing, parsed("small-crowd").sharing], [Sharing::Exact, Sharing::Settled]);
        let given =
            Cli::try_parse_from(std::iter::once("run").chain(words.split_whitespace())).unwrap().flags;
        assert_eq!(
            given.command(),
            format!("pollux-sim run {}", words.split_whitespace().collect::<Vec<_>>().join(" "))
        );
    }

    #[test]
    fn flags_that_do_not_fit_are_refused() {
        let refused = |words: &str| {
            let words = std::iter::once("run").chain(words.split_whitespace());
            Cli::try_parse_from(words).unwrap().flags.scenario().unwrap_err()
        };
        assert!(refused("hostile-tenth --nodes 3").contains("several groups"));
        assert!(refused("long-tail --size 1MiB").contains("several caches"));
        assert!(refused("nowhere.toml").contains("boot-storm"));
    }

    #[test]
    fn the_help_names_the_true_defaults() {
        let command = <Cli as clap::CommandFactory>::command();
        let (scenario, group, cache) = (Scenario::default(), Group::default(), CacheSpec::default());
        let defaults = [
            ("nodes", group.count.to_string()),
            ("size", cache.size.to_string()),
            ("chunk_bytes", cache.chunk_bytes.to_string()),
            ("up", group.up.to_string()),
            ("down", group.down.to_string()),
            ("seed_up", scenario.seeds.up.to_string()),
            ("latency", scenario.latency.to_string()),
            ("arrival", group.arrival.to_string()),
            ("answer_deadline", group.answer_deadline.to_string()),
            ("progress_deadline", group.progress_deadline.to_string()),
            ("total_deadline", group.total_deadline.to_string()),
            ("time_max", scenario.time_max.to_string()),
            ("events_max", scenario.events_max.to_string()),
            ("rng_seed", scenario.rng_seed.to_string()),
        ];
        for (name, value) in defaults {
            let flag = command.get_arguments().find(|flag| flag.get_id().as_str() == name).unwrap();
            let help = flag.get_help().unwrap().to_string();
            assert!(help.contains(&format!("[default: {value}]")), "{name}: {help}, but {value}");
        }
        let exact = command.get_arguments().find(|flag| flag.get_id().as_str() == "exact").unwrap();
        let help = exact.get_help().unwrap().to_string();
        assert!(help.contains(&format!("for {} nodes and seeds", Scenario::EXACT_NODES_MAX)), "{help}");
        assert_eq!(parsed(""), Scenario::ready("crowd").unwrap());
    }
}
