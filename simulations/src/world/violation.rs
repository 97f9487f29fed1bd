//! What must never happen, and did.

use crate::numbered::NodeNo;
use core::fmt;
use pollux_core::Instant;

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
    #[error("its job did not complete: {0}")]
    Incomplete(String),
}

impl Violation {
    /// Whether something did not happen that should have; all else is what must never happen.
    pub(crate) const fn is_of_liveness(&self) -> bool {
        matches!(self, Self::Incomplete(_))
    }
}

/// All violations of a run.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    first: Vec<(Instant, NodeNo, Violation)>,
    count: u64,
    of_liveness: u64,
}

impl Violations {
    pub(crate) fn add(&mut self, at: Instant, node: NodeNo, violation: Violation) {
        self.count += 1;
        self.of_liveness += u64::from(violation.is_of_liveness());
        if self.first.len() < KEPT_MAX {
            self.first.push((at, node, violation));
        }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Those of safety.
    pub(crate) const fn of_safety(&self) -> u64 {
        self.count - self.of_liveness
    }

    /// The first of them, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(at, node, violation): &(Instant, NodeNo, Violation)| {
            Line { at: *at, node: *node, violation }.to_string()
        };
        self.first.iter().map(line).collect()
    }
}

struct Line<'a> {
    at: Instant,
    node: NodeNo,
    violation: &'a Violation,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} us, n{}: {}", self.at.as_micros(), self.node.0, self.violation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_violations_are_kept_and_all_are_counted() {
        let mut violations = Violations::default();
        for micros in 0..30 {
            violations.add(Instant::from_micros(micros), NodeNo(3), Violation::NoCredit("check"));
        }
        assert_eq!((violations.count(), violations.lines().len()), (30, KEPT_MAX));
        violations.add(Instant::ZERO, NodeNo(1), Violation::Incomplete(String::new()));
        assert_eq!((violations.count(), violations.of_safety()), (31, 30));
        assert_eq!(violations.lines()[1], "1 us, n3: an output of kind `check` without credit");
    }
}
