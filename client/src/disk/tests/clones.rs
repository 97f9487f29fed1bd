//! Restores that clone what several files have. Real clones need a file system that can: one is made in an image and mounted,
//! where this user may and the programs are there.
use super::support::{Mount, Saved, as_saved, names, noise, set_mode, set_time, snapshot, write};
use crate::disk::{
    Cloned, Repeats, Restore, RestoreOptions, TargetMode, beneath::Walk, clone::can_clone,
    duplicates::Duplicates, restore::Tuning,
};
use pollux_core::ChunkRef;
use pollux_core::limits::RUN_OWN_FILE_BYTES;
use std::{fs, path::Path, thread};

const OPTIONS: RestoreOptions =
    RestoreOptions { mode: TargetMode::Fresh, times: crate::disk::Times::Saved, repeats: Repeats::Clone };

/// Files that repeat, and some that nearly do. What of it is to be cloned.
fn repeats(base: &Path) -> Cloned {
    let own: usize = RUN_OWN_FILE_BYTES.try_into().unwrap();
    let (several, one, zeros) = (noise(1, 1_700_000), noise(2, own), vec![0; 900_000]);
    for (path, bytes) in [
        ("a/several", &several),
        ("b/several", &several),
        ("b/again", &several),
        ("a/one", &one),
        ("c/one", &one),
        ("a/zeros", &zeros),
        ("d/zeros", &zeros),
        // Too small; another end; less of it.
        ("a/small", &noise(3, own - 1)),
        ("b/small", &noise(3, own - 1)),
        ("a/other-end", &[&several[..1_699_999], b"x"].concat()),
        ("a/shorter", &several[..1_000_000].to_vec()),
    ] {
        write(base.join(path), bytes);
    }
    set_time(base.join("b/several"), 1_000_000_000_123_456_789);
    for (path, mode) in [("a/several", 0o400), ("b/several", 0o444), ("b/again", 0o777), ("c/one", 0o600)] {
        set_mode(base.join(path), mode);
    }
    Cloned { files: 4, bytes: 2 * 1_700_000 + RUN_OWN_FILE_BYTES + 900_000 }
}

/// Runs `test` in each cloning file system that can be made here.
fn cloning(test: impl Fn(&Path)) {
    for make in [&["mkfs.btrfs", "-q"][..], &["mkfs.xfs", "-q", "-m", "reflink=1"]] {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("mounted");
        if let Some(_mount) = Mount::image(make, &dir.path().join("image"), &at) {
            test(&at);
        }
    }
}

fn begin(saved: &Saved, target: &Path, tuning: Tuning) -> Restore {
    Restore::begin_with(target, saved.packed.tree.clone(), OPTIONS, tuning).unwrap()
}

/// Restores it in several orders and by several threads, and compares each with what was saved.
fn assert_restored(base: &Path, place: &Path, tuning: Tuning, expected: Cloned) {
    let saved = Saved::all_of(base);
    for (turn, threads, held_bytes_max) in [(0, 1, 0), (1, 1, 1 << 20), (2, 4, 0)] {
        let target = place.join(format!("target-{turn}"));
        let restore = begin(&saved, &target, Tuning { held_bytes_max, ..tuning });
        let mut chunks = restore.wanted();
        let third = chunks.len() / 3;
        chunks.rotate_left(turn * third);
        let write = |chunk: &ChunkRef| restore.write(*chunk, &saved.sink.plain(*chunk)).unwrap();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| chunks.iter().for_each(&write));
            }
        });
        assert_eq!(restore.finish().unwrap().cloned, expected);
        assert_eq!(snapshot(&target), snapshot(base), "{turn}");
        let litter = |name: &String| name.contains("pollux-");
        assert!(!names(place).iter().any(litter));
    }
}

#[test]
fn the_same_tree_with_clones_and_without() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    let expected = repeats(&base);
    cloning(|place| {
        assert_restored(&base, place, Tuning::default(), expected);
        let plain = place.join("plain");
        let restored = Saved::all_of(&base).restore(&plain, TargetMode::Fresh).unwrap();
        assert_eq!(restored.cloned, Cloned::default());
        assert_eq!(snapshot(&plain), snapshot(&base));
    });
}

