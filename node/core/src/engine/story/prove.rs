//! A seed takes nobody's word for having much: it asks for a chunk of it before it names a member as one that has it. Who
//! comes with much is named only where there are not enough others, until it has given what it was asked for; who does not
//! give it is named to nobody for a while. Members that grow before the seed's eyes are named all the while, and tried once.
use super::Alarm;
use crate::engine::bounds::{MUCH_PART, PROOFS_AT_ONCE, PROOFS_EVERY};
use crate::engine::state::tasks::AfterOpen;
use crate::engine::{Engine, Output, Proof, TreeFault};
use crate::message::ChunkSet;
use crate::{ChunkRef, ManifestId, Now, PeerId};

impl Engine {
    /// A member says that it has these, and so many in all of so many.
    pub(super) fn consider_proof(
        &mut self,
        now: Now,
        (peer, manifest): (PeerId, ManifestId),
        chunks: &ChunkSet,
        (have, count): (u32, u32),
    ) {
        let whole = self.catalogue.get(&manifest).is_some_and(|entry| entry.complete && !entry.withdrawn);
        if !whole || have < count / MUCH_PART || self.tracker.is_proven(&manifest, &peer) {
            return;
        }
        let listed =
            chunks.ranges().iter().map(|(from, to)| to.min(&count).saturating_sub(*from)).sum::<u32>();
        let drawn = u32::try_from(self.chance.below(u64::from(listed))).unwrap_or(0);
        let Some(index) = nth(chunks, drawn).filter(|index| *index < count) else { return };
        if self.proofs.is_empty() {
            self.timers.set(Alarm::Proofs, now.instant.after(PROOFS_EVERY));
        }
        self.proofs.ask(manifest, peer, index);
    }

    /// It is time to try some more.
    pub(super) fn prove_more(&mut self, now: Now) {
        if !self.proofs.is_empty() {
            self.timers.set(Alarm::Proofs, now.instant.after(PROOFS_EVERY));
        }
        if self.transfer.proofs() >= PROOFS_AT_ONCE {
            return;
        }
        let Some(manifest) = self.proofs.next() else { return };
        let Some(entry) = self.catalogue.get(&manifest).filter(|entry| entry.complete) else {
            return self.proofs.forget(&manifest);
        };
        let (serial, tree) = (self.tasks.serial(), entry.certified.manifest().tree.clone());
        self.proofs.begin(serial, manifest);
        let task = self.tasks.start_open(None, AfterOpen { manifest, serial });
        self.outbox.push(Output::OpenTree { task, tree });
    }

    /// A tree was read to know what to ask for: whether that was what it was read for.
    pub(super) fn proof_tree_opened(
        &mut self,
        now: Now,
        open: &AfterOpen,
        result: &Result<Vec<ChunkRef>, TreeFault>,
    ) -> bool {
        if !self.proofs.read(open.serial) {
            return false;
        }
        let entry = self.catalogue.get(&open.manifest);
        let (Ok(content), Some(entry)) = (result, entry) else {
            self.proofs.forget(&open.manifest);
            return true;
        };
        let tree = entry.certified.manifest().tree.chunks.clone();
        let room = PROOFS_AT_ONCE.saturating_sub(self.transfer.proofs());
        for (peer, index) in self.proofs.take(&open.manifest, room) {
            let chunk = tree.iter().chain(content).nth(usize::try_from(index).unwrap_or(usize::MAX));
            let here = self.tracker.contains(&open.manifest, &peer);
            if let Some(chunk) = chunk.filter(|_| here) {
                self.transfer.ask_for_proof(now.instant, peer, open.manifest, *chunk);
            }
        }
        true
    }

    /// A member was tried.
    pub(super) fn proven(&mut self, now: Now, peer: PeerId, manifest: ManifestId, proof: Proof) {
        match proof {
            Proof::Given => self.tracker.prove(&manifest, &peer),
            Proof::Open => {}
            Proof::Owed => {
                self.unproven.add(now.instant, peer);
                self.tracker.leave_all(&peer);
            }
        }
    }
}

/// The index at a place in a set.
fn nth(chunks: &ChunkSet, mut place: u32) -> Option<u32> {
    for (from, to) in chunks.ranges() {
        let length = to.saturating_sub(*from);
        if place < length {
            return from.checked_add(place);
        }
        place -= length;
    }
    None
}
