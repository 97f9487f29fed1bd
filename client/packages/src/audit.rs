//! An audit: the packages of a cache, and what of it is not what metadata or lock files declare.
//!
//! Every file that something declares a digest of is read once, whole. A fault is proof: two digests of one algorithm that
//! differ, or a file that is declared and cannot be read. What nobody declares is listed and not judged.

use crate::digest::{Algorithm, Digest, shortened};
use crate::effort::Spent;
use crate::files::Files;
use crate::layout;
use crate::lock::LockedDigest;
use crate::program::Program;
use crate::purl::Purl;
use crate::reading::{Answer, Check, Expected, Held, LAYOUT, Note, Orphan, Reading};
pub use crate::wanted::{Coverage, Lock};
use crate::wanted::{Said, Wanted, coverage};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Faults that are told one by one, at most: one is enough to refuse a cache.
const FAULTS_MAX: usize = 10_000;
/// Bytes of what they tell at most: names of files may be long.
const FAULTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Digests of a lock file that are told of one package, at most.
const TOLD_MAX: usize = 3;

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

/// What is computed of files, each of them once.
struct Computed {
    digests: BTreeMap<String, BTreeMap<Algorithm, Digest>>,
    modules: BTreeMap<String, Result<String, String>>,
}

impl Computed {
    fn digest(&self, path: &str, algorithm: Algorithm) -> Option<&Digest> {
        self.digests.get(path)?.get(&algorithm)
    }

    /// Whether a package is what a lock file names, if the two can be compared.
    fn compare(&self, held: &Held, locked: &LockedDigest) -> Option<Beside> {
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
            LockedDigest::Artifact(expected) => {
                if let Some(artifact) = &held.artifact {
                    return computed(self.digest(artifact, expected.algorithm()) == Some(expected));
                }
                if let Some(is_same) = is_among(&held.hashed, expected) {
                    return computed(is_same);
                }
                let is_same = is_among(&held.stated, expected)?;
                Some(Beside { is_same, is_claim: true })
            }
        }
    }
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
    let mut orphans = reading.orphans;
    if files.is_stopped() {
        judge.stopped();
        // What was not read lacks nothing.
        orphans.clear();
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
                LockedDigest::YarnArchive { .. } => {}
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
}

/// The archive that a lock file's digest is of, if the package has it.
fn yarn_archive<'a, 'b>(held: &'a Held, locked: &'b LockedDigest) -> Option<(&'a str, &'b Digest)> {
    let LockedDigest::YarnArchive { key, digest } = locked else { return None };
    let mut archives = held.files.iter().filter(|path| layout::yarn::is_archive_of(path, key, digest));
    archives.next().map(|path| (path.as_str(), digest))
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

/// Compares.
struct Judge<'a> {
    computed: &'a Computed,
    faults: BTreeSet<Fault>,
    /// What all of them tell.
    bytes: usize,
    /// Faults that are not kept.
    more: u64,
    compared: u64,
    claimed: u64,
    /// Packages that were compared with a lock file, by the lock file's number.
    compared_with: BTreeSet<(usize, Purl)>,
}

