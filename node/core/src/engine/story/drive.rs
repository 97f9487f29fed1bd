//! Where each input goes.
use super::Alarm;
use crate::engine::state::tasks::{AfterRecord, AfterSign, AfterSync, AfterVerify};
use crate::engine::transfer::{TransferOutput, Wanter};
use crate::engine::{AskId, Credit, DropReason, Engine, Event, Input, Output, StoreFailure, TaskId, Verdict};
use crate::message::Decline;
use crate::{ChunkId, Envelope, Now};

impl Engine {
    /// One input.
    pub(in crate::engine) fn take(&mut self, now: Now, input: Input) {
        match input {
            Input::Timeout => self.on_timeout(now),
            Input::Credit(credit) => self.on_credit(credit),
            Input::Recovered(certified) => self.on_recovered(now, certified),
            Input::RecoveredVote { manifest, receipt } => self.on_recovered_vote(manifest, receipt),
            Input::RecoveredBallot(vote) => self.on_recovered_ballot(vote),
            Input::RecoveredShare(share) => self.shares.recover(share),
            Input::RecoveredUse { manifest, used } => self.uses.recover(manifest, used),
            Input::Evicted { manifests } => self.on_evicted(now, &manifests),
            Input::Room { bytes, bytes_max } => self.on_room(bytes, bytes_max),
            Input::Tidy => self.on_tidy(now),
            Input::Stopping => self.on_stopping(),
            Input::Marked { epoch } => self.on_marked(epoch),
            Input::RecoveredPapers(papers) => self.on_recovered_papers(now, papers),
            Input::RecoveredSeen { seed, epoch } => drop(self.wholeness.note_seen(seed, epoch)),
            Input::Admitted { membership } => self.on_admitted(now, membership),
            Input::Connected { peer, address, dialled } => {
                self.on_connected(now, peer, address);
                self.note_direction(&peer, dialled);
            }
            Input::Disconnected { peer } => self.on_disconnected(now, peer),
            Input::DialFailed { peer } => self.on_dial_failed(now, peer),
            Input::Message { peer, message } => self.on_message(now, peer, *message),
            Input::Misbehaved { peer, offence } => self.offended(now, peer, offence),
            Input::Job { job, request } => self.on_job(now, job, request),
            Input::JobLeft { job } => self.on_job_left(now, job),
            Input::ChunkLost { chunk } => self.on_chunk_lost(now, chunk),
            Input::FrameArrived { .. }
            | Input::FetchFailed { .. }
            | Input::Checked { .. }
            | Input::Kept { .. }
            | Input::Asked { .. }
            | Input::TakenBack { .. }
            | Input::Served { .. } => self.take_chunk(now, input),
            Input::Verified { .. }
            | Input::Signed { .. }
            | Input::Recorded { .. }
            | Input::Synced { .. }
            | Input::Looked { .. }
            | Input::TreeOpened { .. }
            | Input::LogRead { .. } => self.take_answer(now, input),
        }
    }

    /// What is about chunks goes to the part that moves them.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the inputs")]
    fn take_chunk(&mut self, now: Now, input: Input) {
        let (at, transfer) = (now.instant, &mut self.transfer);
        match input {
            Input::FrameArrived { fetch, bytes } => transfer.frame_arrived(at, fetch, bytes),
            Input::FetchFailed { fetch, why } => transfer.fetch_failed(at, fetch, why),
            Input::Checked { fetch, result } => transfer.checked(at, fetch, result),
            Input::Kept { fetch, result } => transfer.kept(at, fetch, result),
            Input::Served { ask, result } => self.on_served(now, ask, result),
            Input::TakenBack { peer, ask } => transfer.taken_back(peer, ask),
            Input::Asked { peer, chunks } => {
                if !self.peers.get(&peer).is_some_and(|peer| peer.belongs()) {
                    self.decline_all(&chunks, Decline::NotAMember);
                } else if self.serves_peers || self.config.trust.is_seed(&peer) {
                    transfer.asked(at, peer, &chunks);
                } else {
                    self.decline_all(&chunks, Decline::Missing);
                }
            }
            _ => {}
        }
    }

    fn decline_all(&mut self, chunks: &[(AskId, ChunkId)], why: Decline) {
        for &(ask, _) in chunks {
            self.outbox.push(Output::Decline { ask, why });
        }
    }

    /// What answers a task.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has sorted the inputs")]
    fn take_answer(&mut self, now: Now, input: Input) {
        match input {
            Input::Verified { task, verdict } => self.on_verified(now, task, *verdict),
            Input::Signed { task, envelope } => self.on_signed(now, task, envelope),
            Input::Recorded { task, result } => self.on_recorded(now, task, result),
            Input::Synced { task, result } => self.on_synced(now, task, result),
            Input::Looked { task, held } => self.on_looked(now, task, &held),
            Input::TreeOpened { task, result } => self.on_tree_opened(now, task, result),
            Input::LogRead { task, page } => self.on_log_read(task, page),
            _ => {}
        }
    }

