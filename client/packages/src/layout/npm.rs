//! The cache of npm, below `_cacache`: what its library cacache stores by key, as of npm 5 to 11.
//!
//! ```text
//! index-v5/<2>/<2>/<rest>              what is known of a key; the path is the key's SHA-256; see [`index`]
//! content-v2/<algorithm>/<2>/<2>/<rest>   bytes, by their digest in hexadecimal
//! tmp/, _lastverified                  of no interest
//! ```
//!
//! Keys of answers are `make-fetch-happen:request-cache:` and the address: tarballs, which are the packages, and metadata of
//! packages, which are none. `pacote:tarball:` and a specification is a tarball that npm packed of a git repository, or that
//! `npm cache add` took from a registry: then the answer is there, too, and tells more; the two lines are of one package. Content
//! is found by the digest that a line names; a line without its content and content without a line are dropped by npm's own
//! `cache verify`, and are orphans here. Each `npm ci` stores a line of its own for each tarball that it takes from the cache, which
//! says what the one before says: those are repeats. Before version 5 of the index, lines had another seal, and content had fewer
//! directories: both are read. There are no symlinks in it. Everything else in npm's directory (`_logs`, `_npx`, …) is no package.
//!
//! From the sources of cacache (`lib/entry-index.js`, `lib/content/path.js`, `lib/verify.js`), of make-fetch-happen
//! (`lib/cache`) and of pacote (`lib/fetcher.js`), as npm 11 has them, and of cacache 6.

mod index;

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::javascript;
use crate::purl::Purl;
use crate::reading::{Answer, Check, Expected, Held, Mend, Orphan, Reading, Repeats};
use index::{Bucket, Line, Seal};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The newest index that is known.
const INDEX_VERSION: u32 = 5;
/// The newest directory of content that is known.
const CONTENT_VERSION: u32 = 2;
/// Bytes of repeats that are told at most: what is not told stays, and says nothing new. One `npm ci` of the largest projects makes
/// a few million.
const REPEATS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Where a tarball that npm packed itself is stored.
const PACKED: &str = "pacote:tarball:";

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let parts = Parts::of(files);
    let mut reader = Reader::new(files, &parts);
    for (version, paths) in &parts.index {
        reader.index(*version, paths);
    }
    reader.name_the_unnamed();
    reader.join_packed();
    reader.find_unnamed_content();
    reader.check_content();
    reader.reading.forbid_links(files, "_cacache");
    reader.reading
}

/// The files of a cache, by directory and version.
#[derive(Default)]
struct Parts<'a> {
    index: BTreeMap<u32, Vec<&'a str>>,
    content: BTreeMap<u32, Vec<(&'a str, &'a str)>>,
}

impl<'a> Parts<'a> {
    fn of(files: &'a Files) -> Self {
        let mut parts = Self::default();
        for (path, _) in files.under("_cacache") {
            let Some((directory, below)) = path.split_once('/').and_then(|(_, below)| below.split_once('/'))
            else {
                continue;
            };
            let version = |kind| directory.strip_prefix(kind).and_then(|version| version.parse().ok());
            if let Some(version) = version("index-v") {
                parts.index.entry(version).or_default().push(path);
            } else if let Some(version) = version("content-v") {
                parts.content.entry(version).or_default().push((path, below));
            }
        }
        parts
    }
}

/// A tarball whose package is not known yet.
struct Unnamed {
    held: Box<dyn FnOnce(Purl) -> Held>,
    address: String,
    index: String,
}

/// A tarball that npm stored by a specification.
struct Packed<'a> {
    purl: Purl,
    content: &'a str,
    index: String,
    held: Box<dyn FnOnce(Purl) -> Held>,
}

struct Reader<'a> {
    files: &'a Files,
    content: BTreeMap<Digest, &'a str>,
    /// All content by its path: several paths may tell one digest.
    paths: BTreeMap<&'a str, Digest>,
    /// Content that a line names, with the first file of the index that does.
    named: BTreeMap<&'a str, &'a str>,
    /// Whether all of the index was read.
    is_index_known: bool,
    repeats_left: usize,
    unnamed: Vec<Unnamed>,
    packed: Vec<Packed<'a>>,
    /// Content that tells of packages, by the host that it came from.
    metadata: Vec<(String, &'a str)>,
    reading: Reading,
}

impl<'a> Reader<'a> {
    fn new(files: &'a Files, parts: &Parts<'a>) -> Self {
        let mut reader = Self {
            files,
            content: BTreeMap::new(),
            paths: BTreeMap::new(),
            named: BTreeMap::new(),
            is_index_known: true,
            repeats_left: REPEATS_BYTES_MAX,
            unnamed: Vec::new(),
            packed: Vec::new(),
            metadata: Vec::new(),
            reading: Reading::default(),
        };
        reader.reading.layouts =
            parts.index.keys().map(|version| format!("npm cacache index-v{version}")).collect();
        for (version, paths) in &parts.content {
            reader.content(*version, paths, parts.index.is_empty());
        }
        reader
    }

