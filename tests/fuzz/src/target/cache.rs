//! Caches of package managers. The first byte chooses the program; then comes a file after the other:
//!
//! ```text
//! PATH LF CONTENT [ LF 00 FE FF PATH LF CONTENT … ]
//! ```
//!
//! A path that begins with `@` is a symlink to the path that its content tells, or to something outside of the cache.

use super::lock::sound;
use crate::memory::bounded;
use crate::{Verdict, sample};
use pollux_client::job::mend;
use pollux_packages::Program;
use pollux_packages::audit::{Audit, audit};
use pollux_packages::files::Files;
use pollux_packages::list::PackageList;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use tempfile::TempDir;

/// Bytes that a byte of a cache may become: metadata are read whole, most of them as values.
const FACTOR: usize = 512;
/// What hashes and unpacks holds so much, whatever it hashes: buffers of threads, and a member of an archive.
const BESIDE: usize = 24 * 1024 * 1024;
/// Between two files.
pub(crate) const MARK: &[u8] = b"\n\0\xfe\xff";
/// Files of an input at most: what takes time is to make them.
const FILES_MAX: usize = 64;
/// What lies outside of the cache.
const OUTSIDE: &str = "nobody writes here";

/// Whether it is a cache of that program.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let Some((first, rest)) = bytes.split_first() else { return Verdict::Refused };
    let program = Program::ALL.into_iter().cycle().nth(usize::from(*first));
    let (Some(program), Ok(scene)) = (program, Scene::new(rest)) else { return Verdict::Refused };
    let files = scene.files();
    let found = bounded(bytes, FACTOR, BESIDE, || audit(program, &files, &[]));
    about(&found, &files);
    mended(&scene, &found, &files);
    if found.layouts.is_empty() { Verdict::Refused } else { Verdict::Read }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::caches()
}

/// Everything that is named can be removed and listed.
fn about(found: &Audit, files: &Files) {
    for package in &found.packages {
        sound(&package.purl);
        assert!(package.files.iter().all(|path| files.has(path)), "{package:?} has files that are not there");
    }
    for orphan in &found.orphans {
        let paths = orphan.mend.touched();
        assert!(!paths.is_empty(), "{orphan:?} stays as it is");
        let is_listed = |path: &String| files.has(path) || files.links().any(|link| link == path);
        assert!(paths.iter().all(is_listed), "{orphan:?} names what was not listed");
    }
    let list = PackageList::of_audits([found]);
    assert!(PackageList::from_json(&list.to_json()).is_ok_and(|again| again == list));
}

/// Mending does what it says, and nothing else.
#[expect(clippy::panic, reason = "so a target tells what does not hold")]
fn mended(scene: &Scene, found: &Audit, before: &Files) {
    if let Err(error) = mend(&scene.base, &found.orphans, &found.repeats) {
        panic!("{:?} cannot be mended: {error}", found.orphans);
    }
    let after = scene.files();
    let mended = found.orphans.iter().flat_map(|orphan| orphan.mend.touched());
    let touched: BTreeSet<&str> =
        mended.chain(found.repeats.iter().map(|repeats| &repeats.path)).map(String::as_str).collect();
    let others = |files: &Files| -> Vec<(String, u64)> {
        let all = files.iter().chain(files.links().map(|link| (link, 0)));
        let others = all.filter(|(path, _)| !touched.contains(path));
        others.map(|(path, bytes)| (path.to_owned(), bytes)).collect()
    };
    assert_eq!(others(before), others(&after), "something else has changed");
    scene.assert_outside_is_untouched();
    if !found.orphans.is_empty() {
        let again = audit(found.program, &after, &[]);
        about(&again, &after);
        let twice = again.orphans.iter().find(|orphan| found.orphans.contains(orphan));
        assert!(twice.is_none(), "{twice:?} was mended");
    }
}

/// A cache on disk, and something beside it.
struct Scene {
    directory: TempDir,
    base: PathBuf,
}

impl Scene {
    fn new(input: &[u8]) -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let builder = tempfile::Builder::new();
        let directory = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }?;
        let base = directory.path().join("base");
        fs::create_dir(&base)?;
        fs::write(directory.path().join("outside"), OUTSIDE)?;
        let scene = Self { directory, base };
        let entries: Vec<(&str, &[u8])> =
            split(input).into_iter().take(FILES_MAX).filter_map(entry).collect();
        let (links, files): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(path, _)| path.starts_with('@'));
        // No file is written through a link.
        for (path, content) in files {
            scene.put(path, |path| fs::write(path, content));
        }
        for (path, content) in links {
            let target = scene.target(content);
            scene.put(path.trim_start_matches('@'), |path| symlink(target, path));
        }
        Ok(scene)
    }

    /// What cannot be a file, for it is a directory or too long, is none.
    fn put(&self, path: &str, make: impl FnOnce(&Path) -> io::Result<()>) {
        let path = Path::new(path);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return;
        }
        let path = self.base.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| make(&path));
        let _not_made = made;
    }

    /// Nothing outside but one file, whatever the content tells.
    fn target(&self, content: &[u8]) -> PathBuf {
        let told = core::str::from_utf8(content).ok().map(Path::new);
        let inside = told.filter(|told| told.components().all(|part| matches!(part, Component::Normal(_))));
        inside.map_or_else(|| self.directory.path().join("outside"), |inside| self.base.join(inside))
    }

    fn files(&self) -> Files {
        Files::below(&self.base, &[""]).unwrap_or_default()
    }

    fn assert_outside_is_untouched(&self) {
        let outside = fs::read_to_string(self.directory.path().join("outside"));
        assert!(outside.is_ok_and(|text| text == OUTSIDE), "what a link points at was written");
        let count = fs::read_dir(self.directory.path()).map(Iterator::count);
        assert!(count.is_ok_and(|count| count == 2), "something was written outside");
    }
}

fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some(at) = input.windows(MARK.len()).position(|window| window == MARK) {
        let (part, rest) = input.split_at(at);
        parts.push(part);
        input = rest.get(MARK.len()..).unwrap_or_default();
    }
    parts.push(input);
    parts
}

fn entry(part: &[u8]) -> Option<(&str, &[u8])> {
    let at = part.iter().position(|byte| *byte == b'\n')?;
    let (path, content) = part.split_at(at);
    Some((core::str::from_utf8(path).ok()?, content.get(1..)?))
}
