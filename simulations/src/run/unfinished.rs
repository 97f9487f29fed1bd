//! Jobs that should have completed and did not: whose, and in plain words why.

use super::{Run, micros};
use crate::job::Outcome;
use crate::node::Role;
use crate::numbered::NodeNo;
use crate::scenario::{Behaviour, Group, Patience};
use crate::world::{Done, Whose};
use pollux_core::Instant;
use pollux_core::engine::{FetchEnd, MissReason, PublishFailure};

impl Run<'_> {
    /// Tells of all of them.
    pub(super) fn judge_unfinished(&mut self, begin: Instant) {
        let over = self.world.done.iter().filter(|done| self.is_unfinished(done, begin));
        let mut all: Vec<(Instant, NodeNo, String)> =
            over.map(|done| (done.ended, done.node, why(done, self.world.group_of(done.node)))).collect();
        let open = self.world.nodes.iter().filter(|(_, node)| {
            let honest = node.spec.behaviour == Behaviour::Honest;
            node.job.is_some() && honest && node.spec.role != Role::Seed
        });
        let now = self.world.now();
        all.extend(open.map(|(no, _)| (now, no, "were still waiting when the run ended".to_owned())));
        for (at, no, why) in all {
            let whose = self.whose(no);
            self.world.violations.add_unfinished(at, whose, why);
        }
    }

    fn whose(&self, no: NodeNo) -> Whose {
        let role = self.world.nodes.at(no).spec.role;
        let (name, jobs) = match (role, self.world.group_of(no)) {
            (Role::Member { .. }, Some(group)) => {
                (group.name.clone(), u64::from(group.count).saturating_mul(group.jobs()))
            }
            (Role::Operator { .. }, _) => ("yanks".to_owned(), count(self.operators().len())),
            (Role::Saver { .. } | Role::Seed | Role::Member { .. }, _) => {
                ("publishes".to_owned(), count(self.savers(u64::MAX).len()))
            }
        };
        Whose { name, jobs }
    }
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What became of a job, after "2 of 3 jobs".
fn why(done: &Done, group: Option<&Group>) -> String {
    match &done.outcome {
        Outcome::TooSlow => gave_up(done, group),
        Outcome::Missed(reason) => {
            let deadline = group.map_or(Patience::Off, |group| group.answer_deadline);
            match (reason, deadline) {
                (MissReason::SeedsSilent, Patience::For(deadline)) => {
                    format!("missed: {reason} (`answer_deadline` {deadline})")
                }
                _ => format!("missed: {reason}"),
            }
        }
        Outcome::Lacked(end) => format!("lacked a chunk: {}", lacked(*end)),
        Outcome::NotPublished(failure) => format!("published nothing: {}", not_published(failure)),
        Outcome::NotSpread => "found too few seeds that keep the yank".to_owned(),
        Outcome::Restored | Outcome::Published | Outcome::Spread | Outcome::Gone => "are over".to_owned(),
    }
}

fn gave_up(done: &Done, group: Option<&Group>) -> String {
    let deadlines = group.map(|group| (group.total_deadline, group.progress_deadline));
    match deadlines {
        Some((Patience::For(total), _)) if micros(done.ended, done.began) >= total.0 => {
            format!("gave up after `total_deadline` {total}")
        }
        Some((_, Patience::For(progress))) => {
            format!("gave up after `progress_deadline` {progress} without a chunk")
        }
        _ => "gave up".to_owned(),
    }
}

const fn lacked(end: FetchEnd) -> &'static str {
    match end {
        FetchEnd::NoHolder => "nobody who was reachable held it",
        FetchEnd::NoProgress => "nothing moved for too long",
        FetchEnd::UnknownManifest => "the node did not know the manifest any more",
        FetchEnd::Yanked => "its version was taken back",
    }
}

const fn not_published(failure: &PublishFailure) -> &'static str {
    match failure {
        PublishFailure::NotBelieved(_) => "the manifest was not believed",
        PublishFailure::Incomplete { .. } => "chunks were missing",
        PublishFailure::BadTree => "the tree breaks a rule",
        PublishFailure::LostRace { .. } => "another manifest stands",
        PublishFailure::Refused(_) => "the seeds refused it",
        PublishFailure::SeedsSilent => "no seed answered",
        PublishFailure::Timeout => "it was not certified in time",
    }
}
