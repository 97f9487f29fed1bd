//! What happens from outside, as the scenario says: for the report.

use super::World;
use crate::scenario::{FaultKind, FaultSpec};

/// Marks that are kept: more than a plot can show.
const MARKS_MAX: usize = 64;

impl World {
    /// A fault of the scenario begins.
    pub(super) fn mark_fault(&mut self, fault: &FaultSpec) {
        self.mark(format!("{}: {}", fault.whom, name(&fault.what)));
    }

    /// One ends.
    pub(super) fn mark_end(&mut self, fault: &FaultSpec) {
        self.mark(format!("{}: {} ends", fault.whom, name(&fault.what)));
    }

    /// Something happens now that is no doing of the nodes, in a few words.
    pub(super) fn mark(&mut self, what: String) {
        if self.marks.len() < MARKS_MAX {
            self.marks.push((self.now(), what));
        }
    }
}

const fn name(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Crash { .. } => "crash",
        FaultKind::Pause => "pause",
        FaultKind::Link { .. } => "other links",
        FaultKind::Delay(_) => "delay",
        FaultKind::Cut { .. } => "cut off",
        FaultKind::ClockAhead(_) => "clock ahead",
        FaultKind::ClockBehind(_) => "clock behind",
        FaultKind::Stale => "stale",
    }
}
