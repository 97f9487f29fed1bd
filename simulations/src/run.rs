//! The story of every run: the seeds come, the first version of each cache is published by a node that is killed then; at the
//! beginning the groups' nodes boot, each when it is to, and their jobs restore; meanwhile later versions are published.

use crate::job::Outcome;
use crate::lots::Lots;
use crate::node::Role;
use crate::numbered::{NodeNo, VersionNo};
use crate::report::{Bound, Completion, Ended, Report};
use crate::scenario::{Behaviour, FaultKind, FaultSpec, Patience, Scenario, ScenarioError};
use crate::tally::Tally;
use crate::trace::Trace;
use crate::world::{Done, Reached, Violation, World};
use arrivals::Arrivals;
use core::time::Duration;
use pollux_core::engine::{FetchEnd, MissReason, PublishFailure};
use pollux_core::{Instant, ManifestId};
use recorder::Recorder;
use std::io;

mod arrivals;
mod recorder;
mod told;
mod unfinished;

/// Between the first savers' end and the beginning.
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
    let mut run = Run { world: World::new(scenario, trace), scenario, stopped: None, recorder: None };
    let report = run.story();
    run.world.trace.finish()?;
    Ok(report)
}

/// See the module.
#[derive(Debug)]
struct Run<'a> {
    world: World,
    scenario: &'a Scenario,
    /// Why it ended before its jobs.
    stopped: Option<String>,
    /// From the beginning on.
    recorder: Option<Recorder>,
}

