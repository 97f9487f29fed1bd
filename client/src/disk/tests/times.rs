//! Restores that leave times as they come.
use super::support::{MemorySink, Saved, as_saved, noise, sample, scan, set_mode, snapshot, write};
use crate::disk::index::{Index, now_ns};
use crate::disk::{RestoreOptions, Shelf, TargetMode, Times, pack};
use pollux_core::{ChunkRef, KeyPair};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::{collections::BTreeMap, fs, path::Path};

/// Kernels date files by a clock that ticks: it may show a little less than the one that programs read.
const TICK_NS: i128 = 100_000_000;

fn without_times(mode: TargetMode) -> RestoreOptions {
    RestoreOptions { times: Times::Now, ..as_saved(mode) }
}

/// Modes and contents.
fn timeless(base: &Path) -> BTreeMap<String, (u32, String)> {
    let seen = snapshot(base).into_iter();
    seen.map(|(path, seen)| (path, (seen.mode, format!("{:?}", seen.what)))).collect()
}

/// Dates everything back, links too.
fn long_ago(base: &Path) {
    let time = Timespec { tv_sec: 1_000_000_000, tv_nsec: 7 };
    let times = Timestamps { last_access: time, last_modification: time };
    for path in snapshot(base).keys() {
        utimensat(CWD, base.join(path), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

#[test]
fn everything_but_the_times_is_as_it_was_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    sample(&base);
    // The umask grants it, or does not: a mode that is set afterwards.
    set_mode(base.join("small/2"), 0o777);
    set_mode(base.join("small/3"), 0o500);
    set_mode(base.join("large/two.bin"), 0o666);
    long_ago(&base);
    let saved = Saved::all_of(&base);
    let begun_ns = i128::from(now_ns()) - TICK_NS;
    let restored = saved.restore_as(&target, without_times(TargetMode::Fresh)).unwrap();
    assert_eq!(restored.files, saved.packed.tree.totals().files);
    assert_eq!(timeless(&target), timeless(&base));
    for (path, seen) in snapshot(&target) {
        assert!((begun_ns..=i128::from(now_ns())).contains(&seen.modified_ns), "{path}: {seen:?}");
    }
    let with_times = dir.path().join("with-times");
    saved.restore(&with_times, TargetMode::Fresh).unwrap();
    assert_eq!(snapshot(&with_times), snapshot(&base));
}

#[test]
fn a_save_of_it_has_the_same_chunks_in_another_listing() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    sample(&base);
    let saved = Saved::all_of(&base);
    saved.restore_as(&target, without_times(TargetMode::Fresh)).unwrap();
    let again = Saved::all_of(&target);
    assert_eq!(again.packed.tree.chunks(), saved.packed.tree.chunks());
    assert_ne!(again.packed.tree, saved.packed.tree);
    // What it is restored from again has its times.
    let third = dir.path().join("third");
    again.restore(&third, TargetMode::Fresh).unwrap();
    assert_eq!(snapshot(&third), snapshot(&target));
}

/// Two versions of a directory, with files of the same names and sizes.
fn version(base: &Path, seed: u64) {
    for number in 0..20 {
        write(base.join(format!("small/{number:02}")), noise(seed + number, 30_000));
    }
    write(base.join("large"), noise(seed + 99, 700_000));
    write(base.join("same"), noise(7, 400_000));
}

#[test]
fn an_index_of_what_it_replaces_is_not_believed_of_it() {
    for times in [Times::Now, Times::Saved] {
        let dir = tempfile::tempdir().unwrap();
        let (base, other) = (dir.path().join("base"), dir.path().join("other"));
        version(&base, 0);
        version(&other, 1_000);
        // Told apart by nothing that a restore sets.
        for path in snapshot(&base).keys() {
            let time = fs::metadata(base.join(path)).unwrap().modified().unwrap();
            fs::File::open(other.join(path)).unwrap().set_modified(time).unwrap();
        }
        let shelf = Shelf::new(dir.path().join("index"), KeyPair::from_seed([1; 32]));
        let sink = MemorySink::default();
        pack(&scan(&base), Some(&shelf), &sink).unwrap();
        let before = scan(&base);
        let index = shelf.take(&before).expect("an index");
        shelf.put(&before.options, &Index::made_late(index)).unwrap();

        let options = RestoreOptions { times, ..as_saved(TargetMode::Replace) };
        Saved::all_of(&other).restore_as(&base, options).unwrap();
        let packed = pack(&scan(&base), Some(&shelf), &sink).unwrap();
        let anew = pack(&scan(&base), None, &MemorySink::default()).unwrap();
        assert_eq!(packed, anew, "{times:?}");
        let chunks: &[ChunkRef] = packed.tree.chunks();
        assert!(chunks.iter().all(|chunk| sink.state().chunks.contains_key(&chunk.id)), "{times:?}");
    }
}