/// A package beside what a lock file names.
struct Beside {
    is_same: bool,
    /// Whether the package's side is only what the cache says.
    is_claim: bool,
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

impl<'a> Judge<'a> {
    const fn new(computed: &'a Computed) -> Self {
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
    fn fault(&mut self, purl: Option<&Purl>, path: &str, by: &str, why: impl FnOnce() -> String) {
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
    fn stopped(&mut self) {
        (self.faults, self.bytes, self.more) = (BTreeSet::new(), 0, 0);
        self.fault(None, "", "the audit", || Spent::Interrupted.to_string());
    }

    /// All that was found.
    fn faults(self) -> Vec<Fault> {
        let why = format!("{} more things are wrong, and not told one by one", self.more);
        let more = Fault { purl: None, path: String::new(), by: "the audit".to_owned(), why };
        self.faults.into_iter().chain((self.more > 0).then_some(more)).collect()
    }

    fn check_metadata(&mut self, purl: Option<&Purl>, checks: &[Check]) {
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

    fn check_locks(&mut self, held: &Held, locked: &Wanted<'_>) {
        let computed = self.computed;
        for Said { number, lock, digests } in locked.of_package(held) {
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
                let told: Vec<&LockedDigest> = beside().map(|(digest, _)| digest).take(TOLD_MAX).collect();
                let path = held.artifact.as_deref().or(held.files.first().map(String::as_str));
                self.fault(Some(&held.purl), path.unwrap_or_default(), lock, || differs(&told));
            }
        }
    }
}

fn differs(locked: &[&LockedDigest]) -> String {
    let digest = |locked: &&LockedDigest| match locked {
        LockedDigest::GoModule(digest) => digest.clone(),
        LockedDigest::YarnArchive { digest, .. } | LockedDigest::Artifact(digest) => digest.to_string(),
    };
    let told: Vec<String> = locked.iter().map(digest).collect();
    format!("it is not what the lock file names: {}", told.join(", "))
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
    use crate::lock::Locked;
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    fn cache(directory: &tempfile::TempDir) -> Files {
        fs::write(directory.path().join("a.tgz"), b"abc").unwrap();
        Files::below(directory.path(), &[""]).unwrap()
    }

    fn held(expected: Digest) -> Held {
        let check =
            Check { path: "a.tgz".to_owned(), expected: Expected::Whole(expected), by: "index".to_owned() };
        Held { checks: vec![check], ..Held::whole(Purl::new("npm", "a").version("1"), "a.tgz") }
    }

    fn judge(files: &Files, held: &Held, locks: &[Lock]) -> Vec<Fault> {
        let reading = Reading { packages: vec![held.clone()], ..Reading::default() };
        let locked = Wanted::of(locks);
        let computed = compute(files, &reading, &locked);
        let mut judge = Judge::new(&computed);
        judge.check_metadata(Some(&held.purl), &held.checks);
        judge.check_locks(held, &locked);
        judge.faults()
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
    fn it_is_told_how_much_of_a_lock_file_is_here() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        let locked = |name: &str, digests: &[Digest]| Locked {
            purl: Purl::new("npm", name).version("1"),
            digests: digests.iter().cloned().map(LockedDigest::Artifact).collect(),
        };
        let (good, bad) = (Digest::of(Algorithm::Sha256, b"abc"), Digest::of(Algorithm::Sha256, b"x"));
        let lock =
            |name: &str, packages: &[Locked]| Lock { name: name.to_owned(), packages: packages.to_vec() };
        let locks = [
            lock("ours", &[locked("a", &[bad]), locked("b", std::slice::from_ref(&good)), locked("c", &[])]),
            lock("silent", &[locked("a", &[]), locked("a", &[])]),
            lock("another", &[locked("b", &[good])]),
        ];
        let packages = vec![held(Digest::of(Algorithm::Sha1, b"abc"))];
        let reading = Reading { packages, ..Reading::default() };
        let audit = judged(Program::Npm, &files, &locks, reading);
        let found: Vec<_> = audit
            .locks
            .iter()
            .map(|lock| (lock.name.as_str(), lock.packages, lock.here, lock.compared))
            .collect();
        assert_eq!(found, [("ours", 3, 1, 1), ("silent", 1, 1, 0), ("another", 1, 0, 0)]);
        assert_eq!((audit.faults.len(), audit.compared), (1, 2));
    }

    #[test]
    fn for_people_digests_are_short() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        let wrong = Digest::of(Algorithm::Sha512, b"abd");
        let [fault] = &judge(&files, &held(wrong.clone()), &[])[..] else { panic!() };
        assert!(fault.words().contains(&wrong.to_string()) && fault.why.contains(&wrong.to_string()));
        assert_eq!(
            fault.short_words(),
            "pkg:npm/a@1 a.tgz: it is sha512:ddaf35a193617aba…, and must be sha512:1a9840c27a5cf22d… (index)"
        );
    }

    #[test]
    fn what_does_not_fit_is_counted_and_not_told() {
        let directory = tempfile::tempdir().unwrap();
        let files = cache(&directory);
        let right = held(Digest::of(Algorithm::Sha1, b"abc"));
        let bad: Vec<Digest> =
            (0..FAULTS_MAX + 5).map(|n| Digest::of(Algorithm::Sha256, &n.to_be_bytes())).collect();
        let locks: Vec<Lock> = bad.iter().flat_map(|bad| lock(std::slice::from_ref(bad))).collect();
        let faults = judge(&files, &right, &locks);
        assert_eq!(faults.len(), FAULTS_MAX + 1);
        assert!(faults[FAULTS_MAX].why.starts_with("5 more"), "{}", faults[FAULTS_MAX].why);

        let long = "p".repeat(FAULTS_BYTES_MAX / 10);
        let computed = compute(&files, &Reading::default(), &Wanted::of(&[]));
        let mut judge = Judge::new(&computed);
        (0..100).for_each(|n| judge.fault(None, &long, "index", || n.to_string()));
        assert!(judge.bytes < 2 * FAULTS_BYTES_MAX);
        assert!(judge.faults().last().unwrap().why.starts_with("90 more"));
    }

    #[test]
    fn an_audit_that_was_stopped_says_that_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let index = directory.path().join("_cacache/index-v5/00/00");
        fs::create_dir_all(&index).unwrap();
        fs::write(index.join("00"), "broken").unwrap();
        let content = directory.path().join("_cacache/content-v2/sha512/00/00");
        fs::create_dir_all(&content).unwrap();
        fs::write(content.join("0".repeat(124)), "of nobody").unwrap();
        assert_eq!(audit(Program::Npm, &cache(&directory), &[]).orphans.len(), 1);
        let stopped = cache(&directory).stop_when(Arc::new(AtomicBool::new(true)));
        let made = audit(Program::Npm, &stopped, &[]);
        assert_eq!(made.orphans, []);
        let told: Vec<&str> = made.faults.iter().map(|fault| fault.why.as_str()).collect();
        assert_eq!(told, ["the audit was interrupted"]);
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
            let mut judge = Judge::new(&computed);
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
