//! A wire for tests, and ways to wait for its events.

use crate::net::bounds::Patience;
use crate::net::{NetConfig, NetEvent, NetHandle, task};
use pollux_core::engine::{AskId, FetchId};
use pollux_core::message::Control;
use pollux_core::{ChunkId, ChunkRef, Frame, FrameKind, KeyPair, PeerId, PeerRole};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::sync::mpsc;

/// No test waits longer for one event.
const LIMIT: Duration = Duration::from_secs(60);

/// A running wire.
pub(super) struct Node {
    pub(super) handle: NetHandle,
    pub(super) events: mpsc::Receiver<NetEvent>,
    pub(super) id: PeerId,
    pub(super) address: SocketAddr,
    /// What came together with the last ask.
    asked: VecDeque<(AskId, ChunkId)>,
}

impl Node {
    /// With the program's patience.
    pub(super) async fn start(number: u8) -> Self {
        Self::start_with(number, Patience::default()).await
    }

    /// With another one.
    pub(super) async fn start_with(number: u8, patience: Patience) -> Self {
        let identity = KeyPair::from_seed([number; 32]);
        let id = PeerId::new(identity.public());
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let config = NetConfig { identity, role: PeerRole::Node, listen };
        let (commands, mut events) = task::start(&config, patience, None).expect("loopback has a free port");
        let first = events.recv().await.expect("the wire runs");
        let NetEvent::Listening { address } = first else { panic!("not listening: {first:?}") };
        Self { handle: NetHandle { commands }, events, id, address, asked: VecDeque::new() }
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> NetEvent {
        let event = tokio::time::timeout(LIMIT, self.events.recv()).await;
        event.expect("an event within the limit").expect("the wire runs")
    }

    /// The first event that counts; those before it are dropped.
    pub(super) async fn until<T>(&mut self, mut which: impl FnMut(NetEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = which(self.next().await) {
                return found;
            }
        }
    }

    /// Waits for a peer, which counts as one that belongs from then on.
    pub(super) async fn connected(&mut self) -> PeerId {
        let peer = self.met().await;
        self.handle.admit(peer);
        peer
    }

    /// Waits for a peer, which stays a stranger.
    pub(super) async fn met(&mut self) -> PeerId {
        self.until(|event| match event {
            NetEvent::Connected { peer, .. } => Some(peer),
            _ => None,
        })
        .await
    }

    pub(super) async fn disconnected(&mut self) -> PeerId {
        self.until(|event| match event {
            NetEvent::Disconnected { peer } => Some(peer),
            _ => None,
        })
        .await
    }

    pub(super) async fn message(&mut self) -> (PeerId, Control) {
        self.until(|event| match event {
            NetEvent::Message { peer, message } => Some((peer, *message)),
            _ => None,
        })
        .await
    }

    /// The next ask.
    pub(super) async fn asked(&mut self) -> (AskId, ChunkId) {
        if self.asked.is_empty() {
            self.asked = self.asked_together().await.into();
        }
        self.asked.pop_front().expect("an event is about one ask at least")
    }

    /// The asks of the next event.
    pub(super) async fn asked_together(&mut self) -> Vec<(AskId, ChunkId)> {
        self.until(|event| match event {
            NetEvent::Asked { chunks, .. } => Some(chunks),
            _ => None,
        })
        .await
    }

    /// The next ask that is taken back.
    pub(super) async fn taken_back(&mut self) -> AskId {
        self.until(|event| match event {
            NetEvent::TakenBack { ask, .. } => Some(ask),
            _ => None,
        })
        .await
    }

    pub(super) async fn arrived(&mut self) -> (FetchId, Frame) {
        self.until(|event| match event {
            NetEvent::FrameArrived { fetch, frame } => Some((fetch, frame)),
            NetEvent::FetchFailed { fetch, why } => panic!("{fetch:?} failed: {why:?}"),
            _ => None,
        })
        .await
    }

    /// Dials the other one and waits until both say that they are connected.
    pub(super) async fn join(&mut self, other: &mut Self) {
        self.handle.dial(other.id, vec![other.address]);
        assert_eq!(self.connected().await, other.id);
        assert_eq!(other.connected().await, self.id);
    }
}

/// Two wires, of which the first leads.
pub(super) async fn pair() -> (Node, Node) {
    let one = Node::start(1).await;
    let other = Node::start(2).await;
    if one.id < other.id { (one, other) } else { (other, one) }
}

/// A message that says a number.
pub(super) fn say(number: u32) -> Control {
    Control::OfferProgress { offer: number, have: 0, of: 1 }
}

/// A chunk and its raw frame, different for every number.
pub(super) fn chunk(number: u32, bytes: usize) -> (ChunkRef, Frame) {
    let mut plain = b"not compressible enough to matter".repeat(bytes / 33 + 1);
    plain.truncate(bytes);
    plain.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, digit)| *byte ^= digit);
    let id = ChunkId::of(&plain);
    let chunk = ChunkRef { id, bytes: u32::try_from(bytes).expect("a chunk's length") };
    (chunk, Frame { kind: FrameKind::Raw, bytes: plain })
}
