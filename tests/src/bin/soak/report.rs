//! What is told in the end.

use crate::jobs::{Counts, Tally};
use crate::watch::{Finding, Watch};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// One miss in so many restores is allowed: a node that has just come may not have met its seeds yet.
const MISS_ALLOWED_IN: u64 = 50;

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    counts: Counts,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(tally: Tally, watch: &Watch) -> Self {
        Self { counts: tally.counts(), findings: watch.findings() }
    }

    fn misses(&self) -> u64 {
        self.counts.misses.values().sum()
    }

    fn misses_little(&self) -> bool {
        self.misses() * MISS_ALLOWED_IN <= self.counts.hits
    }

    /// Whether nothing was wrong, something was done, and everything is flat.
    pub(crate) fn is_well(&self) -> bool {
        self.counts.trouble_count == 0
            && self.counts.saves > 0
            && self.counts.hits > 0
            && self.misses_little()
            && !self.findings.is_empty()
            && self.findings.iter().all(|finding| finding.is_flat)
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let counts = &self.counts;
        let mut text = format!(
            "\n{} nodes came, {} were stopped, {} killed. {} saves. {} restores, {} MiB, all as they were saved. {} jobs were cut off with their node.\n",
            counts.came,
            counts.stopped,
            counts.killed,
            counts.saves,
            counts.hits,
            counts.bytes_restored >> 20,
            counts.cut_off,
        );
        let allowed = if self.misses_little() { "" } else { ": TOO MANY" };
        text += &format!("{} misses {:?}{allowed}\n\n", self.misses(), counts.misses);
        text += &format!("{:12} {:12} {:>12} {:>12}\n", "who", "what", "early", "late");
        text.extend(self.findings.iter().map(Finding::line));
        text.extend(counts.troubles.iter().map(|trouble| format!("\nTROUBLE: {trouble}\n")));
        let verdict = if self.is_well() { "well" } else { "NOT WELL" };
        text + &format!("\n{verdict}: {} troubles", counts.trouble_count)
    }

    /// For programs.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, serde_json::to_string_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(change: impl FnOnce(&mut Report)) -> Report {
        let counts = Counts { saves: 1, hits: 100, ..Counts::default() };
        let flat = Finding { who: "seed".to_owned(), what: "memory", early: 1, late: 1, is_flat: true };
        let mut report = Report { counts, findings: vec![flat] };
        change(&mut report);
        report
    }

    #[test]
    fn all_is_well_only_where_nothing_is_wrong_and_something_was_done() {
        assert!(report(|_| {}).is_well());
        assert!(!report(|report| report.counts.trouble_count = 1).is_well());
        assert!(!report(|report| report.counts.saves = 0).is_well());
        assert!(!report(|report| report.counts.hits = 0).is_well());
        assert!(!report(|report| report.findings.clear()).is_well(), "nobody looked");
        let grows = report(|report| report.findings[0].is_flat = false);
        assert!(!grows.is_well() && grows.text().contains("GROWS") && grows.text().contains("NOT WELL"));
    }

    #[test]
    fn a_miss_in_fifty_is_allowed() {
        let missed = |count| report(|report| report.counts.misses.extend([("no-holder".to_owned(), count)]));
        assert!(missed(2).is_well());
        assert!(!missed(3).is_well() && missed(3).text().contains("TOO MANY"));
    }
}
