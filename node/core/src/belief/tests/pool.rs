//! Opening a pool file.
use super::*;
use crate::belief::fixture::*;
use crate::{Disbelief, Paper, PoolFile, Trust};

fn open(file: &PoolFile) -> Result<(), Disbelief> {
    Trust::open(file, WALL).map(|_| ())
}

fn too_few(what: Paper, have: usize) -> Result<(), Disbelief> {
    Err(Disbelief::TooFewRootKeys { what, have, need: 2 })
}

#[test]
fn a_pool_signed_by_its_threshold_opens() {
    let pool = Pool::new(4);
    let trust = pool.trust();
    assert_eq!((trust.root(), trust.policy()), (&pool.root, &pool.policy));
    assert!(trust.is_seed(&pool.seed_id(3)));
    assert!(!trust.is_seed(&node(0)));
}

#[test]
fn any_threshold_of_root_keys_will_do() {
    let pool = Pool::new(1);
    let mut file = pool.file();
    file.policy = signed(&pool.policy, &[key_pair(3), key_pair(1)]);
    assert_eq!(open(&file), Ok(()));
}

#[test]
fn root_expired() {
    let mut pool = Pool::new(1);
    pool.root.expires = WALL;
    assert_eq!(open(&pool.file()), Err(Disbelief::Expired { what: Paper::Root, ago: seconds(0) }));
    pool.root.expires = earlier(3_600);
    assert_eq!(open(&pool.file()), Err(Disbelief::Expired { what: Paper::Root, ago: seconds(3_600) }));
}

#[test]
fn policy_expired() {
    let mut pool = Pool::new(1);
    pool.policy.expires = earlier(60);
    assert_eq!(open(&pool.file()), Err(Disbelief::Expired { what: Paper::Policy, ago: seconds(60) }));
}

#[test]
fn one_key_counted_twice() {
    let pool = Pool::new(1);
    let twice = [key_pair(1), key_pair(1)];
    let mut file = pool.file();
    file.policy = signed(&pool.policy, &twice);
    assert_eq!(open(&file), too_few(Paper::Policy, 1));
    file.root = signed(&pool.root, &twice);
    assert_eq!(open(&file), too_few(Paper::Root, 1));
}

#[test]
fn a_key_that_is_listed_twice_counts_once() {
    let mut pool = Pool::new(1);
    pool.root.keys = vec![key_pair(1).public(), key_pair(1).public(), key_pair(2).public()];
    let mut file = pool.file();
    file.root = signed(&pool.root, &[key_pair(1), key_pair(1)]);
    assert!(open(&file).is_err());
}

#[test]
fn a_key_id_does_not_make_a_signer() {
    let pool = Pool::new(1);
    let mut file = pool.file();
    file.policy = signed(&pool.policy, &[key_pair(1), key_pair(99)]);
    file.policy.signatures[1].keyid = key_pair(2).public().to_string();
    assert_eq!(open(&file), too_few(Paper::Policy, 1));
}

#[test]
fn policy_unsigned() {
    let pool = Pool::new(1);
    let mut file = pool.file();
    file.policy.signatures.clear();
    assert_eq!(open(&file), too_few(Paper::Policy, 0));
    file.policy = signed(&pool.policy, &[key_pair(4), key_pair(5)]);
    assert_eq!(open(&file), too_few(Paper::Policy, 0));
}

#[test]
fn root_signed_by_strangers() {
    let pool = Pool::new(1);
    let mut file = pool.file();
    file.root = signed(&pool.root, &[key_pair(98), key_pair(99)]);
    assert_eq!(open(&file), too_few(Paper::Root, 0));
}

#[test]
fn body_changed_after_signing() {
    let pool = Pool::new(1);
    let mut file = pool.file();
    file.policy = change(&file.policy, "gate", "gaze");
    assert_eq!(open(&file), too_few(Paper::Policy, 0));
}

#[test]
fn dsse_type_swapped() {
    let pool = Pool::new(1);
    let mut file = pool.file();
    core::mem::swap(&mut file.root, &mut file.policy);
    let refused = open(&file);
    assert!(matches!(
        refused,
        Err(Disbelief::Unreadable { what: Paper::Root, why: DocumentError::Type { .. } })
    ));
    core::mem::swap(&mut file.root, &mut file.policy);
    file.policy.payload_type.clone_from(&file.root.payload_type);
    assert!(matches!(open(&file), Err(Disbelief::Unreadable { what: Paper::Policy, .. })));
}

#[test]
fn policy_of_another_pool() {
    let mut pool = Pool::new(1);
    pool.policy.pool = "other".to_owned();
    let expected = POOL.to_owned();
    let other = Disbelief::OtherPool { what: Paper::Policy, found: "other".to_owned(), expected };
    assert_eq!(open(&pool.file()), Err(other));
}

#[test]
fn a_policy_whose_quorums_do_not_overlap_is_refused() {
    let mut pool = Pool::new(4);
    pool.policy.write = 2;
    assert!(matches!(open(&pool.file()), Err(Disbelief::Unreadable { what: Paper::Policy, .. })));
}
