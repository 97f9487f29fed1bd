//! Zones: what leads out of them and into them, what lies between them, and how long it takes.

use super::link::Shared;
use crate::numbered::{LinkNo, Numbered};
use crate::scenario::{Scenario, Zone};
use crate::units::Rate;
use core::time::Duration;
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Zones {
    zones: Vec<Place>,
    paths: BTreeMap<(usize, usize), Between>,
    latency: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    up: Option<LinkNo>,
    down: Option<LinkNo>,
    latency: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Between {
    link: Option<LinkNo>,
    latency: Option<Duration>,
}

impl Zones {
    /// The zones of a scenario; adds their links.
    pub(super) fn new(scenario: &Scenario, links: &mut Numbered<LinkNo, Shared>) -> Self {
        let mut shared = |rate: Option<Rate>| rate.map(|rate| links.push(Shared::new(rate.0)));
        let mut place = |zone: &Zone| Place {
            up: shared(zone.up),
            down: shared(zone.down),
            latency: zone.latency.map(|latency| latency.duration()),
        };
        let zones = scenario.zones.iter().map(&mut place).collect();
        let mut paths = BTreeMap::new();
        for path in &scenario.paths {
            if let (Some(from), Some(to)) = (scenario.zone(&path.from), scenario.zone(&path.to)) {
                let latency = path.latency.map(|latency| latency.duration());
                paths.insert((from, to), Between { link: shared(path.rate), latency });
            }
        }
        Self { zones, paths, latency: scenario.latency.duration() }
    }

    /// The links between two nodes' own.
    pub(super) fn way(&self, from: usize, to: usize) -> Vec<LinkNo> {
        if from == to {
            return Vec::new();
        }
        let (out, into) = (self.place(from).up, self.place(to).down);
        let between = self.paths.get(&(from, to)).and_then(|between| between.link);
        [out, between, into].into_iter().flatten().collect()
    }

    /// One way between nodes of these zones.
    pub(super) fn latency(&self, from: usize, to: usize) -> Duration {
        let inside = || self.place(from).latency;
        let between = || self.paths.get(&(from, to)).and_then(|between| between.latency);
        let said = if from == to { inside() } else { between() };
        said.unwrap_or(self.latency)
    }

    fn place(&self, zone: usize) -> Place {
        self.zones.get(zone).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Path;
    use crate::units::Span;

    fn zone(name: &str, up: Option<Rate>, latency: Option<Span>) -> Zone {
        Zone { name: name.to_owned(), up, down: None, latency }
    }

    #[test]
    fn zones_and_paths_say_what_lies_between() {
        let path = Path {
            from: "east".to_owned(),
            to: "west".to_owned(),
            latency: Some(Span(40_000)),
            rate: Some(Rate(5)),
        };
        let scenario = Scenario {
            zones: vec![zone("east", Some(Rate(9)), Some(Span(100))), zone("west", None, None)],
            paths: vec![path],
            ..Scenario::default()
        };
        let mut links = Numbered::default();
        let zones = Zones::new(&scenario, &mut links);
        let rates =
            |from, to| zones.way(from, to).iter().map(|link| links.at(*link).capacity).collect::<Vec<_>>();
        assert_eq!((rates(0, 1), rates(1, 0), rates(0, 0)), (vec![9, 5], vec![], vec![]));
        let micros = |from, to| zones.latency(from, to).as_micros();
        assert_eq!((micros(0, 1), micros(1, 0), micros(0, 0), micros(1, 1)), (40_000, 1_000, 100, 1_000));
    }
}
