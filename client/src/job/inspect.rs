//! A job's cache, audited before it is saved: what it holds, what is wrong, what lacks its other half; and the list of
//! packages beside it.

use super::used::settle;
use crate::disk::{Audited, Place};
use pollux_core::ChunkId;
use pollux_packages::Program;
use pollux_packages::audit::{Audit, Lock, audit};
use pollux_packages::files::{Files, FilesError};
use pollux_packages::list::{LIST_BYTES_MAX, LIST_NAME, PackageList};
use pollux_packages::lock::{self, LockError};
use pollux_packages::reading::{Mend, Orphan, Repeats};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Bytes of a file of which lines are dropped: readers take no longer one.
const INDEX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Rounds of dropping what lacks its other half: what was dropped may leave something else alone.
pub const ROUNDS_MAX: usize = 8;
/// What is said where that is not enough.
pub const STILL_HALF: &str =
    "each time that something was dropped, something else lacks its other half: nothing is saved";

/// A lock file that is there and cannot be read: the audit goes without it.
#[derive(Debug)]
pub struct BadLock {
    /// Its path.
    pub path: String,
    /// What is wrong, and where.
    pub error: LockError,
}

/// Reads those lock files whose names tell their kind.
#[must_use]
pub fn read_locks(files: &[super::LockFile]) -> (Vec<Lock>, Vec<BadLock>) {
    let (mut locks, mut bad) = (Vec::new(), Vec::new());
    for file in files {
        let path = file.path.display().to_string();
        match lock::read(&file.path, &String::from_utf8_lossy(&file.bytes)) {
            None => {}
            Some(Ok(packages)) => locks.push(Lock { name: path, packages }),
            Some(Err(error)) => bad.push(BadLock { path, error }),
        }
    }
    (locks, bad)
}

/// An audit, and the files as it saw them.
#[derive(Debug)]
pub struct Inspected {
    /// What it found.
    pub audit: Audit,
    /// What it looked at.
    pub seen: Audited,
}

/// What is looked for in a cache.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Whose cache it is.
    pub program: Program,
    /// What it is compared with.
    pub locks: &'a [Lock],
    /// What is longer is not looked at.
    pub bytes_max: u64,
}

/// Audits what of a directory is saved, until the flag is set: then the audit's only fault is that it was interrupted.
///
/// # Errors
/// A directory that cannot be read, or files that are longer than this.
pub fn inspect(
    base: &Path,
    paths: &[String],
    look: Look<'_>,
    interrupted: &Arc<AtomicBool>,
) -> Result<Inspected, FilesError> {
    let files =
        Files::below(base, &those(paths))?.at_most(look.bytes_max)?.stop_when(Arc::clone(interrupted));
    // Who writes to a file from here on gives it another time than the listed one.
    settle();
    let seen = files.seen().map(|(path, seen)| (path.to_owned(), seen)).collect();
    Ok(Inspected { audit: audit(look.program, &files, look.locks), seen })
}

fn those(paths: &[String]) -> Vec<String> {
    if paths.is_empty() { vec![String::new()] } else { paths.to_vec() }
}

/// Drops what lacks its other half, and names it; drops repeats without a word. What another process has removed meanwhile is
/// gone, too.
///
/// # Errors
/// What the system says; a link on the way to a file, which leads elsewhere.
pub fn mend(base: &Path, orphans: &[Orphan], repeats: &[Repeats]) -> io::Result<Vec<String>> {
    let (mut dropped, place) = (Vec::new(), Place::open(base)?);
    repeats.iter().try_for_each(|repeats| drop_lines(&place, &repeats.path, &repeats.lines))?;
    for orphan in orphans {
        match &orphan.mend {
            Mend::Remove(paths) => paths.iter().try_for_each(|path| place.remove(path))?,
            Mend::DropLines { path, lines } => drop_lines(&place, path, lines)?,
        }
        dropped.push(format!("{}: {}", orphan.path, orphan.why));
    }
    Ok(dropped)
}