    fn content(&mut self, version: u32, paths: &[(&'a str, &'a str)], is_alone: bool) {
        let directory = format!("content-v{version}");
        if is_alone {
            self.reading.layouts.push(format!("npm cacache {directory}"));
        }
        if version > CONTENT_VERSION {
            self.reading
                .note(&format!("_cacache/{directory}"), "a newer version of the cache than is known here");
        }
        for (path, below) in paths {
            match content_digest(below) {
                Some(digest) => {
                    self.paths.insert(path, digest.clone());
                    self.content.insert(digest, path);
                }
                None => self.reading.note(path, "content whose path is no digest"),
            }
        }
    }

    fn index(&mut self, version: u32, paths: &[&'a str]) {
        if version > INDEX_VERSION {
            self.is_index_known = false;
            let what = "a newer version of the cache than is known here: it is not read";
            return self.reading.note(&format!("_cacache/index-v{version}"), what);
        }
        let seal = if version == INDEX_VERSION { Seal::Sha1 } else { Seal::Length };
        for path in paths {
            match self.files.read_text(path) {
                Ok(text) => self.bucket(path, &Bucket::of(&text, seal)),
                Err(error) => {
                    self.is_index_known = false;
                    self.reading.note(path, error.to_string());
                }
            }
        }
    }

    fn bucket(&mut self, path: &'a str, bucket: &Bucket<'_>) {
        if bucket.broken > 0 {
            self.reading
                .note(path, format!("lines that are broken, and that npm passes over: {}", bucket.broken));
        }
        if bucket.unknown > 0 {
            self.is_index_known = false;
            self.reading.note(path, format!("lines that are not understood: {}", bucket.unknown));
        }
        let (mut lines, mut seen) = (Vec::new(), BTreeSet::new());
        let (mut last, mut kept, mut repeats) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        let told = self.metadata.len();
        for line in &bucket.lines {
            let Some(digest) = &line.digest else { continue };
            let Some(content) = self.content.get(digest).copied() else {
                lines.push(line.text.to_owned());
                continue;
            };
            self.named.entry(content).or_insert(path);
            // One that is the same to the byte cannot be dropped alone.
            let repeats_last = last.insert(line.key.as_str(), content) == Some(content) && line.is_plain;
            if !repeats_last {
                kept.insert(line.text);
            } else if !kept.contains(line.text) {
                repeats.push(line.text.to_owned());
            }
            if seen.insert((line.key.as_str(), content)) {
                self.line(path, line, digest, content);
            }
        }
        let answers = self.metadata.iter().skip(told).map(|(_, content)| *content);
        let files: Vec<String> = [path].into_iter().chain(answers).map(str::to_owned).collect();
        if files.len() > 1 {
            self.reading.answers.push(Answer { files });
        }
        let length: usize = repeats.iter().map(String::len).sum();
        if let Some(left) = self.repeats_left.checked_sub(length).filter(|_| length > 0) {
            self.repeats_left = left;
            self.reading.repeats.push(Repeats { path: path.to_owned(), lines: repeats });
        }
        if !lines.is_empty() {
            let mend = Mend::DropLines { path: path.to_owned(), lines };
            let why = "it names content that is not there".to_owned();
            self.reading.orphans.push(Orphan { path: path.to_owned(), why, mend });
        }
    }

    /// A line that has its content: a package, or something about packages.
    fn line(&mut self, index: &str, line: &Line<'_>, digest: &Digest, content: &'a str) {
        if let Some(packed) = line.key.strip_prefix(PACKED) {
            let (name, from) = javascript::split_name(packed).unwrap_or_default();
            match javascript::purl(name, "") {
                Some(purl) => {
                    let held = Box::new(held(index, from, digest, content));
                    self.packed.push(Packed { purl, content, index: index.to_owned(), held });
                }
                None => self.reading.note(index, "a tarball that tells no name"),
            }
            return;
        }
        let Some(address) = &line.address else { return };
        let has_media = |kinds: &[&str]| {
            line.media.as_deref().is_some_and(|media| kinds.iter().any(|kind| media.contains(kind)))
        };
        if has_media(&["json"]) {
            let host = javascript::host(address).unwrap_or_default();
            self.metadata.push((host.to_owned(), content));
        } else if javascript::is_tarball(address) || has_media(&["gzip", "x-tar", "octet-stream"]) {
            self.tarball(index, address, digest, content);
        }
    }

    fn tarball(&mut self, index: &str, address: &str, digest: &Digest, content: &str) {
        let held = held(index, address, digest, content);
        let told =
            javascript::of_tarball(address).and_then(|(name, version)| javascript::purl(&name, &version));
        match (told, javascript::source(address)) {
            (Some(purl), _) => self.reading.packages.push(held(purl)),
            (None, Some(address)) => {
                self.unnamed.push(Unnamed { held: Box::new(held), address, index: index.to_owned() });
            }
            (None, None) => self.reading.note(index, "a tarball of no address"),
        }
    }

    /// Asks the metadata from the same hosts for the tarballs whose address tells no package.
    fn name_the_unnamed(&mut self) {
        let unnamed = std::mem::take(&mut self.unnamed);
        let hosts: BTreeSet<&str> = unnamed.iter().filter_map(|one| javascript::host(&one.address)).collect();
        let mut names: BTreeMap<&str, Option<Purl>> =
            unnamed.iter().map(|one| (one.address.as_str(), None)).collect();
        for (_, content) in self.metadata.iter().filter(|(host, _)| hosts.contains(host.as_str())) {
            find_names(self.files, content, &mut names);
        }
        let names: Vec<Option<Purl>> =
            unnamed.iter().map(|one| names.get(one.address.as_str()).cloned().flatten()).collect();
        for (one, name) in unnamed.into_iter().zip(names) {
            match name {
                Some(purl) => self.reading.packages.push((one.held)(purl)),
                None => self.reading.note(&one.index, "a tarball of which nothing here tells the package"),
            }
        }
    }

    /// Packages of what npm stored by a specification, but where an address names the same content: then that is the
    /// package, and the line is one more file of it, which goes where it goes.
    fn join_packed(&mut self) {
        let packed = std::mem::take(&mut self.packed);
        let mut by_content: BTreeMap<&str, Vec<&Packed<'_>>> = BTreeMap::new();
        for one in &packed {
            by_content.entry(one.content).or_default().push(one);
        }
        for held in &mut self.reading.packages {
            let lines = held.artifact.as_deref().and_then(|content| by_content.get(content));
            lines.into_iter().flatten().for_each(|line| held.add_file(&line.index));
        }
        let addressed: BTreeSet<String> =
            self.reading.packages.iter().filter_map(|held| held.artifact.clone()).collect();
        let mut numbers: BTreeMap<(&str, Purl), usize> = BTreeMap::new();
        let mut made: Vec<Held> = Vec::new();
        for Packed { purl, content, index, held } in
            packed.into_iter().filter(|one| !addressed.contains(one.content))
        {
            let number = *numbers.entry((content, purl.clone())).or_insert(made.len());
            match made.get_mut(number) {
                Some(same) => same.add_file(&index),
                None => made.push(held(purl)),
            }
        }
        self.reading.packages.extend(made);
    }

    fn find_unnamed_content(&mut self) {
        // What an index that cannot be read names is not known to be alone.
        let alone =
            self.content.values().filter(|content| self.is_index_known && !self.named.contains_key(*content));
        let orphans = alone.map(|content| Orphan {
            path: (*content).to_owned(),
            why: "no line of the index names it".to_owned(),
            mend: Mend::Remove(vec![(*content).to_owned()]),
        });
        self.reading.orphans.extend(orphans);
    }

    /// Content is what its path says, whatever it is of: npm finds it by that. Packages tell it of theirs, and what goes
    /// need not be right.
    fn check_content(&mut self) {
        let told = self.reading.packages.iter().flat_map(|held| &held.checks).map(|check| &check.path);
        let gone = self.reading.orphans.iter().flat_map(|orphan| orphan.mend.removed());
        let settled: BTreeSet<String> = told.chain(gone).cloned().collect();
        let left = self.paths.iter().filter(|(path, _)| !settled.contains(**path));
        let checks = left.map(|(path, digest)| Check {
            path: (*path).to_owned(),
            expected: Expected::Whole(digest.clone()),
            by: self.named.get(path).copied().unwrap_or("its path").to_owned(),
        });
        self.reading.checks.extend(checks);
    }
}

/// A package that is content, when its name is known.
fn held(index: &str, from: &str, digest: &Digest, content: &str) -> impl FnOnce(Purl) -> Held + use<> {
    let check =
        Check { path: content.to_owned(), expected: Expected::Whole(digest.clone()), by: index.to_owned() };
    let (source, content) = (javascript::source(from), content.to_owned());
    move |purl| {
        let files = vec![content.clone(), check.by.clone()];
        Held { source, files, checks: vec![check], ..Held::whole(purl, &content) }
    }
}

/// The digest that a path of content tells, with or without the algorithm.
fn content_digest(below: &str) -> Option<Digest> {
    let (algorithm, rest) = below.split_once('/')?;
    match Algorithm::named(algorithm) {
        Some(algorithm) => Digest::from_hex(algorithm, &rest.replace('/', "")),
        None => Digest::from_any_hex(&below.replace('/', "")),
    }
}

/// What a registry says of a package; only what is wanted of it.
#[derive(Deserialize)]
struct Packument {
    name: String,
    #[serde(default)]
    versions: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    dist: Dist,
}

#[derive(Default, Deserialize)]
struct Dist {
    #[serde(default)]
    tarball: String,
}

fn find_names(files: &Files, content: &str, names: &mut BTreeMap<&str, Option<Purl>>) {
    let bytes = files.read(content).unwrap_or_default();
    // Much that is JSON is no such thing: nothing to say of it.
    let Ok(packument) = serde_json::from_slice::<Packument>(&bytes) else { return };
    for (version, release) in &packument.versions {
        let address = javascript::source(&release.dist.tarball).unwrap_or_default();
        if let Some(name) = names.get_mut(address.as_str()) {
            *name = javascript::purl(&packument.name, version);
        }
    }
}

#[cfg(test)]
mod tests;
