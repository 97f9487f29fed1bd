//! A job fetches chunks of a manifest that is known here.
use super::Alarm;
use crate::engine::bounds::MINGLE_FIRST;
use crate::engine::state::swarms::{Goal, Swarm};
use crate::engine::state::tasks::AfterRecord;
use crate::engine::transfer::Wanter;
use crate::engine::{Engine, FetchEnd, JobId, JobReply, Record};
use crate::{CertifiedManifest, ChunkRef, ManifestId, Now};

impl Engine {
    /// A job wants chunks.
    pub(super) fn fetch(&mut self, now: Now, job: JobId, manifest: ManifestId, chunks: Vec<ChunkRef>) {
        let Some(entry) = self.catalogue.get(&manifest).filter(|entry| !entry.withdrawn) else {
            let taken = self.withdrawn.why(&manifest).is_some();
            let why = if taken { FetchEnd::Yanked } else { FetchEnd::UnknownManifest };
            return self.refuse_fetch(job, &chunks, why);
        };
        if chunks.is_empty() {
            return self.reply(job, JobReply::FetchDone);
        }
        let tree = entry.certified.manifest().tree.clone();
        if !self.open_swarm(now, manifest, tree, Goal::Tree) {
            return self.refuse_fetch(job, &chunks, FetchEnd::NoProgress);
        }
        self.note_use(now, manifest);
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        swarm.jobs.insert(job);
        let refused = if swarm.wait(job, chunks.clone()) { Vec::new() } else { chunks };
        self.refuse_fetch(job, &refused, FetchEnd::NoProgress);
        self.timers.set(Alarm::Mingle(manifest), now.instant.after(MINGLE_FIRST));
        self.pursue_swarm(now, manifest);
        self.release_wants(now, manifest);
        self.enter_swarm(&manifest);
    }

    pub(super) fn refuse_fetch(&mut self, job: JobId, chunks: &[ChunkRef], why: FetchEnd) {
        for chunk in chunks {
            self.reply(job, JobReply::FetchFailed { chunk: *chunk, why });
        }
    }

    /// Passes wants on as soon as enough is known of the tree.
    pub(super) fn release_wants(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        for (job, chunks) in swarm.release() {
            self.transfer.want(now.instant, Wanter::Job(job), manifest, &chunks, None);
        }
    }

    /// Everything that was passed on for a job is delivered.
    pub(super) fn job_served(&mut self, job: JobId) {
        if self.jobs.contains(&job) && !self.swarms.waits(job) {
            self.reply(job, JobReply::FetchDone);
        }
    }

    /// One chunk cannot be had.
    pub(super) fn job_chunk_failed(&mut self, job: JobId, chunk: ChunkRef, why: FetchEnd) {
        if self.jobs.contains(&job) {
            self.reply(job, JobReply::FetchFailed { chunk, why });
        }
    }

    /// A job fetches no more.
    pub(super) fn forget_fetches(&mut self, job: JobId) {
        for (_, swarm) in self.swarms.iter_mut() {
            swarm.waiting.remove(&job);
            swarm.jobs.remove(&job);
        }
    }

    /// Adds a certified manifest to what is known; the oldest that nobody uses makes room.
    pub(super) fn learn(&mut self, now: Now, certified: CertifiedManifest) -> bool {
        let id = certified.id();
        let newest = self.catalogue.insert(certified);
        if self.uses.is_let_go(&id)
            && let Some(entry) = self.catalogue.get_mut(&id)
        {
            entry.let_go = true;
        }
        while let Some(oldest) = self.oldest_unused() {
            self.close_swarm(now, oldest);
            let entry = self.catalogue.remove(&oldest);
            self.leave_ledger(oldest);
            self.uses.forget(&oldest);
            if entry.is_some_and(|entry| entry.recorded) && !self.is_seed() {
                self.record(None, Record::Forget(oldest), AfterRecord::Nothing);
            }
        }
        newest
    }

    fn oldest_unused(&self) -> Option<ManifestId> {
        self.catalogue.overflow(|manifest| self.swarms.get(manifest).is_some_and(Swarm::busy))
    }
}
