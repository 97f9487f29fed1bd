//! Restores that run out of file descriptors. The bound holds for a process, so the test runs itself again as one.
use super::support::{Saved, names, write};
use crate::disk::{
    TargetMode,
    remove::{DESCRIPTORS_MIN, remove_all},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{fs, path::Path, process::Command};

/// Runs `test` in a process of its own, in a directory of its own.
fn alone(name: &str, test: impl FnOnce(&Path)) {
    if let Some(dir) = std::env::var_os("POLLUX_TEST_DIR") {
        return test(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("disk::tests::descriptors::{name}")])
        .env("POLLUX_TEST_DIR", dir.path());
    let run = command.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

/// Does something with so many descriptors more than are open.
fn with_descriptors<T>(more: usize, act: impl FnOnce() -> T) -> T {
    let before = getrlimit(Resource::Nofile);
    // The bound is on their numbers, and some low ones may be free.
    let is_free = |number: &u64| fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_err();
    let current = (0..).filter(is_free).nth(more);
    setrlimit(Resource::Nofile, Rlimit { current, ..before }).unwrap();
    let done = act();
    setrlimit(Resource::Nofile, before).unwrap();
    done
}

#[test]
fn a_restore_that_runs_out_of_descriptors_leaves_no_litter() {
    alone("a_restore_that_runs_out_of_descriptors_leaves_no_litter", |dir| {
        let (base, place) = (dir.join("base"), dir.join("place"));
        let deep = ["d"; 40].join("/");
        write(base.join(&deep).join("file"), "deep");
        write(base.join("other/file"), "not so deep");
        fs::create_dir(&place).unwrap();
        let saved = Saved::all_of(&base);
        let (mut failed, mut dropped) = (0, 0);
        for more in (0..24).chain([40, 60, 90, 120]) {
            let target = place.join("target");
            let begun = with_descriptors(more, || saved.begin(&target, TargetMode::Fresh).map(drop));
            assert_eq!(names(&place), [""; 0], "{more} descriptors, {begun:?}");
            match begun {
                Ok(()) => dropped += 1,
                Err(_) => failed += 1,
            }
            let restored = with_descriptors(more, || saved.restore(&target, TargetMode::Fresh));
            let expected = if restored.is_ok() { &["target"][..] } else { &[] };
            assert_eq!(names(&place), expected, "{more} descriptors, {restored:?}");
            if restored.is_ok() {
                fs::remove_dir_all(&target).unwrap();
            }
        }
        assert!(failed > 3 && dropped > 0, "{failed} failed, {dropped} were dropped");
    });
}

#[test]
fn a_removal_makes_do_with_a_few_descriptors() {
    alone("a_removal_makes_do_with_a_few_descriptors", |dir| {
        let deep = ["gone", "a", "b", "c", "d", "e", "f"].join("/");
        write(dir.join(&deep).join("file"), "deep");
        write(dir.join("gone/a/b/other/file"), "not so deep");
        let parent = fs::File::open(dir).unwrap();
        assert!(with_descriptors(DESCRIPTORS_MIN - 1, || remove_all(&parent, "gone")).is_err());
        with_descriptors(DESCRIPTORS_MIN, || remove_all(&parent, "gone")).unwrap();
        assert_eq!(names(dir), [""; 0]);
    });
}
