//! What verification costs. Run with `cargo test --release -p pollux-core -- --ignored --nocapture cost`.
use crate::belief::fixture::*;
use crate::{Papers, Policy, Root, Trust};

/// From nothing: three roots, a policy, four seeds' answers, and a manifest under a grant with four receipts. Less than
/// 2 ms are wanted.
#[test]
#[ignore = "a measurement, not a check: what it prints depends on the machine"]
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn cost_of_verifying_from_nothing() {
    const ROUNDS: u32 = 200;
    let pool = Pool::new(4);
    let root = |version, first: u8| {
        let keys = (first..first + 3).map(|number| key_pair(number).public()).collect();
        Root { version, keys, ..pool.root.clone() }
    };
    let second = signed(&root(2, 51), &[1, 2, 51, 52].map(key_pair));
    let third = signed(&root(3, 61), &[51, 53, 61, 63].map(key_pair));
    let policy = signed(&Policy { version: 2, ..pool.policy.clone() }, &[62, 63].map(key_pair));
    let papers = Papers { roots: vec![second, third], policy: Some(policy), yanks: Vec::new() };
    let beside = vec![pool.with_receipts(under(&grant(), &pool.manifest("core/main/npm/1", 1)), &[WALL; 4])];
    let (file, query) = (pool.file(), query("core/main/npm/1", &[]));
    let asked: Vec<_> = (0..4).map(|seed| pool.asked(seed, &query)).collect();
    let answer = |seed: usize| pool.by_seed(seed, &pool.answer(&asked[seed], &beside));
    let answers: Vec<_> = (0..4).map(answer).collect();
    let begin = std::time::Instant::now();
    for _ in 0..ROUNDS {
        let trust = Trust::open_with(&file, &papers, WALL).unwrap();
        assert!(trust.certify(&beside[0], WALL).is_ok());
    }
    let chain = begin.elapsed() / ROUNDS;
    let begin = std::time::Instant::now();
    for _ in 0..ROUNDS {
        let trust = Trust::open_with(&file, &papers, WALL).unwrap();
        let verify = |(asked, answer)| trust.verify_answer(asked, answer, &beside, WALL).unwrap();
        let verified: Vec<_> = asked.iter().zip(&answers).map(verify).collect();
        assert!(trust.choose(&query, &verified).is_some());
    }
    let whole = begin.elapsed() / ROUNDS;
    println!("root chain, policy, manifest, 4 receipts: {chain:?}; with 4 seeds' answers: {whole:?}");
}
