//! What is known is judged again when papers change. What does not hold any more is served no more; jobs that are restoring
//! it are told.
use super::Alarm;
use super::recover::counting;
use crate::engine::bounds::{REJUDGE_SLICE, REJUDGED_AT_ONCE};
use crate::engine::state::rejudge::Depth;
use crate::engine::state::shorts::Short;
use crate::engine::state::tasks::{AfterRecord, AfterVerify};
use crate::engine::{Engine, Event, FetchEnd, Record, TaskId, Work};
use crate::{CertifiedEnvelope, CertifiedManifest, Disbelief, ManifestId, Now, ShortManifest, Weighed};
use std::collections::BTreeSet;

impl Engine {
    /// From now on other papers count: what is known, and what is being verified by the old ones, is judged by them.
    pub(super) fn rejudge_from_here(&mut self, now: Now, depth: Depth) {
        self.judged_since = TaskId(self.tasks.serial());
        self.judged_depth = self.judged_depth.max(depth);
        self.rejudging.begin(depth);
        self.rejudge(now);
    }

    /// An answer came to what was asked before papers changed: it may have brought in what they take back.
    pub(super) fn rejudge_late(&mut self, now: Now, task: TaskId) {
        if task < self.judged_since && self.judged_depth > Depth::Nothing {
            self.rejudging.late(self.judged_depth);
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
        let some = self.known_after(after.as_ref(), room);
        let last = some.len() < room;
        for manifest in some {
            let Some(certified) = self.known_envelope(&manifest) else { continue };
            let work = Work::Weigh { certified, wall: now.wall };
            let pass = self.rejudging.verifying(manifest);
            self.verify(None, work, AfterVerify::Rejudged { manifest, pass });
        }
        if last {
            self.end_pass(now);
        }
    }

    /// Everything's turn has come; what came in meanwhile by older papers has another.
    fn end_pass(&mut self, now: Now) {
        self.rejudging.end();
        if self.rejudging.turn().is_some() {
            self.rejudge(now);
        }
    }

    /// What is listed and what lacks receipts, in the order of their names.
    fn known_after(&self, after: Option<&ManifestId>, count: usize) -> Vec<ManifestId> {
        let listed = self.catalogue.after(after, count).into_iter();
        let all: BTreeSet<ManifestId> = listed.chain(self.shorts.after(after, count)).collect();
        all.into_iter().take(count).collect()
    }

    /// With all receipts that are known of it.
    fn known_envelope(&self, manifest: &ManifestId) -> Option<CertifiedEnvelope> {
        match self.catalogue.get(manifest) {
            Some(entry) => Some(self.shorts.with_known(entry.certified.to_envelope())),
            None => self.shorts.get(manifest).map(Short::to_envelope),
        }
    }

    fn look_at_some(&mut self, now: Now, after: Option<ManifestId>) {
        let some = self.known_after(after.as_ref(), REJUDGE_SLICE);
        let further = some.last().filter(|_| some.len() == REJUDGE_SLICE).copied();
        for manifest in some {
            if let Some(why) = self.yank_of(now, &manifest) {
                self.drop_short(now, manifest, &why);
            }
        }
        match further {
            Some(last) => {
                self.rejudging.passed(last);
                self.timers.set(Alarm::Rejudge, now.instant);
            }
            None => self.end_pass(now),
        }
    }

    fn yank_of(&self, now: Now, manifest: &ManifestId) -> Option<Disbelief> {
        let trust = &self.config.trust;
        let listed = self.catalogue.get(manifest).map(|entry| trust.yanked(&entry.certified, now.wall));
        let short = || trust.short_yanked(&self.shorts.get(manifest)?.manifest, now.wall);
        listed.unwrap_or_else(short)
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
                Ok(Weighed::Certified(certified)) => self.holds(now, certified),
                Ok(Weighed::Short(short)) => self.fell_short(now, short),
                Err(why) => self.drop_short(now, manifest, &why),
            }
        }
        self.rejudge(now);
    }

    /// Its certificate lacks receipts now.
    fn fell_short(&mut self, now: Now, short: ShortManifest) {
        let manifest = short.verified().id();
        let published = self.catalogue.get(&manifest).map(|entry| entry.certified.median());
        self.withdraw(now, manifest, &short.disbelief());
        match published {
            Some(published) => self.short_known(short, published),
            None => self.short_weighed(short),
        }
    }

    /// It holds, perhaps again: with the receipts that it was given, or because a later policy says so.
    fn holds(&mut self, now: Now, certified: CertifiedManifest) {
        let manifest = certified.id();
        if self.shorts.get(&manifest).is_some() {
            return self.renewed(now, manifest, Ok(Weighed::Certified(certified)));
        }
        if let Some(entry) = self.catalogue.get_mut(&manifest).filter(|entry| entry.withdrawn) {
            entry.withdrawn = false;
            self.withdrawn.forget(&manifest);
        }
    }

    /// It is believed no more. A node forgets it; a seed remembers its place for ever and names it to nobody.
    pub(super) fn withdraw(&mut self, now: Now, manifest: ManifestId, why: &Disbelief) {
        let Some(entry) = self.catalogue.get_mut(&manifest) else { return };
        if is_yank(why) {
            self.withdrawn.note(manifest, why.to_string());
        }
        if core::mem::replace(&mut entry.withdrawn, true) {
            return;
        }
        let (recorded, lineage) = (entry.recorded, entry.certified.manifest().key.lineage());
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
        self.uses.forget(&manifest);
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
