//! Giving chunks to peers who ask: in turns, a bounded number of waiting asks for each, only what is held, as far as is
//! remembered.
//!
//! A turn is a request: its chunks are given together, in the order asked, but for those that are declined, each by itself.
//! Credit is spent for each chunk, not for each request, for it stands for the buffers of what is on its way, and who asks
//! decides how much is in a request. That credit is all that is given at once: nobody waits with a clock for what was asked
//! for, and nobody has to ask again.
//!
//! The queue is bounded, and each requester has an even part of it. Who has been given much more than others that wait is
//! told that this node is busy, until they have caught up; who is alone is never told so.

use super::hand_over::LastGifts;
use super::limits::{GIVING_LITTLE_BELOW, SPARE_TIME, SPARED_IN_A_ROW_MAX, SPARED_MAX};
use super::pace;
use super::slab::PeerNo;
use super::{Transfer, TransferOutput};
use crate::engine::{AskId, Output, ServeFailure};
use crate::limits::REQUEST_BYTES_MAX;
use crate::message::Decline;
use crate::{ChunkId, Instant, PeerId};

use std::collections::{BTreeMap, VecDeque};

/// A peer asks for a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    ask: AskId,
    chunk: ChunkId,
    /** the first that waits of its request */
    begins: bool,
}

/// What waits to be served, and what is being served.
#[derive(Debug, Default)]
pub(super) struct Serving {
    /** peers with waiting asks, the next one first; each once, but for the one whose turn it is */
    turns: VecDeque<PeerNo>,
    /** what the driver was told to give; as many as it gave credit for */
    given: BTreeMap<AskId, ChunkId>,
    /** credit */
    pub(super) reads: u32,
    /** bytes that a requester was given that had an even part of all */
    even: u64,
    /** this is a seed: it gives a chunk once and then, for a while, lets others give it */
    pub(super) spares: bool,
    /** when each chunk was last given, those not long ago */
    recent: BTreeMap<ChunkId, Instant>,
    /** the same, the oldest first */
    order: VecDeque<(Instant, ChunkId)>,
    /** what is still given at the end */
    pub(super) last: LastGifts,
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

    /// See [`Transfer::gives_little`].
    pub(super) fn gives_little(&self) -> bool {
        self.turns.is_empty() && self.given.len() < GIVING_LITTLE_BELOW
    }

    /// Whether nothing waits to be given, or is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.turns.is_empty() && self.given.is_empty()
    }

    /// Forgets the asks of a peer that is gone.
    pub(super) fn forget_peer(&mut self, peer: PeerNo) {
        self.turns.retain(|&other| other != peer);
    }
}

impl Transfer {
    /// A peer asks for chunks: each waits, or is declined at once. Those that wait are one turn, the next time that it is
    /// this peer's.
    pub(super) fn queue_request(&mut self, peer: PeerId, chunks: &[(AskId, ChunkId)]) {
        let no = self.peers.find(peer);
        let mut begins = true;
        for &(ask, chunk) in chunks {
            match no.map_or(Err(Decline::NotAMember), |no| self.queue_ask(no, Ask { ask, chunk, begins })) {
                Ok(()) => begins = false,
                Err(why) => self.decline(ask, why),
            }
        }
    }

    fn queue_ask(&mut self, no: PeerNo, ask: Ask) -> Result<(), Decline> {
        if !self.table.may_be_held(ask.chunk) {
            return Err(Decline::Missing);
        }
        if let Some(why) = self.serving.last.refusal(ask.chunk) {
            return Err(why);
        }
        let peer = self.peers.get_mut(no).ok_or(Decline::NotAMember)?;
        let others = self.serving.turns.len().saturating_sub(usize::from(!peer.asks.is_empty()));
        let is_greedy = others > 0 && peer.pace.is_spent(self.serving.even);
        if is_greedy || peer.asks.len() >= pace::places(others + 1) {
            return Err(Decline::Busy);
        }
        if peer.asks.is_empty() {
            self.serving.turns.push_back(no);
        }
        peer.asks.push_back(ask);
        Ok(())
    }

    /// An ask that waits is taken back: the rest of its request keeps its turn.
    pub(super) fn drop_ask(&mut self, peer: PeerId, ask: AskId) {
        let Some(no) = self.peers.find(peer) else { return };
        let Some(known) = self.peers.get_mut(no) else { return };
        let Some(place) = known.asks.iter().position(|waiting| waiting.ask == ask) else { return };
        let begins = known.asks.remove(place).is_some_and(|dropped| dropped.begins);
        if let Some(next) = known.asks.get_mut(place) {
            next.begins |= begins;
        }
        if known.asks.is_empty() {
            self.serving.forget_peer(no);
        }
        self.decline(ask, Decline::Busy);
    }

