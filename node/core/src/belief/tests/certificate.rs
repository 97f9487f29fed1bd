//! Receipts and certificates.
use super::*;
use crate::belief::fixture::*;
use crate::limits::SEEDS_MAX;
use crate::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, Manifest, Paper, Receipt, Timestamp, Weighed, Yanked,
};
use proptest::prelude::*;

const KEY: &str = "core/main/npm/1";

fn certify(pool: &Pool, certified: &CertifiedEnvelope) -> Result<CertifiedManifest, Disbelief> {
    pool.trust().certify(certified, WALL)
}

/// A pool of four seeds with a certificate of three: the case to break.
fn four() -> (Pool, Manifest, CertifiedEnvelope) {
    let pool = Pool::new(4);
    let manifest = pool.manifest(KEY, 1);
    let certified = pool.certified(&manifest);
    assert_eq!(certified.receipts.len(), 3);
    (pool, manifest, certified)
}

/// What is said of a certificate whose third receipt is this one instead.
fn with_third(receipt: impl FnOnce(&Pool, &CertifiedEnvelope) -> Envelope) -> Option<Disbelief> {
    let (pool, _, mut certified) = four();
    certified.receipts[2] = receipt(&pool, &certified);
    certify(&pool, &certified).err()
}

/// A third receipt with this changed, signed by its seed.
fn with_changed_third(change: impl FnOnce(&mut Receipt)) -> Option<Disbelief> {
    with_third(|pool, certified| {
        let mut receipt: Receipt = certified.receipts[2].body().unwrap();
        change(&mut receipt);
        pool.by_seed(2, &receipt)
    })
}

const ONE_SHORT: Option<Disbelief> = Some(Disbelief::NotCertified { have: 2, need: 3 });

#[test]
fn receipts_of_enough_seeds_certify() {
    let (pool, manifest, certified) = four();
    let witness = certify(&pool, &certified).unwrap();
    assert_eq!((witness.manifest(), witness.id()), (&manifest, certified.manifest.id()));
    assert_eq!(witness.median(), WALL);
    assert_eq!(witness.receipts().len(), 3);
    assert_eq!(certify(&pool, &witness.to_envelope()), Ok(witness));
}

#[test]
fn one_seed_alone_certifies() {
    let pool = Pool::new(1);
    assert!(certify(&pool, &pool.certified(&pool.manifest(KEY, 1))).is_ok());
}

#[test]
fn uncertified_manifest() {
    let pool = Pool::new(1);
    let mut certified = pool.certified(&pool.manifest(KEY, 1));
    certified.receipts.clear();
    assert_eq!(certify(&pool, &certified), Err(Disbelief::NotCertified { have: 0, need: 1 }));
    let (pool, _, mut certified) = four();
    certified.receipts.pop();
    assert_eq!(certify(&pool, &certified).err(), ONE_SHORT);
}

#[test]
fn one_seed_counted_twice() {
    let again = with_third(|pool, certified| pool.receipt(0, &certified.manifest, later(1)));
    assert_eq!(again, ONE_SHORT);
}

#[test]
fn a_receipt_of_a_stranger_does_not_count() {
    let stranger = with_third(|pool, certified| {
        let mut receipt: Receipt = certified.receipts[2].body().unwrap();
        receipt.seed = node(0);
        assert_ne!(receipt.seed, pool.seed_id(0));
        Envelope::sign(&receipt, &key_pair(100))
    });
    assert_eq!(stranger, ONE_SHORT);
    let signed_by_another = with_third(|pool, certified| {
        let receipt: Receipt = certified.receipts[2].body().unwrap();
        pool.by_seed(1, &receipt)
    });
    assert_eq!(signed_by_another, ONE_SHORT);
}

#[test]
fn a_receipt_for_something_else_does_not_count() {
    assert_eq!(with_changed_third(|_| ()), None);
    assert_eq!(with_changed_third(|receipt| receipt.manifest = NO_MANIFEST), ONE_SHORT);
    assert_eq!(with_changed_third(|receipt| receipt.key = "core/main/npm/2".parse().unwrap()), ONE_SHORT);
    assert_eq!(with_changed_third(|receipt| receipt.sequence = 2), ONE_SHORT);
    assert_eq!(with_changed_third(|receipt| receipt.pool = "other".to_owned()), ONE_SHORT);
}

