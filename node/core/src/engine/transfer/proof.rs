//! A proof: one chunk of a peer that says it has much, asked for only to see whether it comes and is right. Nothing is kept
//! of it. Apart from fetches that somebody wants: its few buffers have a bound of their own.

use super::timers::Timer;
use super::{Transfer, TransferOutput};
use crate::engine::{FetchFailure, FetchId, Output, Proof};
use crate::limits::FETCH_TIMEOUT;
use crate::message::Decline;
use crate::{ChunkFault, ChunkRef, Instant, ManifestId, PeerId};
use std::collections::{BTreeMap, VecDeque};

/// One that is under way.
#[derive(Debug)]
struct Asked {
    peer: PeerId,
    manifest: ManifestId,
    chunk: ChunkRef,
    until: Instant,
}

/// Those that are under way; as many as the engine asks for at once.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    asked: BTreeMap<FetchId, Asked>,
    /// Frames that wait to be checked.
    to_check: VecDeque<FetchId>,
}

impl Transfer {
    /// Asks a peer for a chunk of a manifest that it says it has.
    pub(crate) fn ask_for_proof(
        &mut self,
        now: Instant,
        peer: PeerId,
        manifest: ManifestId,
        chunk: ChunkRef,
    ) {
        let (fetch, until) = (FetchId(self.next_fetch), now.after(FETCH_TIMEOUT));
        self.next_fetch += 1;
        self.timers.arm(until, Timer::Proof(fetch));
        self.proofs.asked.insert(fetch, Asked { peer, manifest, chunk, until });
        self.outbox.push_back(TransferOutput::Do(Output::Fetch { peer, chunks: vec![(fetch, chunk)] }));
    }

    /// How many are under way.
    pub(crate) fn proofs(&self) -> usize {
        self.proofs.asked.len()
    }

    /// A frame is here: whether it was for a proof.
    pub(super) fn proof_arrived(&mut self, fetch: FetchId) -> bool {
        let Some(asked) = self.proofs.asked.get(&fetch) else { return false };
        self.timers.disarm(asked.until, Timer::Proof(fetch));
        self.proofs.to_check.push_back(fetch);
        true
    }

    /// The next frame to be checked, if there is credit.
    pub(super) fn next_proof_check(&mut self) -> Option<Output> {
        while self.checks > 0 {
            let fetch = self.proofs.to_check.pop_front()?;
            if let Some(asked) = self.proofs.asked.get(&fetch) {
                self.checks -= 1;
                return Some(Output::Check { fetch, chunk: asked.chunk });
            }
        }
        None
    }

    /// What came is right, or not: whether it was for a proof.
    pub(super) fn proof_checked(&mut self, fetch: FetchId, result: Result<ChunkRef, ChunkFault>) -> bool {
        let Some(asked) = self.proofs.asked.get(&fetch) else { return false };
        if let Err(fault) = result {
            self.junk += 1;
            self.outbox.push_back(TransferOutput::Junk { peer: asked.peer, fault });
        }
        self.end_proof(fetch, if result.is_ok() { Proof::Given } else { Proof::Owed });
        true
    }

    /// It did not come: whether it was for a proof.
    pub(super) fn proof_failed(&mut self, fetch: FetchId, why: FetchFailure) -> bool {
        if !self.proofs.asked.contains_key(&fetch) {
            return false;
        }
        let proof = match why {
            FetchFailure::Declined(Decline::Missing) | FetchFailure::TooLong => Proof::Owed,
            // It says nothing about what the peer has.
            FetchFailure::Declined(Decline::Busy | Decline::NotAMember | Decline::Unknown(_))
            | FetchFailure::Broken
            | FetchFailure::NotConnected => Proof::Open,
        };
        self.end_proof(fetch, proof);
        true
    }

    /// It has had its time.
    pub(super) fn proof_is_late(&mut self, fetch: FetchId) {
        self.end_proof(fetch, Proof::Owed);
    }

    /// A peer is gone, and what it was asked for with it.
    pub(super) fn proofs_of_gone(&mut self, peer: PeerId) {
        let of_peer = self.proofs.asked.iter().filter(|(_, asked)| asked.peer == peer);
        let fetches: Vec<FetchId> = of_peer.map(|(fetch, _)| *fetch).collect();
        fetches.into_iter().for_each(|fetch| self.end_proof(fetch, Proof::Open));
    }

    fn end_proof(&mut self, fetch: FetchId, proof: Proof) {
        let Some(Asked { peer, manifest, until, .. }) = self.proofs.asked.remove(&fetch) else { return };
        self.timers.disarm(until, Timer::Proof(fetch));
        self.outbox.push_back(TransferOutput::Do(Output::Release { fetch }));
        self.outbox.push_back(TransferOutput::Proven { peer, manifest, proof });
    }
}
