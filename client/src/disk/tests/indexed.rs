//! Saves that remember what was saved before: what they make is what they would have made without.
use super::support::{MemorySink, noise, scan, write};
use crate::disk::index::Index;
use crate::disk::{Packed, Shelf, pack};
use pollux_core::{ChunkId, ChunkRef, KeyPair, Tree};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

struct Work {
    directory: tempfile::TempDir,
    sink: MemorySink,
}

impl Work {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), sink: MemorySink::default() }
    }

    fn base(&self) -> PathBuf {
        self.directory.path().join("base")
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(self.directory.path().join("index"), KeyPair::from_seed([1; 32]))
    }

    fn save(&self) -> Packed {
        pack(&scan(&self.base()), Some(&self.shelf()), &self.sink).unwrap()
    }

    /// What a save makes that has no index.
    fn anew(&self) -> Packed {
        pack(&scan(&self.base()), None, &MemorySink::default()).unwrap()
    }

    /// Nothing here is old enough to be believed: an index is put that says that it was made long after.
    fn settle(&self) {
        self.change(Index::made_late);
    }

    fn change(&self, change: impl FnOnce(Index) -> Index) {
        let now = scan(&self.base());
        let index = self.shelf().take(&now).expect("an index");
        self.shelf().put(&now.options, &change(index)).unwrap();
    }
}

/// The same with other chunks of the same lengths: what is believed shows.
fn forged(packed: &Packed) -> Tree {
    let other = |chunk: &ChunkRef| ChunkRef { id: ChunkId::of(chunk.id.as_bytes()), bytes: chunk.bytes };
    let chunks = packed.tree.chunks().iter().map(other).collect();
    Tree::new(packed.tree.roots().to_vec(), packed.tree.entries().to_vec(), chunks).unwrap()
}

fn some_files(base: &Path) {
    for number in 0..40 {
        write(base.join(format!("small/{number:02}")), noise(number, 90_000));
    }
    write(base.join("large"), noise(99, 3_000_000));
}

#[test]
fn nothing_unchanged_is_read_again() {
    let work = Work::new();
    some_files(&work.base());
    let first = work.save();
    let puts = work.sink.state().puts;
    work.settle();
    assert_eq!(work.save(), first);
    assert_eq!(work.sink.state().puts, puts);
    // What an index says of unchanged files is what is saved: nobody read them.
    let tree = forged(&first);
    work.change(|index| index.with_tree(tree.clone()).made_late());
    work.sink.state().holds_everything = true;
    assert_eq!(work.save().tree, tree);
}

#[test]
fn what_was_written_just_before_is_read_again() {
    let work = Work::new();
    some_files(&work.base());
    let first = work.save();
    work.change(|index| index.with_tree(forged(&first)).made_early());
    work.sink.state().holds_everything = true;
    assert_eq!(work.save(), first);
}

#[test]
fn chunks_that_the_sink_has_lost_are_read_and_put_again() {
    let work = Work::new();
    some_files(&work.base());
    let first = work.save();
    work.settle();
    work.sink.state().chunks.clear();
    assert_eq!(work.save(), first);
    let chunks = first.tree.chunks().iter().chain(&first.tree_ref.chunks);
    assert!(chunks.into_iter().all(|chunk| work.sink.state().chunks.contains_key(&chunk.id)));
}

#[test]
fn an_index_that_cannot_be_kept_or_read_is_none() {
    let work = Work::new();
    some_files(&work.base());
    write(work.directory.path().join("index"), b"no directory");
    assert_eq!(work.save(), work.anew());
}

/// What is done to one of the files: with another size, as in a test two changes may fall into one tick of the clock.
#[derive(Clone, Debug)]
enum Change {
    Rewrite(usize),
    Remove,
    Add(usize),
    Rename,
    Append,
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let change = prop_oneof![
        (1usize..200_000).prop_map(Change::Rewrite),
        Just(Change::Remove),
        (1usize..200_000).prop_map(Change::Add),
        Just(Change::Rename),
        Just(Change::Append),
    ];
    (0usize..60, change)
}

fn apply(base: &Path, (number, change): &(usize, Change), turn: u64) {
    let path = base.join(format!("d/{number:02}"));
    let content = |bytes: usize| noise(1_000 + turn, bytes);
    let before = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    match change {
        Change::Rewrite(bytes) if u64::try_from(*bytes).unwrap() != before => write(path, content(*bytes)),
        Change::Rewrite(_) => {}
        Change::Remove => drop(fs::remove_file(path)),
        Change::Add(bytes) => write(base.join(format!("d/{number:02}-{turn}")), content(*bytes)),
        Change::Rename => drop(fs::rename(&path, base.join(format!("d/{number:02}-moved")))),
        Change::Append if before > 0 => {
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend([7; 100]);
            write(path, bytes);
        }
        Change::Append => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_changes_a_save_with_an_index_makes_what_one_without_makes(
        sizes in proptest::collection::vec(prop_oneof![0usize..3_000, 0usize..128_000, 131_072usize..600_000], 1..60),
        changes in proptest::collection::vec(proptest::collection::vec(change(), 0..6), 1..3),
    ) {
        let work = Work::new();
        fs::create_dir_all(work.base().join("d")).unwrap();
        for (number, bytes) in sizes.iter().enumerate() {
            write(work.base().join(format!("d/{number:02}")), noise(u64::try_from(number).unwrap(), *bytes));
        }
        work.save();
        for (turn, changes) in (0u64..).zip(&changes) {
            work.settle();
            for (place, change) in (0u64..).zip(changes) {
                apply(&work.base(), change, 10 * turn + place);
            }
            prop_assert_eq!(work.save(), work.anew());
        }
    }
}