#[test]
fn bad_receipts_are_left_out_and_do_no_harm() {
    let (pool, manifest, mut certified) = four();
    let good = certify(&pool, &certified).unwrap();
    let other = pool.sign(&pool.manifest(KEY, 2));
    certified.receipts.insert(0, pool.receipt(3, &other, WALL));
    certified.receipts.insert(0, pool.sign(&manifest));
    certified.receipts.push(pool.receipt(1, &certified.manifest, later(500)));
    assert_eq!(certify(&pool, &certified), Ok(good));
}

#[test]
fn more_receipts_than_seeds_can_be_are_refused() {
    let (pool, _, mut certified) = four();
    let receipt = certified.receipts[0].clone();
    certified.receipts.resize(SEEDS_MAX, receipt.clone());
    assert!(certify(&pool, &certified).is_ok());
    certified.receipts.push(receipt);
    assert_eq!(certify(&pool, &certified), Err(Disbelief::TooManyReceipts { found: SEEDS_MAX + 1 }));
}

#[test]
fn one_lying_seed_does_not_move_the_median_beyond_honest_times() {
    let pool = Pool::new(4);
    let manifest = pool.manifest(KEY, 1);
    let median = |times: &[Timestamp]| certify(&pool, &pool.certified_at(&manifest, times)).unwrap().median();
    assert_eq!(median(&[later(2), later(1), Timestamp::from_millis(0)]), later(1));
    assert_eq!(median(&[later(2), later(1), Timestamp::from_millis(u64::MAX)]), later(2));
    assert_eq!(median(&[later(4), later(1), later(3), later(2)]), later(2), "the lower of the middle two");
}

#[test]
fn publisher_is_judged_at_the_median_of_the_receipts() {
    let mut pool = Pool::new(4);
    pool.policy.publishers[0].expires = earlier(60);
    let manifest = pool.manifest(KEY, 1);
    let published = pool.certified_at(&manifest, &[earlier(90), earlier(61), WALL]);
    assert!(certify(&pool, &published).is_ok(), "good when it was published");
    let published = pool.certified_at(&manifest, &[earlier(90), earlier(60), WALL]);
    let expired = Disbelief::PublisherExpired { publisher: "gate".to_owned(), ago: seconds(0) };
    assert_eq!(certify(&pool, &published), Err(expired));
}

#[test]
fn a_thief_cannot_backdate() {
    let mut pool = Pool::new(1);
    pool.policy.publishers[0].expires = earlier(60);
    let mut manifest = pool.manifest(KEY, 1);
    manifest.created = earlier(3_600);
    let expired = Disbelief::PublisherExpired { publisher: "gate".to_owned(), ago: seconds(60) };
    assert_eq!(certify(&pool, &pool.certified(&manifest)), Err(expired));
}

#[test]
fn manifest_expired() {
    let pool = Pool::new(1);
    let mut manifest = pool.manifest(KEY, 1);
    manifest.expires = WALL;
    let certified = pool.certified_at(&manifest, &[earlier(500)]);
    assert_eq!(
        certify(&pool, &certified),
        Err(Disbelief::Expired { what: Paper::Manifest, ago: seconds(0) })
    );
    assert!(pool.trust().certify(&certified, earlier(1)).is_ok());
}

/// A manifest that the seeds took when it was made: a reader whose clock is an hour slow still believes it.
#[test]
fn clock_an_hour_off() {
    let pool = Pool::new(1);
    let certified = pool.certified(&pool.manifest(KEY, 1));
    assert!(pool.trust().certify(&certified, earlier(3_600)).is_ok());
}

#[test]
fn manifest_from_the_future_of_its_receipts() {
    let pool = Pool::new(1);
    let mut manifest = pool.manifest(KEY, 1);
    manifest.created = WALL;
    let certified = pool.certified_at(&manifest, &[earlier(301)]);
    let future = Disbelief::FromTheFuture { what: Paper::Manifest, ahead: seconds(301) };
    assert_eq!(certify(&pool, &certified), Err(future));
}

