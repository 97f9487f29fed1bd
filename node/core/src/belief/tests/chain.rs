//! From the pinned root and policy to the newest.
use super::*;
use crate::belief::fixture::*;
use crate::{Disbelief, KeyPair, Paper, Papers, Policy, Root, Trust};

/// A root of this version, with three keys from this number on, two of which sign.
fn root(version: u64, first: u8) -> Root {
    let keys = (first..first + 3).map(|number| key_pair(number).public()).collect();
    Root { version, keys, ..Pool::new(1).root }
}

fn keys(numbers: &[u8]) -> Vec<KeyPair> {
    numbers.iter().map(|number| key_pair(*number)).collect()
}

/// Root 2 of the keys 51, 52 and 53, signed as it must be: by two before and two of its own.
fn second() -> Envelope {
    signed(&root(2, 51), &keys(&[1, 2, 51, 52]))
}

fn roots(roots: &[Envelope]) -> Papers {
    Papers { roots: roots.to_vec(), ..Papers::default() }
}

fn with_policy(policy: Envelope) -> Papers {
    Papers { policy: Some(policy), ..Papers::default() }
}

fn follow(papers: &Papers) -> Result<Trust, Disbelief> {
    Pool::new(4).trust().follow(papers, WALL)
}

fn policy(version: u64) -> Policy {
    Policy { version, ..Pool::new(4).policy }
}

fn seeds(version: u64, numbers: &[u8]) -> Policy {
    let mut policy = policy(version);
    policy.seeds = numbers
        .iter()
        .map(|number| crate::Seed {
            peer: crate::PeerId::new(key_pair(10 + number).public()),
            addresses: vec![format!("10.0.1.{}:4001", number + 1)],
        })
        .collect();
    policy
}

#[test]
fn a_chain_of_roots_is_walked() {
    let third = signed(&root(3, 61), &keys(&[51, 53, 62, 63]));
    let trust = follow(&roots(&[second(), third])).unwrap();
    assert_eq!(trust.root(), &root(3, 61));
    let papers = trust.papers();
    assert_eq!(papers.roots.len(), 2);
    assert_eq!(trust.follow(&papers, WALL).unwrap().papers(), papers, "what is known is passed over");
    let opened = Trust::open_with(&Pool::new(4).file(), &papers, WALL).unwrap();
    assert_eq!((opened.root(), opened.papers()), (trust.root(), papers));
}

/// Who is started with a newer pool file hands on the roots before it, too: others have an older one.
#[test]
fn roots_before_the_pool_files_are_kept() {
    let (third, fourth) =
        (signed(&root(3, 61), &keys(&[51, 53, 62, 63])), signed(&root(4, 71), &keys(&[61, 62, 71, 72])));
    let mut newer = Pool::new(4);
    newer.root = root(3, 61);
    let mut file = newer.file();
    file.root = third.clone();
    file.policy = signed(&newer.policy, &keys(&[61, 62]));
    let pinned = Trust::open(&file, WALL).unwrap();
    assert_eq!(pinned.papers().roots, std::slice::from_ref(&third), "its own");
    let all = [second(), third.clone(), fourth];
    let opened = Trust::open_with(&file, &roots(&all), WALL).unwrap();
    assert_eq!((opened.root().version, opened.papers().roots.as_slice()), (4, &all[..]));
    let old = follow(&roots(&opened.papers().roots)).unwrap();
    assert_eq!(old.root(), opened.root(), "who has the first pool file gets there");
    let strange = signed(&root(2, 81), &keys(&[1, 2, 81, 82]));
    let opened = Trust::open_with(&file, &roots(&[strange, third.clone()]), WALL).unwrap();
    assert_eq!(opened.papers().roots, [third], "nobody of those has signed what follows");
    assert_eq!(pinned.follow(&roots(&[second()]), WALL).unwrap().papers().roots.len(), 2, "heard later");
}

