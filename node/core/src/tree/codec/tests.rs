use super::super::samples::{any_tree, chunks, directory, file, symlink, tree};
use super::*;
use crate::chunk::test_bytes::noise;
use crate::{Cutter, FrameEncoder, PathFault, RootFault};
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The columns of an encoding, written out by hand: whatever is wrong in them is written too.
#[derive(Clone)]
struct Columns {
    magic: &'static [u8],
    roots: Vec<&'static str>,
    count: u64,
    depths: Vec<u8>,
    names: Vec<&'static [u8]>,
    kinds: Vec<u8>,
    modes: Vec<u16>,
    seconds: Vec<i64>,
    nanos: Vec<u32>,
    sizes: Vec<u64>,
    targets: Vec<&'static str>,
    listed: Vec<u64>,
    lengths: Vec<u64>,
    ids: Vec<[u8; 32]>,
    behind: &'static [u8],
}

/// "d", "d/f" (5 bytes), "d/g" (5 bytes, the same), "l" → "d/f".
fn sample() -> Columns {
    Columns {
        magic: b"pollux\0\x01",
        roots: vec![""],
        count: 4,
        depths: vec![0, 1, 1, 0],
        names: vec![b"d", b"f", b"g", b"l"],
        kinds: vec![1, 0, 0, 2],
        modes: vec![0o755, 0o644, 0o600, 0o777],
        seconds: vec![1000, 0, -1, -2000],
        nanos: vec![0, 1, 999_999_999, 500],
        sizes: vec![5, 5],
        targets: vec!["d/f"],
        listed: vec![0, 1],
        lengths: vec![5],
        ids: vec![[0xab; 32]],
        behind: b"",
    }
}

fn sample_tree() -> Tree {
    let timed = |entry: Entry, mode, modified_ns| Entry { mode, modified_ns, ..entry };
    let entries = vec![
        timed(directory("d"), 0o755, 1_000_000_000_000),
        timed(file("d/f", 5), 0o644, 1_000_000_000_001),
        timed(file("d/g", 5), 0o600, 999_999_999_999),
        timed(symlink("l", "d/f"), 0o777, -1_000_999_999_500),
    ];
    let same = ChunkRef { id: ChunkId::from_bytes([0xab; 32]), bytes: 5 };
    Tree::new(vec![String::new()], entries, vec![same; 2]).expect("the sample keeps to the rules")
}

impl Columns {
    fn bytes(&self) -> Vec<u8> {
        let mut into = self.magic.to_vec();
        let number = |number: u64, into: &mut Vec<u8>| write_number(number, into);
        number(u64::try_from(self.roots.len()).unwrap(), &mut into);
        self.roots.iter().for_each(|root| write_text(root, &mut into));
        number(self.count, &mut into);
        into.extend(&self.depths);
        self.names.iter().for_each(|name| into.extend([name, &b"\0"[..]].concat()));
        into.extend(&self.kinds);
        into.extend(self.modes.iter().flat_map(|mode| mode.to_le_bytes()));
        self.seconds.iter().for_each(|seconds| write_signed(*seconds, &mut into));
        into.extend(self.nanos.iter().flat_map(|nanos| nanos.to_le_bytes()));
        self.sizes.iter().for_each(|size| number(*size, &mut into));
        self.targets.iter().for_each(|target| write_text(target, &mut into));
        number(u64::try_from(self.listed.len()).unwrap(), &mut into);
        self.listed.iter().for_each(|listed| number(*listed, &mut into));
        self.lengths.iter().for_each(|length| number(*length, &mut into));
        self.ids.iter().for_each(|id| into.extend(id));
        into.extend(self.behind);
        into
    }
}

/// Why the sample is refused once this was done to it.
fn refused(change: impl FnOnce(&mut Columns)) -> TreeError {
    let mut columns = sample();
    change(&mut columns);
    Tree::decode(&columns.bytes()).expect_err("the tree is wrong")
}

fn malformed(change: impl FnOnce(&mut Columns)) -> &'static str {
    let fault = refused(change);
    let TreeError::Malformed(why) = fault else { panic!("refused for another reason: {fault}") };
    why
}

