//! Two hundred fixed hunts, and those that found something once.
#![expect(clippy::panic, reason = "what tests call may fail like tests")]

use pollux_sim::{Scenario, Trace};

/// Those of a fixed share of the rng seeds from 1 to 200.
fn hunt(rng_seeds: impl Iterator<Item = u64>) {
    let base = Scenario::ready("hunt").unwrap_or_else(|error| panic!("{error}"));
    for rng_seed in rng_seeds {
        let scenario = pollux_sim::draw(&base, rng_seed);
        let report =
            pollux_sim::run(&scenario, Trace::new()).unwrap_or_else(|error| panic!("{rng_seed}: {error}"));
        assert!(report.verdict.ok, "pollux-sim replay {rng_seed}\n{report}");
    }
}

macro_rules! hunts {
    ($($name:ident $from:literal,)*) => {$(
        #[test]
        fn $name() {
            hunt($from..$from + 25);
        }
    )*};
}

hunts! {
    rng_seeds_from_1 1,
    rng_seeds_from_26 26,
    rng_seeds_from_51 51,
    rng_seeds_from_76 76,
    rng_seeds_from_101 101,
    rng_seeds_from_126 126,
    rng_seeds_from_151 151,
    rng_seeds_from_176 176,
}

/// A connection that broke while one end stood still came up again before that end had heard of it: no driver does that. A node
/// that started again into a cut could not be reached for as long as its dials last, and the cut ended too late for that.
#[test]
fn rng_seeds_that_found_something() {
    hunt([1431, 1875, 3345].into_iter());
}
