//! Each promise of the store has a test that breaks the disk in the way the promise is about.
mod bad_disks;
mod check;
mod check_manifests;
mod chunks;
mod crash;
mod damage;
mod directory;
mod faulty_disk;
mod formats;
mod full;
mod give_back;
mod kill;
mod overlay;
mod recorded;
mod records;
mod sweep;

use super::{Store, writer::Bounds};
use faulty_disk::FaultyDisk;
use pollux_core::{
    CertifiedEnvelope, Envelope, FrameEncoder, Key, SignatureEntry, VerifiedChunk, engine::Record,
};
use std::sync::Arc;

/// Bounds so small that a few chunks fill a segment.
const SMALL: Bounds =
    Bounds { segment_bytes_max: 1000, bytes_max: 1 << 30, free_bytes_min: 0, reserve_bytes: 300 };
/// Bounds with which everything stays in one segment.
const ONE_SEGMENT: Bounds = Bounds { segment_bytes_max: 1 << 24, ..SMALL };

fn open(disk: &FaultyDisk, bounds: Bounds) -> Store {
    Store::open_on(Arc::new(disk.clone()), bounds, None).unwrap().0
}

/// Bytes that look random and differ for each number.
fn noise(number: u32, bytes: usize) -> Vec<u8> {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(bytes)
    .collect()
}

fn chunk_of(plain: &[u8]) -> VerifiedChunk {
    VerifiedChunk::from_plain(plain, &mut FrameEncoder::new(1))
}

/// A chunk of 100 to 139 plain bytes.
fn chunk(number: u32) -> VerifiedChunk {
    chunk_of(&noise(number, 100 + usize::try_from(number % 40).unwrap()))
}

/// Whether the store gives back exactly this chunk; panics if it gives anything else.
fn gives(store: &Store, chunk: &VerifiedChunk) -> bool {
    let got = store.get(&chunk.chunk().id).unwrap();
    assert!(got.is_none() || got == Some((chunk.chunk(), chunk.frame().clone())), "wrong bytes were served");
    got.is_some()
}

fn envelope(text: &str) -> Envelope {
    let signatures = vec![SignatureEntry { keyid: "k".to_owned(), sig: vec![7; 64] }];
    Envelope { payload_type: "test".to_owned(), payload: text.as_bytes().to_vec(), signatures }
}

fn certified(text: &str) -> CertifiedEnvelope {
    CertifiedEnvelope { manifest: envelope(text), receipts: vec![envelope("receipt")] }
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn vote(manifest: &str, sequence: u64) -> Record {
    let (manifest, receipt) = (envelope(manifest), envelope("receipt"));
    Record::Vote { manifest, key: key("a/b"), sequence, receipt }
}
