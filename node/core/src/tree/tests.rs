use super::samples::{chunks, directory, file, symlink, tree};
use super::*;

fn sample() -> Tree {
    tree(vec![
        directory("a"),
        file("a/large", 300_000),
        file("a/small", 10),
        symlink("b", "a/small"),
        file("c", 0),
    ])
}

#[test]
fn totals_count_everything() {
    let totals = TreeTotals { files: 3, directories: 1, symlinks: 1, bytes: 300_010, chunks: 2 };
    assert_eq!(sample().totals(), totals);
    assert_eq!(tree(Vec::new()).totals(), TreeTotals::default());
}

#[test]
fn tree_is_checked_against_what_a_manifest_declares() {
    let tree = sample();
    let (totals, roots) = (tree.totals(), tree.roots().to_vec());
    assert_eq!(tree.check_against(&totals, &roots), Ok(()));
    let others = [
        TreeTotals { files: 4, ..totals },
        TreeTotals { directories: 0, ..totals },
        TreeTotals { symlinks: 0, ..totals },
        TreeTotals { bytes: 300_009, ..totals },
        TreeTotals { chunks: 3, ..totals },
    ];
    for other in others {
        assert_eq!(tree.check_against(&other, &roots), Err(TreeError::DiffersFromManifest));
    }
    for other in [vec![], vec!["a".to_owned()], vec![String::new(), String::new()]] {
        assert_eq!(tree.check_against(&totals, &other), Err(TreeError::DiffersFromManifest));
    }
}

#[test]
fn roots_are_put_in_order() {
    let entries = vec![directory("a"), file("a/x", 1), file("a.b", 1), file("b", 1)];
    let chunks = chunks(&entries, 1000);
    let roots = ["b", "a.b", "a/x"].map(String::from).to_vec();
    let tree = Tree::new(roots, entries, chunks).expect("it keeps to the rules");
    assert_eq!(tree.roots(), ["a/x", "a.b", "b"]);
}

#[test]
fn given_offsets_do_not_matter() {
    let with_offset = |offset| {
        let mut entries = vec![file("a", 5), file("b", 7)];
        entries[1].kind = EntryKind::File { bytes: 7, offset };
        tree(entries)
    };
    assert_eq!(with_offset(0), with_offset(u64::MAX));
    assert_eq!(with_offset(3).entries()[1].kind, EntryKind::File { bytes: 7, offset: 5 });
}
