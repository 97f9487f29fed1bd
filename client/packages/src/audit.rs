//! An audit: the packages of a cache, and what of it is not what metadata or lock files declare.
//!
//! Every file that something declares a digest of is read once, whole. A fault is proof: two digests of one algorithm that
//! differ, or a file that is declared and cannot be read. What nobody declares is listed and not judged.

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout;
use crate::lock::{Locked, LockedDigest};
use crate::program::Program;
use crate::purl::Purl;
use crate::reading::{Answer, Check, Expected, Held, LAYOUT, Note, Orphan, Reading};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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
    /// What is not as it should be.
    pub faults: Vec<Fault>,
    /// What lacks its other half.
    pub orphans: Vec<Orphan>,
    /// What was not understood.
    pub notes: Vec<Note>,
    /// Digests that were computed from bytes and compared.
    pub compared: u64,
    /// Digests that lock files name and of which the cache only claims that its packages had them.
    pub claimed: u64,
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

/// A lock file that was read.
#[derive(Debug)]
pub struct Lock {
    /// Its name, for people.
    pub name: String,
    /// What it names.
    pub packages: Vec<Locked>,
}

/// What is computed of files, each of them once.
struct Computed {
    digests: BTreeMap<(String, Algorithm), Digest>,
    modules: BTreeMap<String, Result<String, String>>,
}

/// Reads a cache and judges it.
#[must_use]
pub fn audit(program: Program, files: &Files, locks: &[Lock]) -> Audit {
    let reading = program.read(files);
    let locked = Wanted::of(locks);
    let computed = compute(files, &reading, &locked);
    let mut judge = Judge { computed: &computed, faults: BTreeSet::new(), compared: 0, claimed: 0 };
    judge.check_metadata(None, &reading.checks);
    for held in &reading.packages {
        judge.check_metadata(Some(&held.purl), &held.checks);
        judge.check_locks(held, &locked);
    }
    let (in_trees, elsewhere): (Vec<&String>, Vec<&String>) =
        files.unread().iter().partition(|path| is_in_tree(path, &reading.trees));
    for path in in_trees {
        judge.fault(None, path, LAYOUT, format!("{NO_TEXT}, so nobody looked at it"));
    }
    let Judge { faults, compared, claimed, .. } = judge;
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
        faults: faults.into_iter().collect(),
        orphans: reading.orphans,
        notes,
        compared,
        claimed,
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

/// What lock files say, by package.
struct Wanted<'a>(BTreeMap<Purl, Vec<(&'a str, &'a [LockedDigest])>>);

impl<'a> Wanted<'a> {
    fn of(locks: &'a [Lock]) -> Self {
        let mut wanted: BTreeMap<Purl, Vec<(&str, &[LockedDigest])>> = BTreeMap::new();
        for lock in locks {
            for package in lock.packages.iter().filter(|package| !package.digests.is_empty()) {
                let said = (lock.name.as_str(), package.digests.as_slice());
                wanted.entry(package.purl.bare()).or_default().push(said);
            }
        }
        Self(wanted)
    }

    fn of_package(&self, held: &Held) -> &[(&'a str, &'a [LockedDigest])] {
        self.0.get(&held.purl.bare()).map(Vec::as_slice).unwrap_or_default()
    }
}

fn compute(files: &Files, reading: &Reading, locked: &Wanted<'_>) -> Computed {
    let mut needs = Needs::default();
    reading.checks.iter().for_each(|check| needs.check(check));
    for held in &reading.packages {
        held.checks.iter().for_each(|check| needs.check(check));
        if let Some(artifact) = held.artifact.as_deref() {
            needs.artifact(artifact, locked.of_package(held));
        }
        needs.archives(held, locked.of_package(held));
    }
    let modules =
        needs.modules.into_iter().map(|path| (path.to_owned(), layout::go::module_hash(files, path)));
    Computed { modules: modules.collect(), digests: files.digests(&needs.digests) }
}

/// What is to be computed.
#[derive(Default)]
struct Needs<'a> {
    digests: BTreeMap<&'a str, BTreeSet<Algorithm>>,
    modules: BTreeSet<&'a str>,
}