impl Run<'_> {
    /// All of it.
    fn story(&mut self) -> Report {
        self.publish();
        let published = self.world.now();
        let begin = published.after(PAUSE);
        if self.published() {
            self.savers(1).into_iter().for_each(|(saver, _)| self.world.kill(saver));
            while self.step(begin) {}
            self.forget_tallies();
            self.recorder = Some(Recorder::new(begin));
            self.live(begin);
        }
        self.judge(begin);
        self.report(published, begin)
    }

    fn publish(&mut self) {
        let seeds = self.nodes(|role| role == Role::Seed);
        seeds.into_iter().for_each(|seed| self.world.boot(seed));
        for (saver, _) in self.savers(1) {
            self.world.boot_later(saver, Instant::ZERO);
        }
        self.drive_jobs(Instant::ZERO);
    }

    fn nodes(&self, of: impl Fn(Role) -> bool) -> Vec<NodeNo> {
        let all = self.world.nodes.iter();
        all.filter(|(_, node)| of(node.spec.role)).map(|(no, _)| no).collect()
    }

    /// Those that publish the first version of each cache, or all.
    fn savers(&self, up_to: u64) -> Vec<(NodeNo, VersionNo)> {
        let all = self.world.nodes.iter().filter_map(|(no, node)| match node.spec.role {
            Role::Saver { version, .. } => Some((no, version)),
            Role::Seed | Role::Operator { .. } | Role::Member { .. } => None,
        });
        all.filter(|(_, version)| self.world.content.version(*version).sequence <= up_to).collect()
    }

    /// Those that bring yanks, and which.
    fn operators(&self) -> Vec<(NodeNo, usize)> {
        let all = self.world.nodes.iter().filter_map(|(no, node)| match node.spec.role {
            Role::Operator { yank } => Some((no, yank)),
            Role::Seed | Role::Saver { .. } | Role::Member { .. } => None,
        });
        all.collect()
    }

    fn published(&self) -> bool {
        let published = self.world.done.iter().filter(|done| done.outcome == Outcome::Published).count();
        published == self.savers(1).len()
    }

    fn live(&mut self, begin: Instant) {
        self.world.begin_troubles(begin);
        for (no, yank) in self.operators() {
            let at = self.scenario.yanks.get(yank).map_or(Duration::ZERO, |yank| yank.at.duration());
            self.world.boot_later(no, begin.after(at));
        }
        for (saver, version) in self.savers(u64::MAX) {
            let version = self.world.content.version(version);
            if let Some(publish) = self.world.publish_of(version) {
                let at = begin.after(publish.at.duration());
                self.world.boot_later(saver, at);
            }
        }
        let (scenario, lots) = (self.scenario, Lots::new(self.scenario.rng_seed));
        for (number, group) in scenario.groups.iter().enumerate() {
            let mut arrivals = Arrivals::new(&group.arrival);
            let from = begin.after(group.from.duration());
            for no in self.nodes(|role| role == Role::Member { group: number }) {
                self.world.boot_later(no, from.after(arrivals.next(&lots, no)));
            }
        }
        self.drive_jobs(begin);
    }

    /// Lets events happen until every job is over.
    fn drive_jobs(&mut self, since: Instant) {
        let time_max = self.scenario.time_max;
        let what = if since == Instant::ZERO { "start: publishing took longer" } else { "beginning" };
        let end = since.after(time_max.duration());
        while self.world.jobs_open > 0 && self.stopped.is_none() {
            if !self.step(end) {
                self.stopped.get_or_insert(format!("`time_max` ({time_max}) has passed since the {what}"));
            }
        }
    }

    fn step(&mut self, until: Instant) -> bool {
        if self.world.events >= self.scenario.events_max {
            let at = self.world.told_time(self.world.now());
            self.stopped = Some(format!("`events_max` ({}) was reached at {at}", self.scenario.events_max));
            return false;
        }
        if let (Some(recorder), Some(next)) = (&mut self.recorder, self.world.next_at()) {
            recorder.look_until(&self.world, next.min(until));
        }
        self.world.step(until)
    }

    /// What is counted is from the beginning on.
    fn forget_tallies(&mut self) {
        self.world.reached = Reached::default();
        for node in self.world.nodes.items_mut() {
            node.tally = Tally::default();
        }
    }

    /// Restores of honest nodes.
    fn restores(&self) -> impl Iterator<Item = &Done> {
        self.world.done.iter().filter(|done| {
            let spec = self.world.nodes.at(done.node).spec;
            matches!(spec.role, Role::Member { .. }) && spec.behaviour == Behaviour::Honest
        })
    }

    fn bound(&self) -> Bound {
        Bound::new(self.scenario, &self.world.content)
    }

    /// Every job must have completed, none sooner than its links allow.
    fn judge(&mut self, begin: Instant) {
        let done = self.world.done.iter();
        let wrong: Vec<(Instant, NodeNo, Violation)> =
            done.filter_map(|done| Some((done.ended, done.node, self.violation_of(done, begin)?))).collect();
        for (at, no, violation) in wrong {
            self.world.violations.add(at, no, violation);
        }
        self.judge_unfinished(begin);
        self.judge_makespan(begin);
    }

    /// What must never happen, of how a job went.
    fn violation_of(&self, done: &Done, begin: Instant) -> Option<Violation> {
        if done.outcome != Outcome::Restored || !self.world.nodes.at(done.node).is_honest() {
            return None;
        }
        self.misuse(done).or_else(|| {
            let micros = micros(self.soonest(done, begin), done.ended);
            (micros > 0).then_some(Violation::TooFast { micros })
        })
    }

    /// Whether a job is over that should have completed, and has not.
    fn is_unfinished(&self, done: &Done, begin: Instant) -> bool {
        if !self.world.nodes.at(done.node).is_honest() {
            return false;
        }
        match &done.outcome {
            // A node whose life ends with its job under way is nobody's fault.
            Outcome::Restored | Outcome::Published | Outcome::Spread | Outcome::Gone => false,
            Outcome::NotPublished(PublishFailure::LostRace { .. }) if self.is_contested(done) => false,
            Outcome::NotPublished(_) if self.is_ever_taken_back(done.manifest) => false,
            Outcome::Missed(MissReason::Yanked) | Outcome::Lacked(FetchEnd::Yanked)
                if !self.scenario.yanks.is_empty() =>
            {
                false
            }
            Outcome::Missed(_)
            | Outcome::Lacked(_)
            | Outcome::TooSlow
            | Outcome::NotSpread
            | Outcome::NotPublished(_) => self.must_succeed(done, begin),
        }
    }

    /// While something is wrong a job may miss.
    fn must_succeed(&self, done: &Done, begin: Instant) -> bool {
        match self.scenario.heals_at {
            Patience::Off => true,
            Patience::For(heals) => done.began >= begin.after(heals.duration()),
        }
    }

    fn is_contested(&self, done: &Done) -> bool {
        let version = match self.world.nodes.at(done.node).spec.role {
            Role::Saver { version, .. } => self.world.content.version(version),
            Role::Seed | Role::Operator { .. } | Role::Member { .. } => return false,
        };
        self.world.publish_of(version).is_some_and(|publish| publish.builds > 1)
    }

    /// A job gets the newest version that was certified, and not taken back, when it asked. Answers that are handed on
    /// while seeds are away may be older, as the policy has it, but no older than what its own node has used.
    fn misuse(&self, done: &Done) -> Option<Violation> {
        let found = self.world.content.version(done.version?).sequence;
        if done.relayed {
            let newest = self.newest_used(done)?;
            return (found < newest).then_some(Violation::Stale { found, newest });
        }
        let before =
            || self.world.done.iter().filter(|other| other.cache == done.cache && other.ended < done.began);
        let mut taken_back = before().filter(|other| other.outcome == Outcome::Spread);
        if taken_back.any(|other| other.manifest == done.manifest) {
            return Some(Violation::Revoked { found });
        }
        let published = before().filter(|other| other.outcome == Outcome::Published);
        let lasting = published.filter(|other| !self.is_ever_taken_back(other.manifest));
        let newest = lasting.filter_map(|other| self.published_by(other.node)).max()?;
        (found < newest).then_some(Violation::Stale { found, newest })
    }

    /// The newest version of a job's cache that its node had restored before, and that is never taken back. Whose disk may have been lost
    /// need not know it any more.
    fn newest_used(&self, done: &Done) -> Option<u64> {
        let loses = |fault: &FaultSpec| matches!(fault.what, FaultKind::Crash { .. });
        if self
            .scenario
            .faults
            .iter()
            .enumerate()
            .any(|(place, fault)| loses(fault) && self.world.struck(place).contains(&done.node))
        {
            return None;
        }
        let own = self.world.done.iter().filter(|other| {
            other.node == done.node && other.cache == done.cache && other.ended <= done.began
        });
        let used = own.filter(|other| other.outcome == Outcome::Restored);
        let lasting = used.filter(|other| !self.is_ever_taken_back(other.manifest));
        lasting.filter_map(|other| Some(self.world.content.version(other.version?).sequence)).max()
    }

    /// Whether a manifest is taken back some time.
    fn is_ever_taken_back(&self, manifest: Option<ManifestId>) -> bool {
        manifest.is_some_and(|manifest| self.world.is_ever_yanked(&manifest))
    }

    fn published_by(&self, no: NodeNo) -> Option<u64> {
        match self.world.nodes.at(no).spec.role {
            Role::Saver { version, .. } => Some(self.world.content.version(version).sequence),
            Role::Seed | Role::Operator { .. } | Role::Member { .. } => None,
        }
    }

    /// The moment before which no job can have what its node lacked.
    fn soonest(&self, done: &Done, begin: Instant) -> Instant {
        let Some(group) = self.world.group_of(done.node) else { return begin };
        let took = Duration::from_micros(crate::report::time_us(done.lacked, group.down.0));
        done.began.after(took)
    }

    /// The crowd as a whole cannot be faster than all uplinks together.
    fn judge_makespan(&mut self, begin: Instant) {
        let (now, bound) = (self.world.now(), self.bound());
        if let Some(completion) = self.completion(begin)
            && u64::from(completion.completed) == self.wanted()
            && completion.makespan_us < bound.total_us
        {
            let micros = bound.total_us - completion.makespan_us;
            self.world.violations.add(now, NodeNo(0), Violation::TooFast { micros });
        }
    }

    /// Restores of honest nodes that there are to be.
    fn wanted(&self) -> u64 {
        let honest = self.scenario.groups.iter().filter(|group| group.behaviour == Behaviour::Honest);
        honest.map(|group| u64::from(group.count).saturating_mul(group.jobs())).sum()
    }

    /// Whether some jobs may end without their cache.
    fn may_miss(&self) -> bool {
        self.scenario.heals_at != Patience::Off || !self.scenario.yanks.is_empty()
    }

    fn completion(&self, begin: Instant) -> Option<Completion> {
        Completion::new(&self.ends(self.restores(), begin))
    }

    /// When restores ended, each beside the bound of its node's group.
    fn ends<'a>(&self, done: impl Iterator<Item = &'a Done>, begin: Instant) -> Vec<Ended> {
        let (bound, content) = (self.bound(), &self.world.content);
        let of = |group| bound.of_group(group, self.scenario, content);
        let bounds: Vec<u64> = self.scenario.groups.iter().map(of).collect();
        let bound_of = |no: NodeNo| match self.world.nodes.at(no).spec.role {
            Role::Member { group } => bounds.get(group).copied().unwrap_or(bound.total_us),
            Role::Seed | Role::Saver { .. } | Role::Operator { .. } => bound.total_us,
        };
        let ended = |done: &Done| Ended {
            at_us: micros(done.ended, begin),
            took_us: micros(done.ended, done.began),
            bound_us: bound_of(done.node),
        };
        done.filter(|done| done.outcome == Outcome::Restored).map(ended).collect()
    }
}

fn micros(at: Instant, since: Instant) -> u64 {
    u64::try_from(at.since(since).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
