//! What happens in a pool, one file for each story: each takes inputs and answers, moves the engine's state and asks
//! for what comes next.
mod answer;
mod catch_up;
mod crowded;
mod drive;
mod exchange;
mod fetch;
mod hand_back;
mod hearsay;
mod job;
mod join;
mod journal;
mod keep;
mod kin;
mod list;
mod log;
mod lose;
mod meet;
mod mingle;
mod offer;
mod papers;
mod place;
mod prove;
mod publish;
mod pull;
mod recover;
mod rejudge;
mod relay;
mod renew;
mod resolve;
mod room;
mod share;
mod spread;
mod stop;
mod takeover;
mod talk;
mod vote;
mod whole;
mod zone;

use crate::engine::state::tasks::{AfterRecord, AfterSign, AfterSync, AfterVerify};
use crate::engine::{Engine, Event, JobId, JobReply, Output, Record, Statement, Work};
use crate::message::Control;
use crate::{ManifestId, PeerId, Trust};
use std::sync::Arc;

/// What an alarm is for; one of each name at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// Dial, or give up on a dial that nothing is heard of.
    Dial(PeerId),
    /// A peer has to have proven its membership.
    Standing(PeerId),
    /// A peer's membership ends.
    Member(PeerId),
    /// A member that was asked whether it is there has had its time.
    Probe(PeerId),
    /// A peer that is one too many has shown whether it is of use.
    Trial(PeerId),
    /// Ask a seed to let us in, or to renew.
    Join(PeerId),
    /// Something about a question is due.
    Question(JobId),
    /// A publish ends.
    Publish(JobId),
    /// A busy seed is offered again.
    Offer(JobId),
    /// A listing is answered from what there is.
    Listing(JobId),
    /// A job is told that no seed has answered about the log.
    Log(JobId),
    /// A seed hands out relayed answers.
    Relay,
    /// Ask for neighbours again.
    Mingle(ManifestId),
    /// See whether members have what they say.
    Proofs,
    /// Ask a seed what is new there.
    CatchUp(PeerId),
    /// Ask a seed which papers it goes by.
    Papers(PeerId),
    /// A job is told who keeps its papers.
    Spread(JobId),
    /// A busy seed is brought papers again.
    Bring(JobId),
    /// Judge a further piece of what is known again.
    Rejudge,
    /// A seed sums up what it refused and did not log.
    Refusals,
}

impl Engine {
    fn send(&mut self, peer: PeerId, message: Control) {
        self.outbox.send(peer, message);
    }

    fn event(&mut self, event: Event) {
        self.outbox.push(Output::Event(event));
    }

    fn reply(&mut self, job: JobId, reply: JobReply) {
        self.outbox.push(Output::Reply { job, reply: Box::new(reply) });
    }

    fn verify(&mut self, origin: Option<PeerId>, work: Work, then: AfterVerify) {
        let trust = self.config.trust.clone();
        self.verify_by(trust, origin, work, then);
    }

    fn verify_by(&mut self, trust: Arc<Trust>, origin: Option<PeerId>, work: Work, then: AfterVerify) {
        let task = self.tasks.start_verify(origin, then);
        self.outbox.push(Output::Verify { task, work: Box::new(work), trust });
    }

    fn sign(&mut self, origin: Option<PeerId>, statement: Statement, then: AfterSign) {
        let task = self.tasks.start_sign(origin, then);
        self.outbox.push(Output::Sign { task, statement: Box::new(statement) });
    }

    fn record(&mut self, origin: Option<PeerId>, record: Record, then: AfterRecord) {
        let task = self.tasks.start_record(origin, then);
        self.outbox.push(Output::Record { task, record: Box::new(record) });
    }

    fn sync(&mut self, origin: Option<PeerId>, then: AfterSync) {
        let task = self.tasks.start_sync(origin, then);
        self.outbox.push(Output::Sync { task });
    }
}