impl<'a> Needs<'a> {
    fn check(&mut self, check: &'a Check) {
        match &check.expected {
            Expected::Whole(digest) => self.digest(&check.path, digest.algorithm()),
            Expected::GoModule(_) => self.module(&check.path),
            Expected::Wrong(_) => {}
        }
    }

    fn digest(&mut self, path: &'a str, algorithm: Algorithm) {
        self.digests.entry(path).or_default().insert(algorithm);
    }

    fn module(&mut self, path: &'a str) {
        self.modules.insert(path);
    }

    fn artifact(&mut self, artifact: &'a str, locked: &[(&str, &[LockedDigest])]) {
        for digest in locked.iter().flat_map(|(_, digests)| *digests) {
            match digest {
                LockedDigest::Artifact(digest) => self.digest(artifact, digest.algorithm()),
                LockedDigest::GoModule(_) => self.module(artifact),
                LockedDigest::YarnArchive { .. } => {}
            }
        }
        // A list names each package's digest: one that was wanted anyway, or the usual one.
        let wanted = self.digests.entry(artifact).or_default();
        if wanted.range(Algorithm::Sha256..).next().is_none() {
            wanted.insert(Algorithm::Sha256);
        }
    }

    fn archives(&mut self, held: &'a Held, locked: &[(&str, &[LockedDigest])]) {
        for (archive, digest) in
            locked.iter().flat_map(|(_, digests)| *digests).filter_map(|one| yarn_archive(held, one))
        {
            self.digest(archive, digest.algorithm());
        }
    }
}

/// The archive that a lock file's digest is of, if the package has it.
fn yarn_archive<'a, 'b>(held: &'a Held, locked: &'b LockedDigest) -> Option<(&'a str, &'b Digest)> {
    let LockedDigest::YarnArchive { key, digest } = locked else { return None };
    let mut archives = held.files.iter().filter(|path| layout::yarn::is_archive_of(path, key, digest));
    archives.next().map(|path| (path.as_str(), digest))
}

