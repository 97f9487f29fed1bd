//! Trees. The input is an encoded tree.

use crate::memory::bounded;
use crate::{Verdict, sample, words};
use pollux_core::limits::TREE_TEXT_BYTES_MAX;
use pollux_core::{EntryKind, Tree, check_path, check_target};

/// Bytes that a byte of the encoding may become, but for paths written out: an entry takes 11 there and 72 here, a chunk
/// that repeats takes 1 there and 8, 36 and 8 here, for a while all at once.
const FACTOR: usize = 96;

/// Whether it is a tree: then it has this encoding and no other, and keeps every rule.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    // A path is written out whole, so that few bytes may swell, up to a limit. The longest path of n bytes of names is of
    // n bytes, so that no tree of n bytes has more than n² of them.
    let swollen = bytes.len().saturating_mul(bytes.len());
    let text = swollen.min(usize::try_from(TREE_TEXT_BYTES_MAX).unwrap_or(usize::MAX));
    match bounded(bytes, FACTOR, text.saturating_mul(2), || Tree::decode(bytes)) {
        Ok(tree) => {
            assert_eq!(tree.encode(), bytes, "a tree has one encoding");
            holds(&tree);
            Verdict::Read
        }
        Err(error) => {
            words::harmless(&error);
            Verdict::Refused
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::trees().iter().map(Tree::encode).collect()
}

fn holds(tree: &Tree) {
    for entry in tree.entries() {
        assert_eq!(check_path(&entry.path), Ok(()));
        assert!(entry.mode <= 0o777);
        match &entry.kind {
            EntryKind::Symlink { target } => assert_eq!(check_target(&entry.path, target), Ok(())),
            EntryKind::File { bytes, offset } => {
                let pieces = tree.pieces(*bytes, *offset);
                let lengths = pieces.iter().map(|piece| u64::from(piece.range.end - piece.range.start));
                assert_eq!(lengths.sum::<u64>(), *bytes, "a file's bytes lie in the chunks");
            }
            EntryKind::Directory => {}
        }
    }
    let placed = tree.placements();
    let placed = placed.all().iter().map(|place| u64::from(place.range.end - place.range.start));
    assert_eq!(placed.sum::<u64>(), tree.totals().bytes, "every byte of a chunk has one place");
    let (roots, entries, chunks) = (tree.roots().to_vec(), tree.entries().to_vec(), tree.chunks().to_vec());
    assert_eq!(Tree::new(roots, entries, chunks).as_ref(), Ok(tree), "it could have been scanned");
    assert_eq!(tree.check_against(&tree.totals(), tree.roots()), Ok(()));
}
