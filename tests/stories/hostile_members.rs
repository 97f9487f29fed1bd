//! Members and strangers that take what they can: the others' restores go on.

use crate::scene::{Node, Scene, until};
use pollux_client::protocol::{Request, VERSION, encode};
use pollux_core::message::Control;
use pollux_core::{ChunkId, ChunkRef, Cutter, ManifestId};
use pollux_tests::hostile::{Conduct, HostilePeer, Reads};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A pool where a tree with one large file was saved; its saver, the tree, and the file's chunks.
fn saved() -> (Scene, Node, PathBuf, Vec<ChunkRef>) {
    let scene = Scene::open();
    let saver = scene.node("saver");
    let tree = scene.tree("tree");
    let large = pollux_tests::fill("large", 24 << 20);
    std::fs::write(tree.join("large.bin"), &large).unwrap();
    scene.save(&saver, &tree);
    let chunk =
        |plain: &[u8]| ChunkRef { id: ChunkId::of(plain), bytes: u32::try_from(plain.len()).unwrap() };
    let chunks = Cutter::new().cut(&large).map(chunk).collect();
    (scene, saver, tree, chunks)
}

fn seed_status(scene: &Scene) -> Value {
    scene.pool.pollux(&scene.seed).status().unwrap()
}

/// How large the shares are is counted where time is virtual; here real bytes compete for a real seed.
#[test]
fn a_restore_goes_on_beside_a_member_that_drains_the_seed() {
    let (scene, mut saver, tree, drains) = saved();
    saver.daemon.kill().unwrap();
    let drainer =
        HostilePeer::start(&scene.pool, &scene.seed, 71, Conduct { drains, ..Conduct::default() }).unwrap();
    drainer.until("it drains", |seen| seen.frames > 50).unwrap();
    let reader = scene.node("reader");
    scene.restore(&reader, "restored", &tree);
    let before = drainer.seen().frames;
    drainer.until("it goes on", |seen| seen.frames > before).unwrap();
    assert_eq!(drainer.seen().hung_up, 0, "it asks for too much, and breaks no rule");
}

#[test]
fn a_member_that_reads_nothing_holds_nobody_up() {
    let (scene, mut saver, tree, drains) = saved();
    saver.daemon.kill().unwrap();
    let conduct = Conduct { drains, reads: Reads::NothingOnceJoined, ..Conduct::default() };
    let deaf: Vec<HostilePeer> = (80..84)
        .map(|identity| HostilePeer::start(&scene.pool, &scene.seed, identity, conduct.clone()).unwrap())
        .collect();
    deaf.iter().for_each(|peer| peer.until("joined", |seen| seen.joined).unwrap());
    let reader = scene.node("reader");
    scene.restore(&reader, "restored", &tree);
}

#[test]
fn a_member_that_floods_is_banned() {
    let (scene, _saver, tree, _) = saved();
    let nothing = Control::Leave { manifest: ManifestId::from_bytes([9; 32]) };
    let conduct = Conduct { floods: Some(nothing), ..Conduct::default() };
    let flooder = HostilePeer::start(&scene.pool, &scene.seed, 72, conduct).unwrap();
    flooder.until("it is let go", |seen| seen.hung_up > 0).unwrap();
    until("it is banned", || seed_status(&scene)["engine"]["banned"].as_u64() == Some(1));
    scene.restore(&scene.node("reader"), "restored", &tree);
}

/// So often a job asks at least; a busy machine takes longer for it.
const FLOOD: usize = 2_500;

/// Asks, and comes back at once with another connection, until `end` and until all together have asked often enough.
fn ask_without_end(socket: &Path, end: Instant, asked: &AtomicUsize) {
    let hello = Request::Hello { oldest: VERSION, newest: VERSION, software: "flood".to_owned() };
    let key = "core/main/npm/1".parse().unwrap();
    let question = Request::Resolve { key, fallbacks: Vec::new(), deadline_ms: 3_000 };
    let said = [encode(&hello).unwrap(), encode(&question).unwrap()].concat();
    while Instant::now() < end || asked.load(Ordering::Relaxed) < FLOOD {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        // Refused or not, it comes back.
        drop(stream.write_all(&said).and_then(|()| stream.read(&mut [0; 64])));
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Seeds bear so many messages of one member, and cannot know that a job made it send them.
#[test]
fn a_job_that_asks_without_end_does_not_get_its_node_banned() {
    let (scene, saver, tree, _) = saved();
    let (end, socket) = (Instant::now() + Duration::from_secs(3), &saver.daemon.socket);
    let asked = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(|| ask_without_end(socket, end, &asked))));
    });
    assert_eq!(seed_status(&scene)["engine"]["banned"].as_u64(), Some(0));
    scene.restore(&saver, "restored", &tree);
}

/// What a stranger asks for is not even read.
#[test]
fn a_stranger_gets_no_chunks() {
    let (scene, saver, tree, drains) = saved();
    for target in [&scene.seed, &saver.daemon] {
        let conduct = Conduct { drains: drains.clone(), is_stranger: true, ..Conduct::default() };
        let stranger = HostilePeer::start(&scene.pool, target, 73, conduct).unwrap();
        stranger.until("it is let go", |seen| seen.hung_up > 0).unwrap();
        assert_eq!(stranger.seen().frames, 0);
    }
    scene.restore(&scene.node("reader"), "restored", &tree);
}
