//! Giving chunks to peers who ask: in turns, a bounded number of waiting asks for each, only what is held, as far as is
//! remembered.

use super::limits::{SPARE_TIME, SPARED_IN_A_ROW_MAX, SPARED_MAX};
use super::slab::PeerNo;
use super::{Transfer, TransferOutput};
use crate::engine::{AskId, Output, ServeFailure};
use crate::limits::ASKS_PER_PEER_MAX;
use crate::message::Decline;
use crate::{ChunkId, Instant, PeerId};

use std::collections::{BTreeMap, VecDeque};

/// A peer asks for a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    ask: AskId,
    chunk: ChunkId,
}

/// What waits to be served, and what is being served.
#[derive(Debug, Default)]
pub(super) struct Serving {
    /** peers with waiting asks, the next one first */
    turns: VecDeque<PeerNo>,
    /** what the driver was told to give; as many as it gave credit for */
    given: BTreeMap<AskId, ChunkId>,
    /** credit */
    pub(super) reads: u32,
    /** this is a seed: it gives a chunk once and then, for a while, lets others give it */
    pub(super) spares: bool,
    /** when each chunk was last given, those not long ago */
    recent: BTreeMap<ChunkId, Instant>,
    /** the same, the oldest first */
    order: VecDeque<(Instant, ChunkId)>,
}

impl Serving {
    /// Whether a chunk was given a moment ago, and is to come from whoever got it.
    fn is_spared(&mut self, now: Instant, chunk: ChunkId) -> bool {
        while let Some(&(at, old)) = self.order.front()
            && (now.since(at) >= SPARE_TIME || self.order.len() > SPARED_MAX)
        {
            self.order.pop_front();
            if self.recent.get(&old) == Some(&at) {
                self.recent.remove(&old);
            }
        }
        self.recent.contains_key(&chunk)
    }

    fn note_given(&mut self, now: Instant, ask: AskId, chunk: ChunkId) {
        self.reads = self.reads.saturating_sub(1);
        self.given.insert(ask, chunk);
        if self.spares {
            self.recent.insert(chunk, now);
            self.order.push_back((now, chunk));
        }
    }

    /// Forgets the asks of a peer that is gone.
    pub(super) fn forget_peer(&mut self, peer: PeerNo) {
        self.turns.retain(|&other| other != peer);
    }
}

impl Transfer {
    /// A peer asks: its ask waits, or is declined at once.
    pub(super) fn queue_ask(&mut self, ask: AskId, peer: PeerId, chunk: ChunkId) {
        let Some(no) = self.peers.find(peer) else { return self.decline(ask, Decline::NotAMember) };
        if !self.table.may_be_held(chunk) {
            return self.decline(ask, Decline::Missing);
        }
        let Some(peer) = self.peers.get_mut(no) else { return };
        if peer.asks.len() >= ASKS_PER_PEER_MAX {
            return self.decline(ask, Decline::Busy);
        }
        if peer.asks.is_empty() {
            self.serving.turns.push_back(no);
        }
        peer.asks.push_back(Ask { ask, chunk });
    }

    /// The next chunk to give, if there is credit.
    pub(super) fn next_serve(&mut self, now: Instant) -> Option<Output> {
        while self.serving.reads > 0 {
            let no = self.serving.turns.pop_front()?;
            let Some(peer) = self.peers.get_mut(no) else { continue };
            let Some(Ask { ask, chunk }) = peer.asks.pop_front() else { continue };
            if !peer.asks.is_empty() {
                self.serving.turns.push_back(no);
            }
            if !self.table.may_be_held(chunk) {
                self.decline(ask, Decline::Missing);
            } else if self.spares(now, no, chunk) {
                self.decline(ask, Decline::Busy);
            } else {
                self.serving.note_given(now, ask, chunk);
                return Some(Output::Serve { ask, chunk });
            }
        }
        None
    }

    /// Whether a seed lets this peer get a chunk from others: it gave it to one of them a moment ago, and there is somebody
    /// else to be given something. Not many times in a row, for those others may be no neighbours of this peer.
    fn spares(&mut self, now: Instant, no: PeerNo, chunk: ChunkId) -> bool {
        let crowded = self.serving.turns.iter().any(|&other| other != no);
        let given = self.serving.spares && crowded && self.serving.is_spared(now, chunk);
        let Some(peer) = self.peers.get_mut(no) else { return false };
        let spared = given && peer.spared < SPARED_IN_A_ROW_MAX;
        peer.spared = if spared { peer.spared + 1 } else { 0 };
        spared
    }

    /// A chunk was given, or could not be. Names the chunk that the store turned out to lack.
    pub(super) fn end_serve(&mut self, ask: AskId, result: Result<u32, ServeFailure>) -> Option<ChunkId> {
        let chunk = self.serving.given.remove(&ask)?;
        if result.is_err() {
            self.serving.recent.remove(&chunk);
        }
        match result {
            Err(ServeFailure::Missing) => Some(chunk).filter(|&chunk| self.table.is_held(chunk)),
            Err(ServeFailure::Corrupt) => Some(chunk),
            Ok(_) | Err(ServeFailure::PeerGone) => None,
        }
    }

    fn decline(&mut self, ask: AskId, why: Decline) {
        self.outbox.push_back(TransferOutput::Do(Output::Decline { ask, why }));
    }
}
