//! What tests of all layouts begin with: a directory that is filled by hand.

use crate::audit::audit;
use crate::files::Files;
use crate::program::Program;
use crate::reading::Reading;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// Writes a file, and the directories above it.
pub(super) fn put(base: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = base.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// All files of a directory.
pub(super) fn list(directory: &TempDir) -> Files {
    Files::below(directory.path(), &[""]).unwrap()
}

/// The packages that were found.
pub(super) fn names(reading: &Reading) -> Vec<String> {
    reading.packages.iter().map(|held| held.purl.to_string()).collect()
}

/// Moves something aside and leaves a symlink to it, relative or not: all that is read through it stays as it was.
pub(super) fn hide(base: &Path, path: &str) {
    let hidden = base.join("hidden");
    fs::create_dir_all(&hidden).unwrap();
    let aside = hidden.join("aside");
    fs::rename(base.join(path), &aside).unwrap();
    symlink(&aside, base.join(path)).unwrap();
}

/// Each of some paths of a cache must be a fault as soon as it is a symlink; without, there is none.
pub(super) fn links_are_faults(program: Program, cache: impl Fn() -> TempDir, paths: &[&str]) {
    assert_eq!(audit(program, &list(&cache()), &[]).faults, []);
    for path in paths {
        let directory = cache();
        hide(directory.path(), path);
        let made = audit(program, &list(&directory), &[]);
        let is_named = made.faults.iter().any(|fault| fault.path == *path && fault.why.contains("symlink"));
        assert!(is_named, "{path}: {:?}", made.faults);
    }
}
