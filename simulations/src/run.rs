//! The story of every run: one node publishes the cache to the seed and is killed; then the crowd boots and each of its
//! jobs restores.

use crate::job::{Job, Outcome};
use crate::lots::Lots;
use crate::numbered::NodeNo;
use crate::report::{Bound, Completion, Report, TraceReport, Traffic, Verdict};
use crate::scenario::{Arrival, Scenario, ScenarioError};
use crate::tally::Tally;
use crate::trace::Trace;
use crate::world::{Fault, SEED, World};
use core::time::Duration;
use pollux_core::Instant;
use std::io;

const SAVER: NodeNo = NodeNo(1);
const CROWD_FIRST: u32 = 2;
/// Between the saver's end and the crowd's beginning.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario cannot be run.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The trace's text could not be written.
    #[error("the trace cannot be written: {0}")]
    Trace(#[from] io::Error),
}

/// Runs a scenario. What goes wrong in it stands in the report; equal scenarios give equal reports.
///
/// # Errors
/// Where the scenario is out of bounds, or the trace's text cannot be written.
pub fn run(scenario: &Scenario, trace: Trace) -> Result<Report, RunError> {
    scenario.check()?;
    let mut run = Run { world: World::new(scenario, trace), scenario, stopped: None };
    run.publish();
    let published = run.world.now();
    let begin = published.after(PAUSE);
    if run.published() {
        run.world.kill(SAVER);
        while run.step(begin) {}
        run.forget_tallies();
        run.crowd(begin);
    }
    run.judge(begin);
    let report = run.report(published, begin);
    run.world.trace.finish()?;
    Ok(report)
}

#[derive(Debug)]
struct Run<'a> {
    world: World,
    scenario: &'a Scenario,
    /// Why it ended before its jobs.
    stopped: Option<String>,
}

impl Run<'_> {
    fn publish(&mut self) {
        self.world.boot(SEED);
        self.world.boot_and_publish(SAVER);
        self.drive_jobs();
    }

    fn published(&self) -> bool {
        let saver = self.world.jobs().find(|(no, _)| *no == SAVER);
        saver.is_some_and(|(_, job)| matches!(job.ended, Some((_, Outcome::Published))))
    }

    fn crowd(&mut self, begin: Instant) {
        for no in self.crowd_numbers() {
            self.world.boot_later(no, begin.after(self.arrival(no)));
        }
        self.drive_jobs();
    }

    fn crowd_numbers(&self) -> impl Iterator<Item = NodeNo> + use<> {
        (CROWD_FIRST..CROWD_FIRST.saturating_add(self.scenario.nodes)).map(NodeNo)
    }

    fn arrival(&self, no: NodeNo) -> Duration {
        match self.scenario.arrival {
            Arrival::AllAtOnce => Duration::ZERO,
            Arrival::Spread(span) => {
                let lots = Lots::new(self.scenario.rng_seed);
                Duration::from_micros(lots.below("arrival", u64::from(no.0), span.0))
            }
        }
    }

    /// Lets events happen until every job is over.
    fn drive_jobs(&mut self) {
        let end = Instant::ZERO.after(self.scenario.time_max.duration());
        while self.world.jobs_open > 0 && self.stopped.is_none() {
            if !self.step(end) {
                self.stopped.get_or_insert(format!("`time_max` ({}) has passed", self.scenario.time_max));
            }
        }
    }

    fn step(&mut self, until: Instant) -> bool {
        if self.world.events >= self.scenario.events_max {
            self.stopped = Some(format!("`events_max` ({}) was reached", self.scenario.events_max));
            return false;
        }
        self.world.step(until)
    }

    /// What is counted is the crowd's.
    fn forget_tallies(&mut self) {
        for node in self.world.nodes.items_mut() {
            node.tally = Tally::default();
        }
    }

    fn bound(&self) -> Bound {
        Bound::new(self.scenario, self.world.cache.bytes())
    }

    /// Every job must have completed, none sooner than its links allow.
    fn judge(&mut self, begin: Instant) {
        let (now, bound) = (self.world.now(), self.bound());
        let wrong: Vec<(NodeNo, Fault)> =
            self.world.jobs().filter_map(|(no, job)| Some((no, fault_of(job, begin, &bound)?))).collect();
        for (no, fault) in wrong {
            self.world.faults.add(now, no, fault);
        }
        self.judge_makespan(begin);
    }

    /// The crowd as a whole cannot be faster than all uplinks together.
    fn judge_makespan(&mut self, begin: Instant) {
        let (now, bound) = (self.world.now(), self.bound());
        if let Some(completion) = self.completion(begin)
            && completion.completed == self.scenario.nodes
            && completion.makespan_us < bound.total_us
        {
            let micros = bound.total_us - completion.makespan_us;
            self.world.faults.add(now, SEED, Fault::TooFast { micros });
        }
    }

    fn completion(&self, begin: Instant) -> Option<Completion> {
        let restored = |job: &Job| match job.ended {
            Some((at, Outcome::Restored)) => Some((micros(at, begin), micros(at, job.began))),
            Some(_) | None => None,
        };
        let ends: Vec<(u64, u64)> = self.world.jobs().filter_map(|(_, job)| restored(job)).collect();
        Completion::new(&ends, self.bound().total_us)
    }

    fn report(&mut self, published: Instant, begin: Instant) -> Report {
        let completion = self.completion(begin);
        let traffic = self.traffic(begin);
        let completed = completion.as_ref().map_or(0, |completion| completion.completed);
        let verdict = Verdict {
            ok: self.world.faults.count() == 0 && self.stopped.is_none() && completed == self.scenario.nodes,
            completed,
            of: self.scenario.nodes,
            faults: self.world.faults.count(),
            first_faults: self.world.faults.lines(),
            stopped: self.stopped.take(),
        };
        Report {
            version: Report::VERSION,
            command: self.scenario.command(),
            scenario: self.scenario.clone(),
            verdict,
            publish_us: micros(published, Instant::ZERO),
            bound: self.bound(),
            completion,
            traffic,
            trace: TraceReport { facts: self.world.trace.facts(), digest: self.world.trace.digest() },
            events: self.world.events,
            speed: None,
        }
    }

    fn traffic(&self, begin: Instant) -> Traffic {
        let mut sum = Tally::default();
        for (_, node) in self.world.nodes.iter() {
            sum.add(&node.tally);
        }
        let elapsed_us = micros(self.world.now(), begin);
        let seed = self.world.nodes.at(SEED).tally.given_bytes;
        Traffic::new(&sum, seed, self.world.cache.bytes(), (self.scenario.nodes, elapsed_us))
    }
}

/// What is wrong with how a job went.
fn fault_of(job: &Job, begin: Instant, bound: &Bound) -> Option<Fault> {
    match &job.ended {
        Some((at, Outcome::Restored)) => {
            let soonest = job.began.after(Duration::from_micros(bound.down_us));
            let soonest = soonest.max(begin.after(Duration::from_micros(bound.seed_us)));
            let micros = micros(soonest, *at);
            (micros > 0).then_some(Fault::TooFast { micros })
        }
        Some((_, Outcome::Published)) => None,
        Some((_, other)) => Some(Fault::Incomplete(format!("{other:?}"))),
        None => Some(Fault::Incomplete("it was still waiting".to_owned())),
    }
}

fn micros(at: Instant, since: Instant) -> u64 {
    u64::try_from(at.since(since).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
