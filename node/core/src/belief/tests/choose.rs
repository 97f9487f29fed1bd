//! Which candidate is taken.
use crate::belief::fixture::*;
use crate::{CertifiedManifest, Matched, Query, Timestamp, VerifiedAnswer};
use proptest::prelude::*;

fn answer(pool: &Pool, seed: usize, candidates: &[&CertifiedManifest]) -> VerifiedAnswer {
    let candidates = candidates.iter().map(|candidate| (*candidate).clone()).collect();
    VerifiedAnswer {
        seed: pool.seed_id(seed),
        candidates,
        skipped: Vec::new(),
        policy_version: 1,
        papers: None,
        time: WALL,
    }
}

/// What is taken when the first seed names all of these.
fn choose(pool: &Pool, query: &Query, candidates: &[&CertifiedManifest]) -> Option<CertifiedManifest> {
    pool.trust().choose(query, &[answer(pool, 0, candidates)])
}

#[test]
fn the_exact_key_comes_before_fallbacks() {
    let pool = Pool::new(1);
    let exact = pool.witness("core/main/npm/1", 1, earlier(90));
    let newer = pool.witness("core/main/npm/2", 9, WALL);
    let query = query("core/main/npm/1", &["core/main/npm"]);
    assert_eq!(choose(&pool, &query, &[&newer, &exact]), Some(exact));
}

#[test]
fn fallbacks_come_in_the_asked_order() {
    let pool = Pool::new(1);
    let first = pool.witness("core/main/npm/1", 1, earlier(90));
    let second = pool.witness("core/old/npm/1", 9, WALL);
    let asked = query("core/new/npm/1", &["core/main/npm", "core/old/npm"]);
    assert_eq!(choose(&pool, &asked, &[&second, &first]).as_ref(), Some(&first));
    let asked = query("core/new/npm/1", &["core/old/npm", "core/main/npm"]);
    assert_eq!(choose(&pool, &asked, &[&first, &second]), Some(second));
}

#[test]
fn old_manifest_replayed() {
    let pool = Pool::new(4);
    let old = pool.witness("core/main/npm/1", 1, WALL);
    let new = pool.witness("core/main/npm/1", 2, earlier(60));
    let answers = [answer(&pool, 0, &[&old]), answer(&pool, 1, &[&new]), answer(&pool, 2, &[&old])];
    let query = query("core/main/npm/1", &[]);
    assert_eq!(pool.trust().choose(&query, &answers), Some(new), "one honest seed is enough");
}

/// Of each key only the highest sequence counts, also among fallbacks: an old one's late receipt changes nothing.
#[test]
fn an_old_sequence_does_not_come_back_through_a_fallback() {
    let pool = Pool::new(1);
    let old = pool.witness("core/main/npm/1", 1, WALL);
    let new = pool.witness("core/main/npm/1", 2, earlier(60));
    let other = pool.witness("core/main/npm/2", 1, earlier(30));
    let query = query("core/new/npm/1", &["core/main/npm"]);
    assert_eq!(choose(&pool, &query, &[&old, &new, &other]), Some(other));
}

#[test]
fn within_a_lineage_the_latest_is_taken_then_the_highest_sequence() {
    let pool = Pool::new(1);
    let query = query("core/new/npm/1", &["core/main/npm"]);
    let latest = pool.witness("core/main/npm/1", 1, WALL);
    let higher = pool.witness("core/main/npm/2", 9, earlier(1));
    assert_eq!(choose(&pool, &query, &[&higher, &latest]).as_ref(), Some(&latest));
    let as_late = pool.witness("core/main/npm/3", 2, WALL);
    assert_eq!(choose(&pool, &query, &[&higher, &as_late, &latest]), Some(as_late));
}

#[test]
fn what_does_not_answer_is_not_taken() {
    let pool = Pool::new(1);
    let deeper = pool.witness("core/main/npm/old/1", 1, WALL);
    let query = query("core/new/npm/1", &["core/main/npm"]);
    assert_eq!(choose(&pool, &query, &[&deeper]), None);
    assert_eq!(choose(&pool, &query, &[]), None);
}

#[test]
fn two_of_four_seeds_answer() {
    let pool = Pool::new(4);
    let answers = [0, 1, 2].map(|seed| answer(&pool, seed, &[]));
    let trust = pool.trust();
    assert!(trust.is_quorum(&answers));
    assert!(!trust.is_quorum(&answers[..2]));
    assert!(
        !trust.is_quorum(&[answers[0].clone(), answers[1].clone(), answers[1].clone()]),
        "one counts once"
    );
}

#[test]
fn a_key_matches_the_first_fallback_that_it_can() {
    let query = query("core/main/npm/1", &["core/main/npm/1*", "core/main/npm", "core/main"]);
    let matched = |key: &str| query.matched(&key.parse().unwrap());
    assert_eq!(matched("core/main/npm/1"), Some(Matched::Exact));
    assert_eq!(matched("core/main/npm/12"), Some(Matched::Fallback(0)));
    assert_eq!(matched("core/main/npm/2"), Some(Matched::Fallback(1)));
    assert_eq!(matched("core/main/npm"), Some(Matched::Fallback(2)));
    assert_eq!(matched("core/main/npm/1/x"), None);
    assert!(Matched::Exact < Matched::Fallback(0) && Matched::Fallback(0) < Matched::Fallback(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Who has the same answers takes the same, in whatever order they came.
    #[test]
    fn the_order_of_answers_does_not_matter(
        names in prop::collection::vec((0_u8..3, 1_u64..4, 0_u64..3), 1..8),
        shift in 0_usize..8,
    ) {
        let pool = Pool::new(1);
        let time = |ago: u64| -> Timestamp { earlier(ago) };
        let witness = |(key, sequence, ago): &(u8, u64, u64)| {
            pool.witness(&format!("core/main/npm/{key}"), *sequence, time(*ago))
        };
        let witnesses: Vec<_> = names.iter().map(witness).collect();
        let mut answers: Vec<_> = witnesses.iter().map(|one| answer(&pool, 0, &[one])).collect();
        let query = query("core/main/npm/0", &["core/main/npm"]);
        let taken = pool.trust().choose(&query, &answers);
        let count = answers.len();
        answers.rotate_left(shift % count);
        prop_assert_eq!(&pool.trust().choose(&query, &answers), &taken);
        answers.reverse();
        prop_assert_eq!(&pool.trust().choose(&query, &answers), &taken);
        let taken = taken.unwrap();
        let best = names.iter().filter(|name| name.0 == 0).map(|name| name.1).max();
        prop_assert!(best.is_none_or(|best| taken.manifest().sequence == best));
    }
}
