//! `pollux usage` of saves whose trees a node hands out.

use crate::scene::Scene;
use pollux_client::protocol::{ChunkHead, ChunkSource, Reply, Request, encode};
use pollux_core::engine::MissReason;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Entry, EntryKind, FrameEncoder, Tree, TreeRef, VerifiedChunk,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes of every chunk of content.
const BYTES: u32 = 100_000;

/// A save of one file of these chunks, so many minutes after the first, and its tree's one chunk.
fn save(scene: &Scene, key: &str, (minutes, content): (u64, &[u8])) -> (CertifiedEnvelope, VerifiedChunk) {
    let chunks: Vec<ChunkRef> =
        content.iter().map(|number| ChunkRef { id: ChunkId::of(&[*number]), bytes: BYTES }).collect();
    let bytes = u64::from(BYTES) * u64::try_from(content.len()).unwrap();
    let kind = EntryKind::File { bytes, offset: 0 };
    let file = Entry { path: "file".to_owned(), mode: 0o644, modified_ns: 0, kind };
    let tree = Tree::new(vec!["file".to_owned()], vec![file], chunks).unwrap();
    let chunk = VerifiedChunk::from_plain(&tree.encode(), &mut FrameEncoder::new(1));
    let mut manifest = scene.manifest(key, 1, &[]);
    manifest.created = manifest.created.after(Duration::from_secs(minutes * 60));
    manifest.tree =
        TreeRef { chunks: vec![chunk.chunk()], totals: tree.totals(), roots: tree.roots().to_vec() };
    (scene.certified(&manifest, &scene.key("publisher")), chunk)
}

/// A node that lists these, and gives the trees of all but those that it lost.
fn node(scene: &Scene, saves: Vec<(CertifiedEnvelope, VerifiedChunk)>, lost: &[ChunkRef]) {
    let rows: Vec<CertifiedEnvelope> = saves.iter().map(|(row, _)| row.clone()).collect();
    let held: BTreeMap<ChunkRef, VerifiedChunk> =
        saves.into_iter().map(|(_, chunk)| (chunk.chunk(), chunk)).collect();
    let lost = lost.to_vec();
    scene.node_of_version(3, 9, move |request| match request {
        Request::List { .. } => {
            let (rows, taken) = (rows.clone(), Vec::new());
            vec![encode(&Reply::Listing { rows, more: false, from_seed: true, taken }).unwrap()]
        }
        Request::Fetch { chunks, .. } => given(chunks, &held, &lost),
        _ => vec![encode(&Reply::Miss { reason: MissReason::NothingSaved }).unwrap()],
    });
}

fn given(asked: &[ChunkRef], held: &BTreeMap<ChunkRef, VerifiedChunk>, lost: &[ChunkRef]) -> Vec<Vec<u8>> {
    let (gone, there): (Vec<&ChunkRef>, Vec<&ChunkRef>) = asked.iter().partition(|one| lost.contains(one));
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for chunk in there {
        let frame = held[chunk].frame();
        frames.push(ChunkHead::before(*chunk, ChunkSource::Local, frame).to_vec());
        frames.push(frame.bytes.clone());
    }
    let why = MissReason::NoHolder;
    let done = gone.is_empty().then_some(Reply::FetchDone);
    let failed = gone.into_iter().map(|one| Reply::ChunkFailed { chunk: *one, why });
    frames.extend(failed.chain(done).map(|reply| encode(&reply).unwrap()));
    frames
}

#[test]
fn what_saves_share_is_counted_once() {
    let scene = Scene::new();
    let saves = [
        ("core/main/npm/1", 0, &[1_u8, 2][..]),
        ("core/main/npm/2", 1, &[2, 3, 4]),
        ("core/rel/npm/1", 2, &[1, 9]),
    ];
    let saves = saves.map(|(key, minutes, content)| save(&scene, key, (minutes, content)));
    node(&scene, saves.to_vec(), &[]);
    insta::assert_snapshot!("usage", scene.run(&["usage", "core/**"]));
    insta::assert_snapshot!("usage-some", scene.run(&["usage", "core/**", "--saves", "2"]));
    let json = scene.run(&["usage", "core/**", "--json"]);
    let fields = ["\"logical_bytes\": 700000", "\"unique_bytes\": 500000", "\"unique_chunks\": 5"];
    for field in fields.into_iter().chain(["\"counted_saves\": 3"]) {
        assert!(json.contains(field), "{field}: {json}");
    }
}

#[test]
fn what_nobody_holds_is_left_out_and_said() {
    let scene = Scene::new();
    let saves = [("core/main/npm/1", 0, &[1_u8, 2][..]), ("core/main/npm/2", 1, &[2, 3])];
    let saves = saves.map(|(key, minutes, content)| save(&scene, key, (minutes, content)));
    let lost = saves[1].1.chunk();
    node(&scene, saves.to_vec(), &[lost]);
    let told = scene.run(&["usage", "**"]);
    assert!(told.starts_with("status 0\n"), "{told}");
    assert!(told.contains("1 of 2 saves were counted: --saves counts more; 1 could not be had."), "{told}");
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let scene = Scene::new();
    node(&scene, Vec::new(), &[]);
    assert!(scene.run(&["usage", "nothing/**"]).contains("nothing is saved under such keys"));
    assert!(scene.run(&["usage", "a//b"]).starts_with("status 2\n"));
}
