//! What is published and restored: versions of caches, each a tree of one file, cut in chunks of one size.
//!
//! Each chunk's bytes are made once and hashed once, for the witness that engines are told; then they are dropped. They
//! version has some chunks of the one before it at the same places, drawn at random.

use crate::lots::Lots;
use crate::numbered::{ChunkNo, Numbered, VersionNo};
use crate::scenario::{CacheSpec, Scenario, Share};
use pollux_core::{
    CheckedChunk, ChunkId, ChunkRef, Entry, EntryKind, FrameEncoder, Tree, TreeRef, VerifiedChunk,
};
use std::collections::BTreeMap;

/// The tree's own chunks are no smaller, so that a manifest can name them all.
const TREE_CHUNK_BYTES_MIN: usize = 64 << 10;

/// All versions of all caches.
#[derive(Debug, Default)]
pub(crate) struct Content {
    witnesses: Numbered<ChunkNo, CheckedChunk>,
    by_id: BTreeMap<ChunkId, ChunkNo>,
    versions: Numbered<VersionNo, Version>,
}

/// One version of one cache.
#[derive(Debug)]
pub(crate) struct Version {
    /// Of which cache, by its place in the scenario.
    pub(crate) cache: usize,
    /// Counts from 1.
    pub(crate) sequence: u64,
    /// How the manifest names the tree.
    pub(crate) tree: TreeRef,
    /// The tree's own chunks.
    pub(crate) tree_numbers: Vec<ChunkNo>,
    /// The content's chunks, in order.
    pub(crate) content_numbers: Vec<ChunkNo>,
    /// What opening the tree gives.
    pub(crate) content: Vec<ChunkRef>,
    /// Bytes of all its frames.
    pub(crate) bytes: u64,
}

impl Content {
    /// Everything that a checked scenario publishes: cache by cache, version by version.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut content = Self::default();
        let mut encoder = FrameEncoder::new(1);
        for (number, cache) in scenario.caches.iter().enumerate() {
            let mut maker = Maker::new(cache, number, Lots::new(scenario.rng_seed));
            for _ in 0..scenario.versions(&cache.name) {
                content.add(maker.next(&mut encoder), number, maker.version, &mut encoder);
            }
        }
        content
    }

    fn add(&mut self, chunks: Vec<CheckedChunk>, cache: usize, sequence: u64, encoder: &mut FrameEncoder) {
        let refs: Vec<ChunkRef> = chunks.iter().map(CheckedChunk::chunk).collect();
        let tree = tree(refs.clone());
        let encoded = tree.encode();
        let step = refs.first().map_or(0, |chunk| usize::try_from(chunk.bytes).unwrap_or(usize::MAX));
        let own = encoded.chunks(step.max(TREE_CHUNK_BYTES_MIN));
        let own: Vec<CheckedChunk> =
            own.map(|bytes| VerifiedChunk::from_plain(bytes, encoder).witness()).collect();
        let tree_ref = TreeRef {
            chunks: own.iter().map(CheckedChunk::chunk).collect(),
            totals: tree.totals(),
            roots: tree.roots().to_vec(),
        };
        let bytes = own.iter().chain(&chunks).map(|witness| u64::from(witness.chunk().bytes)).sum();
        let tree_numbers = own.into_iter().map(|witness| self.number(witness)).collect();
        let content_numbers = chunks.into_iter().map(|witness| self.number(witness)).collect();
        let version =
            Version { cache, sequence, tree: tree_ref, tree_numbers, content_numbers, content: refs, bytes };
        self.versions.push(version);
    }

    fn number(&mut self, witness: CheckedChunk) -> ChunkNo {
        let (witnesses, id) = (&mut self.witnesses, witness.chunk().id);
        *self.by_id.entry(id).or_insert_with(|| witnesses.push(witness))
    }

    /// All versions, in the order in which they are published.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (VersionNo, &Version)> {
        self.versions.iter()
    }

    pub(crate) fn version(&self, no: VersionNo) -> &Version {
        self.versions.at(no)
    }

    /// The first version of a cache, or a later one.
    pub(crate) fn version_of(&self, cache: usize, sequence: u64) -> Option<VersionNo> {
        let found =
            self.versions().find(|(_, version)| (version.cache, version.sequence) == (cache, sequence));
        found.map(|(no, _)| no)
    }

    /// The version with this tree.
    pub(crate) fn with_tree(&self, tree: &TreeRef) -> Option<&Version> {
        self.versions().map(|(_, version)| version).find(|version| version.tree == *tree)
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.witnesses.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn find(&self, id: &ChunkId) -> Option<ChunkNo> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn witness(&self, no: ChunkNo) -> CheckedChunk {
        *self.witnesses.at(no)
    }

    pub(crate) fn chunk(&self, no: ChunkNo) -> ChunkRef {
        self.witness(no).chunk()
    }
}

impl Version {
    /// All its chunks.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = ChunkNo> {
        self.tree_numbers.iter().chain(&self.content_numbers).copied()
    }
}

/// Makes the versions of one cache, one after the other.
struct Maker<'a> {
    cache: &'a CacheSpec,
    number: usize,
    lots: Lots,
    version: u64,
    chunks: Vec<CheckedChunk>,
}

