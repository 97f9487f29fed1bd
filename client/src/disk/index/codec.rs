//! An index's bytes:
//!
//! ```text
//! 16   "pollux index 1\n\0"
//!  8   when the listing began, nanoseconds since 1970
//!  8   bytes of the tree
//!      the tree, as it is encoded in chunks
//! 24   for each file of it, in the listing's order: time of change, device, inode
//! 64   the saver's signature of the first 16 bytes and the BLAKE3 of all before
//! ```
//!
//! Integers are little-endian. Size and time of modification of a file stand in the tree. Nothing of it is believed where the
//! signature is not the own key's, the tree breaks a rule, or anything follows. Another way of cutting needs another first line.

use super::Index;
use crate::disk::scan::Stamp;
use pollux_core::limits::{TREE_BYTES_MAX, TREE_ENTRIES_MAX};
use pollux_core::{ChunkId, EntryKind, KeyPair, Tree};

const MAGIC: &[u8; 16] = b"pollux index 1\n\0";
const STAMP_BYTES: u64 = 24;
const SIGNATURE_BYTES: usize = 64;
/// All but the tree and the stamps.
const OTHER_BYTES: u64 = 16 + 8 + 8 + 64;

impl Index {
    /// No index is longer.
    pub(super) fn bytes_max() -> u64 {
        let stamps = TREE_ENTRIES_MAX.saturating_mul(STAMP_BYTES);
        TREE_BYTES_MAX.saturating_add(stamps).saturating_add(OTHER_BYTES)
    }

    pub(super) fn encode(&self, key: &KeyPair) -> Vec<u8> {
        let tree = self.tree.encode();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.listed_ns.to_le_bytes());
        bytes.extend(u64::try_from(tree.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend(&tree);
        for stamp in &self.stamps {
            bytes.extend(stamp.changed_ns.to_le_bytes());
            bytes.extend(stamp.device.to_le_bytes());
            bytes.extend(stamp.inode.to_le_bytes());
        }
        let signature = key.sign(&signed(&bytes));
        bytes.extend(signature);
        bytes
    }

    /// None: it is no index, or not whole, or another key's.
    pub(super) fn decode(bytes: &[u8], key: &KeyPair) -> Option<Self> {
        let (body, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE_BYTES)?)?;
        if !key.public().verifies(&signed(body), signature) {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let listed_ns = i64::from_le_bytes(take(&mut rest)?);
        let tree_bytes = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let (tree, mut rest) = rest.split_at_checked(tree_bytes)?;
        let tree = Tree::decode(tree).ok()?;
        let stamps = stamps(&tree, &mut rest)?;
        rest.is_empty().then_some(Self { tree, stamps, listed_ns })
    }
}

fn signed(body: &[u8]) -> Vec<u8> {
    [MAGIC.as_slice(), ChunkId::of(body).as_bytes()].concat()
}

fn stamps(tree: &Tree, rest: &mut &[u8]) -> Option<Vec<Stamp>> {
    let files = tree.entries().iter().filter_map(|entry| match entry.kind {
        EntryKind::File { bytes, .. } => Some((bytes, entry.modified_ns)),
        EntryKind::Directory | EntryKind::Symlink { .. } => None,
    });
    let stamp = |(bytes, modified_ns)| {
        let changed_ns = i64::from_le_bytes(take(rest)?);
        let (device, inode) = (u64::from_le_bytes(take(rest)?), u64::from_le_bytes(take(rest)?));
        Some(Stamp { bytes, modified_ns, changed_ns, device, inode })
    };
    files.map(stamp).collect()
}

fn take(rest: &mut &[u8]) -> Option<[u8; 8]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::{ChunkRef, Entry};
    use proptest::prelude::*;

    fn index() -> Index {
        let file = |path: &str, bytes| Entry {
            path: path.to_owned(),
            mode: 0o644,
            modified_ns: 7,
            kind: EntryKind::File { bytes, offset: 0 },
        };
        let directory = Entry { kind: EntryKind::Directory, ..file("b", 0) };
        let entries = vec![file("a", 3), directory, file("b/c", 0)];
        let chunks = vec![ChunkRef { id: ChunkId::of(b"abc"), bytes: 3 }];
        let tree = Tree::new(vec![String::new()], entries, chunks).unwrap();
        let stamp = |bytes, inode| Stamp { bytes, modified_ns: 7, changed_ns: 8, device: 9, inode };
        Index { tree, stamps: vec![stamp(3, 10), stamp(0, 11)], listed_ns: 12 }
    }

    fn key(byte: u8) -> KeyPair {
        KeyPair::from_seed([byte; 32])
    }

    /// A body that is signed all right.
    fn sealed(body: &[u8]) -> Vec<u8> {
        [body, &key(1).sign(&signed(body))].concat()
    }

    #[test]
    fn what_is_written_reads_back_with_the_same_key() {
        let bytes = index().encode(&key(1));
        assert_eq!(Index::decode(&bytes, &key(1)), Some(index()));
        assert_eq!(Index::decode(&bytes, &key(2)), None);
        let stamps = u64::try_from(index().stamps.len()).unwrap() * STAMP_BYTES;
        let tree = u64::try_from(index().tree.encode().len()).unwrap();
        assert_eq!(u64::try_from(bytes.len()).unwrap(), OTHER_BYTES + tree + stamps);
    }

    #[test]
    fn nothing_that_is_cut_off_or_longer_is_read() {
        let bytes = index().encode(&key(1));
        assert!((0..bytes.len()).all(|end| Index::decode(&bytes[..end], &key(1)).is_none()));
        let body = &bytes[..bytes.len() - SIGNATURE_BYTES];
        assert_eq!(sealed(body), bytes);
        assert!((0..body.len()).all(|end| Index::decode(&sealed(&body[..end]), &key(1)).is_none()));
        assert_eq!(Index::decode(&sealed(&[body, &[0; 8]].concat()), &key(1)), None);
    }

    proptest! {
        #[test]
        fn no_garbage_is_believed(at in 0usize..200, bit in 0u8..8, garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = index().encode(&key(1));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Index::decode(&bytes, &key(1)), None);
            // Also where it is signed.
            let _ = Index::decode(&sealed(&[MAGIC.as_slice(), &garbage].concat()), &key(1));
        }
    }
}
