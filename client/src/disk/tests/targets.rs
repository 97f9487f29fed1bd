use super::support::{Mount, Saved, contents, mode_of, names, noise, sample, set_mode, snapshot, write};
use crate::disk::{DiskError, TargetMode};
use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
};

/// A saved cache of two paths, and a place for targets.
struct Place {
    dir: tempfile::TempDir,
    saved: Saved,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("base");
        for (path, content) in [("a/new", "new a"), ("a/same", "new"), ("b/c/new", "new b"), ("b/other", "x")]
        {
            write(base.join(path), content);
        }
        let saved = Saved::all_of(&base);
        Self { dir, saved }
    }

    fn base(&self) -> PathBuf {
        self.dir.path().join("base")
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("targets/target")
    }

    /// A target that holds something already.
    fn filled(&self) -> PathBuf {
        let target = self.target();
        for (path, content) in [("a/same", "old"), ("a/old", "old"), ("own", "own"), ("b/c", "a file")] {
            write(target.join(path), content);
        }
        set_mode(&target, 0o750);
        target
    }

    fn assert_no_litter(&self) {
        assert_eq!(names(self.target().parent().unwrap()), ["target"]);
        assert!(names(&self.target()).iter().all(|name| !name.starts_with('.')));
    }
}

#[test]
fn an_empty_target_keeps_its_mode() {
    let place = Place::new();
    fs::create_dir_all(place.target()).unwrap();
    set_mode(place.target(), 0o2751);
    assert!(place.saved.restore(&place.target(), TargetMode::Fresh).unwrap().atomic);
    assert_eq!(mode_of(place.target()), 0o2751);
    assert_eq!(snapshot(&place.target()), snapshot(&place.base()));
    place.assert_no_litter();
}

#[test]
fn missing_parents_are_made_and_removed_again_after_a_failure() {
    let place = Place::new();
    let target = place.dir.path().join("x/y/./z");
    let restore = place.saved.begin(&target, TargetMode::Fresh).unwrap();
    assert!(place.dir.path().join("x/y").is_dir());
    drop(restore);
    assert_eq!(names(place.dir.path()), ["base"]);
    place.saved.restore(&target, TargetMode::Fresh).unwrap();
    assert_eq!(names(&place.dir.path().join("x/y")), ["z"]);
    assert_eq!(snapshot(&target), snapshot(&place.base()));
}

#[test]
fn a_filled_target_is_refused_with_a_hint() {
    let place = Place::new();
    let target = place.filled();
    let before = snapshot(&target);
    let error = place.saved.begin(&target, TargetMode::Fresh).unwrap_err();
    assert!(matches!(error, DiskError::TargetNotEmpty(_)));
    assert!(error.hint().unwrap().contains("--merge"));
    assert_eq!(snapshot(&target), before);
    place.assert_no_litter();
}

#[test]
fn a_target_that_is_no_directory_is_refused() {
    let place = Place::new();
    write(place.dir.path().join("file"), "x");
    symlink("nowhere", place.dir.path().join("dangling")).unwrap();
    for target in ["file", "file/below", "dangling", "dangling/below"] {
        let error = place.saved.begin(&place.dir.path().join(target), TargetMode::Replace).unwrap_err();
        assert!(matches!(error, DiskError::TargetNotADirectory(_)), "{target}: {error}");
    }
    assert_eq!(names(place.dir.path()), ["base", "dangling", "file"]);
}

#[test]
fn a_link_to_a_directory_is_followed() {
    let place = Place::new();
    fs::create_dir_all(place.target()).unwrap();
    let link = place.dir.path().join("link");
    symlink("targets/target", &link).unwrap();
    place.saved.restore(&link, TargetMode::Fresh).unwrap();
    assert!(link.is_symlink());
    assert_eq!(snapshot(&place.target()), snapshot(&place.base()));
}

#[test]
fn merge_adds_and_overwrites_nothing() {
    let place = Place::new();
    let target = place.filled();
    let restored = place.saved.restore(&target, TargetMode::Merge).unwrap();
    // `b/c` is a file there, so what the tree has below it is left out; `a/same` was there.
    assert_eq!((restored.kept, restored.files, restored.atomic), (2, 2, false));
    let read = |path: &str| fs::read_to_string(target.join(path)).unwrap();
    assert_eq!((&*read("a/same"), &*read("a/new"), &*read("a/old")), ("old", "new a", "old"));
    assert_eq!((&*read("b/c"), &*read("b/other"), &*read("own")), ("a file", "x", "own"));
    place.assert_no_litter();
}

#[test]
fn merge_does_not_follow_links_of_the_target() {
    let place = Place::new();
    let outside = place.dir.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(place.target()).unwrap();
    symlink(&outside, place.target().join("a")).unwrap();
    let restored = place.saved.restore(&place.target(), TargetMode::Merge).unwrap();
    assert_eq!(restored.kept, 2);
    assert!(names(&outside).is_empty());
    assert!(place.target().join("b/c/new").exists());
}

