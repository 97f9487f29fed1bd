use super::support::{Mount, Saved, as_saved, names, noise, sample, snapshot, write};
use crate::disk::{DiskError, Restore, TargetMode, beneath::Walk, restore::Tuning};
use pollux_core::{Entry, EntryKind, Tree};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Where a restore under way writes.
fn staged(parent: &Path) -> PathBuf {
    let name = names(parent).into_iter().find(|name| name.contains(".pollux-")).unwrap();
    parent.join(name).join("new")
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry { path: path.to_owned(), mode: 0o755, modified_ns: 0, kind }
}

#[test]
fn symlink_then_write_through() {
    // A tree cannot list anything below a link, and links are made after everything else.
    let link = |target: &str| entry("a", EntryKind::Symlink { target: target.to_owned() });
    let below = entry("a/file", EntryKind::File { bytes: 0, offset: 0 });
    assert!(Tree::new(vec![String::new()], vec![link("b"), below], Vec::new()).is_err());

    let dir = tempfile::tempdir().unwrap();
    let (base, target, outside) =
        (dir.path().join("base"), dir.path().join("target"), dir.path().join("outside"));
    sample(&base);
    fs::create_dir(&outside).unwrap();
    let saved = Saved::all_of(&base);
    let restore = saved.begin(&target, TargetMode::Fresh).unwrap();
    // Somebody with the same rights puts a link where a file will be written.
    symlink(outside.join("file"), staged(dir.path()).join("run.sh")).unwrap();
    let error = saved.fill(&restore).unwrap_err();
    assert!(matches!(error, DiskError::Collision(_)), "{error}");
    drop(restore);
    assert!(names(&outside).is_empty());
    assert_eq!(names(dir.path()), ["base", "outside"]);
}

#[test]
fn parent_swapped_for_a_link_while_writing() {
    for walk in [Walk::Kernel, Walk::Steps] {
        let dir = tempfile::tempdir().unwrap();
        let (base, target) = (dir.path().join("base"), dir.path().join("target"));
        let outside = dir.path().join("outside");
        fs::create_dir_all(outside.join("7")).unwrap();
        // More directories than are kept open, so that the swapped one is opened by its path again.
        for index in 0..200_u64 {
            write(base.join(format!("d/{index}/file")), noise(index, 40_000));
        }
        let saved = Saved::all_of(&base);
        let tuning = Tuning { walk, ..Tuning::default() };
        let tree = saved.packed.tree.clone();
        let restore = Restore::begin_with(&target, tree, as_saved(TargetMode::Fresh), tuning).unwrap();
        let wanted = restore.wanted();
        let (first, rest) = wanted.split_first().unwrap();
        restore.write(*first, &saved.sink.plain(*first)).unwrap();
        let staged = staged(dir.path());
        fs::rename(staged.join("d"), staged.join("moved")).unwrap();
        symlink(&outside, staged.join("d")).unwrap();
        let error =
            rest.iter().find_map(|chunk| restore.write(*chunk, &saved.sink.plain(*chunk)).err()).unwrap();
        assert!(matches!(error, DiskError::Disturbed(_)), "{error}");
        drop(restore);
        assert!(names(&outside.join("7")).is_empty() && names(&outside) == ["7"]);
        assert!(!target.exists());
    }
}

#[test]
fn a_file_swapped_for_another_while_it_is_written_piecewise() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    for index in 0..100_u64 {
        write(base.join(format!("{index:02}")), noise(index, 700_000));
    }
    write(dir.path().join("precious"), "precious");
    let saved = Saved::all_of(&base);
    let restore = saved.begin(&target, TargetMode::Fresh).unwrap();
    let tree = &saved.packed.tree;
    let placements = tree.placements();
    // The first chunk of each file, so that the first unfinished one is not open any more at the end.
    let firsts = placements.all().iter().filter(|place| place.offset == 0);
    for chunk in firsts.map(|place| tree.chunks()[usize::try_from(place.chunk).unwrap()]) {
        restore.write(chunk, &saved.sink.plain(chunk)).unwrap();
    }
    let unfinished = placements.all().iter().find(|place| place.offset > 0).unwrap();
    let file = staged(dir.path()).join(&tree.entries()[unfinished.entry].path);
    fs::remove_file(&file).unwrap();
    fs::hard_link(dir.path().join("precious"), &file).unwrap();
    let error = saved.fill(&restore).unwrap_err();
    assert!(matches!(error, DiskError::Disturbed(_)), "{error}");
    // After a failed write the restore is not finished, whatever else is written.
    let _ = saved.fill(&restore);
    assert!(matches!(restore.finish(), Err(DiskError::Incomplete { .. })));
    assert_eq!(fs::read_to_string(dir.path().join("precious")).unwrap(), "precious");
    assert!(!target.exists());
}

#[test]
fn case_collision() {
    // What a file system that folds case says is that the name is there: so says this one if it is.
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    write(base.join("README"), "x");
    write(base.join("readme"), "y");
    let saved = Saved::all_of(&base);
    let restore = saved.begin(&target, TargetMode::Fresh).unwrap();
    write(staged(dir.path()).join("readme"), "x");
    let error = saved.fill(&restore).unwrap_err();
    assert!(matches!(&error, DiskError::Collision(path) if path.ends_with("readme")), "{error}");
    assert!(error.hint().is_some());
    drop(restore);
    assert_eq!(names(dir.path()), ["base"]);
}

#[test]
fn larger_than_disk() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "1m") else { return };
    write(dir.path().join("base/large"), noise(1, 2_000_000));
    let saved = Saved::all_of(&dir.path().join("base"));
    let error = saved.begin(&small.join("target"), TargetMode::Fresh).unwrap_err();
    assert!(
        matches!(error, DiskError::NoRoom { need, free, .. } if need.bytes == 2_000_000 && free.bytes <= 1 << 20)
    );
    assert!(names(&small).is_empty());
}

#[test]
fn a_disk_that_fills_up_while_writing() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::tmpfs(&small, "2m") else { return };
    write(small.join("target/own"), "own");
    write(dir.path().join("base/large"), noise(1, 1_000_000));
    let saved = Saved::all_of(&dir.path().join("base"));
    let restore = saved.begin(&small.join("target"), TargetMode::Replace).unwrap();
    let _ = fs::write(small.join("other"), noise(2, 4_000_000));
    let error = saved.fill(&restore).unwrap_err();
    assert!(matches!(error, DiskError::NoRoom { .. }), "{error}");
    drop(restore);
    assert_eq!(names(&small), ["other", "target"]);
    assert_eq!(snapshot(&small.join("target")).len(), 1);
}

#[test]
fn too_many_entries_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "nr_inodes=50", "pollux-test"], &small) else {
        return;
    };
    for index in 0..100 {
        write(dir.path().join(format!("base/{index}")), "x");
    }
    let saved = Saved::all_of(&dir.path().join("base"));
    let error = saved.begin(&small.join("target"), TargetMode::Fresh).unwrap_err();
    assert!(
        matches!(error, DiskError::NoRoom { need, free, .. } if need.inodes == 100 && free.inodes < 50),
        "{error}"
    );
}
