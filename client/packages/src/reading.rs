//! What the reader of a layout finds: claims, of which nothing is hashed yet.

use crate::digest::Digest;
use crate::files::Files;
use crate::purl::Purl;
use serde::Serialize;
use std::collections::BTreeSet;

/// All that a reader found in a cache.
#[derive(Debug, Default)]
pub struct Reading {
    /// Which layouts it recognised, in words that tell the version: `npm index-v5`. None: this is no cache of that program.
    pub layouts: Vec<String>,
    /// The packages.
    pub packages: Vec<Held>,
    /// What must hold of files that belong to no package: metadata.
    pub checks: Vec<Check>,
    /// Directories that are compared as a whole: what is in them and cannot be read is wrong.
    pub trees: Vec<String>,
    /// Answers of registries: each may go alone, and the program asks again.
    pub answers: Vec<Answer>,
    /// What lacks its other half.
    pub orphans: Vec<Orphan>,
    /// What says again what is said already.
    pub repeats: Vec<Repeats>,
    /// What is not understood.
    pub notes: Vec<Note>,
}

/// What a registry answered about packages: metadata, and no package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// The files that hold it. The first tells which answer it is, also when a newer one took its place.
    pub files: Vec<String>,
}

impl Answer {
    /// One that is a file.
    pub(crate) fn of_file(path: &str) -> Self {
        Self { files: vec![path.to_owned()] }
    }
}

/// A package in a cache.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its name, with a version if the cache knows one.
    pub purl: Purl,
    /// Where it came from: an address without user, password and query, or the name of a registry.
    pub source: Option<String>,
    /// The one file whose bytes are what the registry gave, if the cache keeps it: what lock files have the digest of.
    pub artifact: Option<String>,
    /// All files that hold it, the artifact too.
    pub files: Vec<String>,
    /// Digests of the artifact as the registry gave it, by the cache's own metadata, where the cache does not keep it whole.
    pub stated: Vec<Digest>,
    /// Digests of what the registry gave, computed by the reader, where that is a part of a file.
    pub hashed: Vec<Digest>,
    /// What must hold.
    pub checks: Vec<Check>,
}

impl Held {
    /// A package that is one file.
    #[must_use]
    pub fn whole(purl: Purl, artifact: &str) -> Self {
        Self {
            purl,
            source: None,
            artifact: Some(artifact.to_owned()),
            files: vec![artifact.to_owned()],
            stated: Vec::new(),
            hashed: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// One more file holds it.
    pub(crate) fn add_file(&mut self, path: &str) {
        if !self.files.iter().any(|file| file == path) {
            self.files.push(path.to_owned());
        }
    }
}

/// A file that must have a digest, by the cache's own metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The file.
    pub path: String,
    /// What its bytes must hash to.
    pub expected: Expected,
    /// The file that says so, or words.
    pub by: String,
}

/// What bytes must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The whole file.
    Whole(Digest),
    /// The files of a zip archive, as Go hashes them: `h1:` and base64 of a SHA-256.
    GoModule(String),
    /// The reader itself looked, and this is what it found wrong; nothing is hashed.
    Wrong(String),
}

/// Something that a cache should not be saved with, for its other half is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Orphan {
    /// What lacks something: a file, or a line of one.
    pub path: String,
    /// What it lacks, in words.
    pub why: String,
    /// What makes it whole.
    #[serde(skip)]
    pub mend: Mend,
}

/// How an orphan is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// These files and symlinks go.
    Remove(Vec<String>),
    /// Of this file these lines go, each given whole, without its line break.
    DropLines {
        /// The file.
        path: String,
        /// The lines.
        lines: Vec<String>,
    },
}

impl Mend {
    /// What goes.
    #[must_use]
    pub fn removed(&self) -> &[String] {
        match self {
            Self::Remove(paths) => paths,
            Self::DropLines { .. } => &[],
        }
    }

    /// What goes, or is written anew.
    #[must_use]
    pub fn touched(&self) -> &[String] {
        match self {
            Self::Remove(paths) => paths,
            Self::DropLines { path, .. } => core::slice::from_ref(path),
        }
    }

    /// All that is below a directory goes.
    pub(crate) fn remove_below(files: &Files, directory: &str) -> Self {
        Self::Remove(files.all_under(directory).map(str::to_owned).collect())
    }
}

/// Lines that say nothing but what an earlier one says, and when: without them the file is as it was before they came, and a
/// cache that only was used is the same as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// The file.
    pub path: String,
    /// The lines, each whole, without its line break.
    pub lines: Vec<String>,
}

/// Something that was not understood: audited as far as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where.
    pub path: String,
    /// What.
    pub what: String,
}

/// Who says that a symlink is wrong.
pub(crate) const LAYOUT: &str = "the layout";

impl Reading {
    /// Every symlink below a directory where the program makes none is wrong, and so is one that the directory lies at or
    /// below: what is read through it nobody looked at. What goes with an orphan goes anyway.
    pub(crate) fn forbid_links(&mut self, files: &Files, under: &str) {
        self.forbid_links_but(files, under, |_| false);
    }

    /// The same, but for symlinks that somebody else judges.
    pub(crate) fn forbid_links_but(&mut self, files: &Files, under: &str, is_judged: impl Fn(&str) -> bool) {
        let above = files.links_above(under);
        let links: Vec<String> = above
            .chain(files.links_under(under))
            .filter(|link| !is_judged(link))
            .map(str::to_owned)
            .collect();
        if links.is_empty() {
            return;
        }
        let gone: BTreeSet<String> =
            self.orphans.iter().flat_map(|orphan| orphan.mend.removed()).cloned().collect();
        for path in links.into_iter().filter(|link| !gone.contains(link)) {
            let expected = Expected::Wrong("a symlink, and the program makes none here".to_owned());
            self.checks.push(Check { path, expected, by: LAYOUT.to_owned() });
        }
    }

    /// Says that something was not understood.
    pub fn note(&mut self, path: &str, what: impl Into<String>) {
        self.notes.push(Note { path: path.to_owned(), what: what.into() });
    }
}
