//! Answers that peers hand on while seeds are away.
use super::*;
use crate::belief::fixture::*;
use crate::{CertifiedEnvelope, Disbelief, Paper, Query, RelayedAnswer, VerifiedAnswer};

const KEY: &str = "core/main/npm/1";
const LINEAGE: &str = "core/main/npm";

struct Case {
    pool: Pool,
    query: Query,
    beside: Vec<CertifiedEnvelope>,
}

impl Case {
    fn new() -> Self {
        let pool = Pool::new(4);
        let manifests = [pool.manifest(KEY, 3), pool.manifest("core/main/npm/2", 1)];
        let beside = manifests.iter().map(|manifest| pool.certified(manifest)).collect();
        Self { pool, query: query(KEY, &[]), beside }
    }

    fn body(&self) -> RelayedAnswer {
        self.pool.relayed(1, LINEAGE, &self.beside)
    }

    fn verify(&self, body: &RelayedAnswer) -> Result<VerifiedAnswer, Disbelief> {
        let answer = self.pool.by_seed(1, body);
        self.pool.trust().verify_relayed(&self.query, &answer, &self.beside, WALL)
    }
}

fn keys(verified: &VerifiedAnswer) -> Vec<&str> {
    verified.candidates().iter().map(|candidate| candidate.manifest().key.as_str()).collect()
}

fn change(change: impl FnOnce(&mut RelayedAnswer)) -> Option<Disbelief> {
    let case = Case::new();
    let mut body = case.body();
    change(&mut body);
    case.verify(&body).err()
}

#[test]
fn only_what_answers_the_query_is_kept() {
    let mut case = Case::new();
    let verified = case.verify(&case.body()).unwrap();
    assert_eq!((verified.seed(), keys(&verified)), (case.pool.seed_id(1), vec![KEY]));
    case.query = query("core/main/npm/7", &["core/old/npm", "core/main/npm/2*"]);
    assert_eq!(keys(&case.verify(&case.body()).unwrap()), ["core/main/npm/2"]);
    case.query = query("x/y", &[LINEAGE]);
    assert_eq!(keys(&case.verify(&case.body()).unwrap()).len(), 2);
}

#[test]
fn relayed_answer_too_old() {
    let longest = seconds(600);
    assert_eq!(change(|body| body.time = earlier(600)), None);
    let too_old = Disbelief::TooOld { age: seconds(601), longest };
    assert_eq!(change(|body| body.time = earlier(601)), Some(too_old));
}

#[test]
fn relayed_answer_from_the_future() {
    assert_eq!(change(|body| body.time = later(300)), None);
    let future = Disbelief::FromTheFuture { what: Paper::RelayedAnswer, ahead: seconds(301) };
    assert_eq!(change(|body| body.time = later(301)), Some(future));
}

#[test]
fn relayed_answer_of_another_lineage() {
    let mut case = Case::new();
    case.query = query("core/other/npm/1", &["core/main/old"]);
    let lineage = LINEAGE.parse().unwrap();
    assert_eq!(case.verify(&case.body()).err(), Some(Disbelief::OtherLineage { lineage }));
}

#[test]
fn a_candidate_outside_the_answers_lineage() {
    let mut case = Case::new();
    case.query = query(KEY, &["core/main"]);
    case.beside.push(case.pool.certified(&case.pool.manifest("core/main/npm", 1)));
    let why = case.verify(&case.body()).err();
    assert!(matches!(why, Some(Disbelief::Unreadable { what: Paper::RelayedAnswer, .. })));
}

#[test]
fn relayed_answer_of_who_is_no_seed() {
    let case = Case::new();
    let body = RelayedAnswer { seed: node(0), ..case.body() };
    let answer = Envelope::sign(&body, &key_pair(100));
    let verdict = case.pool.trust().verify_relayed(&case.query, &answer, &case.beside, WALL);
    assert_eq!(verdict.err(), Some(Disbelief::NotASeed { peer: node(0) }));
    let seed = case.pool.seed_id(2);
    let not_signed = Disbelief::NotSignedBySeed { what: Paper::RelayedAnswer, seed };
    assert_eq!(change(|body| body.seed = seed), Some(not_signed));
}

#[test]
fn relayed_answer_of_another_pool() {
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    let other = Disbelief::OtherPool { what: Paper::RelayedAnswer, found, expected };
    assert_eq!(change(|body| body.pool = "other".to_owned()), Some(other));
}

#[test]
fn uncertified_manifest() {
    let mut case = Case::new();
    case.beside[0].receipts.clear();
    assert_eq!(case.verify(&case.body()).err(), Some(Disbelief::NotCertified { have: 0, need: 3 }));
}

/// A peer cannot pass a seed's answer with a nonce for one without, nor the other way about.
#[test]
fn dsse_type_swapped() {
    let case = Case::new();
    let asked = case.pool.asked(1, &case.query);
    let answer = case.pool.by_seed(1, &case.pool.answer(&asked, &case.beside[..1]));
    let trust = case.pool.trust();
    assert!(matches!(
        trust.verify_relayed(&case.query, &answer, &case.beside, WALL),
        Err(Disbelief::Unreadable { what: Paper::RelayedAnswer, why: DocumentError::Type { .. } })
    ));
    let relayed = case.pool.by_seed(1, &case.body());
    assert!(matches!(
        trust.verify_answer(&asked, &relayed, &case.beside, WALL),
        Err(Disbelief::Unreadable { what: Paper::Answer, why: DocumentError::Type { .. } })
    ));
}
