//! An audit: the packages of a cache, and what of it is not what metadata or lock files declare.
//!
//! Every file that something declares a digest of is read once, whole. A fault is proof: two digests of one algorithm that
//! differ, or a file that is declared and cannot be read. What nobody declares is listed and not judged.

mod computed;
mod judge;

use crate::digest::{Digest, shortened};
use crate::files::Files;
use crate::program::Program;
use crate::purl::Purl;
use crate::reading::{Answer, Held, LAYOUT, Note, Orphan, Reading, Repeats};
pub use crate::wanted::{Coverage, Lock};
use crate::wanted::{Wanted, coverage};
use computed::{Computed, compute};
use judge::Judge;
use serde::Serialize;

/// What a cache holds.
#[derive(Debug, Serialize)]
pub struct Audit {
    /// Whose cache it is.
    pub program: Program,
    /// Which layouts were recognised; none: it is no cache of that program, or an empty one.
    pub layouts: Vec<String>,
    /// The packages, by name.
    pub packages: Vec<Package>,
    /// What registries answered about packages, with its bytes.
    #[serde(skip)]
    pub answers: Vec<(Answer, u64)>,
    /// What is not as it should be: ten thousand faults, and one that says how many more there are.
    pub faults: Vec<Fault>,
    /// What lacks its other half.
    pub orphans: Vec<Orphan>,
    /// What says again what is said already.
    #[serde(skip)]
    pub repeats: Vec<Repeats>,
    /// What was not understood.
    pub notes: Vec<Note>,
    /// Digests that were computed from bytes and compared.
    pub compared: u64,
    /// Digests that lock files name and of which the cache only claims that its packages had them.
    pub claimed: u64,
    /// How much of each lock file is here, in the order in which they were given.
    pub locks: Vec<Coverage>,
    /// Files in all.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A package in a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Its name.
    pub purl: Purl,
    /// Of what the registry gave: computed where the cache keeps that, else as the cache says.
    pub digest: Option<Digest>,
    /// Where it came from.
    pub source: Option<String>,
    /// The files that hold it.
    pub files: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The package; none where it is metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<Purl>,
    /// The file.
    pub path: String,
    /// Who says what it should be: a file of the cache, or a lock file.
    pub by: String,
    /// What is wrong, in words.
    pub why: String,
}

/// Reads a cache and judges it. If reading was stopped (see [`Files::stop_when`]), that is the only fault, and nothing is an orphan.
#[must_use]
pub fn audit(program: Program, files: &Files, locks: &[Lock]) -> Audit {
    judged(program, files, locks, program.read(files))
}

fn judged(program: Program, files: &Files, locks: &[Lock], reading: Reading) -> Audit {
    let locked = Wanted::of(locks);
    let computed = compute(files, &reading, &locked);
    let mut judge = Judge::new(&computed);
    judge.check_metadata(None, &reading.checks);
    for held in &reading.packages {
        judge.check_metadata(Some(&held.purl), &held.checks);
        judge.check_locks(held, &locked);
    }
    let locks = coverage(locks, &reading.packages, &judge.compared_with);
    let (in_trees, elsewhere): (Vec<&String>, Vec<&String>) =
        files.unread().iter().partition(|path| is_in_tree(path, &reading.trees));
    for path in in_trees {
        judge.fault(None, path, LAYOUT, || format!("{NO_TEXT}, so nobody looked at it"));
    }
    if files.has_unread_metadata() {
        judge.fault(None, "", LAYOUT, || {
            "more metadata than anybody reads, so nobody looked at all of it".to_owned()
        });
    }
    let (mut orphans, mut repeats) = (reading.orphans, reading.repeats);
    if files.is_stopped() {
        judge.stopped();
        // What was not read lacks nothing.
        orphans.clear();
        repeats.clear();
    }
    let (compared, claimed) = (judge.compared, judge.claimed);
    let faults = judge.faults();
    let mut packages: Vec<Package> =
        reading.packages.iter().map(|held| package(files, held, &computed)).collect();
    packages.sort_by(|one, other| (&one.purl, &one.files).cmp(&(&other.purl, &other.files)));
    let mut notes = reading.notes;
    let unread = elsewhere.into_iter().map(|path| Note { path: path.clone(), what: NO_TEXT.to_owned() });
    notes.extend(unread);
    Audit {
        program,
        layouts: reading.layouts,
        packages,
        answers: reading.answers.into_iter().map(|answer| with_bytes(files, answer)).collect(),
        faults,
        orphans,
        repeats,
        notes,
        compared,
        claimed,
        locks,
        files: u64::try_from(files.iter().count()).unwrap_or(u64::MAX),
        bytes: files.bytes(),
    }
}

/// What [`Files::unread`] is.
const NO_TEXT: &str = "a name that is no text, or lies too deep";

fn is_in_tree(path: &str, trees: &[String]) -> bool {
    trees.iter().any(|tree| path.strip_prefix(tree.as_str()).is_some_and(|below| below.starts_with('/')))
}

fn bytes_of(files: &Files, paths: &[String]) -> u64 {
    paths.iter().filter_map(|path| files.bytes_of(path)).sum()
}

fn with_bytes(files: &Files, answer: Answer) -> (Answer, u64) {
    let bytes = bytes_of(files, &answer.files);
    (answer, bytes)
}

fn package(files: &Files, held: &Held, computed: &Computed) -> Package {
    let of_artifact = |artifact: &String| {
        let (_, strongest) = computed.digests.get(artifact)?.last_key_value()?;
        Some(strongest.clone())
    };
    Package {
        purl: held.purl.clone(),
        digest: held
            .artifact
            .as_ref()
            .and_then(of_artifact)
            .or_else(|| held.hashed.iter().max().or(held.stated.iter().max()).cloned()),
        source: held.source.clone(),
        files: held.files.clone(),
        bytes: bytes_of(files, &held.files),
    }
}

impl Fault {
    /// Which package, which file, what is wrong and who says so, with whole digests.
    #[must_use]
    pub fn words(&self) -> String {
        self.with(&self.why)
    }

    /// The same for people: of each digest only as much as they compare.
    #[must_use]
    pub fn short_words(&self) -> String {
        self.with(&shortened(&self.why))
    }

    fn with(&self, why: &str) -> String {
        let name = self.purl.as_ref().map_or_else(|| "metadata".to_owned(), Purl::to_string);
        format!("{name} {}: {why} ({})", self.path, self.by)
    }
}

#[cfg(test)]
mod tests;
