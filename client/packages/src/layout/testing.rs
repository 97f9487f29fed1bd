//! What tests of all layouts begin with: a directory that is filled by hand.

use crate::files::Files;
use crate::reading::Reading;
use std::fs;
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
