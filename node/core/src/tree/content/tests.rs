use super::super::samples::{any_tree, chunk, directory, file, symlink, tree};
use super::*;
use proptest::prelude::*;

fn offset(tree: &Tree, path: &str) -> u64 {
    let entry = tree.entries().iter().find(|entry| entry.path == path).expect("the path is listed");
    match entry.kind {
        EntryKind::File { offset, .. } => offset,
        EntryKind::Directory | EntryKind::Symlink { .. } => panic!("{path} is not a file"),
    }
}

#[test]
fn small_files_come_first_together_then_each_large_one() {
    let entries = vec![
        file("a", 131_072),
        file("b", 100),
        directory("c"),
        file("c/d", 131_071),
        symlink("c/e", "d"),
        file("f", 0),
        file("g", 1_000_000),
    ];
    let expected = [
        Run { files: vec![1, 3, 5], bytes: 131_171 },
        Run { files: vec![0], bytes: 131_072 },
        Run { files: vec![6], bytes: 1_000_000 },
    ];
    assert_eq!(runs(&entries), expected);
    let tree = tree(entries);
    assert_eq!(offset(&tree, "b"), 0);
    assert_eq!(offset(&tree, "c/d"), 100);
    assert_eq!(offset(&tree, "f"), 131_171);
    assert_eq!(offset(&tree, "a"), 131_171);
    assert_eq!(offset(&tree, "g"), 262_243);
}

#[test]
fn listing_without_files_has_no_run() {
    assert_eq!(runs(&[directory("a"), symlink("b", "a")]), []);
    assert_eq!(runs(&[file("a", 0)]), [Run { files: vec![0], bytes: 0 }]);
    assert_eq!(runs(&[file("a", 200_000)]), [Run { files: vec![0], bytes: 200_000 }]);
}

#[test]
fn sizes_that_nobody_believes_do_not_overflow() {
    let mut many = vec![file("a", u64::MAX), file("b", u64::MAX)];
    assert_eq!(runs(&many).len(), 2);
    assert_eq!(lay_out(&mut many), Err(TreeError::ContentLength));
}

/// Content of 100 bytes in chunks of 30, 30, 40 (the first two the same), files of 20, 0, 45, 35 bytes.
fn sample() -> Tree {
    let entries = vec![file("a", 20), file("b", 0), file("c", 45), file("d", 35)];
    let chunks = vec![chunk("same", 30), chunk("same", 30), chunk("other", 40)];
    Tree::new(vec![String::new()], entries, chunks).expect("the sample keeps to the rules")
}

fn piece(chunk: u32, range: Range<u32>) -> Piece {
    Piece { chunk, range }
}

#[test]
fn pieces_of_files() {
    let tree = sample();
    assert_eq!(tree.pieces(20, 0), [piece(0, 0..20)]);
    assert_eq!(tree.pieces(0, 20), []);
    assert_eq!(tree.pieces(45, 20), [piece(0, 20..30), piece(1, 0..30), piece(2, 0..5)]);
    assert_eq!(tree.pieces(35, 65), [piece(2, 5..40)]);
    assert_eq!(tree.pieces(30, 30), [piece(1, 0..30)]);
}

#[test]
fn pieces_outside_the_content_are_left_out() {
    let tree = sample();
    assert_eq!(tree.pieces(1000, 90), [piece(2, 30..40)]);
    assert_eq!(tree.pieces(u64::MAX, 99), [piece(2, 39..40)]);
    assert_eq!(tree.pieces(1, 100), []);
    assert_eq!(tree.pieces(u64::MAX, u64::MAX), []);
    assert_eq!(super::super::samples::tree(Vec::new()).pieces(1, 0), []);
}

#[test]
fn placements_of_chunks() {
    let placements = sample().placements();
    let placement = |chunk, range, entry, offset| Placement { chunk, range, entry, offset };
    assert_eq!(placements.of(0), [placement(0, 0..20, 0, 0), placement(0, 20..30, 2, 0)]);
    assert_eq!(placements.of(1), [placement(1, 0..30, 2, 10)]);
    assert_eq!(placements.of(2), [placement(2, 0..5, 2, 40), placement(2, 5..40, 3, 0)]);
    assert_eq!(placements.of(3), []);
    assert_eq!(placements.all().len(), 5);
}

proptest! {
    #[test]
    fn every_byte_is_placed_once(tree in any_tree()) {
        let placements = tree.placements();
        for (index, chunk) in (0u32..).zip(tree.chunks()) {
            let mut position = 0;
            for placement in placements.of(index) {
                prop_assert_eq!(placement.range.start, position);
                position = placement.range.end;
            }
            prop_assert_eq!(position, chunk.bytes);
        }
    }

    #[test]
    fn placements_are_the_pieces_of_all_files(tree in any_tree()) {
        let placements = tree.placements();
        let mut count = 0;
        for (index, entry) in tree.entries().iter().enumerate() {
            let EntryKind::File { bytes, offset } = entry.kind else { continue };
            let mut filled = 0;
            for Piece { chunk, range } in tree.pieces(bytes, offset) {
                let length = u64::from(range.end - range.start);
                let placement = Placement { chunk, range, entry: index, offset: filled };
                prop_assert!(placements.of(chunk).contains(&placement));
                filled += length;
                count += 1;
            }
            prop_assert_eq!(filled, bytes);
        }
        prop_assert_eq!(placements.all().len(), count);
    }

    #[test]
    fn runs_are_what_offsets_say(tree in any_tree()) {
        let mut position = 0;
        for run in runs(tree.entries()) {
            let begin = position;
            for index in run.files {
                let EntryKind::File { bytes, offset } = tree.entries()[index].kind else { panic!("not a file") };
                prop_assert_eq!(offset, position);
                position += bytes;
            }
            prop_assert_eq!(position - begin, run.bytes);
        }
        prop_assert_eq!(position, tree.totals().bytes);
    }
}