    fn on_timeout(&mut self, now: Now) {
        self.tell_silence();
        while let Some(alarm) = self.timers.pop_due(now.instant) {
            self.ring(now, alarm);
        }
        self.transfer.on_timeout(now.instant);
    }

    fn ring(&mut self, now: Now, alarm: Alarm) {
        match alarm {
            Alarm::Dial(peer) => self.dial_due(now, peer),
            Alarm::Standing(peer) | Alarm::Member(peer) => self.drop_peer(now, peer, DropReason::NotAMember),
            Alarm::Probe(member) => self.probe_due(now, member),
            Alarm::Trial(peer) => self.end_trial(now, peer),
            Alarm::Join(seed) => self.send_join(now, seed),
            Alarm::Question(job) => self.pursue_question(now, job),
            Alarm::Publish(job) => self.publish_is_late(now, job),
            Alarm::Offer(job) => self.offer_to_seeds(job),
            Alarm::Listing(job) => self.list_from_here(job),
            Alarm::Log(job) => self.log_is_late(job),
            Alarm::Relay => self.relay_all(now),
            Alarm::Mingle(manifest) => self.mingle_again(now, manifest),
            Alarm::Proofs => self.prove_more(now),
            Alarm::CatchUp(seed) => self.catch_up_with(now, seed),
            Alarm::Papers(seed) => self.ask_papers_again(now, seed),
            Alarm::Spread(job) => self.spread_is_late(now, job),
            Alarm::Bring(job) => self.bring_again(job),
            Alarm::Rejudge => self.rejudge(now),
            Alarm::Refusals => self.log_unlogged(now),
        }
    }

    fn on_credit(&mut self, credit: Credit) {
        match credit {
            Credit::Send { peer, messages } => self.outbox.credit(peer, messages),
            Credit::Checks(_) | Credit::Writes(_) | Credit::Reads(_) | Credit::Deliver { .. } => {
                self.transfer.credit(credit);
            }
        }
    }

    fn on_verified(&mut self, now: Now, task: TaskId, verdict: Verdict) {
        let Some(then) = self.tasks.take_verify(task) else { return };
        self.hear_verdict(now, then, verdict);
        self.rejudge_late(now, task);
    }

    fn hear_verdict(&mut self, now: Now, then: AfterVerify, verdict: Verdict) {
        match (then, verdict) {
            (AfterVerify::Hello(contact), Verdict::Membership(result)) => {
                self.hello_judged(now, contact, result);
            }
            (AfterVerify::Welcome { contact, peers }, Verdict::Membership(result)) => {
                self.welcome_judged(now, contact, peers, result);
            }
            (AfterVerify::Handed, Verdict::Membership(result)) => self.handed_judged(now, result),
            (AfterVerify::Join(contact), Verdict::Token(result)) => self.token_judged(now, contact, result),
            (AfterVerify::Answer { ticket, seed }, Verdict::Answer(result)) => {
                self.answer_judged(now, ticket, seed, result);
            }
            (AfterVerify::Relayed { ticket, peer, heads }, Verdict::Relayed(results)) => {
                self.relayed_judged(now, (ticket, peer), heads, results);
            }
            (AfterVerify::Recovered(manifest), Verdict::Weighed(result)) => {
                self.recovered_judged(now, manifest, *result);
            }
            (AfterVerify::RecoveredVote(manifest), Verdict::Receipt(result)) => {
                self.recovered_vote_judged(now, *manifest, result);
            }
            (AfterVerify::RecoveredBallot, Verdict::Vote(result)) => {
                self.recovered_ballot_judged(now, result);
            }
            (AfterVerify::RecoveredGrant, Verdict::Vote(result)) => self.recovered_grant_judged(now, result),
            (AfterVerify::Row { ticket, row }, Verdict::Certified(result)) => {
                self.row_judged(ticket, *row, result);
            }
            (AfterVerify::Papers, Verdict::Papers(judged)) => self.papers_judged(now, *judged),
            (AfterVerify::Rejudged { manifest, pass }, Verdict::Weighed(result)) => {
                self.rejudged(now, (manifest, pass), *result);
            }
            (AfterVerify::Renewed(manifest), Verdict::Weighed(result)) => {
                self.renewed(now, manifest, *result);
            }
            (then, verdict) => self.on_publish_verified(now, then, verdict),
        }
    }

    fn on_publish_verified(&mut self, now: Now, then: AfterVerify, verdict: Verdict) {
        match (then, verdict) {
            (AfterVerify::Publish(ticket), Verdict::Manifest(result)) => {
                self.publish_judged(now, ticket, result);
            }
            (AfterVerify::Receipt { ticket, seed }, Verdict::Receipt(result)) => {
                self.receipt_judged(now, ticket, seed, result);
            }
            (AfterVerify::Certificate(ticket), Verdict::Certified(result)) => {
                self.certificate_judged(now, ticket, result);
            }
            (AfterVerify::Offer(offer), Verdict::Manifest(result)) => self.offer_judged(now, offer, result),
            (AfterVerify::Vote(offer), Verdict::Manifest(result)) => self.vote_judged(now, offer, result),
            (AfterVerify::Certify(contact), Verdict::Certified(result)) => {
                self.certify_judged(now, contact, result);
            }
            (AfterVerify::Caught { turn, complete }, Verdict::Weighed(result)) => {
                self.caught_judged(now, (turn, complete), *result);
            }
            (AfterVerify::CaughtVote(turn), Verdict::Vote(result)) => {
                self.caught_vote_judged(now, turn, result);
            }
            _ => {}
        }
    }

