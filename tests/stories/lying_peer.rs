//! A member of the pool lies: it says that it holds everything, and sends junk, or nothing at all.

use crate::scene::{KEY, Scene};
use pollux_core::message::{ChunkSet, Control, Decline, Hello};
use pollux_core::{Envelope, Frame, FrameKind, KeyPair, ManifestId, PeerId, PeerRole, PoolFile};
use pollux_node::net::{NetConfig, NetEvent, NetHandle};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use tokio::sync::{mpsc, watch};

/// What a lying peer does when it is asked for a chunk.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// Sends bytes of another chunk.
    Junk,
    /// Sends the beginning of a compressed frame.
    Truncated,
    /// Sends a compressed frame that would grow to far more than a chunk.
    Bomb,
    /// Sends nothing.
    Silence,
    /// Says that it does not hold the chunk, against its own word.
    Denial,
}

impl Lie {
    fn answer(self) -> Option<Result<Frame, Decline>> {
        match self {
            Self::Junk => Some(Ok(Frame { kind: FrameKind::Raw, bytes: vec![7; 1000] })),
            Self::Truncated => {
                Some(Ok(Frame { kind: FrameKind::Zstd, bytes: vec![0x28, 0xb5, 0x2f, 0xfd, 0x24] }))
            }
            Self::Bomb => Some(Ok(Frame { kind: FrameKind::Zstd, bytes: bomb() })),
            Self::Silence => None,
            Self::Denial => Some(Err(Decline::Missing)),
        }
    }
}

/// A zstd frame of run-length blocks: each takes four bytes and grows to 128 KiB.
fn bomb() -> Vec<u8> {
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for _ in 0..1000 {
        bytes.extend_from_slice(&[0x02, 0x00, 0x10, 0x00]);
    }
    bytes
}

/// A peer that joins as any node does, and lies from then on.
struct Liar {
    net: NetHandle,
    events: mpsc::Receiver<NetEvent>,
    seed: PeerId,
    token: Envelope,
    membership: Option<Envelope>,
    listen_port: u16,
    manifest: ManifestId,
    have: ChunkSet,
    lie: Lie,
    connected: BTreeSet<PeerId>,
    /// Becomes true once the seed lists it among the holders.
    ready: watch::Sender<bool>,
    /// Counts what it was asked for.
    asked: watch::Sender<u32>,
}

impl Liar {
    async fn run(mut self, seed_address: SocketAddr) {
        while let Some(event) = self.events.recv().await {
            match event {
                NetEvent::Listening { address } => {
                    self.listen_port = address.port();
                    self.net.dial(self.seed, vec![seed_address]);
                }
                NetEvent::Connected { peer, .. } => {
                    self.connected.insert(peer);
                    self.net.admit(peer);
                    self.hello(peer);
                }
                NetEvent::Message { peer, message } => self.heard(peer, *message),
                NetEvent::Asked { ask, .. } => {
                    self.asked.send_modify(|asked| *asked += 1);
                    self.lie.answer().into_iter().for_each(|answer| self.net.answer(ask, answer));
                }
                _ => {}
            }
        }
    }

    fn hello(&self, peer: PeerId) {
        let hello = Hello {
            pool: "ci".to_owned(),
            role: PeerRole::Node,
            software: "liar".to_owned(),
            membership: self.membership.clone(),
            listen_port: self.listen_port,
        };
        self.net.send(peer, &Control::Hello(hello));
    }

    fn enter(&self, peer: PeerId) {
        let (manifest, have) = (self.manifest, self.have.clone());
        self.net.send(peer, &Control::Enter { manifest, have });
    }

    fn heard(&mut self, peer: PeerId, message: Control) {
        match message {
            Control::Hello(_) if peer == self.seed => {
                self.net.send(peer, &Control::Join { token: self.token.clone() });
            }
            Control::Welcome { membership, .. } => {
                self.membership = Some(membership);
                self.enter(peer);
            }
            Control::Neighbours { .. } => drop(self.ready.send(true)),
            Control::Enter { .. } if peer != self.seed => self.enter(peer),
            _ => {}
        }
    }
}

