use super::super::samples::{chunk, chunks, directory, file, symlink};
use super::super::{PathFault, RootFault, TargetFault, Tree};
use super::*;

fn base() -> Vec<String> {
    vec![String::new()]
}

/// What is wrong with these entries under the base itself.
fn refused(entries: Vec<Entry>) -> TreeError {
    let chunks = chunks(&entries, 1 << 20);
    Tree::new(base(), entries, chunks).expect_err("the tree breaks a rule")
}

fn path_fault(path: &str, fault: PathFault) -> TreeError {
    TreeError::Path { path: shown(path), fault }
}

#[test]
fn dotdot() {
    for path in ["..", "../x", "a/../x", "a/..", "."] {
        assert_eq!(refused(vec![file(path, 1)]), path_fault(path, PathFault::Dots));
    }
}

#[test]
fn absolute_path() {
    assert_eq!(refused(vec![file("/etc/passwd", 1)]), path_fault("/etc/passwd", PathFault::Absolute));
}

#[test]
fn path_without_a_name() {
    assert_eq!(refused(vec![directory("")]), path_fault("", PathFault::Empty));
    assert_eq!(refused(vec![directory("a"), file("a/", 1)]), path_fault("a/", PathFault::EmptyName));
}

#[test]
fn symlink_out() {
    for (path, target) in [("up", ".."), ("up", "../x"), ("up", "./../x")] {
        let fault = TargetFault::Leaves;
        assert_eq!(refused(vec![symlink(path, target)]), TreeError::Target { path: path.into(), fault });
    }
    let fault = TargetFault::Absolute;
    assert_eq!(refused(vec![symlink("root", "/")]), TreeError::Target { path: "root".into(), fault });
}

#[test]
fn symlink_out_through_another() {
    // "a/b/deep" leads to the base, so what looks like "a" would be the directory above the base.
    let entries = vec![
        directory("a"),
        directory("a/b"),
        symlink("a/b/deep", "../.."),
        symlink("a/out", "b/deep/../.."),
    ];
    let fault = TargetFault::UpBehindName;
    assert_eq!(refused(entries), TreeError::Target { path: "a/out".into(), fault });
}

#[test]
fn symlink_then_write_through() {
    let entries = vec![symlink("a", "b"), file("a/x", 1), directory("b")];
    assert_eq!(refused(entries), TreeError::Parent { path: "a/x".into() });
    let entries = vec![symlink("a", "b"), file("a", 1), directory("b")];
    assert_eq!(refused(entries), TreeError::Order { path: "a".into() });
}

#[test]
fn set_id_bit() {
    for mode in [0o4755, 0o2755, 0o1777, 0o1000, u16::MAX] {
        let entry = Entry { mode, ..file("su", 1) };
        assert_eq!(refused(vec![entry]), TreeError::Mode { path: "su".into(), mode });
        let entry = Entry { mode, ..directory("su") };
        assert_eq!(refused(vec![entry]), TreeError::Mode { path: "su".into(), mode });
    }
}

#[test]
fn too_deep() {
    let nested =
        |depth: usize| (1..=depth).map(|names| directory(&vec!["d"; names].join("/"))).collect::<Vec<_>>();
    assert!(Tree::new(base(), nested(64), Vec::new()).is_ok());
    assert!(matches!(refused(nested(65)), TreeError::Path { fault: PathFault::TooDeep, .. }));
}

#[test]
fn too_many() {
    let many = |count: u64| (0..count).map(|index| directory(&format!("{index:07}"))).collect::<Vec<_>>();
    let max = TREE_ENTRIES_MAX;
    assert_eq!(refused(many(max + 1)), TreeError::TooMany { what: "entries", max });
    let chunks = vec![chunk("one", 1); 2_000_001];
    let fault = Tree::new(base(), vec![file("a", 2_000_001)], chunks);
    assert_eq!(fault, Err(TreeError::TooMany { what: "chunks", max: 2_000_000 }));
    let roots = (0..65).map(|index| format!("{index:03}")).collect();
    let fault = Tree::new(roots, Vec::new(), Vec::new());
    assert_eq!(fault, Err(TreeError::TooMany { what: "roots", max: 64 }));
}

#[test]
fn too_many_bytes_of_roots() {
    let roots = (0..33).map(|index| format!("{index:0250}")).collect();
    let fault = TreeError::TooMany { what: "bytes of roots", max: 8 * 1024 };
    assert_eq!(Tree::new(roots, Vec::new(), Vec::new()), Err(fault));
}

