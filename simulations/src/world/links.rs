//! Connections: dialling, messages, hanging up. A pair has one control connection, whoever dialled it.

use super::{Event, Violation, World};
use crate::node::Link;
use crate::numbered::NodeNo;
use crate::trace::fact::Fact;
use core::time::Duration;
use pollux_core::engine::{Credit, FetchFailure, Input, Output, ServeFailure};
use pollux_core::{Instant, PeerId};

/// Control messages that may be on their way to one peer, as in the node.
const MESSAGES_MAX: u32 = 64;
/// Round trips until a connection is up: TCP, TLS, the choice of protocols.
const HANDSHAKE_ROUND_TRIPS: u32 = 3;

impl World {
    /// How long a connection takes to come up.
    fn handshake(&self, from: NodeNo, to: NodeNo) -> Duration {
        let way = self.latency(from, to).saturating_mul(2 * HANDSHAKE_ROUND_TRIPS);
        self.costs.handshake.saturating_add(way)
    }

    pub(super) fn dial(&mut self, from: NodeNo, peer: PeerId, addresses: &[String]) {
        let Some(to) = self.find_peer(from, &peer) else { return };
        let other = self.nodes.at(to);
        if other.engine.is_some() && addresses.contains(&other.address.to_string()) {
            self.queue.push(self.after(self.handshake(from, to)), Event::Connect { from, to });
        } else {
            self.answer(from, self.latency(from, to).saturating_mul(2), Input::DialFailed { peer });
        }
    }

    /// A dial has come to its end.
    pub(super) fn connect(&mut self, from: NodeNo, to: NodeNo) {
        let (dialler, dialled) = (self.nodes.at(from), self.nodes.at(to));
        if dialler.engine.is_none() || dialler.links.contains_key(&to) {
            return;
        }
        if dialled.engine.is_none() || dialled.links.contains_key(&from) {
            let peer = dialled.peer;
            return self.feed(from, Input::DialFailed { peer });
        }
        if self.partings.contains(&(from, to)) || self.partings.contains(&(to, from)) {
            // Whoever has not heard yet that the last connection is gone hears that first.
            let at = self.now().max(self.nodes.at(from).paused).max(self.nodes.at(to).paused);
            return self.push_unless_never(at, Event::Connect { from, to });
        }
        self.links_begun += 1;
        let link = Link { number: self.links_begun, bulk_from: Instant::NEVER, arrives: Instant::ZERO };
        self.nodes.at_mut(from).links.insert(to, link);
        self.nodes.at_mut(to).links.insert(from, link);
        self.connected(to, from, false);
        self.connected(from, to, true);
    }

    fn connected(&mut self, no: NodeNo, other: NodeNo, dialled: bool) {
        // The first of the two may have hung up at once.
        if !self.nodes.at(no).links.contains_key(&other) {
            return;
        }
        let (peer, address) = (self.nodes.at(other).peer, self.nodes.at(other).address);
        self.nodes.at_mut(no).credits.open(other, MESSAGES_MAX);
        self.feed(no, Input::Connected { peer, address, dialled });
        self.feed(no, Input::Credit(Credit::Send { peer, messages: MESSAGES_MAX }));
        self.hold_peers(no);
    }

    pub(super) fn send(&mut self, from: NodeNo, output: Output) {
        let Output::Send { peer, .. } = &output else { return };
        let Some(to) = self.find_peer(from, peer) else { return };
        if let Output::Send { message, .. } = &output {
            let bytes = message.encode();
            self.trace.add(self.now(), from, &Fact::of_message(&output, &bytes));
            self.nodes.at_mut(from).tally.sent(bytes.len());
            self.hold_message(from, bytes.len());
        }
        let node = self.nodes.at_mut(from);
        if !node.links.contains_key(&to) {
            return; // it is gone, and the engine hears of that next
        }
        if node.credits.send(to).is_err() {
            self.violated(from, Violation::NoCredit("send"));
        }
        if let Output::Send { message, .. } = output {
            self.say(from, to, *message);
        }
    }

    /// An engine hears that a connection is gone.
    pub(super) fn note_parted(&mut self, no: NodeNo, input: &Input) {
        if let Input::Disconnected { peer } = input
            && let Some(other) = self.by_peer.get(peer)
        {
            self.partings.remove(&(no, *other));
        }
    }

    pub(super) fn disconnect(&mut self, no: NodeNo, peer: &PeerId) {
        if let Some(other) = self.find_peer(no, peer) {
            self.hang_up(no, other);
        }
    }

    /// Closes everything with a peer, which hears of it after what was sent before.
    pub(super) fn hang_up(&mut self, no: NodeNo, peer: NodeNo) {
        let Some(link) = self.nodes.at(no).links.get(&peer).map(|link| link.number) else { return };
        let at = self.arrival(no, peer);
        self.forget_link(no, peer);
        self.queue.push(at, Event::Closed { from: no, to: peer, link });
    }

    /// A peer has hung up.
    pub(super) fn closed(&mut self, from: NodeNo, to: NodeNo, link: u64) {
        if self.nodes.at(to).is_linked(from, link) {
            self.forget_link(to, from);
            self.partings.insert((to, from));
            let peer = self.nodes.at(from).peer;
            // After the fetches that failed with it.
            self.answer(to, Duration::ZERO, Input::Disconnected { peer });
        }
    }

    /// One end of a connection is gone: what was under way on it has failed, and is reported.
    fn forget_link(&mut self, no: NodeNo, peer: NodeNo) {
        let now = self.now();
        self.network.drop_stream(now, no, peer);
        self.network.drop_stream(now, peer, no);
        let node = self.nodes.at_mut(no);
        node.links.remove(&peer);
        node.credits.close(peer);
        let (fetches, asks) = (node.take_fetches_from(peer), node.take_asks_of(peer));
        for fetch in fetches {
            self.answer(no, Duration::ZERO, Input::FetchFailed { fetch, why: FetchFailure::Broken });
        }
        for ask in asks {
            self.answer(no, Duration::ZERO, Input::Served { ask, result: Err(ServeFailure::PeerGone) });
        }
    }
}
