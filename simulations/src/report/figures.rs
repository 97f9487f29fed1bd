//! Figures by their names: what expectations are about, and what two runs are compared by.

use super::numbers::ratio;
use super::{Completion, Traffic};
use crate::scenario::Figure;
use serde::Serialize;
use std::collections::BTreeMap;

/// Those that there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<Figure, f64>);

impl Figures {
    /// One of them.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }

    /// All of them, in the order in which they are told.
    pub fn iter(&self) -> impl Iterator<Item = (Figure, f64)> {
        self.0.iter().map(|(figure, value)| (*figure, *value))
    }

    /// Of jobs, of which there were to be so many.
    pub(crate) fn of_jobs(completion: Option<&Completion>, jobs: u64) -> Self {
        let completed = completion.map_or(0, |took| took.completed);
        let share = (Figure::CompletedShare, ratio(completed, jobs));
        let times = completion.into_iter().flat_map(|took| {
            [
                (Figure::Makespan, seconds(took.makespan_us)),
                (Figure::P50, seconds(took.p50_us)),
                (Figure::P99, seconds(took.p99_us)),
                (Figure::Max, seconds(took.max_us)),
                (Figure::MakespanRatio, took.makespan_ratio),
                (Figure::P50Ratio, took.p50_ratio),
                (Figure::P99Ratio, took.p99_ratio),
                (Figure::MaxRatio, took.max_ratio),
            ]
        });
        times.chain([share]).collect()
    }

    /// Adds those of the whole run.
    pub(crate) fn with_traffic(mut self, traffic: &Traffic, bans: u64, upload_gini: f64) -> Self {
        let arrived = traffic.arrived_bytes;
        self.0.extend([
            (Figure::SeedCopies, traffic.seed_copies),
            (Figure::DuplicateShare, ratio(traffic.duplicate_bytes, arrived)),
            (Figure::LateShare, ratio(traffic.late_bytes, arrived)),
            (Figure::JunkShare, ratio(traffic.junk_bytes, arrived.saturating_add(traffic.junk_bytes))),
            (Figure::ControlShare, traffic.message_share),
            (Figure::MessagesPerNodeSecond, traffic.messages_per_node_second),
            (Figure::Bans, ratio(bans, 1_u64)),
            (Figure::UploadGini, upload_gini),
        ]);
        self
    }
}

impl FromIterator<(Figure, f64)> for Figures {
    fn from_iter<I: IntoIterator<Item = (Figure, f64)>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

fn seconds(micros: u64) -> f64 {
    ratio(micros, 1_000_000_u64)
}

#[cfg(test)]
mod tests {
    use super::super::Ended;
    use super::*;
    use crate::tally::Tally;

    #[test]
    fn of_groups_are_those_of_jobs() {
        let took = Completion::new(&[Ended { at_us: 3_000_000, took_us: 2_500_000, bound_us: 2_000_000 }]);
        let figures = Figures::of_jobs(took.as_ref(), 4);
        let told: Vec<Figure> = figures.iter().map(|(figure, _)| figure).collect();
        let of_groups: Vec<Figure> = Figure::ALL.into_iter().filter(|figure| figure.is_of_groups()).collect();
        assert_eq!(told, of_groups);
        assert_eq!(figures.get(Figure::Makespan), Some(3.0));
        assert_eq!(figures.get(Figure::MaxRatio), Some(1.25));
        assert_eq!(figures.get(Figure::CompletedShare), Some(0.25));
    }

    #[test]
    fn the_whole_run_has_all() {
        let mut tally = Tally::default();
        tally.arrived(60, false);
        tally.arrived(20, true);
        (tally.late_bytes, tally.junk_bytes) = (20, 25);
        let traffic = Traffic::new(&tally, 150, 100, (1, 1_000_000));
        let took = Completion::new(&[Ended { at_us: 3, took_us: 2, bound_us: 1 }]);
        let figures = Figures::of_jobs(took.as_ref(), 1).with_traffic(&traffic, 3, 0.5);
        assert_eq!(figures.iter().map(|(figure, _)| figure).collect::<Vec<_>>(), Figure::ALL);
        let get = |figure| figures.get(figure).unwrap();
        assert_eq!((get(Figure::SeedCopies), get(Figure::DuplicateShare)), (1.5, 0.2));
        assert_eq!((get(Figure::LateShare), get(Figure::JunkShare), get(Figure::Bans)), (0.2, 0.2, 3.0));
    }
}
