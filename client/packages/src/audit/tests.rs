use super::judge::{FAULTS_BYTES_MAX, FAULTS_MAX};
use super::*;
use crate::digest::Algorithm;
use crate::effort::Limits;
use crate::lock::{Locked, LockedDigest};
use crate::reading::{Check, Expected};
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
    let lock = |name: &str, packages: &[Locked]| Lock { name: name.to_owned(), packages: packages.to_vec() };
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
        let (computed, locks) = (compute(&files, &Reading::default(), &Wanted::of(&[])), lock(&held.stated));
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
    for (expected, listed) in [(Algorithm::Sha1, Algorithm::Sha256), (Algorithm::Sha512, Algorithm::Sha512)] {
        let held = held(Digest::of(expected, b"abc"));
        let reading = Reading { packages: vec![held.clone()], ..Reading::default() };
        let computed = compute(&files, &reading, &Wanted::of(&[]));
        assert_eq!(package(&files, &held, &computed).digest, Some(Digest::of(listed, b"abc")));
    }
}

#[test]
fn more_metadata_than_is_read_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let path = "_cacache/index-v5/aa/bb/cc";
    fs::create_dir_all(directory.path().join("_cacache/index-v5/aa/bb")).unwrap();
    fs::write(directory.path().join(path), "x".repeat(100)).unwrap();
    let within = |read_bytes_max| {
        let files = cache(&directory).within(Limits { read_bytes_max, ..Limits::default() });
        audit(Program::Npm, &files, &[]).faults.len()
    };
    assert_eq!((within(100), within(99)), (0, 1));
}
