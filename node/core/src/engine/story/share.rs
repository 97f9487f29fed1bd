//! A seed keeps each publisher within its share of the disk: before an offer's chunks are pulled it looks whether those that
//! it lacks fit, and what is kept is counted and made durable before the vote.
//!
//! The vote itself looks no more: it keeps nothing, and what is on the disk by then was let in and is paid for. What others
//! have certified is pulled whatever it takes, and counts. What is pulled anew after a loss does not count again.
use crate::engine::state::shares::{Payer, Room};
use crate::engine::state::swarms::{Stage, Swarm};
use crate::engine::state::tasks::{AfterRecord, AfterSync, OfferId};
use crate::engine::transfer::PullId;
use crate::engine::{Engine, Event, Record, Share, StoreFailure};
use crate::message::OfferRefusal;
use crate::{ChunkRef, ManifestId, Now, Publisher};

impl Engine {
    /// Before a pull: whether the store and the publisher's share have room for what the store lacks of these chunks, which
    /// are then reserved. Else the offers that wait for them end.
    pub(super) fn share_has_room(
        &mut self,
        now: Now,
        manifest: ManifestId,
        pull: PullId,
        chunks: &[ChunkRef],
    ) -> bool {
        if !self.store_takes(&manifest, chunks) {
            self.refuse_pull(now, manifest, OfferRefusal::Full);
            return false;
        }
        let Some(payer) = self.payer(&manifest) else { return true };
        for over in self.shares.expire(now.wall) {
            self.record(None, Record::Share(over), AfterRecord::Nothing);
        }
        let bytes = self.transfer.lacked_bytes(chunks);
        let share = self.byte_share(&payer).filter(|_| !self.was_certified(&manifest));
        let room = share.map_or(Room::Enough, |(_, share)| self.shares.room(&payer, bytes, share, now.wall));
        let why = match room {
            Room::Enough => {
                self.shares.begin(pull, payer, bytes);
                if let Some(swarm) = self.swarms.get_mut(&manifest) {
                    swarm.payer = Some(payer);
                }
                return true;
            }
            Room::NotNow => OfferRefusal::Busy,
            Room::None => OfferRefusal::ShareFull,
        };
        self.refuse_pull(now, manifest, why);
        false
    }

    fn refuse_pull(&mut self, now: Now, manifest: ManifestId, why: OfferRefusal) {
        if let Some(swarm) = self.swarms.get_mut(&manifest) {
            let tree = swarm.stage == Stage::PullingTree;
            swarm.stage = if tree { Stage::TreeMissing } else { Stage::Known };
        }
        for id in self.offers.waiting_for(&manifest) {
            self.refuse_offer(now, id, why);
        }
    }

    /// Who pays for what is pulled of a manifest: nobody on a node, under a grant, or where it was here before.
    fn payer(&self, manifest: &ManifestId) -> Option<Payer> {
        if !self.is_seed() {
            return None;
        }
        if let Some(entry) = self.catalogue.get(manifest) {
            return if entry.paid { None } else { Payer::of(entry.certified.verified()) };
        }
        if let Some(short) = self.shorts.get(manifest) {
            return Payer::of(short.manifest.verified());
        }
        Payer::of(self.offers.claimed(manifest)?)
    }

    fn byte_share(&self, payer: &Payer) -> Option<(&Publisher, u64)> {
        let mut publishers = self.config.trust.policy().publishers.iter();
        let publisher = publishers.find(|publisher| publisher.key == payer.publisher)?;
        publisher.byte_share.map(|share| (publisher, share))
    }

    /// A chunk that was pulled is in the store. When its publisher has used four fifths of its share, that is said once.
    pub(super) fn chunk_stored(&mut self, now: Now, pull: PullId, (plain, stored): (u32, u32)) {
        let Some(payer) = self.shares.pay(pull, plain, stored) else { return };
        let after = self.shares.taken(&payer.publisher, now.wall);
        let before = after.saturating_sub(u64::from(stored));
        let Some((publisher, share)) = self.byte_share(&payer) else { return };
        if !much(before, share) && much(after, share) {
            let publisher = publisher.name.clone();
            self.event(Event::ShareNearlyUsed { publisher, bytes: after, share });
        }
    }

    /// The chunks of an offer are here: what they took is made durable before the vote, so that no restart forgets it.
    pub(super) fn settle_share(&mut self, id: OfferId) {
        let Some(offer) = self.offers.get_mut(id) else { return };
        offer.voting = true;
        let (holder, manifest) = (offer.contact.peer, offer.manifest);
        match self.payer(&manifest).and_then(|payer| self.shares.unsaved(payer)) {
            Some(share) => {
                let then = AfterRecord::Share { offer: Some(id), share };
                self.record(Some(holder), Record::Share(share), then);
            }
            None => self.sync(Some(holder), AfterSync::Offer(id)),
        }
    }

    /// A swarm closes: what was kept for it, voted for or not, is on the disk.
    pub(super) fn end_paying(&mut self, swarm: &Swarm) {
        swarm.pull.into_iter().for_each(|pull| self.shares.end(pull));
        if let Some(share) = swarm.payer.and_then(|payer| self.shares.unsaved(payer)) {
            self.record(None, Record::Share(share), AfterRecord::Share { offer: None, share });
        }
    }

    /// A count is durable, or the disk refused it.
    pub(super) fn share_recorded(
        &mut self,
        now: Now,
        (offer, share): (Option<OfferId>, Share),
        result: Result<(), StoreFailure>,
    ) {
        if result.is_ok() {
            self.shares.saved(share);
        }
        let Some(id) = offer else { return };
        let Some(holder) = self.offers.get(id).map(|offer| offer.contact.peer) else { return };
        match result {
            Ok(()) => self.sync(Some(holder), AfterSync::Offer(id)),
            Err(StoreFailure::Full | StoreFailure::Broken) => {
                self.refuse_offer(now, id, OfferRefusal::Full);
            }
        }
    }
}

/// Four fifths of a share.
const fn much(bytes: u64, share: u64) -> bool {
    bytes.saturating_mul(5) >= share.saturating_mul(4)
}