    fn on_signed(&mut self, now: Now, task: TaskId, envelope: Envelope) {
        match self.tasks.take_sign(task) {
            Some(AfterSign::Membership { contact, membership }) => {
                self.membership_signed(now, contact, &membership, envelope);
            }
            Some(AfterSign::Answer { contact, ask, beside }) => {
                self.answer_signed(now, contact, ask, (envelope, beside));
            }
            Some(AfterSign::Relayed { lineage, beside }) => {
                self.relay_signed(now, &lineage, (envelope, beside));
            }
            Some(AfterSign::Receipt { offer, receipt }) => {
                self.receipt_signed(now, offer, &receipt, envelope);
            }
            Some(AfterSign::Short(receipt)) => self.short_signed(&receipt, envelope),
            None => {}
        }
    }

    fn on_recorded(&mut self, now: Now, task: TaskId, result: Result<(), StoreFailure>) {
        let then = self.tasks.take_record(task);
        if result.is_ok() && then.as_ref().is_some_and(AfterRecord::raises_epoch) {
            self.wholeness.wrote();
        }
        match then {
            Some(AfterRecord::Certify { contact, certified }) => {
                self.certificate_kept(now, contact, *certified, result);
            }
            Some(AfterRecord::Publish(ticket)) => self.publish_recorded(now, ticket, result),
            Some(AfterRecord::Vote { offer, ballot }) => self.vote_recorded(now, offer, *ballot, result),
            Some(AfterRecord::Caught { turn, certified, complete }) => {
                self.caught_recorded(now, (turn, complete), *certified, result);
            }
            Some(AfterRecord::CaughtVote { turn, ballot }) => {
                self.caught_vote_recorded(now, turn, *ballot, result);
            }
            Some(AfterRecord::Marker) => self.marker_recorded(now, result),
            Some(AfterRecord::Papers) => self.papers_recorded(now, result),
            Some(AfterRecord::Short(ballot)) => self.short_voted(now, &ballot, result),
            Some(AfterRecord::Share { offer, share }) => self.share_recorded(now, (offer, share), result),
            Some(AfterRecord::Nothing) | None => {}
        }
    }

    fn on_synced(&mut self, now: Now, task: TaskId, result: Result<(), StoreFailure>) {
        match self.tasks.take_sync(task) {
            Some(AfterSync::Publish(ticket)) => self.publish_synced(now, ticket, result),
            Some(AfterSync::Offer(offer)) => self.offer_synced(now, offer, result),
            Some(AfterSync::Short(manifest)) => self.short_synced(manifest, result),
            None => {}
        }
    }

    /// What the part that moves chunks says; an output to pass on, or something for a story.
    pub(in crate::engine) fn take_moved(&mut self, now: Now, moved: TransferOutput) -> Option<Output> {
        match moved {
            TransferOutput::Do(output) => return Some(output),
            TransferOutput::Announce { manifest, chunks, audience } => {
                self.announce(&manifest, &chunks, audience);
            }
            TransferOutput::Progress { pull, have, of } => self.pull_progressed(now, pull, have, of),
            TransferOutput::Stored { pull, plain, stored } => self.chunk_stored(now, pull, (plain, stored)),
            TransferOutput::Done(Wanter::Job(job)) => self.job_served(job),
            TransferOutput::Done(Wanter::Pull(pull)) => self.pull_done(now, pull),
            TransferOutput::Failed { wanter: Wanter::Job(job), chunk, why } => {
                self.job_chunk_failed(job, chunk, why);
            }
            TransferOutput::Failed { wanter: Wanter::Pull(pull), .. } => self.pull_failed(now, pull, None),
            TransferOutput::NotKept { pull, why } => self.pull_failed(now, pull, Some(why)),
            TransferOutput::Junk { peer, fault } => {
                self.event(Event::Junk { peer, fault });
                self.ban(now, peer, DropReason::Junk);
            }
            TransferOutput::Proven { peer, manifest, proof } => self.proven(now, peer, manifest, proof),
            TransferOutput::Stalled { peer } => self.stalled(now, peer),
            TransferOutput::SeedBusy { manifest } => self.seed_is_busy(now, manifest),
            TransferOutput::PartUsed { seed, manifest } => self.part_used(seed, manifest),
            TransferOutput::Complete { manifest } => self.swarm_complete(now, manifest),
            TransferOutput::Lost { manifest } => self.swarm_lost(now, manifest),
        }
        None
    }
}