fn package(files: &Files, held: &Held, computed: &Computed) -> Package {
    let of_artifact = |artifact: &String| {
        let strongest = Algorithm::ALL.into_iter().rev();
        strongest.filter_map(|algorithm| computed.digests.get(&(artifact.clone(), algorithm)).cloned()).next()
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

/// Compares.
struct Judge<'a> {
    computed: &'a Computed,
    faults: BTreeSet<Fault>,
    compared: u64,
    claimed: u64,
}

/// A package beside what a lock file names.
struct Beside {
    is_same: bool,
    /// Whether the package's side is only what the cache says.
    is_claim: bool,
    wanted: String,
}

impl Fault {
    /// For people: which package, which file, what is wrong and who says so.
    #[must_use]
    pub fn words(&self) -> String {
        let name = self.purl.as_ref().map_or_else(|| "metadata".to_owned(), Purl::to_string);
        format!("{name} {}: {} ({})", self.path, self.why, self.by)
    }
}

impl Judge<'_> {
    fn fault(&mut self, purl: Option<&Purl>, path: &str, by: &str, why: String) {
        self.faults.insert(Fault { purl: purl.cloned(), path: path.to_owned(), by: by.to_owned(), why });
    }

    fn check_metadata(&mut self, purl: Option<&Purl>, checks: &[Check]) {
        for check in checks {
            self.compared += u64::from(!matches!(check.expected, Expected::Wrong(_)));
            if let Some(why) = self.wrong(check) {
                self.fault(purl, &check.path, &check.by, why);
            }
        }
    }

    fn wrong(&self, check: &Check) -> Option<String> {
        match &check.expected {
            Expected::Wrong(why) => Some(why.clone()),
            Expected::Whole(expected) => {
                match self.computed.digests.get(&(check.path.clone(), expected.algorithm())) {
                    Some(found) if found == expected => None,
                    Some(found) => Some(format!("it is {found}, and must be {expected}")),
                    None => Some("it is not there, or cannot be read".to_owned()),
                }
            }
            Expected::GoModule(expected) => self.wrong_module(&check.path, expected),
        }
    }

    fn wrong_module(&self, path: &str, expected: &str) -> Option<String> {
        match self.computed.modules.get(path)? {
            Ok(found) if found == expected => None,
            Ok(found) => Some(format!("it is {found}, and must be {expected}")),
            Err(why) => Some(why.clone()),
        }
    }

    fn check_locks(&mut self, held: &Held, locked: &Wanted<'_>) {
        for (lock, digests) in locked.of_package(held) {
            let compared: Vec<Beside> =
                digests.iter().filter_map(|digest| self.compare(held, digest)).collect();
            let claimed = compared.iter().filter(|beside| beside.is_claim).count();
            self.claimed += u64::try_from(claimed).unwrap_or(u64::MAX);
            self.compared += u64::try_from(compared.len() - claimed).unwrap_or(u64::MAX);
            if !compared.is_empty() && !compared.iter().any(|beside| beside.is_same) {
                let wanted: Vec<&str> =
                    compared.iter().map(|beside| beside.wanted.as_str()).take(3).collect();
                let path =
                    held.artifact.as_deref().or(held.files.first().map(String::as_str)).unwrap_or_default();
                self.fault(
                    Some(&held.purl),
                    path,
                    lock,
                    format!("it is not what the lock file names: {}", wanted.join(", ")),
                );
            }
        }
    }

    /// Whether a package is what a lock file names, if the two can be compared.
    fn compare(&self, held: &Held, locked: &LockedDigest) -> Option<Beside> {
        let computed = |is_same, wanted: String| Some(Beside { is_same, is_claim: false, wanted });
        match locked {
            LockedDigest::GoModule(expected) => {
                let found = self.computed.modules.get(held.artifact.as_ref()?)?;
                computed(found.as_ref() == Ok(expected), expected.clone())
            }
            LockedDigest::YarnArchive { .. } => {
                let (archive, digest) = yarn_archive(held, locked)?;
                let found = self.computed.digests.get(&(archive.to_owned(), digest.algorithm()));
                computed(found == Some(digest), digest.to_string())
            }
            LockedDigest::Artifact(expected) => {
                if let Some(artifact) = &held.artifact {
                    let found = self.computed.digests.get(&(artifact.clone(), expected.algorithm()));
                    return computed(found == Some(expected), expected.to_string());
                }
                if let Some(is_same) = is_among(&held.hashed, expected) {
                    return computed(is_same, expected.to_string());
                }
                let is_same = is_among(&held.stated, expected)?;
                Some(Beside { is_same, is_claim: true, wanted: expected.to_string() })
            }
        }
    }
}