#[test]
fn what_is_written_to_a_clone_shows_in_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    repeats(&base);
    let saved = Saved::all_of(&base);
    cloning(|place| {
        let target = place.join("target");
        saved.restore_as(&target, OPTIONS).unwrap();
        fs::write(target.join("a/several"), "changed").unwrap();
        fs::write(target.join("b/again"), "changed too").unwrap();
        assert!(fs::read(target.join("b/several")).unwrap() == noise(1, 1_700_000));
    });
}

#[test]
fn a_file_system_that_clones_nothing_has_all_of_it_written() {
    let dir = tempfile::tempdir().unwrap();
    let (base, place) = (dir.path().join("base"), dir.path().join("place"));
    repeats(&base);
    let Some(_mount) = Mount::tmpfs(&place, "64m") else { return };
    assert_restored(&base, &place, Tuning::default(), Cloned::default());
}

#[test]
fn a_clone_that_fails_although_the_trial_did_not_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (base, place) = (dir.path().join("base"), dir.path().join("place"));
    repeats(&base);
    let Some(_mount) = Mount::tmpfs(&place, "64m") else { return };
    let tuning = Tuning { can_clone: |_, _| true, ..Tuning::default() };
    assert_restored(&base, &place, tuning, Cloned::default());
}

#[test]
fn a_restore_that_lacks_a_chunk_of_the_first_makes_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    repeats(&base);
    let saved = Saved::all_of(&base);
    let tuning = Tuning { can_clone: |_, _| true, walk: Walk::Steps, ..Tuning::default() };
    let wanted = begin(&saved, &target, tuning).wanted();
    for missing in wanted {
        let restore = begin(&saved, &target, tuning);
        let rest = restore.wanted().into_iter().filter(|chunk| *chunk != missing);
        rest.for_each(|chunk| restore.write(chunk, &saved.sink.plain(chunk)).unwrap());
        assert!(restore.finish().is_err());
        assert_eq!(names(dir.path()), ["base"]);
    }
}

#[test]
fn a_trial_says_what_a_file_system_can_and_leaves_nothing() {
    let tried = |place: &Path, can: bool| {
        fs::create_dir(place.join("old")).unwrap();
        let dir = fs::File::open(place).unwrap();
        assert_eq!(can_clone(std::os::fd::AsFd::as_fd(&dir), "old"), can);
        assert!(names(&place.join("old")).is_empty());
    };
    cloning(|place| tried(place, true));
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::tmpfs(dir.path(), "1m") else { return };
    tried(dir.path(), false);
}

#[test]
fn only_files_with_chunks_of_their_own_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    repeats(dir.path());
    let tree = Saved::all_of(dir.path()).packed.tree;
    let duplicates = Duplicates::of(&tree);
    let paths = |indices: &[usize]| -> Vec<&str> {
        indices.iter().map(|index| tree.entries()[*index].path.as_str()).collect()
    };
    let found: Vec<(&str, Vec<&str>)> = (0..tree.entries().len())
        .filter(|index| !duplicates.of_first(*index).is_empty())
        .map(|index| (tree.entries()[index].path.as_str(), paths(duplicates.of_first(index))))
        .collect();
    let expected =
        [("a/one", vec!["c/one"]), ("a/several", vec!["b/again", "b/several"]), ("a/zeros", vec!["d/zeros"])];
    assert_eq!(found, expected);
    assert_eq!((0..tree.entries().len()).filter(|index| duplicates.is_other(*index)).count(), 4);
}

#[test]
fn nothing_is_cloned_that_is_not_asked_for() {
    cloning(|place| {
        repeats(&place.join("base"));
        let saved = Saved::all_of(&place.join("base"));
        let restored = saved.restore_as(&place.join("target"), as_saved(TargetMode::Fresh)).unwrap();
        assert_eq!(restored.cloned, Cloned::default());
    });
}
