//! Trees for tests.

use super::{Entry, EntryKind, Tree, runs};
use crate::{ChunkId, ChunkRef};
use proptest::prelude::*;
use std::collections::BTreeMap;

pub(super) fn file(path: &str, bytes: u64) -> Entry {
    entry(path, EntryKind::File { bytes, offset: 0 })
}

pub(super) fn directory(path: &str) -> Entry {
    entry(path, EntryKind::Directory)
}

pub(super) fn symlink(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::Symlink { target: target.to_owned() })
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry { path: path.to_owned(), mode: 0o644, modified_ns: 1_700_000_000_000_000_000, kind }
}

/// A chunk of so many bytes, named by a label.
pub(super) fn chunk(label: &str, bytes: u32) -> ChunkRef {
    ChunkRef { id: ChunkId::of(label.as_bytes()), bytes }
}

/// Chunks of `each` bytes for the runs of these entries; the last of a run may be shorter.
pub(super) fn chunks(entries: &[Entry], each: u32) -> Vec<ChunkRef> {
    let mut chunks = Vec::new();
    for (index, run) in runs(entries).iter().enumerate() {
        let mut left = run.bytes;
        while left > 0 {
            let bytes = u32::try_from(left).unwrap_or(u32::MAX).min(each);
            chunks.push(chunk(&format!("{index} {left}"), bytes));
            left -= u64::from(bytes);
        }
    }
    chunks
}

/// The tree of these entries under the base itself.
pub(super) fn tree(entries: Vec<Entry>) -> Tree {
    let chunks = chunks(&entries, 1 << 20);
    Tree::new(vec![String::new()], entries, chunks).expect("the sample keeps to the rules")
}

/// A few directories deep, all kinds, small, empty and large files, odd names, times and modes, chunks that repeat.
pub(super) fn any_tree() -> impl Strategy<Value = Tree> {
    let name = prop_oneof![4 => "[a-c]", 1 => "[a.ü \n-]{1,6}x", 1 => "[x]{250}"];
    let path = proptest::collection::vec(name, 1..4);
    let kind = prop_oneof![
        3 => (0u64..5000).prop_map(|bytes| EntryKind::File { bytes, offset: 0 }),
        1 => Just(EntryKind::File { bytes: 0, offset: 0 }),
        2 => (100_000u64..3_000_000).prop_map(|bytes| EntryKind::File { bytes, offset: 0 }),
        1 => Just(EntryKind::Directory),
        1 => "[a-z]{1,9}".prop_map(|target| EntryKind::Symlink { target }),
    ];
    let time = prop_oneof![0..2_000_000_000_000_000_000i64, any::<i64>()];
    let leaf = (path, kind, 0..=0o777u16, time);
    let listing = proptest::collection::vec(leaf, 0..30);
    (listing, 1000..=1_048_576u32, any::<bool>(), any::<bool>()).prop_map(|(leaves, each, repeat, rooted)| {
        let mut listing = BTreeMap::new();
        for (path, kind, mode, modified_ns) in leaves {
            add(&mut listing, &path, Entry { path: String::new(), mode, modified_ns, kind });
        }
        let entries: Vec<_> = listing.into_values().collect();
        let mut chunks = chunks(&entries, each);
        if repeat {
            chunks
                .iter_mut()
                .filter(|chunk| chunk.bytes == each)
                .for_each(|full| *full = chunk("again", each));
        }
        let tops = entries.iter().filter(|entry| !entry.path.contains('/')).map(|entry| entry.path.clone());
        let roots = if rooted { tops.collect() } else { vec![String::new()] };
        Tree::new(roots, entries, chunks).expect("the strategy keeps to the rules")
    })
}

/// Adds an entry with the directories that it lies in; leaves out what would lie below something else.
fn add(listing: &mut BTreeMap<Vec<String>, Entry>, path: &[String], leaf: Entry) {
    let above = (1..path.len()).map(|names| &path[..names]);
    let blocked = |entry: &Entry| entry.kind != EntryKind::Directory;
    if above.clone().any(|names| listing.get(names).is_some_and(blocked)) || listing.contains_key(path) {
        return;
    }
    for names in above {
        listing.entry(names.to_vec()).or_insert_with(|| directory(&names.join("/")));
    }
    listing.insert(path.to_vec(), Entry { path: path.join("/"), ..leaf });
}