#[test]
fn check_job_publishes() {
    let pool = Pool::new(1);
    let manifest = Envelope::sign(&pool.manifest(KEY, 1), &key_pair(77));
    let receipts = vec![pool.receipt(0, &manifest, WALL)];
    let certified = CertifiedEnvelope { manifest, receipts };
    assert_eq!(certify(&pool, &certified), Err(Disbelief::NotAPublisher));
}

#[test]
fn receipts_are_judged_by_themselves() {
    let (pool, _, certified) = four();
    let trust = pool.trust();
    let envelope = &certified.receipts[2];
    let verified = trust.verify_receipt(envelope).unwrap();
    assert_eq!((verified.receipt().seed, verified.envelope()), (pool.seed_id(2), envelope));

    let mut twice = envelope.clone();
    twice.add_signature(&pool.seeds[1]);
    let count = Disbelief::SignatureCount { what: Paper::Receipt, found: 2 };
    assert_eq!(trust.verify_receipt(&twice), Err(count));

    let resigned = resign(envelope, &pool.seeds[1]);
    let not_signed = Disbelief::NotSignedBySeed { what: Paper::Receipt, seed: pool.seed_id(2) };
    assert_eq!(trust.verify_receipt(&resigned), Err(not_signed));

    let receipt = Receipt { seed: node(0), ..verified.receipt().clone() };
    let stranger = Envelope::sign(&receipt, &key_pair(100));
    assert_eq!(trust.verify_receipt(&stranger), Err(Disbelief::NotASeed { peer: node(0) }));
    assert!(matches!(
        trust.verify_receipt(&certified.manifest),
        Err(Disbelief::Unreadable { what: Paper::Receipt, why: DocumentError::Type { .. } })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever seeds sign, in whatever order: it counts exactly when three distinct ones did.
    #[test]
    fn distinct_seeds_are_counted(seeds in prop::collection::vec(0_usize..4, 0..8)) {
        let pool = Pool::new(4);
        let manifest = pool.sign(&pool.manifest(KEY, 1));
        let receipts = seeds.iter().map(|seed| pool.receipt(*seed, &manifest, WALL)).collect();
        let distinct = seeds.iter().collect::<std::collections::BTreeSet<_>>().len();
        let witness = certify(&pool, &CertifiedEnvelope { manifest, receipts });
        prop_assert_eq!(witness.is_ok(), distinct >= 3);
        prop_assert!(witness.is_err() || witness.unwrap().receipts().len() == distinct);
    }
}

/// What a seed finds of a certificate with this many good receipts, of four seeds' three.
fn weighed(receipts: usize) -> Result<Weighed, Disbelief> {
    let (pool, _, mut certified) = four();
    certified.receipts.truncate(receipts);
    pool.trust().weigh(&certified, WALL)
}

#[test]
fn more_receipts_than_may_be_faulty_are_worth_the_rest() {
    assert!(matches!(weighed(3), Ok(Weighed::Certified(_))));
    let Ok(Weighed::Short(short)) = weighed(2) else { panic!("two of four are one more than may lie") };
    assert_eq!((short.receipts().len(), short.median()), (2, WALL));
    assert_eq!(Some(short.disbelief()), ONE_SHORT, "no reader takes that");
    assert_eq!(weighed(1), Err(Disbelief::NotCertified { have: 1, need: 3 }));
    assert_eq!(weighed(0), Err(Disbelief::NotCertified { have: 0, need: 3 }));
}

#[test]
fn what_lacks_receipts_is_judged_like_everything_else() {
    let (pool, manifest, _) = four();
    let mut forged = pool.certified(&manifest);
    forged.manifest = Envelope::sign(&manifest, &key_pair(200));
    forged.receipts = (0..2).map(|seed| pool.receipt(seed, &forged.manifest, WALL)).collect();
    assert_eq!(pool.trust().weigh(&forged, WALL), Err(Disbelief::NotAPublisher));
    let mut certified = pool.certified(&manifest);
    certified.receipts.truncate(2);
    let taken = yank_envelope(&yank("y-1", Yanked::Manifest(certified.manifest.id())));
    let trust = pool.trust().hear(&[taken], WALL);
    assert!(matches!(trust.weigh(&certified, WALL), Err(Disbelief::Yanked { .. })));
    assert!(matches!(pool.trust().weigh(&certified, later(9_500)), Err(Disbelief::Expired { .. })));
}
