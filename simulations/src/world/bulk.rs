//! Chunks from node to node.

use super::{Event, Violation, World};
use crate::network::FrameOut;
use crate::node::{Ask, Fetch, Stage};
use crate::numbered::{ChunkNo, NodeNo, StreamNo};
use crate::report::time_us;
use crate::scenario::Behaviour;
use core::time::Duration;
use pollux_core::engine::{AskId, FetchFailure, FetchId, Input, ServeFailure};
use pollux_core::message::Decline;
use pollux_core::{ChunkFault, ChunkId, ChunkRef, Instant, PeerId};

/// From whom, to whom, on which connection.
type Way = (NodeNo, NodeNo, u64);

impl World {
    /// Asks a peer for chunks, with one request; the first time, on a connection that is yet to come up.
    pub(super) fn fetch(&mut self, no: NodeNo, peer: &PeerId, chunks: Vec<(FetchId, ChunkRef)>) {
        let Some(to) = self.find_peer(no, peer) else { return };
        let known =
            chunks.into_iter().filter_map(|(fetch, chunk)| Some((fetch, self.find_chunk(no, chunk)?)));
        let chunks: Box<[(FetchId, ChunkNo)]> = known.collect();
        let (now, opened) =
            (self.now(), self.after(self.costs.handshake.saturating_add(self.latency(no, to) * 4)));
        let node = self.nodes.at_mut(no);
        let Some(link) = node.links.get_mut(&to) else {
            let why = FetchFailure::NotConnected;
            let failed = chunks.iter().map(|&(fetch, _)| Input::FetchFailed { fetch, why });
            return failed.for_each(|input| self.answer(no, Duration::ZERO, input));
        };
        if link.bulk_from == Instant::NEVER {
            link.bulk_from = opened;
        }
        let (sent, link) = (link.bulk_from.max(now), link.number);
        let begun = |&(fetch, chunk)| (fetch, Fetch { from: to, chunk, stage: Stage::Waiting, junk: false });
        node.fetches.extend(chunks.iter().map(begun));
        self.hold_fetch(no, &chunks);
        let arrives = sent.after(self.latency(no, to));
        self.queue.push(arrives, Event::Request { from: no, to, link, chunks });
    }

    /// A request arrives.
    pub(super) fn requested(&mut self, (from, to, link): Way, chunks: &[(FetchId, ChunkNo)]) {
        let peer = self.nodes.at(from).peer;
        let node = self.nodes.at_mut(to);
        self.reached.lies += u64::from(!node.gives());
        if node.is_linked(from, link) && node.gives() {
            let ask = |&(fetch, chunk)| {
                let ask = node.begin_ask(Ask { from, fetch, chunk, served: false });
                (ask, self.content.chunk(chunk).id)
            };
            let chunks = chunks.iter().map(ask).collect();
            self.feed(to, Input::Asked { peer, chunks });
        }
    }

    /// Tells a peer that a chunk is not wanted any more; not sooner than it is asked for it.
    pub(super) fn take_back(&mut self, no: NodeNo, peer: NodeNo, fetch: FetchId) {
        let Some(link) = self.nodes.at(no).links.get(&peer) else { return };
        let (sent, link) = (link.bulk_from.max(self.now()), link.number);
        let arrives = sent.after(self.latency(no, peer));
        self.queue.push(arrives, Event::TakenBack { from: no, to: peer, link, fetch });
    }

    /// A request is taken back: the engine ends what waits for its turn, the driver a frame that has not set off.
    pub(super) fn taken_back(&mut self, (from, to, link): Way, fetch: FetchId) {
        let (peer, node) = (self.nodes.at(from).peer, self.nodes.at(to));
        let ask = node.asks.iter().find(|(_, ask)| ask.from == from && ask.fetch == fetch);
        let Some((&ask, asked)) = ask.filter(|_| node.is_linked(from, link)) else { return };
        if !asked.served {
            self.feed(to, Input::TakenBack { peer, ask });
        } else if self.network.take_unbegun((to, from), ask) {
            self.decline(to, ask, Decline::Busy);
            self.answered(to, Input::Served { ask, result: Err(ServeFailure::Unwanted) });
        }
    }

    pub(super) fn decline(&mut self, no: NodeNo, ask: AskId, why: Decline) {
        let node = self.nodes.at_mut(no);
        let Some(Ask { from, fetch, .. }) = node.asks.remove(&ask) else { return };
        let Some(link) = node.links.get(&from).map(|link| link.number) else { return };
        self.queue.push(
            self.after(self.latency(no, from)),
            Event::Refusal { from: no, to: from, link, fetch, why },
        );
    }

    /// A request was declined.
    pub(super) fn refused(&mut self, (from, to, link): Way, fetch: FetchId, why: Decline) {
        let node = self.nodes.at_mut(to);
        if node.is_linked(from, link) && node.fetches.remove(&fetch).is_some() {
            self.feed(to, Input::FetchFailed { fetch, why: FetchFailure::Declined(why) });
        }
    }

