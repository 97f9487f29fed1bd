//! The directory of one version of an artifact.

use super::SPLIT;
use super::name::Name;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Files that say which repository each file came from.
const ORIGINS: [&str; 2] = ["_remote.repositories", "_maven.repositories"];

pub(super) struct Directory<'a> {
    path: &'a str,
    group: String,
    artifact: &'a str,
    version: &'a str,
    names: BTreeSet<&'a str>,
}

/// What a file in it is for.
enum Part<'a> {
    Artifact(Name<'a>),
    /// The digest of another file.
    Checksum(Algorithm, &'a str),
    /// The signature of another file.
    Signature(&'a str),
    /// It was looked for in vain.
    Failure(&'a str),
    /// A download that was not finished.
    Unfinished,
    /// Of the whole directory.
    Common,
    Strange,
}

impl<'a> Directory<'a> {
    /// If it is the directory of a version: then a file has the name of artifact and version, or says where files came from.
    pub(super) fn of(path: &'a str, names: &[&'a str]) -> Option<Self> {
        let (above, version) = path.rsplit_once('/')?;
        let (group, artifact) = above.rsplit_once('/')?;
        let split = SPLIT.iter().find_map(|top| group.strip_prefix(top)?.strip_prefix('/'));
        let group = split.unwrap_or(group).replace('/', ".");
        let directory = Self { path, group, artifact, version, names: names.iter().copied().collect() };
        let mut told =
            names.iter().filter(|name| ORIGINS.contains(name) || Name::of(artifact, version, name).is_some());
        told.next().is_some().then_some(directory)
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// A symlink is there, too: it is wrong, and what is beside it shows what it took the place of.
    fn is_there(&self, files: &Files, name: &str) -> bool {
        self.names.contains(name) || files.is_behind_link(&self.path_of(name))
    }

    fn part(&self, name: &'a str) -> Part<'a> {
        let known = name.starts_with("maven-metadata") || name.starts_with("m2e-") || ORIGINS.contains(&name);
        if known || name == "resolver-status.properties" {
            return Part::Common;
        }
        if name.ends_with("-in-progress") {
            return Part::Unfinished; // as Maven 3.0 names it
        }
        if let Some((of, end)) = name.rsplit_once('.') {
            match end {
                "sha1" | "md5" | "sha256" | "sha512" => {
                    return Algorithm::named(end).map_or(Part::Strange, |kind| Part::Checksum(kind, of));
                }
                "asc" | "sig" => return Part::Signature(of),
                "lastUpdated" => return Part::Failure(of),
                "part" | "tmp" => return Part::Unfinished,
                "lock" => return Part::Common,
                _ => {}
            }
        }
        Name::of(self.artifact, self.version, name).map_or(Part::Strange, Part::Artifact)
    }

    /// Says what is in it.
    pub(super) fn tell(&self, files: &Files, reading: &mut Reading) {
        let (mut artifacts, mut beside) = (Vec::new(), Vec::new());
        let mut checksums = Vec::new();
        let mut orphan = |name: &str, why: &str| {
            let path = self.path_of(name);
            let mend = Mend::Remove(vec![path.clone()]);
            reading.orphans.push(Orphan { path, why: why.to_owned(), mend });
        };
        let mut strange = Vec::new();
        for name in &self.names {
            match self.part(name) {
                Part::Artifact(parsed) => artifacts.push((*name, parsed)),
                Part::Common => beside.push(self.path_of(name)),
                Part::Strange => strange.push(*name),
                Part::Unfinished => orphan(name, "a download that was not finished"),
                Part::Checksum(_, of) | Part::Signature(of) if !self.is_there(files, of) => {
                    orphan(name, "what it is of is not there");
                }
                Part::Failure(of) if !self.is_there(files, of) => orphan(name, "it was looked for in vain"),
                Part::Checksum(algorithm, of) => checksums.push((algorithm, *name, of)),
                Part::Signature(_) | Part::Failure(_) => {} // listed with what it is of
            }
        }
        if let Some(name) = strange.first() {
            let count = strange.len();
            reading
                .note(&self.path_of(name), format!("{count} files are not named after artifact and version"));
        }
        let origins = self.origins(files, reading);
        let checks = self.checks(files, checksums, reading);
        self.tell_packages(Told { artifacts, beside, checks, origins }, reading);
    }

    /// What checksums declare, by the file that they are of.
    fn checks(
        &self,
        files: &Files,
        checksums: Vec<(Algorithm, &'a str, &'a str)>,
        reading: &mut Reading,
    ) -> BTreeMap<&'a str, Vec<Check>> {
        let mut checks: BTreeMap<&str, Vec<Check>> = BTreeMap::new();
        for (algorithm, name, of) in checksums {
            let by = self.path_of(name);
            let text = files.read_text(&by).unwrap_or_default();
            let Some(digest) = Digest::from_hex(algorithm, checksum(&text)) else {
                reading.note(&by, "no checksum is in it");
                continue;
            };
            let check = Check { path: self.path_of(of), expected: Expected::Whole(digest), by };
            checks.entry(of).or_default().push(check);
        }
        checks
    }

    /// Which repository each file came from. What is named there and is gone is an orphan, but for snapshots, whose files
    /// are copied and renamed.
    fn origins(&self, files: &Files, reading: &mut Reading) -> BTreeMap<String, String> {
        let mut origins = BTreeMap::new();
        for path in ORIGINS.iter().filter(|name| self.names.contains(*name)).map(|name| self.path_of(name)) {
            let text = files.read_text(&path).unwrap_or_else(|error| {
                reading.note(&path, error.to_string());
                String::new()
            });
            let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
            let (named, strange): (Vec<_>, Vec<_>) =
                lines.map(|line| (line, origin(line))).partition(|(_, o)| o.is_some());
            if !strange.is_empty() {
                reading.note(&path, "a line that is not `FILE>REPOSITORY=`");
            }
            let named = named.into_iter().filter_map(|(line, origin)| Some((line, origin?)));
            let (there, gone): (Vec<_>, Vec<_>) =
                named.partition(|(_, (name, _))| self.is_there(files, name));
            // Backslashes are how properties write `:` and such.
            origins
                .extend(there.into_iter().map(|(_, (name, from))| (name.to_owned(), from.replace('\\', ""))));
            if !gone.is_empty() && !self.version.ends_with("SNAPSHOT") {
                let lines = gone.into_iter().map(|(line, _)| line.to_owned()).collect();
                let why = "files that it names are not there".to_owned();
                reading.orphans.push(Orphan {
                    path: path.clone(),
                    why,
                    mend: Mend::DropLines { path, lines },
                });
            }
        }
        origins
    }

    /// Checksums, signatures and markers of a file: they are named `FILE.…`, so they follow it.
    fn beside(&self, file: &str) -> Vec<String> {
        let prefix = format!("{file}.");
        let after = self.names.range::<str, _>((Bound::Excluded(prefix.as_str()), Bound::Unbounded));
        let its = after.take_while(|name| name.starts_with(&prefix)).filter(|name| is_beside(name));
        its.map(|name| self.path_of(name)).collect()
    }

    /// Each artifact is a package; descriptions belong to the main one.
    fn tell_packages(&self, mut told: Told<'_>, reading: &mut Reading) {
        // The main artifact first: without classifier, and no description if there is something else.
        told.artifacts.sort_by_key(|(_, name)| {
            (
                name.is_description(),
                !name.classifier.is_empty(),
                name.extension != "jar",
                name.extension != "pom",
            )
        });
        let mut main: Option<Held> = None;
        for (file, name) in &told.artifacts {
            let path = self.path_of(file);
            let held = Held {
                source: told.origins.get(*file).filter(|origin| !origin.is_empty()).cloned(),
                checks: told.checks.remove(*file).unwrap_or_default(),
                ..Held::whole(name.purl(&self.group, self.artifact), &path)
            };
            let of_it = self.beside(file);
            match &mut main {
                Some(main) if name.is_description() => {
                    main.files.extend([path].into_iter().chain(of_it));
                    main.checks.extend(held.checks);
                }
                Some(_) => {
                    reading.packages.push(Held { files: [path].into_iter().chain(of_it).collect(), ..held });
                }
                None => main = Some(Held { files: [path].into_iter().chain(of_it).collect(), ..held }),
            }
        }
        if let Some(mut main) = main {
            main.files.extend(told.beside);
            reading.packages.push(main);
        }
    }
}

/// The file and the repository that a line names.
fn origin(line: &str) -> Option<(&str, &str)> {
    line.trim_end().strip_suffix('=')?.rsplit_once('>')
}

/// What was read of a directory.
struct Told<'a> {
    artifacts: Vec<(&'a str, Name<'a>)>,
    beside: Vec<String>,
    checks: BTreeMap<&'a str, Vec<Check>>,
    origins: BTreeMap<String, String>,
}

/// Whether a file is a checksum, signature, lock or marker of another.
fn is_beside(name: &str) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    matches!(end, "sha1" | "md5" | "sha256" | "sha512" | "asc" | "sig" | "lastUpdated" | "lock")
}

/// The checksum in such a file, as Maven takes it: `HEX`, `HEX FILE`, or `SHA1 (FILE) = HEX`.
fn checksum(text: &str) -> &str {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.rsplit_once("= ") {
        Some((_, hex)) => hex,
        None => line.split(' ').next().unwrap_or_default(),
    }
}
