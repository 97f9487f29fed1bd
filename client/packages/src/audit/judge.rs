//! Compares what metadata and lock files declare with what was computed.

use super::Fault;
use super::computed::Computed;
use crate::effort::Spent;
use crate::lock::LockedDigest;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held};
use crate::wanted::{Said, Wanted};
use std::collections::BTreeSet;

/// Faults that are told one by one, at most: one is enough to refuse a cache.
pub(super) const FAULTS_MAX: usize = 10_000;
/// Bytes of what they tell at most: names of files may be long.
pub(super) const FAULTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Digests of a lock file that are told of one package, at most.
const TOLD_MAX: usize = 3;

/// Compares.
pub(super) struct Judge<'a> {
    computed: &'a Computed,
    faults: BTreeSet<Fault>,
    /// What all of them tell.
    pub(super) bytes: usize,
    /// Faults that are not kept.
    more: u64,
    pub(super) compared: u64,
    pub(super) claimed: u64,
    /// Packages that were compared with a lock file, by the lock file's number.
    pub(super) compared_with: BTreeSet<(usize, Purl)>,
}

impl<'a> Judge<'a> {
    pub(super) const fn new(computed: &'a Computed) -> Self {
        Self {
            computed,
            faults: BTreeSet::new(),
            bytes: 0,
            more: 0,
            compared: 0,
            claimed: 0,
            compared_with: BTreeSet::new(),
        }
    }

    /// Keeps a fault, or counts it: what it tells is made only if it is kept.
    pub(super) fn fault(&mut self, purl: Option<&Purl>, path: &str, by: &str, why: impl FnOnce() -> String) {
        if self.faults.len() >= FAULTS_MAX || self.bytes >= FAULTS_BYTES_MAX {
            self.more += 1;
            return;
        }
        let fault = Fault { purl: purl.cloned(), path: path.to_owned(), by: by.to_owned(), why: why() };
        let bytes = fault.path.len() + fault.by.len() + fault.why.len();
        if self.faults.insert(fault) {
            self.bytes += bytes;
        }
    }

    /// Not all was read, so nothing is proven.
    pub(super) fn stopped(&mut self) {
        (self.faults, self.bytes, self.more) = (BTreeSet::new(), 0, 0);
        self.fault(None, "", "the audit", || Spent::Interrupted.to_string());
    }

    /// All that was found.
    pub(super) fn faults(self) -> Vec<Fault> {
        let why = format!("{} more things are wrong, and not told one by one", self.more);
        let more = Fault { purl: None, path: String::new(), by: "the audit".to_owned(), why };
        self.faults.into_iter().chain((self.more > 0).then_some(more)).collect()
    }

    pub(super) fn check_metadata(&mut self, purl: Option<&Purl>, checks: &[Check]) {
        for check in checks {
            self.compared += u64::from(!matches!(check.expected, Expected::Wrong(_)));
            if let Some(why) = self.wrong(check) {
                self.fault(purl, &check.path, &check.by, || why);
            }
        }
    }

    fn wrong(&self, check: &Check) -> Option<String> {
        match &check.expected {
            Expected::Wrong(why) => Some(why.clone()),
            Expected::Whole(expected) => match self.computed.digest(&check.path, expected.algorithm()) {
                Some(found) if found == expected => None,
                Some(found) => Some(format!("it is {found}, and must be {expected}")),
                None => Some("it is not there, or cannot be read".to_owned()),
            },
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

    pub(super) fn check_locks(&mut self, held: &Held, locked: &Wanted<'_>) {
        let computed = self.computed;
        for said in locked.of_package(held) {
            self.check_files(held, said);
            let Said { number, lock, digests } = said;
            let beside =
                || digests.iter().filter_map(|digest| Some((digest, computed.compare(held, digest)?)));
            let (mut claimed, mut compared, mut is_same) = (0, 0, false);
            for (_, beside) in beside() {
                claimed += u64::from(beside.is_claim);
                compared += u64::from(!beside.is_claim);
                is_same |= beside.is_same;
            }
            self.claimed += claimed;
            self.compared += compared;
            if compared > 0 {
                self.compared_with.insert((*number, held.purl.bare()));
            }
            if claimed + compared > 0 && !is_same {
                let told = beside().map(|(digest, _)| text(digest)).take(TOLD_MAX);
                let path = held.artifact.as_deref().or(held.files.first().map(String::as_str));
                self.fault(Some(&held.purl), path.unwrap_or_default(), lock, || differs(told));
            }
        }
    }

    /// Each file that a lock file names must be what it names.
    fn check_files(&mut self, held: &Held, said: &Said<'_>) {
        for ((path, algorithm), digests) in said.of_files(held) {
            self.compared += 1;
            self.compared_with.insert((said.number, held.purl.bare()));
            let found = self.computed.digest(path, algorithm);
            if !digests.iter().any(|digest| found == Some(digest)) {
                let told = digests.iter().take(TOLD_MAX).map(ToString::to_string);
                self.fault(Some(&held.purl), path, said.lock, || differs(told));
            }
        }
    }
}

fn text(locked: &LockedDigest) -> String {
    match locked {
        LockedDigest::GoModule(digest) => digest.clone(),
        LockedDigest::YarnArchive { digest, .. }
        | LockedDigest::Artifact(digest)
        | LockedDigest::File { digest, .. } => digest.to_string(),
    }
}

fn differs(told: impl Iterator<Item = String>) -> String {
    format!("it is not what the lock file names: {}", told.collect::<Vec<_>>().join(", "))
}