/// What a story needs of a liar: it is among the holders, and it was asked.
struct Lying {
    _runtime: tokio::runtime::Runtime,
    asked: watch::Receiver<u32>,
}

fn start_liar(scene: &Scene, manifest: &str, chunks: u32, lie: Lie) -> Lying {
    let text = std::fs::read_to_string(scene.pool.pool_file()).unwrap();
    let token = PoolFile::from_json(&text).unwrap().token;
    let seed: PeerId = scene.seed.peer.parse().unwrap();
    let seed_address: SocketAddr = scene.seed.listen.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (ready, mut is_ready) = watch::channel(false);
    let (asked, was_asked) = watch::channel(0);
    let manifest = manifest.parse().unwrap();
    runtime.block_on(async {
        let config = NetConfig {
            identity: KeyPair::from_seed([66; 32]),
            role: PeerRole::Node,
            listen: vec!["127.0.0.1:0".parse().unwrap()],
        };
        let (net, events) = NetHandle::start(config).await.unwrap();
        let liar = Liar {
            net,
            events,
            seed,
            token,
            membership: None,
            listen_port: 0,
            manifest,
            have: ChunkSet::range(0, chunks),
            lie,
            connected: BTreeSet::new(),
            ready,
            asked,
        };
        tokio::spawn(liar.run(seed_address));
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, is_ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
    });
    Lying { _runtime: runtime, asked: was_asked }
}

/// A cache of some chunks, its saver gone, a liar among its holders, and a node that restores it all the same.
fn restored_beside(lie: Lie) -> (Scene, serde_json::Value) {
    let scene = Scene::open();
    let (mut a, victim) = (scene.node("a"), scene.node("victim"));
    let tree = scene.tree("tree");
    std::fs::write(tree.join("huge.bin"), pollux_tests::fill("huge", 12 << 20)).unwrap();
    let saved = scene.save(&a, &tree);
    let shown = a.pollux.run(&["show", "--json", KEY]).unwrap().json();
    let tree_chunks = shown["manifest"]["tree"]["chunks"].as_array().unwrap().len();
    let content = shown["manifest"]["tree"]["totals"]["chunks"].as_u64().unwrap();
    let chunks = u32::try_from(tree_chunks).unwrap() + u32::try_from(content).unwrap();
    a.daemon.kill().unwrap();
    let lying = start_liar(&scene, &saved.text("/manifest"), chunks, lie);
    // The victim looks at the tree, and so gets to know who else is there: else the seed might have given it all before.
    victim.pollux.run(&["show", "--files", KEY]).unwrap();
    victim.until("the liar is met", |status| {
        *lying.asked.borrow() > 0 || status["engine"]["peers"].as_u64() > Some(0)
    });
    scene.restore(&victim, "restored", &tree);
    assert!(*lying.asked.borrow() > 0, "the liar was asked");
    let status = victim.pollux.status().unwrap();
    (scene, status)
}

#[test]
fn flipped_bits_are_dropped_and_another_source_is_used() {
    let (_scene, status) = restored_beside(Lie::Junk);
    assert!(status["engine"]["junk_chunks"].as_u64() > Some(0), "{status}");
    assert!(status["engine"]["banned"].as_u64() > Some(0), "{status}");
}

#[test]
fn truncated_frames_are_dropped_and_another_source_is_used() {
    let (_scene, status) = restored_beside(Lie::Truncated);
    assert!(status["engine"]["junk_chunks"].as_u64() > Some(0), "{status}");
}

#[test]
fn zstd_bombs_are_dropped_and_another_source_is_used() {
    let (_scene, status) = restored_beside(Lie::Bomb);
    assert!(status["engine"]["junk_chunks"].as_u64() > Some(0), "{status}");
}

#[test]
fn announce_and_never_send() {
    let (_scene, status) = restored_beside(Lie::Silence);
    assert_eq!(status["engine"]["junk_chunks"], 0, "{status}");
}

#[test]
fn a_peer_that_lacks_what_it_announced_is_passed_over() {
    let (_scene, status) = restored_beside(Lie::Denial);
    assert_eq!(status["engine"]["junk_chunks"], 0, "{status}");
}
