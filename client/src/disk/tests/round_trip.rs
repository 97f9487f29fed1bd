use super::support::{Saved, as_saved, noise, sample, set_mode, set_time, snapshot, write};
use crate::disk::{
    Cloned, DiskError, Repeats, Restore, RestoreOptions, Restored, TargetMode, beneath::Walk, restore::Tuning,
};
use pollux_core::{ChunkId, ChunkRef};
use proptest::prelude::*;
use std::{fs, os::unix::fs::symlink, path::Path, thread};

fn begin_with(saved: &Saved, target: &Path, tuning: Tuning) -> Restore {
    Restore::begin_with(target, saved.packed.tree.clone(), as_saved(TargetMode::Fresh), tuning).unwrap()
}

#[test]
fn what_was_saved_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    sample(&base);
    let saved = Saved::all_of(&base);
    let totals = saved.packed.tree.totals();
    let restored = saved.restore(&target, TargetMode::Fresh).unwrap();
    let expected = Restored {
        atomic: true,
        files: totals.files,
        bytes: totals.bytes,
        kept: 0,
        cloned: Cloned::default(),
    };
    assert_eq!(restored, expected);
    assert_eq!(snapshot(&target), snapshot(&base));
}

#[test]
fn chunks_come_in_any_order_from_many_threads() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    sample(&base);
    let saved = Saved::all_of(&base);
    for step in [1, 3, 7] {
        let target = dir.path().join(format!("target-{step}"));
        let restore = saved.begin(&target, TargetMode::Fresh).unwrap();
        let chunks: Vec<_> =
            restore.wanted().into_iter().map(|chunk| (chunk, saved.sink.plain(chunk))).collect();
        thread::scope(|scope| {
            for start in 0..4 {
                let (chunks, restore) = (&chunks, &restore);
                // Every thread writes all of them, each from another place on and backwards.
                let order = (0..chunks.len()).rev().map(move |at| (at * step + start) % chunks.len());
                let write = move |(chunk, plain): &(ChunkRef, Vec<u8>)| restore.write(*chunk, plain).unwrap();
                scope.spawn(move || order.map(|at| &chunks[at]).chain(chunks).for_each(write));
            }
        });
        restore.finish().unwrap();
        assert_eq!(snapshot(&target), snapshot(&base), "{step}");
    }
}

#[test]
fn works_without_openat2_and_without_memory_for_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    sample(&base);
    let saved = Saved::all_of(&base);
    for (name, walk, held_bytes_max) in
        [("steps", Walk::Steps, 1 << 20), ("tight", Walk::Kernel, 0), ("both", Walk::Steps, 25_000)]
    {
        let target = dir.path().join(name);
        let restore = begin_with(&saved, &target, Tuning { walk, held_bytes_max, ..Tuning::default() });
        for chunk in restore.wanted().into_iter().rev() {
            restore.write(chunk, &saved.sink.plain(chunk)).unwrap();
        }
        restore.finish().unwrap();
        assert_eq!(snapshot(&target), snapshot(&base), "{name}");
    }
}

#[test]
fn more_unfinished_files_than_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    for index in 0..150_u64 {
        write(base.join(format!("{index:03}")), noise(index, 300_000));
        set_mode(base.join(format!("{index:03}")), 0o444);
    }
    let saved = Saved::all_of(&base);
    let restore = saved.begin(&target, TargetMode::Fresh).unwrap();
    // First all even chunks, then all odd ones: nearly every file is opened, closed and opened again.
    let (even, odd): (Vec<_>, Vec<_>) =
        restore.wanted().into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
    for (_, chunk) in even.into_iter().chain(odd) {
        restore.write(chunk, &saved.sink.plain(chunk)).unwrap();
    }
    restore.finish().unwrap();
    assert_eq!(snapshot(&target), snapshot(&base));
}

#[test]
fn strange_chunks_do_no_harm_and_missing_ones_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    sample(&base);
    let saved = Saved::all_of(&base);
    let restore = saved.begin(&target, TargetMode::Fresh).unwrap();
    let strange = ChunkRef { id: ChunkId::of(b"strange"), bytes: 7 };
    assert!(matches!(restore.write(strange, b"strange"), Err(DiskError::StrangeChunk(_))));
    let first = restore.wanted()[0];
    assert!(matches!(restore.write(first, b"short"), Err(DiskError::StrangeChunk(_))));
    saved.fill(&restore).unwrap();
    saved.fill(&restore).unwrap();
    restore.finish().unwrap();
    assert_eq!(snapshot(&target), snapshot(&base));

    let second = dir.path().join("second");
    let restore = saved.begin(&second, TargetMode::Fresh).unwrap();
    let missing = restore.wanted().len() - 1;
    restore.write(first, &saved.sink.plain(first)).unwrap();
    assert!(
        matches!(restore.finish(), Err(DiskError::Incomplete { missing: so_many }) if so_many == missing)
    );
    assert!(!second.exists());
}

