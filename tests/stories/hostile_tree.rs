//! A tree that wants out of its directory: refused by the node that would publish it, and by the client that would
//! write it, whoever vouches for it.

use crate::scene::{KEY, Scene, names};
use pollux_client::clock::now;
use pollux_client::connection::Connection;
use pollux_client::key_file;
use pollux_client::protocol::{
    ChunkHead, ChunkSource, FrameHead, FrameType, PublishEnd, Reply, Request, VERSION, decode, encode,
};
use pollux_core::{
    CertifiedEnvelope, ChunkRef, Cutter, Entry, EntryKind, Envelope, FrameEncoder, KeyPair, Manifest,
    Provenance, Tree, TreeRef, VerifiedChunk,
};
use pollux_tests::{Pollux, Programs};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A file with one byte of content, in a tree whose encoding was changed so that its name leads out.
struct Hostile {
    manifest: Manifest,
    chunks: Vec<VerifiedChunk>,
}

/// Builds a good tree with a name of the same length, then puts the hostile name in its place.
fn hostile(good: &str, bad: &str, pool: &str) -> Hostile {
    assert_eq!(good.len(), bad.len());
    let mut encoder = FrameEncoder::new(3);
    let content = VerifiedChunk::from_plain(b"!", &mut encoder);
    let kind = EntryKind::File { bytes: 1, offset: 0 };
    let entry = Entry { path: good.to_owned(), mode: 0o644, modified_ns: 0, kind };
    let tree = Tree::new(vec![String::new()], vec![entry], vec![content.chunk()]).unwrap();
    let mut encoded = tree.encode();
    let at = encoded.windows(good.len()).position(|bytes| bytes == good.as_bytes()).unwrap();
    encoded[at..at + bad.len()].copy_from_slice(bad.as_bytes());
    let cutter = Cutter::new();
    let chunks = cutter.cut(&encoded).map(|plain| VerifiedChunk::from_plain(plain, &mut encoder));
    let mut chunks: Vec<VerifiedChunk> = chunks.collect();
    let listed: Vec<ChunkRef> = chunks.iter().map(VerifiedChunk::chunk).collect();
    chunks.push(content);
    let created = now();
    let manifest = Manifest {
        pool: pool.to_owned(),
        key: KEY.parse().unwrap(),
        sequence: 1,
        created,
        expires: created.after(Duration::from_secs(3600)),
        tree: TreeRef { chunks: listed, totals: tree.totals(), roots: vec![String::new()] },
        ancestors: Vec::new(),
        generation: 1,
        provenance: Provenance::default(),
        packages: None,
        grant: None,
    };
    Hostile { manifest, chunks }
}

#[test]
fn a_publisher_cannot_publish_a_tree_that_leads_out() {
    let scene = Scene::open();
    let node = scene.node("node");
    let key = key_file::read(&scene.pool.publisher()).unwrap();
    let patience = Duration::from_secs(20);
    for bad in ["..", "a/", "/a"] {
        let connection = Connection::open(&node.daemon.socket, patience, Arc::default()).unwrap();
        let hostile = hostile("xy", bad, connection.pool());
        for chunk in &hostile.chunks {
            connection.send_chunk(chunk).unwrap();
        }
        connection.send(&Request::Flush).unwrap();
        assert_eq!(connection.reply(Instant::now() + patience).unwrap(), Reply::Flushed);
        let manifest = Envelope::sign(&hostile.manifest, &key);
        connection.send(&Request::Publish { manifest, deadline_ms: 20_000 }).unwrap();
        let refused = loop {
            match connection.reply(Instant::now() + patience).unwrap() {
                Reply::PublishProgress { .. } => {}
                other => break other,
            }
        };
        assert_eq!(refused, Reply::PublishFailed { why: PublishEnd::BadTree }, "{bad}");
    }
}

#[test]
fn a_client_writes_nothing_of_a_tree_that_leads_out() {
    for bad in ["..", "a/", "/a"] {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("node.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let hostile = hostile("xy", bad, "ci");
        let serving = std::thread::spawn(move || lying_node(&listener, &hostile));
        let pollux = Pollux { program: Programs::beside_this_one().unwrap().pollux, socket };
        let inside = directory.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        let missed = pollux.restore(KEY, &inside.join("target"), &[]).unwrap();
        assert_eq!(
            (missed.status, missed.text("/reason").as_str()),
            (Some(0), "not-believed"),
            "{bad}: {missed:?}"
        );
        assert_eq!(names(&inside), Vec::<String>::new(), "{bad}");
        serving.join().unwrap();
    }
}

/// A node that belongs to an attacker: it vouches for a hostile tree and serves its chunks.
fn lying_node(listener: &UnixListener, hostile: &Hostile) {
    let (mut stream, _) = listener.accept().unwrap();
    let key = KeyPair::from_seed([9; 32]);
    while let Some(request) = read_request(&mut stream) {
        match request {
            Request::Hello { .. } => {
                let (software, pool) = ("liar".to_owned(), "ci".to_owned());
                say(&mut stream, &Reply::Welcome { version: VERSION, software, pool });
            }
            Request::Resolve { .. } => {
                let manifest = Envelope::sign(&hostile.manifest, &key);
                let certified = Box::new(CertifiedEnvelope { manifest, receipts: Vec::new() });
                say(&mut stream, &Reply::Found { certified, fallback: None, relayed: false });
            }
            Request::Fetch { chunks, .. } => {
                for chunk in hostile.chunks.iter().filter(|chunk| chunks.contains(&chunk.chunk())) {
                    let head = ChunkHead::before(chunk.chunk(), ChunkSource::Local, chunk.frame());
                    stream.write_all(&head).unwrap();
                    stream.write_all(&chunk.frame().bytes).unwrap();
                }
                say(&mut stream, &Reply::FetchDone);
            }
            other => panic!("a restore does not say {other:?}"),
        }
    }
}

fn say(stream: &mut UnixStream, reply: &Reply) {
    // The client may have seen enough and hung up.
    drop(stream.write_all(&encode(reply).unwrap()));
}

fn read_request(stream: &mut UnixStream) -> Option<Request> {
    let mut head = [0; FrameHead::BYTES];
    stream.read_exact(&mut head).ok()?;
    let head = FrameHead::from_bytes(head).unwrap();
    assert_eq!(head.frame_type, FrameType::Message);
    let mut body = vec![0; head.body_bytes.try_into().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(decode(&body).unwrap())
}

#[test]
fn entries_that_cannot_be_restored_are_named_and_left_out() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.path("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("file"), "kept").unwrap();
    let _listener = UnixListener::bind(tree.join("socket")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", tree.join("out")).unwrap();
    let publisher = scene.pool.publisher();
    let strict = a.pollux.save(KEY, &tree, &publisher, &["--strict"]).unwrap();
    assert_eq!(strict.status, Some(6), "{strict:?}");
    let saved = a.pollux.save(KEY, &tree, &publisher, &[]).unwrap();
    assert_eq!(saved.result(), "saved", "{saved:?}");
    let skipped = saved.json()["skipped"].to_string();
    assert!(skipped.contains("socket") && skipped.contains("out"), "{skipped}");
    let target = scene.path("target");
    assert_eq!(b.pollux.restore(KEY, &target, &[]).unwrap().result(), "hit");
    assert_eq!(names(&target), ["file"]);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let scene = Scene::open();
    let a = scene.node("a");
    let failed = a.pollux.save(KEY, Path::new("/nowhere/cache"), &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(failed.status, Some(6), "{failed:?}");
    assert!(failed.stderr.contains("/nowhere/cache"), "{failed:?}");
}
