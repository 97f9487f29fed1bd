//! Maven's local repository (`~/.m2/repository`).
//!
//! ```text
//! GROUP/ARTIFACT/VERSION/ARTIFACT-VERSION[-CLASSIFIER].EXT   GROUP with `/` for `.`
//! …EXT.sha1, .md5, .sha256, .sha512   what the remote repository declared of that file
//! …EXT.lastUpdated                    when it was looked for in vain
//! …EXT.part, ….tmp, ….lock            a download that was not finished, and its lock
//! _remote.repositories                `FILE>REPOSITORY=`, empty for what was installed here (Maven 3.1 and later)
//! _maven.repositories                 the same in Maven 3.0; Maven 2 has neither
//! maven-metadata-REPOSITORY.xml, resolver-status.properties   versions of an artifact; when they were looked for
//! ```
//!
//! A snapshot's files are named `1.0-SNAPSHOT` or, as the remote has them, `1.0-20240102.030405-6`, in one directory
//! `1.0-SNAPSHOT`. Maven 3.9 and later can split the repository into `cached/…` and `installed/…`; they are read, and what
//! else it may be split by is noted. Maven makes no symlinks. Source: Maven Resolver's documentation of the local repository and its
//! `EnhancedLocalRepositoryManager`, `ChecksumUtils` and `DefaultUpdateCheckManager`.

mod directory;
pub(super) mod name;

use crate::files::Files;
use crate::reading::Reading;
use directory::Directory;
use std::collections::BTreeMap;

/// Which sorts of the layout were seen, by what tells them.
const SORTS: [(&str, &str); 2] = [
    ("_remote.repositories", "maven local repository, 3.1 and later"),
    ("_maven.repositories", "maven local repository, 3.0"),
];
/// Directories of a repository that is split.
const SPLIT: [&str; 2] = ["cached", "installed"];
/// What Maven keeps beside groups.
const KEPT_BESIDE: [&str; 3] = [".cache/", ".meta/", ".locks/"];

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let (mut reading, mut strange) = (Reading::default(), Vec::new());
    let mut directories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, _) in files.iter() {
        match path.rsplit_once('/') {
            Some((directory, name)) => directories.entry(directory).or_default().push(name),
            None => strange.push(path),
        }
    }
    reading.forbid_links(files, "");
    let mut recognised = Recognised::default();
    for (path, names) in &directories {
        match Directory::of(path, names) {
            Some(directory) => {
                recognised.see(names, path);
                directory.tell(files, &mut reading);
            }
            None => strange.extend(names.iter().filter(|name| !is_metadata(name, path)).map(|_| *path)),
        }
    }
    if !recognised.any {
        return Reading::default();
    }
    reading.layouts = recognised.layouts();
    if recognised.split {
        reading.note("", "a split repository: groups may begin with what else it is split by");
    }
    if let Some(path) = strange.first() {
        reading.note(path, format!("{} files are nothing that a local repository has", strange.len()));
    }
    reading
}

/// Whether a file stands rightly outside the directories of versions.
fn is_metadata(name: &str, directory: &str) -> bool {
    let directory = format!("{directory}/");
    name.starts_with("maven-metadata")
        || matches!(
            name,
            "resolver-status.properties" | "m2e-lastUpdated.properties" | "archetype-catalog.xml"
        )
        || KEPT_BESIDE.iter().any(|kept| directory.starts_with(kept))
}

#[derive(Default)]
struct Recognised {
    any: bool,
    split: bool,
    sorts: [bool; 2],
}

impl Recognised {
    fn see(&mut self, names: &[&str], path: &str) {
        self.any = true;
        self.split |= SPLIT.iter().any(|top| path.split('/').next() == Some(top));
        for (seen, (name, _)) in self.sorts.iter_mut().zip(SORTS) {
            *seen |= names.contains(&name);
        }
    }

    fn layouts(&self) -> Vec<String> {
        let sorts = self.sorts.iter().zip(SORTS).filter(|(seen, _)| **seen);
        let mut layouts: Vec<String> = sorts.map(|(_, (_, layout))| layout.to_owned()).collect();
        if layouts.is_empty() {
            layouts.push("maven local repository, without origins".to_owned());
        }
        layouts
    }
}

#[cfg(test)]
mod tests;
