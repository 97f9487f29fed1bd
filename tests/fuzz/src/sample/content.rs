//! Trees, and frames of chunks.

use pollux_core::{ChunkId, ChunkRef, Entry, EntryKind, FrameEncoder, Tree, runs};

/// An empty one; one of all kinds of entries under several roots; one with large files whose chunks repeat; one of almost
/// nothing but a chunk that repeats, which takes the most memory for its length.
pub(crate) fn trees() -> Vec<Tree> {
    let kinds = vec![
        directory("a"),
        file("a/one", 3),
        symlink("a/two", "../b/three"),
        directory("b"),
        file("b/three", 70_000),
        file("b/ü", 0),
    ];
    let large = vec![file("l", 1_000_000), file("m", 1_000_000), file("n", 130_000), file("o", 1)];
    vec![
        tree(&[""], Vec::new(), 1),
        tree(&["a", "b/three", "b/ü"], kinds, 65_536),
        tree(&[""], large, 250_000),
        tree(&[""], vec![file("r", 4_000 * 65_536)], 65_536),
    ]
}

/// Raw and compressed, small and of several blocks.
pub(crate) fn framed_chunks() -> Vec<Vec<u8>> {
    let repeats = b"what repeats is compressed. ".repeat(20);
    let zeros = vec![0; 300_000];
    let counted: Vec<u8> = (0..40_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    [&b"x"[..], b"nothing to win", &repeats, &zeros, &counted].map(framed).to_vec()
}

fn framed(plain: &[u8]) -> Vec<u8> {
    let frame = FrameEncoder::new(19).encode(plain);
    let mut input = vec![frame.kind.as_byte()];
    input.extend_from_slice(&u32::try_from(plain.len()).unwrap_or(u32::MAX).to_le_bytes());
    input.extend_from_slice(&frame.bytes);
    input
}

#[expect(clippy::expect_used, reason = "the entries stand in this file and keep to the rules")]
fn tree(roots: &[&str], entries: Vec<Entry>, each: u32) -> Tree {
    let chunks = chunks(&entries, each);
    let roots = roots.iter().map(ToString::to_string).collect();
    Tree::new(roots, entries, chunks).expect("a tree of this file")
}

/// Chunks of that length, all the same one but for the last of each run.
fn chunks(entries: &[Entry], each: u32) -> Vec<ChunkRef> {
    let mut chunks = Vec::new();
    for run in runs(entries) {
        let mut left = run.bytes;
        while left > 0 {
            let bytes = u32::try_from(left).unwrap_or(u32::MAX).min(each);
            chunks.push(ChunkRef { id: ChunkId::of(&bytes.to_le_bytes()), bytes });
            left -= u64::from(bytes);
        }
    }
    chunks
}

fn file(path: &str, bytes: u64) -> Entry {
    entry(path, EntryKind::File { bytes, offset: 0 })
}

fn directory(path: &str) -> Entry {
    entry(path, EntryKind::Directory)
}

fn symlink(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::Symlink { target: target.to_owned() })
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry { path: path.to_owned(), mode: 0o755, modified_ns: 1_700_000_000_000_000_007, kind }
}