    /// Gives a peer a chunk.
    pub(super) fn serve(&mut self, no: NodeNo, ask: AskId, chunk: ChunkId) {
        let found = self.content.find(&chunk);
        let node = self.nodes.at_mut(no);
        let overdrawn = node.credits.read().is_err();
        let held = found.is_some_and(|found| node.store.holds(found));
        let Some(asked) = node.asks.get_mut(&ask).filter(|asked| found == Some(asked.chunk)) else {
            // The asker has gone, and the engine hears of it next.
            return self.answer(
                no,
                Duration::ZERO,
                Input::Served { ask, result: Err(ServeFailure::PeerGone) },
            );
        };
        asked.served = true;
        let (to, bytes) = (asked.from, self.content.chunk(asked.chunk).bytes);
        if overdrawn {
            self.violated(no, Violation::NoCredit("serve"));
        }
        if !held {
            self.violated(no, Violation::NotHeld("served"));
        }
        self.network.give(self.queue.now(), (no, to), FrameOut { ask, bytes });
    }

    /// A stream's frame may have left.
    pub(super) fn stream_wakes(&mut self, stream: StreamNo) {
        let now = self.now();
        let (from, to) = self.network.pair(stream);
        let Some(FrameOut { ask, bytes }) = self.network.wake(now, stream) else { return };
        let (zone, other) = (self.nodes.at(from).spec.zone, self.nodes.at(to).spec.zone);
        let node = self.nodes.at_mut(from);
        let Some(Ask { fetch, .. }) = node.asks.remove(&ask) else { return };
        node.tally.gave(bytes, Some(other).filter(|other| *other != zone));
        let link = node.links.get(&to).map(|link| link.number);
        if let Some(link) = link {
            self.queue
                .push(self.after(self.latency(from, to)), Event::Frame { from, to, link, fetch, bytes });
        }
        if self.nodes.at(from).paused > now {
            return self.answer(from, Duration::ZERO, Input::Served { ask, result: Ok(bytes) });
        }
        self.answered(from, Input::Served { ask, result: Ok(bytes) });
    }

    /// The last byte of a frame arrives.
    pub(super) fn frame_arrives(&mut self, (from, to, link): Way, fetch: FetchId, bytes: u32) {
        let junk = self.nodes.at(from).spec.behaviour == Behaviour::Junk;
        let node = self.nodes.at_mut(to);
        if !node.is_linked(from, link) {
            return;
        }
        let Some(found) = node.fetches.get_mut(&fetch).filter(|found| found.stage == Stage::Waiting) else {
            node.tally.late_bytes += u64::from(bytes);
            self.reached.late += 1;
            return;
        };
        (found.stage, found.junk) = (Stage::Arrived, junk);
        if junk {
            self.reached.lies += 1;
            node.tally.junk_bytes += u64::from(bytes);
        } else {
            let again = node.arrived.put(found.chunk);
            node.tally.arrived(bytes, again);
            self.reached.duplicates += u64::from(again);
        }
        self.feed(to, Input::FrameArrived { fetch, bytes });
    }

    pub(super) fn check(&mut self, no: NodeNo, fetch: FetchId, chunk: ChunkRef) {
        let node = self.nodes.at_mut(no);
        let overdrawn = node.credits.check().is_err();
        let arrived = node.fetches.get_mut(&fetch).filter(|found| found.stage == Stage::Arrived);
        let Some(found) = arrived.filter(|found| self.content.chunk(found.chunk) == chunk) else {
            return self.violated(no, Violation::Unknown("frame"));
        };
        found.stage = Stage::Checked;
        let right = Ok(self.content.witness(found.chunk));
        let result = if found.junk { Err(ChunkFault::WrongHash) } else { right };
        if overdrawn {
            self.violated(no, Violation::NoCredit("check"));
        }
        self.answer(no, self.costs.check, Input::Checked { fetch, result });
    }

    /// How long a node's disk takes until it has a chunk, behind what it was given before.
    fn disk_takes(&mut self, no: NodeNo, fetch: FetchId) -> Duration {
        let (now, least) = (self.now(), self.costs.keep);
        let Some(rate) = self.group_of(no).and_then(|group| group.disk) else { return least };
        let chunk = self.nodes.at(no).fetches.get(&fetch).map(|fetch| self.content.chunk(fetch.chunk));
        let bytes = chunk.map_or(0, |chunk| u64::from(chunk.bytes));
        let node = self.nodes.at_mut(no);
        node.disk_free = node.disk_free.max(now).after(Duration::from_micros(time_us(bytes, rate.0)));
        node.disk_free.since(now).max(least)
    }

    pub(super) fn keep(&mut self, no: NodeNo, fetch: FetchId) {
        let node = self.nodes.at_mut(no);
        let overdrawn = node.credits.write().is_err();
        match node.fetches.get(&fetch) {
            Some(found) if found.stage == Stage::Checked => drop(node.store.put(found.chunk)),
            Some(_) | None => self.violated(no, Violation::NotChecked("kept")),
        }
        if overdrawn {
            self.violated(no, Violation::NoCredit("keep"));
        }
        let wait = self.disk_takes(no, fetch);
        self.answer(no, wait, Input::Kept { fetch, result: Ok(()) });
    }
}