impl<'a> Maker<'a> {
    const fn new(cache: &'a CacheSpec, number: usize, lots: Lots) -> Self {
        Self { cache, number, lots, version: 0, chunks: Vec::new() }
    }

    /// The chunks of the next version.
    fn next(&mut self, encoder: &mut FrameEncoder) -> Vec<CheckedChunk> {
        self.version += 1;
        let purpose = format!("changed {} {}", self.number, self.version);
        for (index, bytes) in (0..).zip(lengths(self.cache.size.0, self.cache.chunk_bytes.0)) {
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            let kept =
                self.lots.below(&purpose, index, u64::from(Share::ALL.0)) < u64::from(self.cache.shared.0);
            if kept && place < self.chunks.len() {
                continue;
            }
            let made = VerifiedChunk::from_plain(&self.plain(index, bytes), encoder).witness();
            match self.chunks.get_mut(place) {
                Some(chunk) => *chunk = made,
                None => self.chunks.push(made),
            }
        }
        self.chunks.clone()
    }

    fn plain(&self, index: u64, bytes: u64) -> Vec<u8> {
        let names = [u64::try_from(self.number).unwrap_or(u64::MAX), self.version, index];
        let mut plain: Vec<u8> = names.iter().flat_map(|name| name.to_le_bytes()).collect();
        plain.resize(usize::try_from(bytes).unwrap_or(0), 0);
        plain
    }
}

fn lengths(size: u64, chunk_bytes: u64) -> impl Iterator<Item = u64> {
    let mut left = size;
    core::iter::from_fn(move || {
        let bytes = left.min(chunk_bytes);
        left -= bytes;
        (bytes > 0).then_some(bytes)
    })
}

#[expect(clippy::expect_used, reason = "one file whose chunks have its length breaks no rule of trees")]
fn tree(content: Vec<ChunkRef>) -> Tree {
    let bytes = content.iter().map(|chunk| u64::from(chunk.bytes)).sum();
    let kind = EntryKind::File { bytes, offset: 0 };
    let file = Entry { path: "cache".to_owned(), mode: 0o644, modified_ns: 0, kind };
    Tree::new(vec![String::new()], vec![file], content).expect("a scenario in bounds makes a tree")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scenario::Publish;
    use crate::units::{ByteSize, Span};
    use proptest::prelude::*;

    /// One cache of one version.
    pub(crate) fn one(size: u64, chunk_bytes: u64) -> Content {
        let cache =
            CacheSpec { size: ByteSize(size), chunk_bytes: ByteSize(chunk_bytes), ..CacheSpec::default() };
        Content::new(&Scenario { caches: vec![cache], ..Scenario::default() })
    }

    #[test]
    fn a_version_is_its_tree_and_its_content() {
        let content = one(10 * 65_536 + 1, 65_536);
        let version = content.version(VersionNo(0));
        assert_eq!((version.content.len(), version.tree.chunks.len(), content.count()), (11, 1, 12));
        assert_eq!(version.tree.totals.bytes, 10 * 65_536 + 1);
        let tree = u64::from(content.chunk(version.tree_numbers[0]).bytes);
        assert_eq!(version.bytes, 10 * 65_536 + 1 + tree);
        for no in version.numbers() {
            assert_eq!(content.find(&content.chunk(no).id), Some(no), "every chunk has one name");
        }
    }

    #[test]
    fn versions_share_what_the_scenario_says() {
        let cache = CacheSpec {
            size: ByteSize(1000 * 4096),
            chunk_bytes: ByteSize(4096),
            shared: Share(700),
            ..CacheSpec::default()
        };
        let publishes =
            vec![Publish { cache: "cache".to_owned(), at: Span(1), zone: String::new(), builds: 1 }; 2];
        let content = Content::new(&Scenario { caches: vec![cache], publishes, ..Scenario::default() });
        let versions: Vec<&Version> = content.versions().map(|(_, version)| version).collect();
        assert_eq!(versions.iter().map(|version| version.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        for two in versions.windows(2) {
            let same = two[0].content.iter().zip(&two[1].content).filter(|(one, other)| one == other).count();
            assert!((650..750).contains(&same), "{same} of 1000");
        }
        assert_eq!(content.version_of(0, 3), Some(VersionNo(2)));
        assert_eq!((content.version_of(0, 4), content.version_of(1, 1)), (None, None));
        assert_eq!(content.with_tree(&versions[1].tree).map(|version| version.sequence), Some(2));
    }

    #[test]
    fn caches_share_nothing() {
        let caches = ["one", "two"].map(|name| CacheSpec { name: name.to_owned(), ..CacheSpec::default() });
        let content = Content::new(&Scenario { caches: caches.to_vec(), ..Scenario::default() });
        assert_eq!(content.count(), 2 * 257);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn any_size_in_bounds_makes_a_cache(size in 1..600_000u64, chunk_bytes in 4_096..70_000u64) {
            let content = one(size, chunk_bytes);
            let version = content.version(VersionNo(0));
            prop_assert_eq!(version.content.iter().map(|chunk| u64::from(chunk.bytes)).sum::<u64>(), size);
            prop_assert!(version.content.iter().all(|chunk| u64::from(chunk.bytes) <= chunk_bytes));
        }
    }
}