/// Whether a digest is one of some; none if none of them is of its algorithm.
fn is_among(digests: &[Digest], expected: &Digest) -> Option<bool> {
    let mut alike = digests.iter().filter(|digest| digest.algorithm() == expected.algorithm()).peekable();
    alike.peek()?;
    Some(alike.any(|digest| digest == expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn cache(directory: &tempfile::TempDir) -> Files {
        fs::write(directory.path().join("a.tgz"), b"abc").unwrap();
        Files::below(directory.path(), &[""]).unwrap()
    }

    fn held(expected: Digest) -> Held {
        let check =
            Check { path: "a.tgz".to_owned(), expected: Expected::Whole(expected), by: "index".to_owned() };
        Held { checks: vec![check], ..Held::whole(Purl::new("npm", "a").version("1"), "a.tgz") }
    }

    fn judge_of(computed: &Computed) -> Judge<'_> {
        Judge { computed, faults: BTreeSet::new(), compared: 0, claimed: 0 }
    }

    fn judge(files: &Files, held: &Held, locks: &[Lock]) -> Vec<Fault> {
        let reading = Reading { packages: vec![held.clone()], ..Reading::default() };
        let locked = Wanted::of(locks);
        let computed = compute(files, &reading, &locked);
        let mut judge = judge_of(&computed);
        judge.check_metadata(Some(&held.purl), &held.checks);
        judge.check_locks(held, &locked);
        judge.faults.into_iter().collect()
    }

    fn lock(digests: &[Digest]) -> Vec<Lock> {
        let digests = digests.iter().cloned().map(LockedDigest::Artifact).collect();
        let packages = vec![Locked { purl: Purl::new("npm", "a").version("1"), digests }];
        vec![Lock { name: "package-lock.json".to_owned(), packages }]
    }

    #[test]
    fn what_metadata_declares_must_hold() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        assert_eq!(judge(&files, &held(Digest::of(Algorithm::Sha1, b"abc")), &[]), []);
        let faults = judge(&files, &held(Digest::of(Algorithm::Sha512, b"abd")), &[]);
        assert_eq!((faults.len(), faults[0].by.as_str()), (1, "index"));
        let gone = Files::below(directory.path(), &["nowhere"]).unwrap();
        fs::remove_file(directory.path().join("a.tgz")).unwrap();
        let faults = judge(&gone, &held(Digest::of(Algorithm::Sha1, b"abc")), &[]);
        assert!(faults[0].why.contains("not there"));
    }

    #[test]
    fn one_of_a_lock_files_digests_must_match() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        let right = held(Digest::of(Algorithm::Sha1, b"abc"));
        let (good, bad) = (Digest::of(Algorithm::Sha256, b"abc"), Digest::of(Algorithm::Sha256, b"x"));
        assert_eq!(judge(&files, &right, &lock(&[bad.clone(), good])), []);
        let faults = judge(&files, &right, &lock(std::slice::from_ref(&bad)));
        assert_eq!(faults[0].by, "package-lock.json");
        let other = Held { purl: Purl::new("npm", "a").version("2"), ..right };
        assert_eq!(judge(&files, &other, &lock(&[bad])), [], "the lock file names another version");
    }

    #[test]
    fn what_is_only_stated_is_compared_with_lock_files_where_the_algorithms_agree() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        let stated = vec![Digest::of(Algorithm::Sha512, b"x")];
        let unpacked =
            Held { artifact: None, checks: Vec::new(), stated, ..held(Digest::of(Algorithm::Sha1, b"")) };
        assert_eq!(judge(&files, &unpacked, &lock(&[Digest::of(Algorithm::Sha256, b"y")])), []);
        assert_eq!(judge(&files, &unpacked, &lock(&[Digest::of(Algorithm::Sha512, b"x")])), []);
        assert_eq!(judge(&files, &unpacked, &lock(&[Digest::of(Algorithm::Sha512, b"y")])).len(), 1);
        let counts = |held: &Held| {
            let (computed, locks) =
                (compute(&files, &Reading::default(), &Wanted::of(&[])), lock(&held.stated));
            let mut judge = judge_of(&computed);
            judge.check_locks(held, &Wanted::of(&locks));
            (judge.compared, judge.claimed)
        };
        assert_eq!(counts(&unpacked), (0, 1), "a claim is none that was compared");
        let hashed = Held { hashed: unpacked.stated.clone(), ..unpacked };
        assert_eq!(counts(&hashed), (1, 0));
    }

    #[test]
    fn a_package_is_listed_with_the_strongest_digest_that_was_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        for (expected, listed) in
            [(Algorithm::Sha1, Algorithm::Sha256), (Algorithm::Sha512, Algorithm::Sha512)]
        {
            let held = held(Digest::of(expected, b"abc"));
            let reading = Reading { packages: vec![held.clone()], ..Reading::default() };
            let computed = compute(&files, &reading, &Wanted::of(&[]));
            assert_eq!(package(&files, &held, &computed).digest, Some(Digest::of(listed, b"abc")));
        }
    }
}
