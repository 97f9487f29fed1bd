//! When the nodes of a group boot, one after the other.

use crate::lots::Lots;
use crate::numbered::NodeNo;
use crate::scenario::Arrival;
use core::time::Duration;

/// See the module.
#[derive(Debug)]
pub(super) struct Arrivals<'a> {
    arrival: &'a Arrival,
    last: Duration,
    /// Nodes that have been asked for.
    asked: usize,
}

impl<'a> Arrivals<'a> {
    pub(super) const fn new(arrival: &'a Arrival) -> Self {
        Self { arrival, last: Duration::ZERO, asked: 0 }
    }

    /// How long after the group's `from` the next node, which this is, boots.
    pub(super) fn next(&mut self, lots: &Lots, no: NodeNo) -> Duration {
        let place = self.asked;
        self.asked += 1;
        match self.arrival {
            // A trace has been read when a scenario is run.
            Arrival::AllAtOnce | Arrival::Trace(_) => Duration::ZERO,
            Arrival::Spread(span) => Duration::from_micros(lots.below("arrival", u64::from(no.0), span.0)),
            Arrival::Poisson(apart) => {
                self.last += lots.exponential("arrival", u64::from(no.0), apart.duration());
                self.last
            }
            Arrival::Times(times) => times.get(place).map_or(Duration::ZERO, |time| time.duration()),
        }
    }
}