#[test]
fn too_much_text() {
    // Below a long path, so that names are few bytes and paths many.
    let deep: Vec<_> = (1..=63).map(|depth| vec!["n".repeat(250); depth].join("/")).collect();
    let leaf = |index: usize| file(&format!("{}/{index:06}", deep[62]), 0);
    let entries = deep.iter().map(|path| directory(path)).chain((0..9000).map(leaf)).collect();
    assert_eq!(refused(entries), TreeError::TooMany { what: TEXT, max: TREE_TEXT_BYTES_MAX });
}

#[test]
fn too_long_to_be_read() {
    let link = |index: usize| symlink(&format!("{index:06}"), &"t".repeat(4000));
    let entries = (0..33_500).map(link).collect();
    let fault = TreeError::TooMany { what: "bytes", max: 128 * 1024 * 1024 };
    assert_eq!(refused(entries), fault);
}

#[test]
fn same_path_twice() {
    assert_eq!(refused(vec![file("a", 1), file("a", 1)]), TreeError::Order { path: "a".into() });
    assert_eq!(refused(vec![directory("a"), file("a", 1)]), TreeError::Order { path: "a".into() });
}

#[test]
fn out_of_order() {
    assert_eq!(refused(vec![file("b", 1), file("a", 1)]), TreeError::Order { path: "a".into() });
    // In order of whole strings, but not of names.
    let entries = vec![directory("a"), file("a.b", 1), file("a/c", 1)];
    assert_eq!(refused(entries), TreeError::Order { path: "a/c".into() });
}

#[test]
fn directory_is_missing() {
    for entries in [
        vec![file("a/b", 1)],
        vec![directory("a"), file("a/b/c", 1)],
        vec![file("a", 1), file("a/b", 1)],
        vec![directory("a"), file("a/b", 1), file("a/b/c", 1)],
        vec![directory("a"), directory("b"), file("c/d", 1)],
    ] {
        let path = entries.last().expect("there are some").path.clone();
        assert_eq!(refused(entries), TreeError::Parent { path });
    }
}

#[test]
fn directories_may_be_left_and_entered() {
    let entries = vec![
        directory("a"),
        directory("a/b"),
        file("a/b/c", 1),
        file("a/d", 1),
        directory("e"),
        directory("e/b"),
        file("e/b/c", 1),
        file("f", 1),
    ];
    let chunks = chunks(&entries, 1000);
    assert!(Tree::new(base(), entries, chunks).is_ok());
}

/// What is wrong with these roots of a fixed listing.
fn roots(roots: &[&str]) -> Result<(), TreeError> {
    let entries = vec![
        directory("a"),
        directory("a/b"),
        file("a/b/c", 1),
        directory("a/d"),
        file("a.b", 1),
        file("e", 1),
    ];
    let chunks = chunks(&entries, 1000);
    let roots = roots.iter().map(ToString::to_string).collect();
    Tree::checked(roots, entries, chunks).map(|_| ())
}

fn root_fault(root: &str, fault: RootFault) -> Result<(), TreeError> {
    Err(TreeError::Root { root: root.into(), fault })
}

#[test]
fn roots_cover_all_entries() {
    assert_eq!(roots(&[""]), Ok(()));
    assert_eq!(roots(&["a", "a.b", "e"]), Ok(()));
    // "a" itself is there because roots lie in it.
    assert_eq!(roots(&["a/b", "a/d", "a.b", "e"]), Ok(()));
    assert_eq!(roots(&["a", "e"]), Err(TreeError::Stray { path: "a.b".into() }));
    assert_eq!(roots(&["a", "a.b"]), Err(TreeError::Stray { path: "e".into() }));
    assert_eq!(roots(&["a/d", "a.b", "e"]), Err(TreeError::Stray { path: "a/b".into() }));
    assert_eq!(roots(&["a/b", "a.b", "e"]), Err(TreeError::Stray { path: "a/d".into() }));
    assert_eq!(roots(&[]), Err(TreeError::Stray { path: "a".into() }));
}

#[test]
fn roots_do_not_lie_in_one_another() {
    assert_eq!(roots(&["", "a"]), root_fault("a", RootFault::Order));
    assert_eq!(roots(&["", ""]), root_fault("", RootFault::Order));
    assert_eq!(roots(&["a", "a/b", "a.b", "e"]), root_fault("a/b", RootFault::Order));
    assert_eq!(roots(&["a", "a", "a.b", "e"]), root_fault("a", RootFault::Order));
    assert_eq!(roots(&["a.b", "a", "e"]), root_fault("a", RootFault::Order));
}

