//! What is known is judged again when papers change. What does not hold any more is served no more; jobs that are restoring
//! it are told.
use super::Alarm;
use super::recover::counting;
use crate::engine::bounds::{REJUDGE_SLICE, REJUDGED_AT_ONCE};
use crate::engine::state::rejudge::Depth;
use crate::engine::state::tasks::{AfterRecord, AfterVerify};
use crate::engine::{Engine, Event, FetchEnd, Record, TaskId, Work};
use crate::{Disbelief, ManifestId, Now, ShortManifest, Weighed};

impl Engine {
    /// From now on other papers count: what is known, and what is being verified by the old ones, is judged by them.
    pub(super) fn rejudge_from_here(&mut self, now: Now, depth: Depth) {
        self.judged_since = TaskId(self.tasks.serial());
        self.judged_depth = self.judged_depth.max(depth);
        self.rejudging.begin(depth);
        self.weigh_shorts(now);
        self.rejudge(now);
    }

    /// An answer came to what was asked before papers changed: it may have brought in what they take back.
    pub(super) fn rejudge_late(&mut self, now: Now, task: TaskId) {
        if task < self.judged_since && self.judged_depth > Depth::Nothing {
            self.rejudging.begin(self.judged_depth);
            self.rejudge(now);
        }
    }

    /// A piece of what is left.
    pub(super) fn rejudge(&mut self, now: Now) {
        match self.rejudging.turn() {
            Some((Depth::All, after)) => self.verify_some(now, after),
            Some((Depth::Yanks, after)) => self.look_at_some(now, after),
            Some((Depth::Nothing, _)) | None => {}
        }
    }

    fn verify_some(&mut self, now: Now, after: Option<ManifestId>) {
        let room = usize::try_from(self.rejudging.room(REJUDGED_AT_ONCE)).unwrap_or(usize::MAX);
        let some = self.catalogue.after(after.as_ref(), room);
        let last = some.len() < room;
        for manifest in some {
            let Some(entry) = self.catalogue.get(&manifest) else { continue };
            let work = Work::Weigh { certified: entry.certified.to_envelope(), wall: now.wall };
            let pass = self.rejudging.verifying(manifest);
            self.verify(None, work, AfterVerify::Rejudged { manifest, pass });
        }
        if last {
            self.rejudging.end();
        }
    }

    fn look_at_some(&mut self, now: Now, after: Option<ManifestId>) {
        let some = self.catalogue.after(after.as_ref(), REJUDGE_SLICE);
        match some.last() {
            Some(last) if some.len() == REJUDGE_SLICE => {
                self.rejudging.passed(*last);
                self.timers.set(Alarm::Rejudge, now.instant);
            }
            Some(_) | None => self.rejudging.end(),
        }
        for manifest in some {
            let entry = self.catalogue.get(&manifest);
            let taken = entry.and_then(|entry| self.config.trust.yanked(&entry.certified, now.wall));
            if let Some(why) = taken {
                self.withdraw(now, manifest, &why);
            }
        }
    }

    /// It was verified again.
    pub(super) fn rejudged(
        &mut self,
        now: Now,
        (manifest, pass): (ManifestId, u64),
        result: Result<Weighed, Disbelief>,
    ) {
        if self.rejudging.answered(pass) {
            match counting(result, self.is_seed()) {
                Ok(Weighed::Certified(_)) => self.restore_belief(manifest),
                Ok(Weighed::Short(short)) => self.fell_short(now, short),
                Err(why) => self.withdraw(now, manifest, &why),
            }
        }
        self.rejudge(now);
    }

    /// Its certificate lacks receipts now.
    fn fell_short(&mut self, now: Now, short: ShortManifest) {
        let manifest = short.verified().id();
        let published = self.catalogue.get(&manifest).map(|entry| entry.certified.median());
        self.withdraw(now, manifest, &short.disbelief());
        if let Some(published) = published {
            self.short_known(short, published);
        }
    }

    /// It holds again: a later policy says so.
    fn restore_belief(&mut self, manifest: ManifestId) {
        if let Some(entry) = self.catalogue.get_mut(&manifest).filter(|entry| entry.withdrawn) {
            entry.withdrawn = false;
            self.withdrawn.forget(&manifest);
            self.shorts.remove(&manifest);
        }
    }

    /// It is believed no more. A node forgets it; a seed remembers its place for ever and names it to nobody.
    pub(super) fn withdraw(&mut self, now: Now, manifest: ManifestId, why: &Disbelief) {
        let Some(entry) = self.catalogue.get_mut(&manifest).filter(|entry| !entry.withdrawn) else { return };
        entry.withdrawn = true;
        let (recorded, lineage) = (entry.recorded, entry.certified.manifest().key.lineage());
        if is_yank(why) {
            self.withdrawn.note(manifest, why.to_string());
        }
        self.event(Event::Withdrawn { manifest, why: why.clone() });
        self.fail_jobs_of(now, manifest);
        self.close_swarm(now, manifest);
        if self.is_seed() {
            self.tracker.forget(&manifest);
            if let Some(lineage) = lineage {
                self.relay_anew(now, &lineage);
            }
            return;
        }
        self.catalogue.remove(&manifest);
        if recorded {
            self.record(None, Record::Forget(manifest), AfterRecord::Nothing);
        }
    }

    /// Jobs that are restoring it get no more of it.
    fn fail_jobs_of(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        let (jobs, waiting) = (swarm.jobs.clone(), core::mem::take(&mut swarm.waiting));
        for (job, chunks) in waiting {
            self.refuse_fetch(job, &chunks, FetchEnd::Yanked);
        }
        for job in jobs {
            self.transfer.fail_job(now.instant, job, FetchEnd::Yanked);
        }
    }
}

/// Whether something was taken back. What lacks receipts, or whose publisher the policy names no more, is not wrong for that:
/// jobs that used it need not know.
pub(super) const fn is_yank(why: &Disbelief) -> bool {
    matches!(why, Disbelief::Yanked { .. } | Disbelief::AncestorYanked { .. })
}