#[test]
fn an_empty_directory_is_a_tree_too() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("base")).unwrap();
    let saved = Saved::all_of(&dir.path().join("base"));
    let target = dir.path().join("target");
    saved.restore(&target, TargetMode::Fresh).unwrap();
    assert!(snapshot(&target).is_empty() && target.is_dir());
}

#[test]
fn some_paths_of_a_base_and_the_directories_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    for path in ["registry/index/a", "registry/src/b", "git/db/c", "bin/d", "credentials"] {
        write(base.join(path), path);
    }
    let saved = Saved::paths_of(&base, &["registry/index", "git", "credentials"]);
    assert_eq!(saved.packed.tree.roots(), ["credentials", "git", "registry/index"]);
    saved.restore(&target, TargetMode::Fresh).unwrap();
    let restored: Vec<_> = snapshot(&target).into_keys().collect();
    let expected =
        ["credentials", "git", "git/db", "git/db/c", "registry", "registry/index", "registry/index/a"];
    assert_eq!(restored, expected);
}

/// One entry of a random directory.
#[derive(Clone, Debug)]
enum Random {
    File { path: Vec<u8>, bytes: usize, seed: u8, mode: u32, time: u64 },
    Directory { path: Vec<u8>, mode: u32, time: u64 },
    Link { path: Vec<u8> },
}

fn random() -> impl Strategy<Value = Random> {
    // Few names, so that entries lie in each other's directories; few seeds, so that contents repeat.
    let path = || prop::collection::vec(0_u8..4, 1..5);
    let bytes = prop_oneof![3 => Just(0_usize), 10 => 1..2000_usize, 4 => 50_000..131_071_usize, 2 => 131_072..900_000_usize];
    let mode = || 0_u32..0o1000;
    let time = || 0_u64..2_000_000_000_000_000_000;
    prop_oneof![
        8 => (path(), bytes, 0_u8..6, mode(), time())
            .prop_map(|(path, bytes, seed, mode, time)| Random::File { path, bytes, seed, mode: mode | 0o400, time }),
        2 => (path(), mode(), time())
            .prop_map(|(path, mode, time)| Random::Directory { path, mode: mode | 0o700, time }),
        1 => path().prop_map(|path| Random::Link { path }),
    ]
}

const NAMES: [&str; 4] = ["a", "a.b", "ü ñ", "Z"];

/// Makes it, where nothing else is in the way: nor a link, through which another directory would be written to.
fn make(base: &Path, random: &Random) -> Option<()> {
    let (Random::File { path, .. } | Random::Directory { path, .. } | Random::Link { path }) = random;
    let at = path.iter().fold(base.to_owned(), |at, name| at.join(NAMES[usize::from(*name)]));
    let parent = at.parent()?;
    fs::create_dir_all(parent).ok()?;
    if parent.canonicalize().ok()? != base.canonicalize().ok()?.join(parent.strip_prefix(base).ok()?) {
        return None;
    }
    match random {
        Random::File { bytes, seed, mode, time, .. } => {
            fs::File::create_new(&at).ok()?;
            fs::write(&at, noise(u64::from(*seed), *bytes)).ok()?;
            set_time(&at, *time);
            set_mode(&at, *mode);
        }
        Random::Directory { mode, time, .. } => {
            fs::create_dir(&at).ok()?;
            set_mode(&at, *mode);
            set_time(&at, *time);
        }
        Random::Link { path } => symlink("../".repeat(path.len() - 1) + "a/Z", &at).ok()?,
    }
    Some(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_directory_comes_back_as_it_was(
        all in prop::collection::vec(random(), 0..40),
        order in any::<prop::sample::Index>(),
        steps in any::<bool>(),
        held_bytes_max in 0_u64..300_000,
        clone in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (base, target) = (dir.path().join("base"), dir.path().join("target"));
        fs::create_dir(&base).unwrap();
        for random in &all {
            make(&base, random);
        }
        let saved = Saved::all_of(&base);
        let walk = if steps { Walk::Steps } else { Walk::Kernel };
        let tuning = Tuning { walk, held_bytes_max, can_clone: |_, _| true };
        let repeats = if clone { Repeats::Clone } else { Repeats::Write };
        let options = RestoreOptions { repeats, ..as_saved(TargetMode::Fresh) };
        let restore = Restore::begin_with(&target, saved.packed.tree.clone(), options, tuning).unwrap();
        let mut chunks = restore.wanted();
        if !chunks.is_empty() {
            let at = order.index(chunks.len());
            chunks.rotate_left(at);
        }
        for chunk in chunks {
            restore.write(chunk, &saved.sink.plain(chunk)).unwrap();
        }
        restore.finish().unwrap();
        prop_assert_eq!(snapshot(&target), snapshot(&base));
    }
}