#[test]
fn replace_swaps_the_whole_base() {
    let place = Place::new();
    let target = place.filled();
    let restored = place.saved.restore(&target, TargetMode::Replace).unwrap();
    assert!(restored.atomic);
    assert_eq!(snapshot(&target), snapshot(&place.base()));
    assert_eq!(mode_of(&target), 0o750);
    place.assert_no_litter();
}

#[test]
fn replace_swaps_only_the_saved_paths() {
    let place = Place::new();
    let target = place.filled();
    let saved = Saved::paths_of(&place.base(), &["a", "b/other"]);
    let restored = saved.restore(&target, TargetMode::Replace).unwrap();
    assert!(!restored.atomic);
    assert_eq!(snapshot(&target.join("a")), snapshot(&place.base().join("a")));
    let read = |path: &str| fs::read_to_string(target.join(path)).unwrap();
    assert_eq!((&*read("b/c"), &*read("b/other"), &*read("own")), ("a file", "x", "own"));
    assert_eq!(names(&target.join("a")), ["new", "same"]);
    place.assert_no_litter();
}

#[test]
fn one_saved_path_is_swapped_atomically_and_its_way_is_made() {
    let place = Place::new();
    write(place.target().join("own"), "own");
    let saved = Saved::paths_of(&place.base(), &["b/c"]);
    assert!(saved.restore(&place.target(), TargetMode::Replace).unwrap().atomic);
    assert_eq!(fs::read_to_string(place.target().join("b/c/new")).unwrap(), "new b");
    assert!(saved.restore(&place.target(), TargetMode::Replace).unwrap().atomic);
}

#[test]
fn a_failure_in_the_middle_of_a_swap_is_undone() {
    let place = Place::new();
    let target = place.filled();
    // The way to the second path is a file, which is seen only after the first path was swapped.
    let saved = Saved::paths_of(&place.base(), &["a", "b/c/new"]);
    let before = snapshot(&target);
    let error = saved.restore(&target, TargetMode::Replace).unwrap_err();
    assert!(matches!(&error, DiskError::TargetNotADirectory(path) if path.ends_with("b/c")), "{error}");
    assert_eq!(contents(&target), before.into_iter().map(|(path, seen)| (path, seen.what)).collect());
    place.assert_no_litter();
}

#[test]
fn a_target_that_is_filled_meanwhile_is_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.target().parent().unwrap()).unwrap();
    let restore = place.saved.begin(&place.target(), TargetMode::Fresh).unwrap();
    place.saved.fill(&restore).unwrap();
    write(place.target().join("own"), "own");
    let error = restore.finish().unwrap_err();
    assert!(matches!(error, DiskError::TargetNotEmpty(_)), "{error}");
    assert_eq!(names(&place.target()), ["own"]);
    place.assert_no_litter();
}

#[test]
fn dropped_it_leaves_everything_as_it_was() {
    let place = Place::new();
    let target = place.filled();
    let before = snapshot(&target);
    for mode in [TargetMode::Merge, TargetMode::Replace] {
        let restore = place.saved.begin(&target, mode).unwrap();
        place.saved.fill(&restore).unwrap();
        drop(restore);
        assert_eq!(snapshot(&target), before);
        place.assert_no_litter();
    }
}

#[test]
fn what_a_killed_restore_left_is_removed() {
    let place = Place::new();
    fs::create_dir_all(place.target()).unwrap();
    write(place.target().parent().unwrap().join(".target.pollux-abcdef/new/file"), "x");
    write(place.target().join(".pollux-abcdef/new/file"), "x");
    place.saved.restore(&place.target(), TargetMode::Fresh).unwrap();
    assert_eq!(names(place.target().parent().unwrap()), ["target"]);
    assert_eq!(names(&place.target()), ["a", "b"]);
}

#[test]
fn two_restores_at_once_do_not_disturb_each_other() {
    let place = Place::new();
    fs::create_dir_all(place.target()).unwrap();
    let first = place.saved.begin(&place.target(), TargetMode::Fresh).unwrap();
    let second = place.saved.begin(&place.target(), TargetMode::Fresh).unwrap();
    place.saved.fill(&first).unwrap();
    place.saved.fill(&second).unwrap();
    first.finish().unwrap();
    assert!(matches!(second.finish(), Err(DiskError::TargetNotEmpty(_))));
    assert_eq!(snapshot(&place.target()), snapshot(&place.base()));
    place.assert_no_litter();
}

#[test]
fn a_mount_point_is_filled_from_inside() {
    let place = Place::new();
    let target = place.target();
    let Some(_mount) = Mount::tmpfs(&target, "16m") else { return };
    fs::create_dir(target.join("lost+found")).unwrap();
    let restored = place.saved.restore(&target, TargetMode::Fresh).unwrap();
    assert!(!restored.atomic);
    assert_eq!(names(&target), ["a", "b", "lost+found"]);
    write(target.join("own"), "own");
    let restored = place.saved.restore(&target, TargetMode::Replace).unwrap();
    assert!(!restored.atomic);
    assert_eq!(names(&target), ["a", "b", "lost+found"]);
    assert_eq!(names(target.parent().unwrap()), ["target"]);
}

