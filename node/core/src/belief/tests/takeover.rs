//! When a newer policy takes over.
use crate::belief::fixture::*;
use crate::{Digest, PolicyHolders, PolicyVotes};

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

#[test]
fn a_newer_policy_takes_over_once_enough_pinned_seeds_answer_with_it() {
    let pool = Pool::new(4);
    let mut votes = PolicyVotes::new(&pool.policy);
    assert_eq!(votes.agreed(), None);
    for seed in [0, 1, 1, 1] {
        votes.heard(pool.seed_id(seed), 2, digest(2));
    }
    votes.heard(node(0), 2, digest(2));
    assert_eq!(votes.agreed(), None, "one seed has one say, a stranger none");
    votes.heard(pool.seed_id(2), 2, digest(3));
    assert_eq!(votes.agreed(), None, "another policy of that version");
    votes.heard(pool.seed_id(3), 9, digest(9));
    assert_eq!(votes.agreed(), None, "one seed alone");
    votes.heard(pool.seed_id(2), 2, digest(2));
    assert_eq!(votes.agreed(), Some((2, digest(2))));
    votes.heard(pool.seed_id(2), 1, digest(1));
    assert_eq!(votes.agreed(), None, "its last word counts");
}

#[test]
fn one_byzantine_seed_forks() {
    let pool = Pool::new(4);
    let mut votes = PolicyVotes::new(&pool.policy);
    for seed in 0..3 {
        votes.heard(pool.seed_id(seed), 1, digest(1));
    }
    votes.heard(pool.seed_id(3), u64::MAX, digest(9));
    assert_eq!(votes.agreed(), Some((1, digest(1))));
}

#[test]
fn a_policy_counts_once_enough_seeds_of_both_sets_hold_it() {
    let (old, new) = (Pool::new(4), Pool::new(5));
    assert_eq!((old.policy.write, new.policy.write), (3, 4));
    let mut holders = PolicyHolders::new(&old.policy, &new.policy);
    for seed in [4, 0, 1] {
        holders.holds(new.seed_id(seed));
        assert!(!holders.counts());
    }
    holders.holds(new.seed_id(1));
    holders.holds(node(0));
    assert!(!holders.counts());
    holders.holds(new.seed_id(2));
    assert!(holders.counts());
    let mut shrinking = PolicyHolders::new(&new.policy, &old.policy);
    for seed in 0..3 {
        shrinking.holds(old.seed_id(seed));
    }
    assert!(!shrinking.counts(), "three of four, but not four of five");
    shrinking.holds(new.seed_id(4));
    assert!(shrinking.counts());
}