#[test]
fn root_version_skipped() {
    let third = signed(&root(3, 51), &keys(&[1, 2, 51, 52]));
    let skipped = Disbelief::RootSkipped { have: 1, found: 3 };
    assert_eq!(follow(&roots(&[third])).err(), Some(skipped));
    let fourth = signed(&root(4, 51), &keys(&[51, 52]));
    let skipped = Disbelief::RootSkipped { have: 2, found: 4 };
    assert_eq!(follow(&roots(&[second(), fourth])).err(), Some(skipped));
}

#[test]
fn root_signed_by_old_threshold_only() {
    for own in [&[][..], &[51]] {
        let have = own.len();
        let envelope = signed(&root(2, 51), &keys(&[&[1, 2], own].concat()));
        let why = Disbelief::TooFewRootKeys { what: Paper::Root, have, need: 2 };
        assert_eq!(follow(&roots(&[envelope])).err(), Some(why));
    }
}

#[test]
fn root_signed_by_new_threshold_only() {
    let envelope = signed(&root(2, 51), &keys(&[1, 51, 52]));
    let why = Disbelief::TooFewFormerRootKeys { version: 2, have: 1, need: 2 };
    assert_eq!(follow(&roots(&[envelope])).err(), Some(why));
}

#[test]
fn one_key_counted_twice() {
    let envelope = signed(&root(2, 51), &keys(&[1, 1, 51, 52]));
    let why = Disbelief::TooFewFormerRootKeys { version: 2, have: 1, need: 2 };
    assert_eq!(follow(&roots(&[envelope])).err(), Some(why));
}

/// Only where the walk ends: a pinned root that has expired is what the walk is for.
#[test]
fn root_expired() {
    let mut pool = Pool::new(4);
    pool.root.expires = earlier(60);
    let expired = Some(Disbelief::Expired { what: Paper::Root, ago: seconds(60) });
    assert_eq!(Trust::open(&pool.file(), WALL).err(), expired);
    assert!(Trust::open_with(&pool.file(), &roots(&[second()]), WALL).is_ok());
    let last = signed(&Root { expires: earlier(60), ..root(2, 51) }, &keys(&[1, 2, 51, 52]));
    assert_eq!(follow(&roots(&[last])).err(), expired);
}

#[test]
fn root_of_another_pool() {
    let other = Root { pool: "other".to_owned(), ..root(2, 51) };
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    let why = Disbelief::OtherPool { what: Paper::Root, found, expected };
    assert_eq!(follow(&roots(&[signed(&other, &keys(&[1, 2, 51, 52]))])).err(), Some(why));
}

#[test]
fn a_chain_has_a_bound() {
    let same = |version| signed(&root(version, 1), &keys(&[1, 2]));
    let papers = roots(&(2..=70).map(same).collect::<Vec<_>>());
    let trust = follow(&papers).unwrap();
    assert_eq!((trust.root().version, trust.papers().roots.len()), (65, 64));
    let again = trust.follow(&roots(&[same(66)]), WALL).unwrap();
    assert_eq!(again.papers().roots.len(), 64, "what is spread can be read");
}

#[test]
fn a_newer_policy_is_signed_by_the_newest_root() {
    let trust = follow(&with_policy(signed(&policy(2), &keys(&[2, 3])))).unwrap();
    assert_eq!(trust.policy(), &policy(2));
    let papers = |signers| Papers { policy: Some(signed(&policy(2), &keys(signers))), ..roots(&[second()]) };
    assert!(follow(&papers(&[51, 53])).is_ok());
    let why = Disbelief::TooFewRootKeys { what: Paper::Policy, have: 0, need: 2 };
    assert_eq!(follow(&papers(&[1, 2])).err(), Some(why));
}

#[test]
fn policy_unsigned() {
    let mut envelope = signed(&policy(2), &keys(&[1, 2]));
    envelope.signatures.clear();
    let why = Disbelief::TooFewRootKeys { what: Paper::Policy, have: 0, need: 2 };
    assert_eq!(follow(&with_policy(envelope)).err(), Some(why));
}

#[test]
fn policy_rolled_back() {
    let trust = follow(&with_policy(signed(&policy(3), &keys(&[1, 2])))).unwrap();
    let older = with_policy(signed(&policy(2), &keys(&[1, 2])));
    let why = Disbelief::PolicyRolledBack { have: 3, found: 2 };
    assert_eq!(trust.follow(&older, WALL).err(), Some(why));
}