#[test]
fn roots_are_entries() {
    assert_eq!(roots(&["a", "a.b", "d", "e"]), root_fault("d", RootFault::Missing));
    assert_eq!(roots(&["a", "a.b", "e", "e/f"]), root_fault("e/f", RootFault::Order));
    let bad = |root, fault| root_fault(root, RootFault::Path(fault));
    assert_eq!(roots(&["/a"]), bad("/a", PathFault::Absolute));
    assert_eq!(roots(&["../a"]), bad("../a", PathFault::Dots));
    assert_eq!(roots(&["a/"]), bad("a/", PathFault::EmptyName));
}

/// What is wrong with these chunks of a fixed listing, whose runs have 30, 200,000 and 150,000 bytes.
fn content(lengths: &[u32]) -> Result<(), TreeError> {
    let entries = vec![file("a", 10), file("b", 200_000), file("c", 20), file("d", 150_000), file("e", 0)];
    let chunks = lengths.iter().enumerate().map(|(index, bytes)| chunk(&index.to_string(), *bytes)).collect();
    Tree::new(base(), entries, chunks).map(|_| ())
}

#[test]
fn chunks_add_up_and_end_with_the_runs() {
    assert_eq!(content(&[30, 200_000, 150_000]), Ok(()));
    assert_eq!(content(&[10, 20, 150_000, 50_000, 150_000]), Ok(()));
    assert_eq!(content(&[30, 200_000, 149_999]), Err(TreeError::ContentLength));
    assert_eq!(content(&[30, 200_000, 150_001]), Err(TreeError::ContentLength));
    assert_eq!(content(&[30, 200_000, 150_000, 1]), Err(TreeError::ContentLength));
    assert_eq!(content(&[]), Err(TreeError::ContentLength));
    assert_eq!(content(&[200_030, 150_000]), Err(TreeError::RunEnd { chunk: 0 }));
    assert_eq!(content(&[30, 200_001, 149_999]), Err(TreeError::RunEnd { chunk: 1 }));
    assert_eq!(content(&[30, 199_999, 150_001]), Err(TreeError::RunEnd { chunk: 2 }));
    assert_eq!(content(&[30, 350_000]), Err(TreeError::RunEnd { chunk: 1 }));
}

#[test]
fn empty_content_has_no_chunk() {
    assert!(Tree::new(base(), Vec::new(), Vec::new()).is_ok());
    assert!(Tree::new(base(), vec![file("a", 0)], Vec::new()).is_ok());
    assert_eq!(Tree::new(base(), Vec::new(), vec![chunk("a", 1)]), Err(TreeError::ContentLength));
}

#[test]
fn sizes_that_overflow() {
    let entries = vec![file("a", u64::MAX), file("b", 1)];
    assert_eq!(Tree::new(base(), entries, vec![chunk("a", 1)]), Err(TreeError::ContentLength));
    let entries = vec![file("a", u64::MAX), file("b", u64::MAX)];
    assert_eq!(Tree::new(base(), entries, Vec::new()), Err(TreeError::ContentLength));
}

#[test]
fn chunks_have_lengths_that_chunks_have() {
    let single = |bytes: u32| Tree::new(base(), vec![file("a", u64::from(bytes))], vec![chunk("a", bytes)]);
    assert!(single(1 << 20).is_ok());
    assert_eq!(single((1 << 20) + 1), Err(TreeError::ChunkLength(chunk("a", 1).id)));
    let none = Tree::new(base(), vec![file("a", 0)], vec![chunk("a", 0)]);
    assert_eq!(none, Err(TreeError::ChunkLength(chunk("a", 0).id)));
}

#[test]
fn chunk_that_repeats_keeps_its_length() {
    let twice = |first, second| {
        Tree::new(base(), vec![file("a", 300)], vec![chunk("same", first), chunk("same", second)])
    };
    assert!(twice(150, 150).is_ok());
    assert_eq!(twice(100, 200), Err(TreeError::ChunkLength(chunk("same", 1).id)));
}

#[test]
fn file_of_exactly_128_kib_is_a_run_of_its_own() {
    let chunks_of = |lengths: [u32; 2]| {
        let chunks = lengths.iter().map(|bytes| chunk(&bytes.to_string(), *bytes)).collect();
        Tree::new(base(), vec![file("a", 5), file("b", 131_072)], chunks).map(|_| ())
    };
    assert_eq!(chunks_of([5, 131_072]), Ok(()));
    assert_eq!(chunks_of([131_072, 5]), Err(TreeError::RunEnd { chunk: 0 }));
}