#[test]
fn golden_encoding() {
    let bytes = sample_tree().encode();
    let lines = bytes.chunks(16).map(|line| HEXLOWER.encode(line)).collect::<Vec<_>>();
    insta::assert_snapshot!(lines.join("\n"), @"
    706f6c6c757800010100040001010064
    00660067006c0001000002ed01a40180
    01ff01d00f00019f1f00000000010000
    00ffc99a3bf40100000505642f660002
    000105ababababababababababababab
    abababababababababababababababab
    ababab
    ");
}

#[test]
fn encoding_by_hand_is_the_same() {
    assert_eq!(sample().bytes(), sample_tree().encode());
    assert_eq!(Tree::decode(&sample().bytes()), Ok(sample_tree()));
}

#[test]
fn golden_empty_tree() {
    let empty = tree(Vec::new());
    assert_eq!(empty.encode(), b"pollux\0\x01\x01\0\0\0");
    assert_eq!(Tree::decode(&empty.encode()), Ok(empty));
}

#[test]
fn other_bytes_and_other_versions() {
    assert_eq!(Tree::decode(b""), Err(TreeError::NotATree));
    assert_eq!(Tree::decode(b"something else"), Err(TreeError::NotATree));
    assert_eq!(refused(|tree| tree.magic = b"pollux\0\x02"), TreeError::Version(2));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = sample().bytes();
    for end in 0..bytes.len() {
        assert!(Tree::decode(&bytes[..end]).is_err(), "{end} bytes");
    }
    assert_eq!(malformed(|tree| tree.behind = b"\0"), "something follows it");
}

#[test]
fn counts_that_nobody_has_room_for() {
    for count in [5, 1 << 20, TREE_ENTRIES_MAX, u64::MAX] {
        assert!(Tree::decode(&Columns { count, ..sample() }.bytes()).is_err());
    }
    // Enough bytes, but more entries than any tree has.
    let mut bytes = b"pollux\0\x01\x01\0".to_vec();
    write_number(TREE_ENTRIES_MAX + 1, &mut bytes);
    bytes.resize(bytes.len() + 23_000_000, 0);
    let fault = TreeError::TooMany { what: "entries", max: TREE_ENTRIES_MAX };
    assert_eq!(Tree::decode(&bytes), Err(fault));
}

#[test]
fn paths_that_swell() {
    // A name of 100 kB costs a hostile writer little; written out below itself 2,000 times it would be 200 MB.
    let mut bytes = b"pollux\0\x01\x01\0".to_vec();
    let count = 2_000u16;
    write_number(u64::from(count), &mut bytes);
    bytes.push(0);
    bytes.extend((1..count).map(|_| 1));
    bytes.extend([b"n".repeat(100_000), vec![0]].concat());
    (1..count).for_each(|_| bytes.extend(b"n\0"));
    bytes.resize(bytes.len() + 100_000, 0);
    let fault = TreeError::TooMany { what: TEXT, max: TREE_TEXT_BYTES_MAX };
    assert_eq!(Tree::decode(&bytes), Err(fault));
}

#[test]
fn names_are_texts_without_slashes() {
    assert_eq!(malformed(|tree| tree.names[1] = b"\xff"), "a name is not UTF-8");
    assert_eq!(malformed(|tree| tree.names[3] = b"d/h"), "a name has a slash in it");
    let dots = TreeError::Path { path: "d/..".into(), fault: PathFault::Dots };
    assert_eq!(refused(|tree| tree.names[1] = b".."), dots);
    let empty = TreeError::Path { path: "d/".into(), fault: PathFault::EmptyName };
    assert_eq!(refused(|tree| tree.names[1] = b""), empty);
    let empty = TreeError::Path { path: String::new(), fault: PathFault::Empty };
    assert_eq!(refused(|tree| tree.names[3] = b""), empty);
}

#[test]
fn entries_lie_where_they_can() {
    let deeper = "an entry is deeper than the one before it allows";
    assert_eq!(malformed(|tree| tree.depths[0] = 1), deeper);
    assert_eq!(malformed(|tree| tree.depths[1] = 2), deeper);
    assert_eq!(malformed(|tree| tree.depths[3] = 255), deeper);
    assert_eq!(refused(|tree| tree.depths[2] = 2), TreeError::Parent { path: "d/f/g".into() });
    assert_eq!(refused(|tree| tree.names[2] = b"a"), TreeError::Order { path: "d/a".into() });
}

#[test]
fn device_node() {
    let neither = "an entry is neither file, directory nor symlink";
    for kind in 3..=255 {
        assert_eq!(malformed(|tree| tree.kinds[1] = kind), neither);
    }
}

#[test]
fn set_id_bit() {
    let mode = 0o4755;
    assert_eq!(refused(|tree| tree.modes[1] = mode), TreeError::Mode { path: "d/f".into(), mode });
}

#[test]
fn times_are_in_range_and_have_one_form() {
    let range = "a time is out of range";
    assert_eq!(malformed(|tree| tree.nanos[0] = 1_000_000_000), range);
    assert_eq!(malformed(|tree| tree.seconds[0] = 9_223_372_037), range);
    assert_eq!(malformed(|tree| tree.seconds[0] = i64::MAX), range);
    assert_eq!(malformed(|tree| tree.seconds = vec![1, i64::MAX, 0, 0]), range);
    assert_eq!(malformed(|tree| tree.seconds[0] = -9_223_372_038), range);
}

#[test]
fn earliest_and_latest_time() {
    let timed = |path: &str, modified_ns| Entry { modified_ns, ..file(path, 0) };
    let tree = tree(vec![timed("a", i64::MIN), timed("b", i64::MAX), timed("c", -1), timed("d", i64::MIN)]);
    assert_eq!(Tree::decode(&tree.encode()), Ok(tree));
}

#[test]
fn roots_are_checked() {
    assert_eq!(refused(|tree| tree.roots = vec![]), TreeError::Stray { path: "d".into() });
    let order = TreeError::Root { root: "d".into(), fault: RootFault::Order };
    assert_eq!(refused(|tree| tree.roots = vec!["l", "d"]), order);
    let many = TreeError::TooMany { what: "roots", max: 64 };
    assert_eq!(refused(|tree| tree.roots = vec![""; 65]), many);
}

#[test]
fn chunks_are_listed_in_one_way() {
    let again = "a chunk is listed again before it is listed";
    assert_eq!(malformed(|tree| tree.listed[1] = 2), again);
    assert_eq!(malformed(|tree| tree.listed = vec![1, 0]), again);
    assert_eq!(malformed(|tree| tree.listed[1] = u64::MAX), again);
    let as_new = |tree: &mut Columns| {
        (tree.listed, tree.lengths, tree.ids) = (vec![0, 0], vec![5, 5], vec![[0xab; 32]; 2]);
    };
    assert_eq!(malformed(as_new), "a chunk that is listed again is written as a new one");
}

#[test]
fn chunk_lengths_are_checked() {
    let length = TreeError::ChunkLength(ChunkId::from_bytes([0xab; 32]));
    for bytes in [0, (1 << 20) + 1, 1 << 32, u64::MAX] {
        assert_eq!(refused(|tree| tree.lengths[0] = bytes), length);
    }
    assert_eq!(refused(|tree| tree.lengths[0] = 6), TreeError::ContentLength);
    assert_eq!(refused(|tree| tree.sizes[0] = u64::MAX), TreeError::ContentLength);
}

#[test]
fn symlink_out() {
    assert!(matches!(refused(|tree| tree.targets[0] = "../d"), TreeError::Target { .. }));
}

#[test]
fn too_long() {
    let bytes = vec![0; usize::try_from(TREE_BYTES_MAX).unwrap() + 1];
    assert_eq!(Tree::decode(&bytes), Err(TreeError::TooMany { what: "bytes", max: TREE_BYTES_MAX }));
}

/// A listing like a `node_modules` of 100,000 files: packages, some nested and some in scopes, with source, type and map
/// files; names repeat as they do there, sizes and times (to the nanosecond) do not.
fn node_modules() -> Vec<Entry> {
    const WORDS: [&str; 16] = [
        "core", "util", "parse", "stream", "types", "async", "path", "node", "plugin", "babel", "string",
        "array", "object", "is", "to", "react",
    ];
    const FILES: [&str; 8] = ["index", "helper", "lib", "cli", "main", "create", "shared", "browser"];
    let mut random = noise("node_modules", 4_000_000).into_iter();
    let mut next = move || usize::from(random.next().expect("there is enough"));
    let mut entries = vec![directory("node_modules")];
    let mut paths = BTreeSet::new();
    let mut packages = 0;
    while paths.len() < 100_000 {
        let package = format!("{}-{}-{packages}", WORDS[next() % 16], WORDS[next() % 16]);
        packages += 1;
        for place in ["package.json", "README.md", "LICENSE"] {
            paths.insert(format!("{package}/{place}"));
        }
        for _ in 0..next() % 64 {
            let (word, file) = (WORDS[next() % 16], FILES[next() % 8]);
            let ending = ["js", "d.ts", "js.map", "mjs"][next() % 4];
            paths.insert(format!("{package}/dist/{word}/{file}{}.{ending}", WORDS[next() % 16]));
        }
    }
    let mut listing = BTreeMap::new();
    for path in paths.into_iter().take(100_000) {
        let names: Vec<_> = path.split('/').map(String::from).collect();
        for above in 1..names.len() {
            let path = format!("node_modules/{}", names[..above].join("/"));
            listing.insert(names[..above].to_vec(), directory(&path));
        }
        let bytes = u64::try_from(next() * next() / 4 + next() / 255 * 300_000).unwrap();
        listing.insert(names, file(&format!("node_modules/{path}"), bytes));
    }
    entries.extend(listing.into_values());
    for entry in &mut entries {
        let nanos = i64::try_from((next() << 24 | next() << 16 | next() << 8 | next()) * 7).unwrap();
        entry.modified_ns = 1_760_000_000_000_000_000 + nanos;
    }
    entries
}

#[test]
fn tree_of_100_000_files_stays_under_2_mib() {
    let entries = node_modules();
    let chunks = chunks(&entries, 256 * 1024);
    let tree = Tree::new(vec![String::new()], entries, chunks).expect("the listing keeps to the rules");
    assert_eq!(tree.totals().files, 100_000);
    let bytes = tree.encode();
    assert_eq!(Tree::decode(&bytes), Ok(tree));
    let mut encoder = FrameEncoder::for_saving();
    let framed: usize = Cutter::new().cut(&bytes).map(|chunk| encoder.encode(chunk).bytes.len()).sum();
    assert!(framed < 2 * 1024 * 1024, "{framed} bytes");
}

proptest! {
    #[test]
    fn trees_survive_the_round_trip(tree in any_tree()) {
        let bytes = tree.encode();
        prop_assert!(bytes.len() <= bytes_max(tree.roots(), tree.entries(), tree.chunks()));
        prop_assert_eq!(Tree::decode(&bytes), Ok(tree));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [&b"pollux\0\x01"[..], &bytes].concat();
        if let Ok(tree) = Tree::decode(&bytes) {
            prop_assert_eq!(tree.encode(), bytes);
        }
    }

    #[test]
    fn small_bytes_never_panic(bytes in proptest::collection::vec(0u8..3, 0..60)) {
        let bytes = [&b"pollux\0\x01\x01\0"[..], &bytes].concat();
        if let Ok(tree) = Tree::decode(&bytes) {
            prop_assert_eq!(tree.encode(), bytes);
        }
    }

    #[test]
    fn mutated_trees_are_refused_or_canonical(
        tree in any_tree(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut bytes = tree.encode();
        for (at, byte, what) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(tree) = Tree::decode(&bytes) {
            prop_assert_eq!(tree.encode(), bytes);
        }
    }
}
