//! Seeds' answers to a reader's question.
use super::*;
use crate::belief::fixture::*;
use crate::limits::CANDIDATES_MAX;
use crate::{
    Asked, CertifiedEnvelope, Disbelief, FreshnessAnswer, Nonce, Paper, Query, Receipt, VerifiedAnswer,
};

const KEY: &str = "core/main/npm/1";

/// A question to the first of four seeds, and two manifests that answer it.
struct Case {
    pool: Pool,
    asked: Asked,
    beside: Vec<CertifiedEnvelope>,
}

impl Case {
    fn new() -> Self {
        let pool = Pool::new(4);
        let asked = pool.asked(0, &query(KEY, &["core/main/npm"]));
        let manifests = [pool.manifest(KEY, 3), pool.manifest("core/main/npm/2", 1)];
        let beside = manifests.iter().map(|manifest| pool.certified(manifest)).collect();
        Self { pool, asked, beside }
    }

    fn body(&self) -> FreshnessAnswer {
        self.pool.answer(&self.asked, &self.beside)
    }

    fn verify(&self, answer: &Envelope) -> Result<VerifiedAnswer, Disbelief> {
        self.pool.trust().verify_answer(&self.asked, answer, &self.beside, WALL)
    }

    /// What the first seed's answer is worth when it says this.
    fn verdict(&self, body: &FreshnessAnswer) -> Option<Disbelief> {
        self.verify(&self.pool.by_seed(0, body)).err()
    }
}

fn change(change: impl FnOnce(&mut FreshnessAnswer)) -> Option<Disbelief> {
    let case = Case::new();
    let mut body = case.body();
    change(&mut body);
    case.verdict(&body)
}

/// An answer that names all that comes with it, after this was changed.
fn with_beside(change: impl FnOnce(&Pool, &mut Vec<CertifiedEnvelope>)) -> Result<VerifiedAnswer, Disbelief> {
    let mut case = Case::new();
    change(&case.pool, &mut case.beside);
    case.verify(&case.pool.by_seed(0, &case.body()))
}

/// A document that contradicts itself: it answers what it says was not asked.
fn is_off_topic(why: Option<&Disbelief>) -> bool {
    let Some(Disbelief::Unreadable { what: Paper::Answer, why }) = why else { return false };
    matches!(why, DocumentError::Invalid { field: "candidates", .. })
}

#[test]
fn an_honest_answer_counts() {
    let case = Case::new();
    let verified = case.verify(&case.pool.by_seed(0, &case.body())).unwrap();
    assert_eq!(verified.seed(), case.pool.seed_id(0));
    let ids: Vec<_> = verified.candidates().iter().map(crate::CertifiedManifest::id).collect();
    assert_eq!(ids, case.beside.iter().map(|certified| certified.manifest.id()).collect::<Vec<_>>());
    assert!(verified.skipped().is_empty());
}

#[test]
fn nothing_is_an_answer_too() {
    let verified = with_beside(|_, beside| beside.clear()).unwrap();
    assert!(verified.candidates().is_empty());
}

#[test]
fn nonce_replayed() {
    assert_eq!(change(|body| body.nonce = Nonce::from_bytes([41; 32])), Some(Disbelief::OtherNonce));
}

#[test]
fn answer_to_another_question() {
    let wider = "core/main/npm".parse().unwrap();
    assert_eq!(change(|body| body.query.fallbacks.push(wider)), Some(Disbelief::OtherQuery));
    let key = "core/main/npm/2".parse().unwrap();
    assert_eq!(change(|body| body.query.key = key), Some(Disbelief::OtherQuery));
}

#[test]
fn answer_of_another_pool() {
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    let other = Disbelief::OtherPool { what: Paper::Answer, found, expected };
    assert_eq!(change(|body| body.pool = "other".to_owned()), Some(other));
}

#[test]
fn answer_in_another_seeds_name() {
    let case = Case::new();
    let (asked, found) = (case.pool.seed_id(0), case.pool.seed_id(1));
    let body = FreshnessAnswer { seed: found, ..case.body() };
    assert_eq!(case.verdict(&body), Some(Disbelief::OtherSeed { asked, found }));
    let not_signed = Disbelief::NotSignedBySeed { what: Paper::Answer, seed: asked };
    assert_eq!(case.verify(&case.pool.by_seed(1, &body)).err(), Some(not_signed.clone()));
    assert_eq!(case.verify(&case.pool.by_seed(1, &case.body())).err(), Some(not_signed));
}

#[test]
fn answer_of_who_is_no_seed() {
    let mut case = Case::new();
    case.asked.seed = node(0);
    let answer = Envelope::sign(&case.body(), &key_pair(100));
    assert_eq!(case.verify(&answer).err(), Some(Disbelief::NotASeed { peer: node(0) }));
}

#[test]
fn manifest_key_differs_from_request() {
    let other =
        with_beside(|pool, beside| beside.push(pool.certified(&pool.manifest("core/main/old/npm", 9))));
    assert!(is_off_topic(other.as_ref().err()));
}

#[test]
fn an_answer_that_names_a_key_or_sequence_the_manifest_does_not_have() {
    let short = Some(Disbelief::NotCertified { have: 0, need: 3 });
    assert_eq!(change(|body| body.candidates[0].key = "core/main/npm/3".parse().unwrap()), short);
    assert_eq!(change(|body| body.candidates[0].sequence = 4), short);
}

