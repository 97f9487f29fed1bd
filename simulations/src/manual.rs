//! What `--help` says besides the flags: the manual.

/// The table of exit codes.
macro_rules! exit_codes {
    () => {
        "\
Exit codes, the first that holds:
  0  all is well
  1  a file could not be written
  2  the command or the scenario is wrong
  3  safety: something happened that must never happen
  4  liveness: a job did not complete, or the run was ended by `events_max` or `time_max`
  5  expectation: a figure is beyond what the scenario expects
  6  coverage: the run did not go through what the scenario says it must"
    };
}

/// Of the program.
pub(crate) const EXIT_CODES: &str = exit_codes!();

/// Of `run`.
pub(crate) const RUN: &str = concat!(
    "\
The story: for each cache a node comes that holds its first version, publishes it to the seeds and is killed. That is the \
beginning. Then the groups' nodes boot, join, and each restores its caches as jobs do. The network shares links as a fluid; \
control messages take latency only.

The result is compared with what no crowd can beat, where S is a cache with its tree, N the nodes:
  T >= max(S / seeds' uplinks, S / downlink, N * S / (seeds' uplinks + sum of uplinks))

A scenario is a file in TOML, or one that comes along: `pollux-sim scenarios` lists those, and `pollux-sim scenarios reference` \
explains every field and word. A file says `version = 1`, or what differs from one that comes along and that it extends; flags \
go before it:
  extends = \"boot-storm\"
  [seeds]
  count = 3
  [[zones]]
  name = \"east\"
  up = \"10Gbit/s\"
  [[groups]]
  name = \"crowd\"
  count = 1000
  behaviour = \"honest\"       # junk, stalling, false-haves, slow, draining, framing, sybil, replaying, forging, garbage
  arrival = \"poisson 10ms\"   # all-at-once, within a time: 30s, or each at its own: { times = [\"0s\", \"1.5s\"] }, or
                             # { trace = \"FILE\" }; then `count` may be left out
  life = \"5min\"              # and then exit = killed or vanished
  [[faults]]
  at = \"5s\"
  lasts = \"10s\"             # without it: to the end
  whom = \"seeds\"            # everybody, a group, zone/NAME
  share = \"50%\"             # drawn
  what = { crash = { disk = \"wiped\" } }  # or kept, or { aged = \"3s\" }; or what = \"pause\", or what = { link = { up, down } },
                             # { delay = TIME }, { cut = { from = \"zone/east\", one_way = true } }, { clock-behind = TIME },
                             # { clock-ahead = TIME }; of seeds what = \"stale\", too: they hear of nothing new
  [[publishes]]              # a version that is published meanwhile, by several builds at once if need be
  cache = \"cache\"
  at = \"20s\"
  builds = 2
  [[yanks]]                  # one that is taken back
  cache = \"cache\"
  version = 2
  at = \"40s\"

A group needs `count`, unless `arrival` has their times. A `behaviour` other than honest makes it a group that is not counted: \
the run ends without waiting for its jobs. Machines that are merely slow are `up`, `down` and `disk`.

All times count from the beginning: `at`, `from`, traces, `time_max`, and what reports tell (in seconds). Only what \
`--trace` writes counts from the start, before anything was published.

Seeds that are slow for a time are a `link` of whom = \"seeds\" (`slow-seeds`). No more seeds are bad or stale at a time than the \
pool withstands: one of four, two of seven (`stale-seeds`).

A trace is a text beside the scenario's file, of 2 MiB at most: a time in each line, in order, since the group's `from`; in \
seconds, or with a unit; `#` begins a comment. Reports, `replay --scenario` and `shrink` have its times in them, and need no \
other file. `pollux-sim scenarios ci-morning.trace` prints one.

Links are shared fairly, but hear a few milliseconds later of what has changed elsewhere, which is off by a few per cent. \
With --exact, or sharing = \"exact\" in the file, they are shared anew at every change: slow, and so for 128 nodes and seeds \
at most.

Sizes: B kB MB GB KiB MiB GiB. Rates: B/s kB/s MB/s GB/s KiB/s MiB/s GiB/s bit/s kbit/s Mbit/s Gbit/s. Times: us ms s min h.

Checks: no node finishes sooner than its links allow; a job gets what it asked for, checked, and nothing else; engines \
do nothing without credit, and stay within their limits; no honest peer is distrusted; nobody restores what was taken back, \
what is older than the newest that was certified before, or what no publisher signed, and no two manifests of one sequence \
are certified; every job completes, from `heals_at` on if the scenario has that.

A scenario may say what is expected of a run, and what the run must have gone through to show anything:
  coverage = [\"junk\", \"ban\"]  # hedge, stall, late, duplicate, left, fault, restart, garbage, disbelieved, withdrawn, lie
  [[expectations]]
  figure = \"p99-ratio\"       # see below
  group = \"crowd\"
  at_most = 1.3              # or at_least, or both; \"2%\" is 0.02
Figures, of all honest jobs or of a group: makespan, p50, p99, max (seconds); the same with -ratio (over the bound); \
completed-share. Of the whole run: seed-copies, duplicate-share, late-share, junk-share, control-share, \
messages-per-node-second, bans, upload-gini.

Output: text, or with --json one object whose `version` is 4. The trace digest covers every input and output of every \
engine; equal digests mean equal runs.

",
    exit_codes!()
);

/// Of `diff`.
pub(crate) const DIFF: &str = "\
A scenario is run for it. Reports of another version are refused: what they measured may be something else.

Exit codes: 0 both could be read, whatever came; 1 the table could not be written; 2 one is no report and no scenario.";

/// Of `table`.
pub(crate) const TABLE: &str = "\
The table is Markdown, a row as soon as its run has ended; `run` tells more of one of them. Ratios are over what no crowd can \
beat, copies what seeds gave.

The exit code is that of the worst run: 3 safety, 4 liveness, 5 expectation, 6 coverage; 1 the table could not be written; 2 a \
scenario is wrong.";

/// Of `hunt`.
pub(crate) const HUNT: &str = "\
Each rng seed draws a scenario: liars, later versions, yanks, up to eight faults of machines, links and clocks, and a seed that is stale, until ten \
seconds before the base's `heals_at`. Then everything ends, and a part of the nodes is gone for good. Jobs that begin before \
`heals_at` may miss, and only what must never happen fails a run; every later one must get what is newest.

No more seeds are bad or stale, or lose their disk, than a pool of that many withstands.

Each failure is told with the command that repeats it. Exit codes: as of `run`; of several failures the worst.";

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_sim::{Class, Cover, Figure, Report, Scenario, TRACE_BYTES_MAX};

    #[test]
    fn the_manual_names_all_that_there_is() {
        let said = |word: &str| assert!(RUN.contains(word), "{word}");
        Cover::ALL.iter().for_each(|cover| said(cover.name()));
        let ratio = |figure: &Figure| figure.name().ends_with("-ratio");
        Figure::ALL.iter().filter(|figure| !ratio(figure)).for_each(|figure| said(figure.name()));
        said(&format!("`version` is {}", Report::VERSION));
        said(&format!("for {} nodes and seeds", Scenario::EXACT_NODES_MAX));
        said(&format!("of {} MiB", TRACE_BYTES_MAX >> 20));
        for class in [Class::Safety, Class::Liveness, Class::Expectation, Class::Coverage] {
            said(&format!("  {}  {}: ", class.exit_code(), class.name()));
        }
    }
}
