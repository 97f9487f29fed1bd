//! What the store holds of a manifest, and how the rest is pulled: look for the tree, pull what it lacks, open it,
//! look for the content, pull what it lacks if all is wanted.
use super::Alarm;
use crate::engine::state::swarms::{Goal, Stage, Swarm};
use crate::engine::state::tasks::{AfterLook, AfterOpen, AfterRecord};
use crate::engine::transfer::{PullId, Wanter};
use crate::engine::{Engine, Event, Output, Record, StoreFailure, TaskId, TreeFault};
use crate::message::Control;
use crate::{ChunkRef, ManifestId, Now, TreeRef};

impl Engine {
    /// Takes part in a manifest's swarm, or more eagerly in one that is open. False when there is no room.
    pub(super) fn open_swarm(&mut self, now: Now, manifest: ManifestId, tree: TreeRef, goal: Goal) -> bool {
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            swarm.used = now.instant;
            swarm.goal = swarm.goal.max(goal);
            return true;
        }
        match self.swarms.crowded() {
            Ok(Some(oldest)) => self.close_swarm(now, oldest),
            Ok(None) => {}
            Err(_) => return false,
        }
        let serial = self.tasks.serial();
        self.transfer.open_swarm(manifest, &tree.chunks, tree.totals.chunks);
        self.swarms.insert(manifest, Swarm::new(serial, tree, goal, now.instant));
        self.look(now, manifest);
        true
    }

    /// Takes no part any more.
    pub(super) fn close_swarm(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.remove(&manifest) else { return };
        if let Some(pull) = swarm.pull {
            self.transfer.drop_wanter(now.instant, Wanter::Pull(pull));
        }
        self.end_paying(&swarm);
        self.transfer.close_swarm(manifest);
        self.timers.clear(Alarm::Mingle(manifest));
        for peer in swarm.entered {
            self.send(peer, Control::Leave { manifest });
        }
    }

    fn look(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        let serial = swarm.serial;
        let pieces = swarm.begin_looking();
        if pieces.is_empty() {
            return self.all_looked(now, manifest);
        }
        for (start, chunks) in pieces {
            let look = AfterLook { manifest, serial, start, count: chunks.len() };
            let task = self.tasks.start_look(None, look);
            self.outbox.push(Output::Look { task, chunks });
        }
    }

    /// The store said what it holds.
    pub(super) fn on_looked(&mut self, now: Now, task: TaskId, held: &[bool]) {
        let Some(look) = self.tasks.take_look(task) else { return };
        let Some(swarm) = self.swarms.on(&look.manifest, look.serial) else { return };
        let found = swarm.looked(look, held);
        let last = swarm.looks == 0;
        if !swarm.doubtful {
            self.transfer.note_held(&mut found.into_iter());
        }
        if last {
            self.all_looked(now, look.manifest);
        }
    }

    fn all_looked(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        if core::mem::take(&mut swarm.doubtful) {
            return self.look(now, manifest);
        }
        if swarm.missing > 0
            && let Some(entry) = self.catalogue.get_mut(&manifest)
        {
            entry.complete = false;
        }
        match (swarm.stage, swarm.missing) {
            (Stage::LookingTree, 0) => return self.open_tree(now, manifest),
            (Stage::LookingTree, _) => swarm.stage = Stage::TreeMissing,
            (Stage::LookingContent, _) => swarm.stage = Stage::Known,
            (
                Stage::TreeMissing
                | Stage::PullingTree
                | Stage::Opening
                | Stage::Known
                | Stage::PullingContent
                | Stage::Faulty(_),
                _,
            ) => return,
        }
        self.pursue_swarm(now, manifest);
        self.swarm_moved(now, manifest);
    }

    fn open_tree(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        swarm.stage = Stage::Opening;
        let (serial, tree) = (swarm.serial, swarm.tree.clone());
        let task = self.tasks.start_open(None, AfterOpen { manifest, serial });
        self.outbox.push(Output::OpenTree { task, tree });
        self.swarm_moved(now, manifest);
    }

    /// The tree was read.
    pub(super) fn on_tree_opened(
        &mut self,
        now: Now,
        task: TaskId,
        result: Result<Vec<ChunkRef>, TreeFault>,
    ) {
        let Some(open) = self.tasks.take_open(task) else { return };
        if self.proof_tree_opened(now, &open, &result) {
            return;
        }
        let Some(swarm) = self.swarms.on(&open.manifest, open.serial) else {
            return self.kin_opened(&open, result);
        };
        let declared = usize::try_from(swarm.tree.totals.chunks).unwrap_or(usize::MAX);
        match result {
            Ok(content) if content.len() == declared => {
                self.transfer.set_content(open.manifest, &content);
                swarm.content = content;
                swarm.stage = Stage::LookingContent;
                self.look(now, open.manifest);
            }
            Ok(_) => self.tree_is_faulty(now, open.manifest, TreeFault::DiffersFromManifest),
            Err(fault) => self.tree_is_faulty(now, open.manifest, fault),
        }
    }

    fn tree_is_faulty(&mut self, now: Now, manifest: ManifestId, fault: TreeFault) {
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            swarm.stage = Stage::Faulty(fault);
        }
        self.swarm_moved(now, manifest);
    }

    /// Pulls what the goal asks for and the store lacks.
    pub(super) fn pursue_swarm(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        match (swarm.stage, swarm.goal) {
            (Stage::TreeMissing, Goal::Tree | Goal::All) => {
                swarm.stage = Stage::PullingTree;
                let chunks = swarm.tree.chunks.clone();
                self.pull(now, manifest, &chunks);
            }
            (Stage::Known, _) if swarm.missing == 0 => self.swarm_complete(now, manifest),
            (Stage::Known, Goal::All) if swarm.content.is_empty() => self.open_tree(now, manifest),
            (Stage::Known, Goal::All) => {
                swarm.stage = Stage::PullingContent;
                let chunks = swarm.content.clone();
                self.pull(now, manifest, &chunks);
            }
            (Stage::Known, Goal::Serve | Goal::Tree) => swarm.content = Vec::new(),
            (
                Stage::LookingTree
                | Stage::TreeMissing
                | Stage::PullingTree
                | Stage::Opening
                | Stage::LookingContent
                | Stage::PullingContent
                | Stage::Faulty(_),
                _,
            ) => {}
        }
    }

    fn pull(&mut self, now: Now, manifest: ManifestId, chunks: &[ChunkRef]) {
        let source = self.swarms.get(&manifest).and_then(|swarm| swarm.source);
        let pull = PullId(self.tasks.serial());
        if !self.share_has_room(now, manifest, pull, chunks) {
            return;
        }
        self.swarms.begin_pull(manifest, pull);
        self.transfer.want(now.instant, Wanter::Pull(pull), manifest, chunks, source);
    }

    /// A pull is whole.
    pub(super) fn pull_done(&mut self, now: Now, pull: PullId) {
        let Some(manifest) = self.swarms.end_pull(pull) else { return };
        self.shares.end(pull);
        let Some(swarm) = self.swarms.get_mut(&manifest) else { return };
        match swarm.stage {
            Stage::PullingTree => self.open_tree(now, manifest),
            Stage::PullingContent => {
                swarm.stage = Stage::Known;
                swarm.missing = u32::from(!self.transfer.is_whole(manifest));
                self.pursue_swarm(now, manifest);
                self.swarm_moved(now, manifest);
            }
            Stage::LookingTree
            | Stage::TreeMissing
            | Stage::Opening
            | Stage::LookingContent
            | Stage::Known
            | Stage::Faulty(_) => {}
        }
    }

    /// A pull has failed as a whole; with a reason if it was the store.
    pub(super) fn pull_failed(&mut self, now: Now, pull: PullId, store: Option<StoreFailure>) {
        let Some(manifest) = self.swarms.end_pull(pull) else { return };
        self.shares.end(pull);
        self.transfer.drop_wanter(now.instant, Wanter::Pull(pull));
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            let tree = swarm.stage == Stage::PullingTree;
            swarm.stage = if tree { Stage::TreeMissing } else { Stage::Known };
        }
        if store.is_some() {
            self.behind.rest();
        }
        self.offers_cannot_pull(now, manifest, store);
        self.swarm_moved(now, manifest);
    }

    /// The store holds every chunk: the manifest is served from now on, also after a restart.
    pub(super) fn swarm_complete(&mut self, now: Now, manifest: ManifestId) {
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            if swarm.stage == Stage::LookingContent || !self.transfer.is_whole(manifest) {
                // The last look is still to come, and counts by what was asked; or a chunk was lost since.
                return;
            }
            swarm.content = Vec::new();
            swarm.complete = true;
            swarm.used = now.instant;
        }
        self.note_complete(now, manifest);
        self.short_complete(manifest);
    }

    /// Remembers that every chunk of a certified manifest is here.
    pub(super) fn note_complete(&mut self, now: Now, manifest: ManifestId) {
        let Some(entry) = self.catalogue.get_mut(&manifest) else { return };
        (entry.paid, entry.let_go) = (true, false);
        let first = !core::mem::replace(&mut entry.complete, true);
        let unrecorded = !core::mem::replace(&mut entry.recorded, true);
        let certified = unrecorded.then(|| entry.certified.clone());
        if let Some(certified) = certified {
            self.log_own(now, &certified);
            self.record(None, Record::Certified(certified.to_envelope()), AfterRecord::Nothing);
        }
        if self.uses.take_back(&manifest) {
            self.note_use(now, manifest);
        }
        if first {
            self.enter_ledger(manifest);
            self.event(Event::Complete { manifest });
            self.tell_complete(manifest);
        }
    }

    /// More is known of a swarm than before: whoever waits for that goes on.
    fn swarm_moved(&mut self, now: Now, manifest: ManifestId) {
        self.release_wants(now, manifest);
        self.publish_looked(now, manifest);
        self.offers_advance(now, manifest);
        self.enter_swarm(&manifest);
        self.settle_swarm(now, manifest);
    }

    /// A seed needs no swarm for what it holds: its catalogue says that it is complete.
    pub(super) fn settle_swarm(&mut self, now: Now, manifest: ManifestId) {
        let over = self.swarms.get(&manifest).is_some_and(|swarm| match swarm.stage {
            Stage::Known | Stage::TreeMissing | Stage::Faulty(_) => !swarm.busy(),
            Stage::LookingTree
            | Stage::PullingTree
            | Stage::Opening
            | Stage::LookingContent
            | Stage::PullingContent => false,
        });
        if !self.is_seed() || !over || self.offers.names(&manifest) {
            return;
        }
        let looked_only = self.swarms.get(&manifest).is_some_and(|swarm| swarm.goal == Goal::Serve);
        if !looked_only || !self.regain(now, manifest) {
            self.close_swarm(now, manifest);
            self.check_more(now);
            self.pull_behind(now);
        }
    }
}
