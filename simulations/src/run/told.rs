//! What a run comes to, as its report tells it.

use super::{Run, micros};
use crate::job::Outcome;
use crate::node::Role;
use crate::report::{
    Broken, Calibration, Completion, Crossing, Fairness, Figures, GroupReport, Jobs, Report, TraceReport,
    Traffic, Verdict, percentiles,
};
use crate::scenario::{Behaviour, FaultSpec};
use crate::tally::Tally;
use pollux_core::Instant;

impl Run<'_> {
    pub(super) fn report(&mut self, published: Instant, begin: Instant) -> Report {
        let completion = self.completion(begin);
        let (traffic, groups, fairness) = (self.traffic(begin), self.groups(begin), self.fairness());
        let bans = self.world.reached.bans;
        let figures = Figures::of_jobs(completion.as_ref(), self.wanted());
        let figures = figures.with_traffic(&traffic, bans, fairness.gini);
        Report {
            version: Report::VERSION,
            command: String::new(),
            scenario: self.scenario.clone(),
            verdict: self.verdict(&figures, &groups),
            notes: self.notes(),
            publish_us: micros(published, Instant::ZERO),
            bound: self.bound(),
            completion,
            percentiles_us: percentiles(&self.ends(self.restores(), begin)),
            figures,
            groups,
            traffic,
            crossings: self.crossings(),
            bans,
            fairness,
            series: self.recorder.take().map(|recorder| recorder.finish(&self.world)).unwrap_or_default(),
            calibration: Calibration::measured(),
            trace: TraceReport { facts: self.world.trace.facts(), digest: self.world.trace.digest() },
            events: self.world.events,
            speed: None,
        }
    }

    fn verdict(&mut self, figures: &Figures, groups: &[GroupReport]) -> Verdict {
        let jobs = self.jobs();
        let violations = &self.world.violations;
        let broken = Broken {
            violations: violations.count(),
            of_safety: violations.of_safety(),
            first: self.world.violation_lines(),
        };
        let of_group = |name: &str| groups.iter().find(|group| group.name == name);
        let figures = |group: Option<&str>| match group {
            None => Some(figures),
            Some(name) => of_group(name).map(|group| &group.figures),
        };
        Verdict::new(self.scenario, jobs, broken, figures, |cover| self.world.reached.count(cover))
    }

    /// Faults that were still to come.
    fn notes(&self) -> Vec<String> {
        let now = self.world.now();
        let faults = (0_usize..).zip(&self.scenario.faults);
        let late = faults.filter(|(_, fault)| !self.world.has_come(fault.at.duration()));
        let ended = self.world.told_time(now);
        late.map(|(place, FaultSpec { at, whom, what, .. })| {
            let name = what.name();
            format!("`faults.{place}` ({whom}: {name}, at {at}) had not begun when the run ended at {ended}")
        })
        .collect()
    }

    fn jobs(&mut self) -> Jobs {
        let count = |outcome: &Outcome| {
            let done = self.restores().filter(|done| done.outcome == *outcome).count();
            u32::try_from(done).unwrap_or(u32::MAX)
        };
        let (completed, gone) = (count(&Outcome::Restored), count(&Outcome::Gone));
        let (of, may_miss) = (self.wanted(), self.may_miss());
        Jobs { completed, gone, of, may_miss, stopped: self.stopped.take() }
    }

    fn groups(&self, begin: Instant) -> Vec<GroupReport> {
        let of = |number: usize| {
            let role = Role::Member { group: number };
            let done =
                self.world.done.iter().filter(move |done| self.world.nodes.at(done.node).spec.role == role);
            let ends = self.ends(done, begin);
            (Completion::new(&ends), percentiles(&ends))
        };
        let all = self.scenario.groups.iter().enumerate();
        all.map(|(number, group)| {
            let jobs = u64::from(group.count) * group.jobs();
            let (completion, percentiles_us) = of(number);
            let figures = Figures::of_jobs(completion.as_ref(), jobs);
            GroupReport {
                name: group.name.clone(),
                behaviour: group.behaviour,
                jobs,
                completion,
                percentiles_us,
                figures,
            }
        })
        .collect()
    }

    fn traffic(&self, begin: Instant) -> Traffic {
        let (mut sum, mut seeds) = (Tally::default(), 0);
        for (_, node) in self.world.nodes.iter() {
            sum.add(&node.tally);
            if node.spec.role == Role::Seed {
                seeds += node.tally.given_bytes;
            }
        }
        let elapsed_us = micros(self.world.now(), begin);
        let copy = self.bound().copy_bytes;
        Traffic::new(&sum, seeds, copy, (self.scenario.nodes(), elapsed_us))
    }

    /// What each zone gave to each other.
    fn crossings(&self) -> Vec<Crossing> {
        let (copy, zones) = (self.bound().copy_bytes, &self.scenario.zones);
        let mut given = vec![Tally::default(); zones.len()];
        for (_, node) in self.world.nodes.iter() {
            given.get_mut(node.spec.zone).into_iter().for_each(|sum| sum.add(&node.tally));
        }
        let pairs = zones.iter().zip(&given).flat_map(|(from, sum)| {
            let others = zones.iter().enumerate().filter(move |(_, to)| to.name != from.name);
            others.map(move |(place, to)| {
                (from, to, sum.crossed_bytes.get(&place).copied().unwrap_or_default())
            })
        });
        pairs.map(|(from, to, bytes)| Crossing::new(&from.name, &to.name, bytes, copy)).collect()
    }

    /// Of honest nodes of groups.
    fn fairness(&self) -> Fairness {
        let all = self.world.nodes.iter().map(|(_, node)| node);
        let honest = all.filter(|node| {
            matches!(node.spec.role, Role::Member { .. }) && node.spec.behaviour == Behaviour::Honest
        });
        Fairness::new(honest.map(|node| node.tally.given_bytes).collect())
    }
}
