//! What root is never refused. Run as root these tests run themselves again as another user.
use super::support::{Saved, as_saved, contents, mode_of, names, set_mode, snapshot, write};
use crate::disk::{DiskError, Restore, Scan, ScanOptions, TargetMode, remove::remove_all};
use pollux_core::{Entry, EntryKind, Tree};
use std::{
    fs,
    os::unix::fs::chown,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

const NOBODY: u32 = 65_534;

/// Runs `test` in a directory that belongs to whoever runs it, and not as root.
fn unprivileged(name: &str, test: impl FnOnce(&Path)) {
    if let Some(dir) = std::env::var_os("POLLUX_TEST_DIR") {
        return test(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    if !rustix::process::geteuid().is_root() {
        return test(dir.path());
    }
    set_mode(dir.path(), 0o755);
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let program = dir.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", &format!("disk::tests::unprivileged::{name}")]).env("POLLUX_TEST_DIR", &home);
    match command.current_dir(&home).uid(NOBODY).gid(NOBODY).output() {
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout)),
        Err(error) => println!("skipped: cannot run as another user: {error}"),
    }
}

fn read_only_cache(base: &Path) {
    write(base.join("mod/pkg/file"), "x");
    write(base.join("mod/pkg/deep/file"), "x");
    for path in ["mod/pkg/file", "mod/pkg/deep/file"] {
        set_mode(base.join(path), 0o444);
    }
    for path in ["mod/pkg/deep", "mod/pkg", "mod"] {
        set_mode(base.join(path), 0o555);
    }
}

fn remove(path: &Path) {
    let parent = fs::File::open(path.parent().unwrap()).unwrap();
    remove_all(parent, path.file_name().unwrap()).unwrap();
}

#[test]
fn directories_that_are_not_writable_are_restored_replaced_and_removed() {
    unprivileged("directories_that_are_not_writable_are_restored_replaced_and_removed", |dir| {
        let (base, target) = (dir.join("base"), dir.join("target"));
        read_only_cache(&base);
        let saved = Saved::all_of(&base);
        saved.restore(&target, TargetMode::Fresh).unwrap();
        assert_eq!(snapshot(&target), snapshot(&base));
        saved.restore(&target, TargetMode::Replace).unwrap();
        assert_eq!(snapshot(&target), snapshot(&base));
        let one = Saved::paths_of(&base, &["mod/pkg"]);
        write(target.join("own"), "x");
        one.restore(&target, TargetMode::Replace).unwrap();
        assert_eq!(snapshot(&target.join("mod")), snapshot(&base.join("mod")));
        assert_eq!(names(dir), ["base", "target"]);
        remove(&base);
        remove(&target);
        assert!(names(dir).is_empty());
    });
}

#[test]
fn merge_takes_out_of_directories_that_are_not_writable() {
    unprivileged("merge_takes_out_of_directories_that_are_not_writable", |dir| {
        let (base, target) = (dir.join("base"), dir.join("target"));
        read_only_cache(&base);
        write(target.join("mod/own"), "x");
        Saved::all_of(&base).restore(&target, TargetMode::Merge).unwrap();
        assert_eq!(names(&target.join("mod")), ["own", "pkg"]);
        assert_eq!(snapshot(&target.join("mod/pkg")), snapshot(&base.join("mod/pkg")));
        remove(&base);
        remove(&target);
    });
}

#[test]
fn a_parent_that_is_not_writable_has_the_target_filled_from_inside() {
    unprivileged("a_parent_that_is_not_writable_has_the_target_filled_from_inside", |dir| {
        write(dir.join("base/file"), "x");
        let saved = Saved::all_of(&dir.join("base"));
        let target = dir.join("owned/target");
        fs::create_dir_all(&target).unwrap();
        set_mode(dir.join("owned"), 0o555);
        let restored = saved.restore(&target, TargetMode::Fresh).unwrap();
        assert!(!restored.atomic);
        assert_eq!(contents(&target), contents(&dir.join("base")));
        let absent = dir.join("owned/absent");
        let error = saved.begin(&absent, TargetMode::Fresh).unwrap_err();
        assert!(matches!(&error, DiskError::Io { path, .. } if path.ends_with("owned")), "{error}");
        set_mode(dir.join("owned"), 0o755);
        assert_eq!(names(&dir.join("owned")), ["target"]);
    });
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_it() {
    unprivileged("what_cannot_be_read_is_an_error_that_names_it", |dir| {
        write(dir.join("base/secret"), "x");
        write(dir.join("base/closed/file"), "x");
        set_mode(dir.join("base/closed"), 0o000);
        let options = |exclude: &[&str]| ScanOptions {
            base: PathBuf::from(dir).join("base"),
            paths: Vec::new(),
            exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
            always: None,
            strict: false,
            content_times: false,
            audited: None,
        };
        let error = Scan::new(&options(&[])).unwrap_err();
        assert!(matches!(&error, DiskError::Io { path, .. } if path.ends_with("closed")), "{error}");
        assert_eq!(Scan::new(&options(&["closed"])).unwrap().entries(), 1);
        set_mode(dir.join("base/closed"), 0o700);
    });
}

#[test]
fn directories_that_cannot_be_entered_are_made_and_removed() {
    unprivileged("directories_that_cannot_be_entered_are_made_and_removed", |dir| {
        let closed = |path: &str, mode| Entry {
            path: path.to_owned(),
            mode,
            modified_ns: 7,
            kind: EntryKind::Directory,
        };
        let entries = vec![closed("a", 0o400), closed("a/b", 0), closed("a/b/c", 0o200), closed("d", 0)];
        let tree = Tree::new(vec![String::new()], entries, Vec::new()).unwrap();
        let target = dir.join("target");
        Restore::begin(&target, tree.clone(), as_saved(TargetMode::Fresh)).unwrap().finish().unwrap();
        assert_eq!(mode_of(target.join("a")), 0o400);
        // What is replaced is as closed as what replaces it.
        Restore::begin(&target, tree, as_saved(TargetMode::Replace)).unwrap().finish().unwrap();
        assert_eq!(names(dir), ["target"]);
        remove(&target);
        assert!(names(dir).is_empty());
    });
}