    /// The next chunks to give, if there is credit.
    pub(super) fn next_serve(&mut self, now: Instant) -> Option<Output> {
        while self.serving.reads > 0 {
            let no = self.serving.turns.pop_front()?;
            let chunks = self.take_turn(now, no);
            if !chunks.is_empty() {
                return Some(Output::Serve { chunks });
            }
        }
        None
    }

    /// One peer's turn: what it asked for with one request, as far as there is credit, and no more than one request may
    /// ask for. Without credit it goes on later; with the rest of a request that is too large it waits for its next turn.
    fn take_turn(&mut self, now: Instant, no: PeerNo) -> Vec<(AskId, ChunkId)> {
        let (mut chunks, mut bytes, mut is_spared) = (Vec::new(), 0, false);
        let mut ask = self.peers.get_mut(no).and_then(|peer| peer.asks.pop_front());
        while let Some(Ask { ask: number, chunk, .. }) = ask {
            if !self.table.may_be_held(chunk) {
                self.decline(number, Decline::Missing);
            } else if self.spares(now, no, chunk) {
                is_spared = true;
                self.decline(number, Decline::Busy);
            } else {
                self.serving.note_given(now, number, chunk);
                chunks.push((number, chunk));
                bytes += self.note_pace(no, chunk);
            }
            ask = self.next_of_turn(no, bytes);
        }
        if is_spared || !chunks.is_empty() {
            self.note_spared(no, is_spared);
        }
        self.end_turn(no);
        chunks
    }

    /// A peer whose turn it is is given a chunk, and all who wait have a part of that; says how many bytes.
    fn note_pace(&mut self, no: PeerNo, chunk: ChunkId) -> u32 {
        let bytes = self.table.bytes_at_most(chunk);
        if let Some(peer) = self.peers.get_mut(no) {
            peer.pace.take(self.serving.even, bytes);
        }
        let requesters = u64::try_from(self.serving.turns.len() + 1).unwrap_or(u64::MAX);
        self.serving.even = self.serving.even.saturating_add(u64::from(bytes) / requesters);
        bytes
    }

    /// What a turn goes on with: the next chunk of the same request, if there is credit, and it is not too much.
    fn next_of_turn(&mut self, no: PeerNo, bytes: u32) -> Option<Ask> {
        let peer = self.peers.get_mut(no).filter(|_| self.serving.reads > 0)?;
        let next = peer.asks.front().filter(|next| !next.begins)?;
        let fits = bytes.saturating_add(self.table.bytes_at_most(next.chunk)) <= REQUEST_BYTES_MAX;
        if fits { peer.asks.pop_front() } else { None }
    }

    /// Whoever has asks left has another turn: the next, if it was only for want of credit that this one ended.
    fn end_turn(&mut self, no: PeerNo) {
        let Some(next) = self.peers.get(no).and_then(|peer| peer.asks.front()) else { return };
        if next.begins || self.serving.reads > 0 {
            self.serving.turns.push_back(no);
        } else {
            self.serving.turns.push_front(no);
        }
    }

    /// Whether a seed lets this peer get a chunk from others: it gave it to one of them a moment ago, and there is somebody
    /// else to be given something. Not for many requests in a row, for those others may be no neighbours of this peer.
    fn spares(&mut self, now: Instant, no: PeerNo, chunk: ChunkId) -> bool {
        let crowded = self.serving.turns.iter().any(|&other| other != no);
        let given = self.serving.spares && crowded && self.serving.is_spared(now, chunk);
        given && self.peers.get(no).is_some_and(|peer| peer.spared < SPARED_IN_A_ROW_MAX)
    }

    /// Counts the turns in a row in which a peer was declined something so.
    fn note_spared(&mut self, no: PeerNo, is_spared: bool) {
        if let Some(peer) = self.peers.get_mut(no) {
            peer.spared = if is_spared { peer.spared + 1 } else { 0 };
        }
    }

    /// A chunk was given, or could not be. Names the chunk that the store turned out to lack.
    pub(super) fn end_serve(&mut self, ask: AskId, result: Result<u32, ServeFailure>) -> Option<ChunkId> {
        let chunk = self.serving.given.remove(&ask)?;
        if result.is_err() {
            self.serving.recent.remove(&chunk);
        }
        if !matches!(result, Err(ServeFailure::PeerGone | ServeFailure::Unwanted)) {
            self.serving.last.note_given(&chunk);
        }
        match result {
            Err(ServeFailure::Missing) => Some(chunk).filter(|&chunk| self.table.is_held(chunk)),
            Err(ServeFailure::Corrupt) => Some(chunk),
            Ok(_) | Err(ServeFailure::PeerGone | ServeFailure::Unwanted) => None,
        }
    }

    fn decline(&mut self, ask: AskId, why: Decline) {
        self.outbox.push_back(TransferOutput::Do(Output::Decline { ask, why }));
    }
}
