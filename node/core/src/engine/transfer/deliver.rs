//! Chunks that are here go to the jobs that want them, as fast as each job takes bytes: from the fetch's buffer while it
//! lives, else from the store.

use super::slab::ChunkNo;
use super::wants::Queued;
use super::{Transfer, TransferOutput, Wanter};
use crate::Instant;
use crate::engine::{FetchId, JobId, Output, Source};

impl Transfer {
    /// A chunk that a job wants is here.
    pub(super) fn enqueue(&mut self, wanter: Wanter, no: ChunkNo, source: Source) {
        let Some(bytes) = self.table.get(no).map(|chunk| chunk.chunk.bytes) else { return };
        if let Some(wants) = self.wanters.get_mut(&wanter) {
            wants.enqueue(Queued { chunk: no, bytes, source });
            self.note_deliverable(wanter);
        }
    }

    /// A job takes so many plain bytes more.
    pub(super) fn add_job_credit(&mut self, job: JobId, bytes: u32) {
        let wanter = Wanter::Job(job);
        if let Some(wants) = self.wanter_mut(wanter) {
            wants.credit = wants.credit.saturating_add(u64::from(bytes));
            self.active.insert(wanter);
            self.note_deliverable(wanter);
        }
    }

    /// The next chunk that a job has credit for.
    pub(super) fn next_delivery(&mut self, now: Instant) -> Option<Output> {
        while let Some(&wanter) = self.deliverable.first() {
            let Some(next) = self.wanters.get_mut(&wanter).and_then(super::Wants::dequeue) else {
                self.deliverable.remove(&wanter);
                continue;
            };
            let output = self.deliver(now, wanter, next);
            self.note_deliverable(wanter);
            if output.is_some() {
                return output;
            }
        }
        None
    }

    /// Delivers one chunk, unless the job has it by now, or it was lost meanwhile and is to be fetched again.
    fn deliver(&mut self, now: Instant, wanter: Wanter, next: Queued) -> Option<Output> {
        let (chunk, demand) = self.table.get(next.chunk).and_then(|c| Some((c, c.demand.as_ref()?)))?;
        let Wanter::Job(job) = wanter else { return None };
        if !demand.wanters.contains(wanter) {
            return None;
        }
        let (chunk, held, fetch) = (chunk.chunk, chunk.held, demand.verified);
        if fetch.is_none() && !held {
            self.seek(next.chunk, wanter);
            return None;
        }
        if let Some(wants) = self.wanters.get_mut(&wanter) {
            wants.credit = wants.credit.saturating_sub(u64::from(chunk.bytes));
            wants.moved = now;
        }
        self.active.insert(wanter);
        self.note_had(wanter, next.chunk);
        self.release_if_done(fetch);
        Some(Output::Deliver { job, chunk, source: next.source, fetch })
    }

    /// A wanter has a chunk: delivered, or kept for a pull.
    pub(super) fn note_had(&mut self, wanter: Wanter, no: ChunkNo) {
        if let Some(demand) = self.table.demand_mut(no) {
            demand.wanters.remove(wanter);
        }
        if let Some(wants) = self.wanters.get_mut(&wanter) {
            wants.outstanding.remove(&no);
        }
        self.table.sweep(no);
        self.finish_if_done(wanter);
    }

    /// Says so when a wanter has everything, and forgets what it needed for that.
    pub(super) fn finish_if_done(&mut self, wanter: Wanter) {
        let Some(wants) = self.wanters.get_mut(&wanter) else { return };
        if !wants.outstanding.is_empty() {
            return;
        }
        let failed = core::mem::replace(&mut wants.failed, false);
        self.drop_lanes(wanter);
        if failed {
            return;
        }
        if let Wanter::Pull(pull) = wanter {
            self.tell_progress(pull);
            self.forget_wanter(wanter);
        }
        self.outbox.push_back(TransferOutput::Done(wanter));
    }

    /// A verified chunk that is not kept lives only until the last job has it.
    fn release_if_done(&mut self, fetch: Option<FetchId>) {
        if let Some(fetch) = fetch
            && self.fetches.get(&fetch).is_some_and(|known| known.stage.refusal().is_some())
        {
            self.release_unwanted(fetch);
        }
    }

    fn note_deliverable(&mut self, wanter: Wanter) {
        if self.wanters.get(&wanter).is_some_and(super::Wants::can_deliver) {
            self.deliverable.insert(wanter);
        } else {
            self.deliverable.remove(&wanter);
        }
    }
}
