//! What is computed of the files of a cache, each of them once.

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout;
use crate::lock::LockedDigest;
use crate::reading::{Check, Expected, Held, Reading};
use crate::wanted::{Said, Wanted};
use std::collections::{BTreeMap, BTreeSet};

/// Digests and hashes of modules.
pub(super) struct Computed {
    pub(super) digests: BTreeMap<String, BTreeMap<Algorithm, Digest>>,
    pub(super) modules: BTreeMap<String, Result<String, String>>,
}

impl Computed {
    pub(super) fn digest(&self, path: &str, algorithm: Algorithm) -> Option<&Digest> {
        self.digests.get(path)?.get(&algorithm)
    }

    /// Whether a package is what a lock file names, if the two can be compared.
    pub(super) fn compare(&self, held: &Held, locked: &LockedDigest) -> Option<Beside> {
        let computed = |is_same| Some(Beside { is_same, is_claim: false });
        match locked {
            LockedDigest::GoModule(expected) => {
                let found = self.modules.get(held.artifact.as_ref()?)?;
                computed(found.as_ref() == Ok(expected))
            }
            LockedDigest::YarnArchive { .. } => {
                let (archive, digest) = yarn_archive(held, locked)?;
                computed(self.digest(archive, digest.algorithm()) == Some(digest))
            }
            LockedDigest::File { .. } => None,
            LockedDigest::Artifact(expected) => {
                if let Some(artifact) = &held.artifact {
                    return computed(self.digest(artifact, expected.algorithm()) == Some(expected));
                }
                if let Some(is_same) = is_among(&held.hashed, expected) {
                    return computed(is_same);
                }
                let half = || layout::pnpm::is_index_of(held, expected);
                let is_same = is_among(&held.stated, expected).or_else(half)?;
                Some(Beside { is_same, is_claim: true })
            }
        }
    }
}

/// A package beside what a lock file names.
pub(super) struct Beside {
    pub(super) is_same: bool,
    /// Whether the package's side is only what the cache says.
    pub(super) is_claim: bool,
}

pub(super) fn compute(files: &Files, reading: &Reading, locked: &Wanted<'_>) -> Computed {
    let mut needs = Needs::default();
    reading.checks.iter().for_each(|check| needs.check(check));
    for held in &reading.packages {
        held.checks.iter().for_each(|check| needs.check(check));
        if let Some(artifact) = held.artifact.as_deref() {
            needs.artifact(artifact, locked.of_package(held));
        }
        needs.archives(held, locked.of_package(held));
        needs.files(held, locked.of_package(held));
    }
    let modules =
        needs.modules.into_iter().map(|path| (path.to_owned(), layout::go::module_hash(files, path)));
    let mut computed = Computed { modules: modules.collect(), digests: BTreeMap::new() };
    for ((path, algorithm), digest) in files.digests(&needs.digests) {
        computed.digests.entry(path).or_default().insert(algorithm, digest);
    }
    computed
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

    fn artifact(&mut self, artifact: &'a str, locked: &[Said<'_>]) {
        for digest in locked.iter().flat_map(|said| said.digests) {
            match digest {
                LockedDigest::Artifact(digest) => self.digest(artifact, digest.algorithm()),
                LockedDigest::GoModule(_) => self.module(artifact),
                LockedDigest::YarnArchive { .. } | LockedDigest::File { .. } => {}
            }
        }
        // A list names each package's digest: one that was wanted anyway, or the usual one.
        let wanted = self.digests.entry(artifact).or_default();
        if wanted.range(Algorithm::Sha256..).next().is_none() {
            wanted.insert(Algorithm::Sha256);
        }
    }

    fn archives(&mut self, held: &'a Held, locked: &[Said<'_>]) {
        for (archive, digest) in
            locked.iter().flat_map(|said| said.digests).filter_map(|one| yarn_archive(held, one))
        {
            self.digest(archive, digest.algorithm());
        }
    }

    fn files(&mut self, held: &'a Held, locked: &[Said<'_>]) {
        for said in locked {
            said.of_files(held).into_keys().for_each(|(path, algorithm)| self.digest(path, algorithm));
        }
    }
}

/// The archive that a lock file's digest is of, if the package has it.
fn yarn_archive<'a, 'b>(held: &'a Held, locked: &'b LockedDigest) -> Option<(&'a str, &'b Digest)> {
    let LockedDigest::YarnArchive { locator, key, digest } = locked else { return None };
    let mut archives =
        held.files.iter().filter(|path| layout::yarn::is_archive_of(path, locator, key, digest));
    archives.next().map(|path| (path.as_str(), digest))
}

/// Whether a digest is one of some; none if none of them is of its algorithm.
fn is_among(digests: &[Digest], expected: &Digest) -> Option<bool> {
    let mut alike = digests.iter().filter(|digest| digest.algorithm() == expected.algorithm()).peekable();
    alike.peek()?;
    Some(alike.any(|digest| digest == expected))
}