/// The pool's first policy is signed as well as any. A pool file that was renewed does not go back to what is stored.
#[test]
fn first_policy_replayed() {
    let pool = Pool::new(4);
    let mut renewed = Pool::new(4);
    renewed.policy.version = 7;
    let first = with_policy(pool.file().policy);
    let why = Disbelief::PolicyRolledBack { have: 7, found: 1 };
    assert_eq!(renewed.trust().follow(&first, WALL).err(), Some(why));
    let opened = Trust::open_with(&renewed.file(), &first, WALL).unwrap();
    assert_eq!(opened.policy().version, 7);
}

#[test]
fn two_policies_of_one_version() {
    let other = Policy { generations_max: 3, ..policy(1) };
    let envelope = signed(&other, &keys(&[1, 2]));
    assert_eq!(follow(&with_policy(envelope)).err(), Some(Disbelief::PolicyForked { version: 1 }));
    let same = signed(&policy(1), &keys(&[2, 3]));
    assert!(follow(&with_policy(same)).is_ok(), "who signed makes no other policy of it");
}

#[test]
fn policy_expired() {
    let over = Policy { expires: earlier(5), ..policy(2) };
    let why = Disbelief::Expired { what: Paper::Policy, ago: seconds(5) };
    assert_eq!(follow(&with_policy(signed(&over, &keys(&[1, 2])))).err(), Some(why));
}

#[test]
fn a_policy_changes_one_seed_with_each_version() {
    let judge = |policy: &Policy| follow(&with_policy(signed(policy, &keys(&[1, 2])))).err();
    assert_eq!(judge(&seeds(2, &[0, 1, 2, 3])), None);
    assert_eq!(judge(&seeds(2, &[0, 1, 2, 4])), None, "one is replaced");
    assert_eq!(judge(&seeds(3, &[0, 1, 5, 4])), None, "two in two versions");
    let changed =
        |version, changed, allowed| Some(Disbelief::TooManySeedsChanged { version, changed, allowed });
    assert_eq!(judge(&seeds(2, &[0, 1, 5, 4])), changed(2, 2, 1));
    assert_eq!(judge(&seeds(4, &[9, 8, 5, 4])), changed(4, 4, 3));
}

/// A pool that runs on after its policy ended believes nothing more.
#[test]
fn what_was_opened_in_time_ends_in_time() {
    let pool = Pool::new(1);
    let trust = pool.trust();
    let certified = pool.certified(&pool.manifest("core/main/npm/1", 1));
    let expired = |what| Some(Disbelief::Expired { what, ago: seconds(0) });
    assert_eq!(trust.certify(&certified, later(9_000)).err(), expired(Paper::Root));
    assert_eq!(trust.verify_manifest(&certified.manifest, later(9_000)).err(), expired(Paper::Root));
    let query = query("core/main/npm/1", &[]);
    let asked = pool.asked(0, &query);
    let answer = pool.by_seed(0, &pool.answer(&asked, &[]));
    assert!(trust.verify_answer(&asked, &answer, &[], WALL).is_ok());
    assert_eq!(trust.verify_answer(&asked, &answer, &[], later(9_000)).err(), expired(Paper::Root));
    let relayed = pool.by_seed(0, &pool.relayed(0, "core/main/npm", &[]));
    assert_eq!(trust.verify_relayed(&query, &relayed, &[], later(9_000)).err(), expired(Paper::Root));
}

#[test]
fn an_answer_tells_what_its_seed_knows() {
    let pool = Pool::new(1);
    let trust = pool.trust();
    let asked = pool.asked(0, &query("core/main/npm/1", &[]));
    let digest = trust.papers_digest();
    assert_eq!((digest.policy, digest.yanks_count), (pool.file().policy.digest(), 0));
    let body = crate::FreshnessAnswer { papers: Some(digest), ..pool.answer(&asked, &[]) };
    let verified = trust.verify_answer(&asked, &pool.by_seed(0, &body), &[], WALL).unwrap();
    assert_eq!((verified.policy_version(), verified.papers()), (1, Some(digest)));
}
