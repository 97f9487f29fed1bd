//! The peer itself.

use super::Seen;
use super::conduct::{Conduct, Reads};
use pollux_core::engine::FetchId;
use pollux_core::limits::FETCHES_PER_PEER_MAX;
use pollux_core::message::{ChunkSet, Control, Hello};
use pollux_core::{Envelope, PeerId, PeerRole};
use pollux_node::net::{NetEvent, NetHandle};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::sync::{mpsc, watch};

/// The name of every test's pool.
const POOL: &str = "ci";

/// Messages of a flood that are on their way at once.
const FLOOD_AT_ONCE: u32 = 32;

pub(super) struct Peer {
    net: NetHandle,
    seed: PeerId,
    seed_address: SocketAddr,
    token: Envelope,
    conduct: Conduct,
    membership: Option<Envelope>,
    listen_port: u16,
    /// Whom each fetch was asked of.
    fetches: BTreeMap<FetchId, PeerId>,
    fetched: u64,
    told: watch::Sender<Seen>,
}

impl Peer {
    pub(super) fn new(
        net: NetHandle,
        (seed, seed_address): (PeerId, SocketAddr),
        token: Envelope,
        conduct: Conduct,
        told: watch::Sender<Seen>,
    ) -> Self {
        let membership = conduct.shows.clone();
        let (fetches, fetched, listen_port) = (BTreeMap::new(), 0, 0);
        Self { net, seed, seed_address, token, conduct, membership, listen_port, fetches, fetched, told }
    }

    /// Goes on until the wire stops, or for ever where it reads nothing any more.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<NetEvent>) {
        while let Some(event) = events.recv().await {
            self.take(event);
            if self.is_deaf() {
                // While nobody takes events, the wire reads from nobody.
                std::future::pending::<()>().await;
            }
        }
    }

    fn is_deaf(&self) -> bool {
        self.conduct.reads == Reads::NothingOnceJoined
            && self.told.borrow().joined
            && (self.conduct.drains.is_empty() || !self.fetches.is_empty())
    }

    fn take(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening { address } => {
                self.listen_port = address.port();
                self.net.dial(self.seed, vec![self.seed_address]);
            }
            NetEvent::Connected { peer, messages, .. } => self.met(peer, messages),
            NetEvent::Disconnected { .. } => self.note(|seen| seen.hung_up += 1),
            NetEvent::Message { peer, message } => self.heard(peer, *message),
            NetEvent::SendCredit { peer, messages } if self.may_flood() => self.flood(peer, messages),
            NetEvent::Asked { chunks, .. } => chunks.into_iter().for_each(|(ask, _)| {
                self.note(|seen| seen.asked += 1);
                self.conduct.gives.answer().into_iter().for_each(|answer| self.net.answer(ask, answer));
            }),
            NetEvent::FrameArrived { fetch, .. } => {
                self.note(|seen| seen.frames += 1);
                self.ask_again(fetch);
            }
            NetEvent::FetchFailed { fetch, .. } => {
                self.note(|seen| seen.failed += 1);
                self.ask_again(fetch);
            }
            NetEvent::SendCredit { .. }
            | NetEvent::DialFailed { .. }
            | NetEvent::Served { .. }
            | NetEvent::TakenBack { .. }
            | NetEvent::Misbehaved { .. } => {}
        }
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        self.told.send_modify(change);
    }

    fn met(&mut self, peer: PeerId, messages: u32) {
        self.net.admit(peer);
        if self.conduct.is_stranger {
            self.drain(peer);
            self.flood(peer, messages);
        } else {
            self.say(peer, &self.hello());
        }
    }

    fn hello(&self) -> Control {
        Control::Hello(Hello {
            pool: POOL.to_owned(),
            role: PeerRole::Node,
            software: "hostile".to_owned(),
            membership: self.membership.clone(),
            listen_port: self.listen_port,
        })
    }

    fn say(&self, peer: PeerId, message: &Control) {
        self.net.send(peer, message);
    }

    /// Who floods before it has joined is closed for that, as any stranger.
    fn may_flood(&self) -> bool {
        self.conduct.is_stranger || self.told.borrow().joined
    }

    fn flood(&self, peer: PeerId, messages: u32) {
        for message in (0..messages).filter_map(|_| self.conduct.floods.as_ref()) {
            self.say(peer, message);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what it does not listen to is of no use to it")]
    fn heard(&mut self, peer: PeerId, message: Control) {
        match message {
            Control::Hello(_) if peer == self.seed && self.conduct.shows.is_none() => {
                self.say(peer, &Control::Join { token: self.token.clone() });
            }
            Control::Welcome { membership, .. } => {
                self.membership = Some(membership);
                self.announce(peer);
                self.drain(peer);
                self.note(|seen| seen.joined = true);
                // Far fewer than may wait; each that leaves is followed by another.
                self.flood(peer, FLOOD_AT_ONCE);
            }
            Control::Neighbours { .. } => self.note(|seen| seen.listed = true),
            Control::Enter { .. } if peer != self.seed => {
                self.announce(peer);
                self.drain(peer);
            }
            _ => {}
        }
    }

    fn announce(&self, peer: PeerId) {
        if let Some(announced) = self.conduct.announces {
            let have = ChunkSet::range(0, announced.chunks);
            self.say(peer, &Control::Enter { manifest: announced.manifest, have });
        }
    }

    /// As many at once as a peer answers.
    fn drain(&mut self, peer: PeerId) {
        let asked = self.fetches.values().filter(|of| **of == peer).count();
        (asked..FETCHES_PER_PEER_MAX).for_each(|_| self.ask(peer));
    }

    fn ask(&mut self, peer: PeerId) {
        let count = u64::try_from(self.conduct.drains.len()).unwrap_or(u64::MAX);
        let turn = self.fetched.checked_rem(count).and_then(|turn| usize::try_from(turn).ok());
        let Some(chunk) = turn.and_then(|turn| self.conduct.drains.get(turn)).copied() else { return };
        self.fetched += 1;
        let fetch = FetchId(self.fetched);
        self.fetches.insert(fetch, peer);
        self.net.fetch(peer, vec![(fetch, chunk)]);
    }

    /// Of a peer that has hung up there is nothing to be had: the first failure for that ends it.
    fn ask_again(&mut self, fetch: FetchId) {
        let Some(peer) = self.fetches.remove(&fetch) else { return };
        if self.told.borrow().hung_up == 0 {
            self.ask(peer);
        }
    }
}
