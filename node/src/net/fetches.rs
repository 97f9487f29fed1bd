//! The book of what this node asks of peers: each fetch, on which lane it is, and how its peer gets lanes. Each has one
//! outcome.

use super::NetEvent;
use super::handler::Order;
use super::peer::{LaneStatus, Link, Widening};
use super::plane::Plane;
use super::wire::Wire;
use libp2p::swarm::ConnectionId;
use pollux_core::engine::{FetchFailure, FetchId};
use pollux_core::{ChunkRef, PeerId};
use tokio::time::Instant;

/// A fetch without an outcome yet.
pub(super) struct Fetch {
    /// Who is asked.
    pub(super) peer: PeerId,
    /// For what.
    chunk: ChunkRef,
    /// Where it was asked; none while it waits for a lane.
    pub(super) link: Option<ConnectionId>,
}

impl Wire {
    /// Asks a peer for chunks, on one lane.
    pub(super) fn fetch(&mut self, id: PeerId, chunks: Vec<(FetchId, ChunkRef)>) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.control.is_some()) else {
            let failed = chunks.into_iter().map(|(fetch, _)| fetch);
            return failed.for_each(|fetch| self.not_fetched(fetch, FetchFailure::NotConnected));
        };
        if chunks.is_empty() {
            return;
        }
        peer.waiting.push_back(chunks.iter().map(|(fetch, _)| *fetch).collect());
        let entered = |(fetch, chunk)| (fetch, Fetch { peer: id, chunk, link: None });
        self.fetches.extend(chunks.into_iter().map(entered));
        self.spread(id);
    }

    /// A fetch ends without a frame.
    pub(super) fn not_fetched(&mut self, fetch: FetchId, why: FetchFailure) {
        self.emit(NetEvent::FetchFailed { fetch, why });
    }

    /// Gives waiting requests to lanes, each as a whole, and gets more lanes if that pays.
    pub(super) fn spread(&mut self, id: PeerId) {
        self.widen(id);
        while let Some((link, chunks)) = self.next_waiting(id) {
            self.order(id, link, Order::Fetch(chunks));
        }
    }

    fn next_waiting(&mut self, id: PeerId) -> Option<(ConnectionId, Vec<(FetchId, ChunkRef)>)> {
        let peer = self.peers.get_mut(&id)?;
        let best = peer.best_lane()?;
        let request = peer.waiting.pop_front()?;
        let link = peer.links.get_mut(&best)?;
        if let LaneStatus::Up(under_way) = &mut link.lane {
            *under_way = under_way.saturating_add(u32::try_from(request.len()).unwrap_or(u32::MAX));
        }
        let asked = request.into_iter().filter_map(|fetch| {
            let entry = self.fetches.get_mut(&fetch)?;
            entry.link = Some(best);
            Some((fetch, entry.chunk))
        });
        Some((best, asked.collect()))
    }

    fn widen(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| !peer.waiting.is_empty()) else { return };
        match peer.widening(Instant::now()) {
            Widening::Nothing => {}
            Widening::Dial => self.start_dial(id, Plane::Bulk),
            Widening::Share(link) => self.open_lane(id, link),
            Widening::DialAndShare(link) => {
                self.start_dial(id, Plane::Bulk);
                self.open_lane(id, link);
            }
        }
    }

    fn open_lane(&mut self, id: PeerId, link: ConnectionId) {
        self.set_lane(id, link, LaneStatus::Opening);
        self.order(id, link, Order::OpenLane);
    }

    /// Notes how far the lane of a connection is.
    pub(super) fn set_lane(&mut self, id: PeerId, link: ConnectionId, status: LaneStatus) {
        if let Some(link) = self.peers.get_mut(&id).and_then(|peer| peer.links.get_mut(&link)) {
            link.lane = status;
        }
    }

    /// Forgets a fetch.
    pub(super) fn cancel(&mut self, fetch: FetchId) {
        let Some(entry) = self.take_fetch(fetch) else { return };
        if let Some(link) = entry.link {
            self.order(entry.peer, link, Order::Cancel(fetch));
        }
    }

    /// Strikes a fetch from the books.
    pub(super) fn take_fetch(&mut self, fetch: FetchId) -> Option<Fetch> {
        let entry = self.fetches.remove(&fetch)?;
        let peer = self.peers.get_mut(&entry.peer)?;
        match entry.link {
            None => peer.forget_waiting(fetch),
            Some(link) => {
                if let Some(Link { lane: LaneStatus::Up(under_way), .. }) = peer.links.get_mut(&link) {
                    *under_way = under_way.saturating_sub(1);
                }
            }
        }
        Some(entry)
    }

    /// These fetches have failed.
    pub(super) fn fail_fetches(&mut self, which: impl Fn(&Fetch) -> bool) {
        let failed: Vec<FetchId> =
            self.fetches.iter().filter(|(_, fetch)| which(fetch)).map(|(id, _)| *id).collect();
        for fetch in failed {
            self.take_fetch(fetch);
            self.not_fetched(fetch, FetchFailure::Broken);
        }
    }

    /// A connection has no lane any more.
    pub(super) fn on_lane_down(&mut self, id: PeerId, link: ConnectionId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let is_control = peer.control() == Some(link);
        let Some(entry) = peer.links.get_mut(&link) else { return };
        let was = std::mem::replace(&mut entry.lane, LaneStatus::Closed);
        if was == LaneStatus::Opening {
            peer.no_dial_before = Some(Instant::now() + self.patience.redial);
        }
        if !is_control {
            self.order(id, link, Order::End);
        } else if was == LaneStatus::Opening {
            // The last resort does not work either.
            self.fail_fetches(|fetch| fetch.peer == id && fetch.link.is_none());
        }
    }
}