/// As before, where three seeds lie and sign receipts for what the manifest does not say.
fn with_lying_receipts(lie: impl Fn(&mut Receipt)) -> Option<Disbelief> {
    let mut case = Case::new();
    let mut body = case.body();
    for (seed, receipt) in case.beside[0].receipts.iter_mut().enumerate() {
        let mut lying = receipt.body().unwrap();
        lie(&mut lying);
        (body.candidates[0].key, body.candidates[0].sequence) = (lying.key.clone(), lying.sequence);
        *receipt = case.pool.by_seed(seed, &lying);
    }
    let differs = Disbelief::CandidateDiffers { manifest: body.candidates[0].manifest };
    case.verdict(&body).filter(|why| *why == differs)
}

#[test]
fn certified_under_another_key_or_sequence_than_the_manifests() {
    assert!(with_lying_receipts(|receipt| receipt.sequence = 4).is_some());
    assert!(with_lying_receipts(|receipt| receipt.key = "core/main/npm/3".parse().unwrap()).is_some());
}

#[test]
fn uncertified_manifest() {
    let short = with_beside(|_, beside| beside[1].receipts.truncate(2));
    assert_eq!(short.err(), Some(Disbelief::NotCertified { have: 2, need: 3 }));
}

#[test]
fn candidate_that_did_not_come() {
    let mut case = Case::new();
    let body = case.body();
    let manifest = case.beside.pop().unwrap().manifest.id();
    assert_eq!(case.verdict(&body), Some(Disbelief::CandidateMissing { manifest }));
}

#[test]
fn what_comes_unnamed_is_ignored() {
    let mut case = Case::new();
    let body = case.body();
    case.beside.push(case.pool.certified(&case.pool.manifest("core/main/npm/9", 1)));
    let verified = case.verify(&case.pool.by_seed(0, &body)).unwrap();
    assert_eq!(verified.candidates().len(), 2);
}

#[test]
fn too_many_candidates() {
    let most = |count: usize| {
        with_beside(|pool, beside| {
            let sequences = 1..=u64::try_from(count).unwrap();
            *beside = sequences.map(|sequence| pool.certified(&pool.manifest(KEY, sequence))).collect();
        })
    };
    assert!(most(CANDIDATES_MAX).is_ok());
    assert!(most(CANDIDATES_MAX + 1).is_err());
    let mut case = Case::new();
    let body = case.body();
    let one = case.beside[0].clone();
    case.beside.resize(CANDIDATES_MAX + 1, one);
    assert_eq!(case.verdict(&body), Some(Disbelief::TooManyCandidates { found: CANDIDATES_MAX + 1 }));
}

#[test]
fn what_expired_since_is_skipped() {
    let verified = with_beside(|pool, beside| {
        let mut manifest = pool.manifest(KEY, 4);
        manifest.expires = earlier(1);
        beside.insert(0, pool.certified_at(&manifest, &[earlier(300); 3]));
    })
    .unwrap();
    assert_eq!(verified.candidates().len(), 2);
    let why = Disbelief::Expired { what: Paper::Manifest, ago: seconds(1) };
    assert_eq!(verified.skipped().iter().map(|skipped| &skipped.why).collect::<Vec<_>>(), [&why]);
}

/// The seeds believed it once: a publisher was struck from the policy since, which takes nothing else along.
#[test]
fn what_a_former_publisher_signed_is_skipped() {
    let verified = with_beside(|pool, beside| {
        let manifest = Envelope::sign(&pool.manifest(KEY, 4), &key_pair(77));
        let receipts = (0..3).map(|seed| pool.receipt(seed, &manifest, WALL)).collect();
        beside.push(CertifiedEnvelope { manifest, receipts });
    })
    .unwrap();
    assert_eq!(verified.candidates().len(), 2);
    assert_eq!(verified.skipped()[0].why, Disbelief::NotAPublisher);
}

/// A seed that breaks a manifest's signature keeps only itself from naming it.
#[test]
fn one_byzantine_seed_sends_garbage() {
    let verified = with_beside(|_, beside| beside[0].manifest.signatures[0].sig = vec![0; 64]).unwrap();
    assert_eq!(verified.candidates().len(), 1);
    assert_eq!(verified.skipped()[0].why, Disbelief::NotAPublisher);
    let garbage = with_beside(|_, beside| beside[0].receipts[1].payload = b"garbage".to_vec());
    assert_eq!(garbage.err(), Some(Disbelief::NotCertified { have: 2, need: 3 }));
}

#[test]
fn body_changed_after_signing() {
    let case = Case::new();
    let answer = super::change(&case.pool.by_seed(0, &case.body()), POOL, "fixtune");
    let not_signed = Disbelief::NotSignedBySeed { what: Paper::Answer, seed: case.asked.seed };
    assert_eq!(case.verify(&answer).err(), Some(not_signed));
}

/// The reader's clock plays no part in whether an answer is fresh.
#[test]
fn an_answer_has_no_age() {
    assert_eq!(change(|body| body.time = crate::Timestamp::from_millis(0)), None);
    assert_eq!(change(|body| body.time = later(1_000_000)), None);
}

#[test]
fn a_question_without_fallbacks_takes_only_its_key() {
    let mut case = Case::new();
    case.asked.query = Query { fallbacks: Vec::new(), ..case.asked.query };
    assert!(is_off_topic(case.verdict(&case.body()).as_ref()));
}