#[test]
fn a_bind_mount_is_filled_from_inside() {
    let place = Place::new();
    let from = place.dir.path().join("from");
    fs::create_dir(&from).unwrap();
    let Some(_mount) = Mount::new(&["--bind", from.to_str().unwrap()], &place.target()) else { return };
    assert!(!place.saved.restore(&place.target(), TargetMode::Fresh).unwrap().atomic);
    assert_eq!(snapshot(&from), snapshot(&place.base()));
}

#[test]
fn what_is_mounted_in_a_saved_path_is_not_deleted() {
    let place = Place::new();
    let target = place.filled();
    let Some(_mount) = Mount::tmpfs(&target.join("a"), "1m") else { return };
    write(target.join("a/precious"), "x");
    let saved = Saved::paths_of(&place.base(), &["a", "b/other"]);
    let error = saved.restore(&target, TargetMode::Replace).unwrap_err();
    assert!(matches!(&error, DiskError::Mounted(path) if path.ends_with("a")), "{error}");
    assert_eq!(names(&target.join("a")), ["precious"]);
    place.assert_no_litter();
}

#[test]
fn what_is_mounted_below_a_replaced_base_is_not_deleted() {
    let place = Place::new();
    let (target, precious) = (place.filled(), place.dir.path().join("precious"));
    write(precious.join("file"), "x");
    // Of the same file system, so that no device number tells it apart.
    let Some(_mount) = Mount::new(&["--bind", precious.to_str().unwrap()], &target.join("own dir/mnt"))
    else {
        return;
    };
    let error = place.saved.begin(&target, TargetMode::Replace).unwrap_err();
    assert!(matches!(&error, DiskError::Mounted(path) if path.ends_with("own dir/mnt")), "{error}");
    // Nor does a removal enter it that somebody starts nevertheless.
    let parent = fs::File::open(target.parent().unwrap()).unwrap();
    assert!(crate::disk::remove::remove_all(&parent, "target").is_err());
    assert_eq!(names(&precious), ["file"]);
    assert_eq!(names(&target), ["own dir"]);
}

#[test]
fn an_overlay_is_replaced_although_its_directories_cannot_be_renamed() {
    let place = Place::new();
    let dir = place.dir.path();
    let Some(_upper) = Mount::tmpfs(&dir.join("layers"), "16m") else { return };
    for (path, content) in [("a/same", "old"), ("a/old", "old"), ("own", "own"), ("b/c", "a file")] {
        write(dir.join("layers/lower/target").join(path), content);
    }
    fs::create_dir_all(dir.join("layers/upper")).unwrap();
    fs::create_dir_all(dir.join("layers/work")).unwrap();
    let layers = dir.join("layers");
    let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", layers.display());
    let merged = dir.join("targets");
    let Some(_overlay) = Mount::new(&["-t", "overlay", "-o", &options, "overlay"], &merged) else { return };
    let one = Saved::paths_of(&place.base(), &["a"]);
    one.restore(&place.target(), TargetMode::Replace).unwrap();
    assert_eq!(snapshot(&place.target().join("a")), snapshot(&place.base().join("a")));
    let restored = place.saved.restore(&place.target(), TargetMode::Replace).unwrap();
    assert!(!restored.atomic);
    assert_eq!(contents(&place.target()), contents(&place.base()));
    place.assert_no_litter();
}

#[test]
fn the_working_directory_is_not_pulled_away() {
    let place = Place::new();
    fs::create_dir_all(place.target()).unwrap();
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "disk::tests::targets::restores_into_its_working_directory", "--ignored"])
        .current_dir(place.target())
        .env("POLLUX_TEST_BASE", place.base())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    assert_eq!(snapshot(&place.target()), snapshot(&place.base()));
}

#[test]
#[ignore = "run by another test, in a directory of its own"]
fn restores_into_its_working_directory() {
    let base = PathBuf::from(std::env::var_os("POLLUX_TEST_BASE").unwrap());
    let inode = fs::metadata(".").unwrap().ino();
    let saved = Saved::all_of(&base);
    assert!(!saved.restore(Path::new("."), TargetMode::Fresh).unwrap().atomic);
    assert_eq!(fs::metadata(std::env::current_dir().unwrap()).unwrap().ino(), inode);
    assert!(Path::new("a/new").exists());
}

#[test]
fn many_files_in_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (base, target) = (dir.path().join("base"), dir.path().join("target"));
    for index in 0..2000_u64 {
        write(base.join(format!("{index}")), noise(index, 100));
    }
    sample(&base);
    let saved = Saved::all_of(&base);
    saved.restore(&target, TargetMode::Fresh).unwrap();
    assert_eq!(snapshot(&target), snapshot(&base));
}