/// Writes a file anew without some lines. They were given as text, with what is none replaced.
fn drop_lines(place: &Place, path: &str, lines: &[String]) -> io::Result<()> {
    let dropped: BTreeSet<&str> = lines.iter().map(String::as_str).collect();
    let text = match place.read(path, INDEX_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    let stays = |line: &&[u8]| !dropped.contains(String::from_utf8_lossy(line).as_ref());
    let kept: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(stays).collect();
    if kept.iter().all(|line| line.trim_ascii().is_empty()) {
        return place.remove(path);
    }
    place.replace_timeless(path, &kept.join(&b'\n'))
}

/// Writes the list of packages at the base of a cache, if it is not there as it is; its hash is what a manifest names. It is
/// seen from then on.
///
/// # Errors
/// What the system says; a list that is another one a moment later.
pub fn write_list(base: &Path, list: &PackageList, seen: &mut Audited) -> io::Result<ChunkId> {
    let (place, bytes) = (Place::open(base)?, list.to_json());
    if place.read(LIST_NAME, LIST_BYTES_MAX).ok().as_ref() != Some(&bytes) {
        place.replace_timeless(LIST_NAME, &bytes)?;
    }
    let files = Files::below(base, &[LIST_NAME]).map_err(io::Error::other)?;
    settle();
    if files.read(LIST_NAME).map_err(io::Error::other)? != bytes {
        return Err(io::Error::other("the list of packages is changed by another process"));
    }
    seen.extend(files.seen().map(|(path, seen)| (path.to_owned(), seen)));
    Ok(ChunkId::of(&bytes))
}

/// The list that a restore brought along; none, or one that cannot be read, is no list.
#[must_use]
pub fn restored_list(base: &Path) -> Option<PackageList> {
    PackageList::from_json(&Place::open(base).ok()?.read(LIST_NAME, LIST_BYTES_MAX).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::LockFile;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn orphans_are_dropped_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        fs::write(base.join("index"), "a\nb\nc\n").unwrap();
        fs::write(base.join("alone"), "x").unwrap();
        let orphan = |path: &str, mend| Orphan { path: path.to_owned(), why: "half".to_owned(), mend };
        let lines = |lines: &[&str]| Mend::DropLines {
            path: "index".to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let orphans = [
            orphan("alone", Mend::Remove(vec!["alone".to_owned(), "gone".to_owned()])),
            orphan("index", lines(&["b"])),
        ];
        assert_eq!(mend(base, &orphans, &[]).unwrap(), ["alone: half", "index: half"]);
        assert!(!base.join("alone").exists());
        assert_eq!(fs::read_to_string(base.join("index")).unwrap(), "a\nc\n");
        let repeats = Repeats { path: "index".to_owned(), lines: vec!["a".to_owned()] };
        assert_eq!(mend(base, &[], &[repeats]).unwrap(), [""; 0]);
        assert_eq!(fs::read_to_string(base.join("index")).unwrap(), "c\n");
        mend(base, &[orphan("index", lines(&["a", "c"]))], &[]).unwrap();
        assert!(!base.join("index").exists(), "nothing is left in it");
    }

    #[test]
    fn lines_that_are_no_text_are_dropped_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let index = directory.path().join("index");
        fs::write(&index, b"a\xff\nb\xff\n").unwrap();
        let lines = Mend::DropLines { path: "index".to_owned(), lines: vec!["a\u{fffd}".to_owned()] };
        mend(
            directory.path(),
            &[Orphan { path: "index".to_owned(), why: "half".to_owned(), mend: lines }],
            &[],
        )
        .unwrap();
        assert_eq!(fs::read(&index).unwrap(), b"b\xff\n");
    }

    #[test]
    fn nothing_is_written_through_a_link_of_the_cache() {
        let directory = tempfile::tempdir().unwrap();
        let (base, outside) = (directory.path().join("base"), directory.path().join("outside"));
        fs::create_dir(&base).unwrap();
        fs::write(&outside, "mine").unwrap();
        for name in ["index", LIST_NAME] {
            symlink(&outside, base.join(format!("{name}.pollux-new"))).unwrap();
        }
        fs::write(base.join("index"), "a\nb\n").unwrap();
        let lines = Mend::DropLines { path: "index".to_owned(), lines: vec!["a".to_owned()] };
        mend(&base, &[Orphan { path: "index".to_owned(), why: "half".to_owned(), mend: lines }], &[])
            .unwrap();
        write_list(&base, &PackageList::default(), &mut Audited::new()).unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
        assert!(fs::symlink_metadata(base.join("index")).unwrap().is_file());
    }

    #[test]
    fn a_list_is_written_once_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let list = PackageList::default();
        assert_eq!(restored_list(directory.path()), None);
        let mut seen = Audited::new();
        let name = write_list(directory.path(), &list, &mut seen).unwrap();
        assert_eq!(seen.keys().collect::<Vec<_>>(), [LIST_NAME]);
        assert_eq!(name, ChunkId::of(&list.to_json()));
        let written = fs::metadata(directory.path().join(LIST_NAME)).unwrap().modified().unwrap();
        write_list(directory.path(), &list, &mut seen).unwrap();
        assert_eq!(fs::metadata(directory.path().join(LIST_NAME)).unwrap().modified().unwrap(), written);
        assert_eq!(restored_list(directory.path()), Some(list));
    }

    #[test]
    fn a_lock_file_that_does_not_parse_is_told_and_left_out() {
        let file = |name: &str, text: &str| LockFile { path: name.into(), bytes: text.as_bytes().to_vec() };
        let (locks, bad) = read_locks(&[file("package-lock.json", "{"), file("pom.xml", "<x/>")]);
        assert!(locks.is_empty());
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].path, "package-lock.json");
    }
}
