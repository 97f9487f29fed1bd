//! What must never happen, and did.

use super::World;
use crate::node::Role;
use crate::numbered::NodeNo;
use crate::report::Seconds;
use core::time::Duration;
use pollux_core::Instant;
use std::collections::BTreeMap;

/// Violations that are kept; more only count.
const KEPT_MAX: usize = 20;

/// A promise that was broken: the engine's, or the simulator's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("an output of kind `{0}` without credit")]
    NoCredit(&'static str),
    #[error("a chunk that was not checked is {0}")]
    NotChecked(&'static str),
    #[error("a chunk that is not held is {0}")]
    NotHeld(&'static str),
    #[error("a job got a chunk that it had not asked for")]
    Unasked,
    #[error("an output names a {0} that there is not")]
    Unknown(&'static str),
    #[error("an honest peer is distrusted: {0}")]
    Distrusted(String),
    #[error("it finished {micros} us sooner than its links allow: the simulator is wrong")]
    TooFast { micros: u64 },
    #[error("it restored version {found} of a cache, and version {newest} was certified before it asked")]
    Stale { found: u64, newest: u64 },
    #[error("it restored version {found} of a cache, which was taken back before it asked")]
    Revoked { found: u64 },
    #[error("a manifest that no publisher signed was certified")]
    Untrusted,
    #[error("two manifests of sequence {sequence} were certified")]
    Forked { sequence: u64 },
    #[error("{what}: {is}, and at most {max} are allowed")]
    OverLimit { what: &'static str, is: usize, max: usize },
}

/// Jobs that are told of together, and how many there are in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose {
    pub(crate) name: String,
    pub(crate) jobs: u64,
}

/// All violations of a run: what must never happen, and jobs that did not complete.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    first: Vec<(Instant, NodeNo, Violation)>,
    count: u64,
    /// How many jobs did not complete, and when the first ended, by whose they were and why.
    unfinished: BTreeMap<(Whose, String), (u64, Instant)>,
}

impl Violations {
    pub(crate) fn add(&mut self, at: Instant, node: NodeNo, violation: Violation) {
        self.count += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push((at, node, violation));
        }
    }

    /// A job did not complete.
    pub(crate) fn add_unfinished(&mut self, at: Instant, whose: Whose, why: String) {
        let (count, first) = self.unfinished.entry((whose, why)).or_insert((0, at));
        *count += 1;
        *first = at.min(*first);
    }

    pub(crate) fn count(&self) -> u64 {
        self.unfinished.values().fold(self.count, |sum, (count, _)| sum.saturating_add(*count))
    }

    /// Those of safety.
    pub(crate) const fn of_safety(&self) -> u64 {
        self.count
    }
}

impl World {
    /// The first of what must never happen, and then of what did not happen that should have, for people.
    pub(crate) fn violation_lines(&self) -> Vec<String> {
        let violations = &self.violations;
        let never = violations.first.iter().map(|(at, no, violation)| {
            format!("{}, {}: {violation}", self.told_time(*at), self.told_node(*no))
        });
        let unfinished = violations.unfinished.iter().map(|((whose, why), (count, first))| {
            let Whose { name, jobs } = whose;
            format!("{name}: {count} of {jobs} jobs {why} (the first at {})", self.told_time(*first))
        });
        never.chain(unfinished.take(KEPT_MAX)).collect()
    }

    /// Whether a time after the beginning is reached.
    pub(crate) fn has_come(&self, after: Duration) -> bool {
        self.begun && self.begin.after(after) <= self.now()
    }

    /// A time for people: since the beginning, if that has come.
    pub(crate) fn told_time(&self, at: Instant) -> String {
        let between = |later: Instant, earlier: Instant| {
            Seconds(u64::try_from(later.since(earlier).as_micros()).unwrap_or(u64::MAX))
        };
        if !self.begun {
            format!("{} after the start", between(at, Instant::ZERO))
        } else if at < self.begin {
            format!("{} before the beginning", between(self.begin, at))
        } else {
            between(at, self.begin).to_string()
        }
    }

    fn told_node(&self, no: NodeNo) -> String {
        let of = match self.nodes.at(no).spec.role {
            Role::Seed => "of the seeds",
            Role::Saver { .. } => "that publishes",
            Role::Operator { .. } => "that takes back",
            Role::Member { .. } => {
                return self
                    .group_of(no)
                    .map_or_else(String::new, |group| format!("n{} of {}", no.0, group.name));
            }
        };
        format!("n{} {of}", no.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::trace::Trace;

    fn whose(name: &str) -> Whose {
        Whose { name: name.to_owned(), jobs: 40 }
    }

    #[test]
    fn the_first_violations_are_kept_and_all_are_counted() {
        let mut world = World::new(&Scenario::default(), Trace::new());
        for micros in 0..30 {
            world.violations.add(
                Instant::from_micros(micros * 1_000),
                NodeNo(3),
                Violation::NoCredit("check"),
            );
        }
        assert_eq!((world.violations.count(), world.violation_lines().len()), (30, KEPT_MAX));
        world.violations.add_unfinished(Instant::ZERO, whose("crowd"), "gave up".to_owned());
        assert_eq!((world.violations.count(), world.violations.of_safety()), (31, 30));
        let line = &world.violation_lines()[1];
        assert_eq!(line, "0.001 s after the start, n3 of crowd: an output of kind `check` without credit");
    }

    #[test]
    fn times_count_from_the_beginning() {
        let mut world = World::new(&Scenario::default(), Trace::new());
        let at = Instant::from_micros;
        world.begin_troubles(at(1_500_000));
        world.violations.add(at(1_000_000), NodeNo(0), Violation::Unasked);
        world.violations.add(at(2_000_000), NodeNo(1), Violation::Unasked);
        for (micros, name) in [(4_000_000, "thin"), (3_500_000, "thin"), (5_000_000, "wide")] {
            world.violations.add_unfinished(at(micros), whose(name), "gave up".to_owned());
        }
        let begins = [
            "0.500 s before the beginning, n0 of the seeds: a job got",
            "0.500 s, n1 that publishes: a job got",
            "thin: 2 of 40 jobs gave up (the first at 2.000 s)",
            "wide: 1 of 40 jobs gave up (the first at 3.500 s)",
        ];
        let lines = world.violation_lines();
        assert_eq!(lines.len(), begins.len());
        assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{lines:?}");
    }
}
