//! A directory, and what a node that holds it has: its manifest and its chunks.

use super::node::{Act, Heard};
use crate::clock::now;
use crate::disk::{ChunkSink, Packed, Scan, ScanOptions, pack};
use crate::protocol::{ChunkSource, Reply, Request};
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, KeyPair, Manifest, Provenance, Tree, TreeRef,
    VerifiedChunk,
};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

pub(super) const KEY: &str = "a/b/c";

/// Takes everything.
#[derive(Default)]
struct Collect(Mutex<Vec<VerifiedChunk>>);

impl ChunkSink for Collect {
    type Error = Infallible;

    fn lacks(&self, chunks: &[ChunkId]) -> Result<Vec<bool>, Infallible> {
        Ok(vec![true; chunks.len()])
    }

    fn put(&self, chunk: VerifiedChunk) -> Result<(), Infallible> {
        self.0.lock().unwrap().push(chunk);
        Ok(())
    }
}

/// A packed directory.
pub(super) struct Cache {
    pub(super) tree: TreeRef,
    pub(super) listing: Tree,
    pub(super) chunks: Vec<VerifiedChunk>,
    directory: tempfile::TempDir,
}

impl Cache {
    /// Of a large file of several chunks, and a small one.
    pub(super) fn new() -> Self {
        Self::of(|base| {
            fs::write(base.join("small"), "small").unwrap();
            fs::write(base.join("large"), noise(1 << 20)).unwrap();
        })
    }

    /// A packed directory with what is made in it.
    pub(super) fn of(make: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("base")).unwrap();
        make(&directory.path().join("base"));
        let sink = Collect::default();
        let options = ScanOptions {
            base: directory.path().join("base"),
            paths: Vec::new(),
            exclude: Vec::new(),
            always: None,
            strict: false,
            content_times: false,
            audited: None,
        };
        let Packed { tree_ref, tree: listing, .. } =
            pack(&Scan::new(&options).unwrap(), None, &sink).unwrap();
        Self { tree: tree_ref, listing, chunks: sink.0.into_inner().unwrap(), directory }
    }

    /// The directory that was packed.
    pub(super) fn base(&self) -> PathBuf {
        self.directory.path().join("base")
    }

    /// A place beside it, where nothing is yet.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Everything in the place beside it, hidden names included.
    pub(super) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(super) fn manifest(&self, age: Duration) -> Manifest {
        let created =
            pollux_core::Timestamp::from_millis(now().as_millis() - u64::try_from(age.as_millis()).unwrap());
        Manifest {
            pool: "ci".to_owned(),
            key: KEY.parse().unwrap(),
            sequence: 7,
            created,
            expires: created.after(Duration::from_secs(3600)),
            tree: self.tree.clone(),
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        }
    }

    pub(super) fn found(&self) -> Reply {
        found(&self.manifest(Duration::ZERO))
    }

    /// The chunks that a request asks for.
    pub(super) fn asked(&self, wanted: &[ChunkRef]) -> Vec<VerifiedChunk> {
        let asked = |chunk: &&VerifiedChunk| wanted.contains(&chunk.chunk());
        self.chunks.iter().filter(asked).cloned().collect()
    }

    /// What an honest node does.
    pub(super) fn serve(&self, heard: &Heard) -> Vec<Act> {
        match heard {
            Heard::Request(Request::Resolve { .. }) => vec![Act::Say(self.found())],
            Heard::Request(Request::Fetch { chunks, .. }) => {
                let chunks = self.asked(chunks);
                let given = chunks.iter().map(|chunk| Act::give(chunk, ChunkSource::Peer));
                given.chain([Act::Say(Reply::FetchDone)]).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub(super) fn certified(manifest: &Manifest) -> Box<CertifiedEnvelope> {
    let manifest = Envelope::sign(manifest, &KeyPair::from_seed([7; 32]));
    Box::new(CertifiedEnvelope { manifest, receipts: Vec::new() })
}

pub(super) fn found(manifest: &Manifest) -> Reply {
    Reply::Found { certified: certified(manifest), fallback: None, relayed: false }
}

pub(super) fn same(here: &Path, there: &Path) {
    for name in ["small", "large"] {
        assert!(fs::read(here.join(name)).unwrap() == fs::read(there.join(name)).unwrap(), "{name}");
    }
}

/// Bytes that do not compress.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|number| *ChunkId::of(&number.to_le_bytes()).as_bytes());
    blocks.take(count).collect()
}
