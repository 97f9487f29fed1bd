//! Whether the nodes of a group can come as it says.

use super::check::{LIST_MAX, NODES_MAX, RATE_MAX, RATE_MIN, TIME_MAX, bounded, rates};
use super::{Arrival, Group, Patience, Scenario, ScenarioError};
use crate::units::Span;

impl Scenario {
    pub(super) fn check_group(&self, group: &Group) -> Result<(), ScenarioError> {
        let field = |name: &str| format!("groups.{}.{name}", group.name);
        self.check_arrival(group)?;
        bounded(&field("count"), group.count, 1, u32::try_from(NODES_MAX).unwrap_or(u32::MAX))?;
        rates(&format!("groups.{}", group.name), group.up, group.down)?;
        self.zone_there(&field("zone"), &group.zone)?;
        for (name, caches) in [("restores", &group.restores), ("holds", &group.holds)] {
            bounded(&field(name), caches.len(), 0, LIST_MAX)?;
            caches.iter().try_for_each(|cache| self.cache_there(&field(name), cache))?;
        }
        group.disk.map_or(Ok(()), |disk| bounded(&field("disk"), disk, RATE_MIN, RATE_MAX))?;
        bounded(&field("from"), group.from, Span(0), self.time_max)?;
        let waits = [
            ("life", group.life),
            ("again_at", group.again_at),
            ("answer_deadline", group.answer_deadline),
            ("progress_deadline", group.progress_deadline),
            ("total_deadline", group.total_deadline),
        ];
        waits.into_iter().try_for_each(|(name, patience)| match patience {
            Patience::For(span) => bounded(&field(name), span, Span(1), TIME_MAX),
            Patience::Off => Ok(()),
        })
    }

    fn check_arrival(&self, group: &Group) -> Result<(), ScenarioError> {
        let field = format!("groups.{}.arrival", group.name);
        match &group.arrival {
            Arrival::AllAtOnce => Ok(()),
            Arrival::Spread(span) | Arrival::Poisson(span) => bounded(&field, *span, Span(1), self.time_max),
            Arrival::Times(times) => self.check_times(group, &field, times),
            Arrival::Trace(file) => {
                let why = format!(
                    "nobody has read `{file}`: write its times, as `{{ times = [\"0s\", \"1.5s\"] }}`"
                );
                Err(ScenarioError::Contradicts { field, why })
            }
        }
    }

    fn check_times(&self, group: &Group, field: &str, times: &[Span]) -> Result<(), ScenarioError> {
        let place = |place: usize| format!("{field}.times.{place}");
        let early = times.windows(2).position(|pair| matches!(pair, [before, time] if time < before));
        if let Some(early) = early {
            let why = "it is earlier than the one before: put them in order".to_owned();
            return Err(ScenarioError::Contradicts { field: place(early + 1), why });
        }
        let Some(last) = times.last() else {
            let why = "it has no time: write one for each node, like \"1.5s\"".to_owned();
            return Err(ScenarioError::Contradicts { field: format!("{field}.times"), why });
        };
        bounded(&place(times.len() - 1), *last, Span(0), self.time_max)?;
        if usize::try_from(group.count).is_ok_and(|count| count == times.len()) {
            return Ok(());
        }
        let why = format!(
            "{} nodes cannot come at {} times: leave `count` out (and `--nodes`), or give as many",
            group.count,
            times.len()
        );
        Err(ScenarioError::Contradicts { field: format!("groups.{}.count", group.name), why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(count: u32, arrival: Arrival) -> String {
        let groups = vec![Group { count, arrival, ..Group::default() }];
        Scenario { groups, ..Scenario::default() }.check().expect_err("it contradicts itself").to_string()
    }

    fn times(seconds: &[u64]) -> Arrival {
        Arrival::Times(seconds.iter().map(|seconds| Span(seconds * 1_000_000)).collect())
    }

    #[test]
    fn times_are_in_order_in_bounds_and_as_many_as_nodes() {
        let early = refused(3, times(&[0, 5, 4]));
        assert!(early.starts_with("`groups.crowd.arrival.times.2` cannot be: it is earlier"), "{early}");
        let late = refused(2, times(&[0, 3_601]));
        assert!(late.starts_with("`groups.crowd.arrival.times.1` is 3601s, and must be from 0 to"), "{late}");
        let few = refused(3, times(&[0, 1]));
        assert!(
            few.starts_with("`groups.crowd.count` cannot be: 3 nodes cannot come at 2 times: leave"),
            "{few}"
        );
        let none = refused(0, times(&[]));
        assert!(
            none.starts_with("`groups.crowd.arrival.times` cannot be: it has no time: write one"),
            "{none}"
        );
    }

    #[test]
    fn a_trace_that_nobody_has_read_is_refused() {
        let refused = refused(1, Arrival::Trace("x.trace".to_owned()));
        assert!(refused.contains("`groups.crowd.arrival` cannot be: nobody has read `x.trace`"), "{refused}");
    }
}
