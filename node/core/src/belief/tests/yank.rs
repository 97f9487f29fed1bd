//! What is taken back.
use super::*;
use crate::belief::fixture::*;
use crate::limits::YANKS_MAX;
use crate::{
    CertifiedEnvelope, Disbelief, Manifest, ManifestId, Paper, Papers, Policy, Provenance, Trust, Used,
    VerifiedAnswer, Yank, YankSet, Yanked,
};
use proptest::prelude::*;

const KEY: &str = "core/main/npm/1";
const NPM: &str = "core/main/npm";

fn hear(pool: &Pool, yanks: &[Yank]) -> Trust {
    let envelopes: Vec<_> = yanks.iter().map(yank_envelope).collect();
    let trust = pool.trust().hear(&envelopes, WALL);
    assert_eq!(trust.yanks().len(), yanks.len());
    trust
}

/// What is said of a manifest after this yank, and whether the yank alone decides it.
fn verdict(certified: &CertifiedEnvelope, yank: &Yank) -> Option<Disbelief> {
    let pool = Pool::new(1);
    let before = pool.trust().certify(certified, WALL).expect("it is believed without the yank");
    let trust = hear(&pool, core::slice::from_ref(yank));
    let verdict = trust.certify(certified, WALL).err();
    assert_eq!(trust.yanked(&before, WALL), verdict, "what is held is judged as what comes");
    let used = Used::from(&before);
    assert_eq!((used.manifest(), used.key()), (before.id(), &before.manifest().key));
    assert_eq!(trust.used_yanked(&used), verdict, "and as what was used, of which little is remembered");
    verdict
}

fn takes(certified: &CertifiedEnvelope, what: Yanked) -> bool {
    let (manifest, reason) = (certified.manifest.id(), "it held a miner".to_owned());
    match verdict(certified, &yank("y-1", what)) {
        None => false,
        Some(why) => {
            assert_eq!(why, Disbelief::Yanked { manifest, yank: "y-1".to_owned(), reason });
            true
        }
    }
}

fn publish(change: impl FnOnce(&mut Manifest)) -> CertifiedEnvelope {
    let pool = Pool::new(1);
    let mut manifest = pool.manifest(KEY, 1);
    manifest.provenance = Provenance { ci: "zuul".into(), build: "b1".into(), ..Provenance::default() };
    change(&mut manifest);
    pool.certified(&manifest)
}

/// A manifest made from these.
fn made_from(ancestors: &[ManifestId]) -> CertifiedEnvelope {
    publish(|manifest| manifest.ancestors = ancestors.to_vec())
}

#[test]
fn a_yank_takes_what_it_names() {
    let pool = Pool::new(1);
    let own = publish(|_| ());
    let granted = pool.with_receipts(under(&grant(), &pool.manifest(KEY, 1)), &[WALL]);
    assert!(takes(&own, Yanked::Manifest(own.manifest.id())));
    assert!(!takes(&own, Yanked::Manifest(NO_MANIFEST)));
    assert!(takes(&granted, Yanked::Grant("g-1".to_owned())));
    assert!(!takes(&granted, Yanked::Grant("g-2".to_owned())));
    assert!(!takes(&own, Yanked::Grant("gate".to_owned())), "a publisher's name is no serial");
    assert!(takes(&own, Yanked::Publisher(pool.publisher.public())));
    assert!(!takes(&granted, Yanked::Publisher(pool.publisher.public())));
    assert!(takes(&granted, Yanked::Publisher(grantee().public())));
    assert!(takes(&granted, Yanked::Publisher(issuer().public())));
    let build = |ci: &str, build: &str| Yanked::Build { ci: ci.to_owned(), build: build.to_owned() };
    assert!(takes(&own, build("zuul", "b1")));
    assert!(!takes(&own, build("zuul", "b2")) && !takes(&own, build("jenkins", "b1")));
    assert!(takes(&granted, build("", "b1")));
}

/// By when seeds took it: who backdates or postdates gains nothing.
#[test]
fn a_pattern_is_yanked_before_a_moment() {
    let own = publish(|manifest| manifest.created = later(200));
    let before = |pattern: &str, before| Yanked::Pattern { pattern: pattern.parse().unwrap(), before };
    assert!(takes(&own, before("core/**", later(1))));
    assert!(!takes(&own, before("core/**", WALL)), "that moment stays");
    assert!(!takes(&own, before("core/old/**", later(1))));
}

#[test]
fn yank_falls_back_to_the_one_before() {
    let pool = Pool::new(1);
    let manifests = [pool.manifest(KEY, 3), pool.manifest(KEY, 2), pool.manifest(KEY, 1)];
    let beside: Vec<_> = manifests.iter().map(|manifest| pool.certified(manifest)).collect();
    let query = query(KEY, &[]);
    let asked = pool.asked(0, &query);
    let answer = pool.by_seed(0, &pool.answer(&asked, &beside));
    let taken = |yanked: &[usize]| {
        let yank_of = |n: &usize| yank(&n.to_string(), Yanked::Manifest(beside[*n].manifest.id()));
        let trust = hear(&pool, &yanked.iter().map(yank_of).collect::<Vec<_>>());
        let answer: VerifiedAnswer = trust.verify_answer(&asked, &answer, &beside, WALL).unwrap();
        assert_eq!(answer.skipped().len(), yanked.len());
        assert!(answer.skipped().iter().all(|skipped| skipped.why.to_string().ends_with("it held a miner")));
        trust.choose(&query, &[answer]).map(|chosen| chosen.manifest().sequence)
    };
    assert_eq!(taken(&[]), Some(3));
    assert_eq!(taken(&[0]), Some(2));
    assert_eq!(taken(&[0, 1]), Some(1));
    assert_eq!(taken(&[1]), Some(3));
    assert_eq!(taken(&[0, 1, 2]), None);
}

#[test]
fn a_relayed_answer_brings_no_poison_back() {
    let pool = Pool::new(1);
    let beside = vec![pool.certified(&pool.manifest(KEY, 1))];
    let trust = hear(&pool, &[yank("y-1", Yanked::Manifest(beside[0].manifest.id()))]);
    let answer = pool.by_seed(0, &pool.relayed(0, NPM, &beside));
    let verified = trust.verify_relayed(&query(KEY, &[]), &answer, &beside, WALL).unwrap();
    assert_eq!((verified.candidates().len(), verified.skipped().len()), (0, 1));
}

#[test]
fn republished_poison_is_yanked_with_its_ancestor() {
    let poison = publish(|manifest| manifest.sequence = 9).manifest.id();
    let child = made_from(&[NO_MANIFEST, poison]);
    let plain = yank("y-1", Yanked::Manifest(poison));
    assert_eq!(verdict(&child, &plain), None, "only a cascade takes what was made of it");
    let cascade = Yank { cascade: true, ..plain };
    let ancestor = Disbelief::AncestorYanked {
        manifest: child.manifest.id(),
        ancestor: poison,
        yank: "y-1".to_owned(),
        reason: "it held a miner".to_owned(),
    };
    assert_eq!(verdict(&child, &cascade), Some(ancestor.clone()));
    let pool = Pool::new(1);
    let refused = hear(&pool, &[cascade]).verify_manifest(&child.manifest, WALL);
    assert_eq!(refused.err(), Some(ancestor), "no seed vouches for it either");
}

/// A manifest names its ancestors and nothing of them: who yanks a build says what that had made.
#[test]
fn descendants_of_a_build_are_known_by_the_manifests_that_the_yank_names() {
    let poison = publish(|manifest| manifest.sequence = 9).manifest.id();
    let child = made_from(&[poison]);
    let build = Yanked::Build { ci: "zuul".to_owned(), build: "other".to_owned() };
    let bare = Yank { cascade: true, ..yank("y-1", build) };
    assert_eq!(verdict(&child, &bare), None);
    let naming = Yank { manifests: vec![poison], ..bare };
    assert!(
        matches!(verdict(&child, &naming), Some(Disbelief::AncestorYanked { ancestor, .. }) if ancestor == poison)
    );
    let named = Yank { cascade: false, manifests: vec![child.manifest.id()], ..naming };
    assert!(matches!(verdict(&child, &named), Some(Disbelief::Yanked { .. })));
}

/// A check job cannot sign, so whatever it stores first is nothing to anybody.
#[test]
fn check_job_writes_first() {
    let pool = Pool::new(1);
    let query = query(KEY, &[NPM]);
    let asked = pool.asked(0, &query);
    let first = Envelope::sign(&pool.manifest(KEY, 9), &key_pair(77));
    let beside = vec![pool.with_receipts(first, &[earlier(500)]), pool.certified(&pool.manifest(KEY, 1))];
    let answer = pool.by_seed(0, &pool.answer(&asked, &beside));
    let answer = pool.trust().verify_answer(&asked, &answer, &beside, WALL).unwrap();
    assert_eq!(answer.skipped()[0].why, Disbelief::NotAPublisher);
    assert_eq!(pool.trust().choose(&query, &[answer]).unwrap().manifest().sequence, 1);
}

/// Who may publish below a lineage does not answer for the lineage.
#[test]
fn fallback_is_preseeded() {
    let mut pool = Pool::new(1);
    let other = publisher_of("lab", key_pair(6).public(), &["core/main/npm/lab/**"], later(7_200));
    pool.policy.publishers.push(other);
    let trust = pool.trust();
    let query = query("core/main/npm/7", &[NPM]);
    let lab = Envelope::sign(&pool.manifest("core/main/npm/lab/1", 1), &key_pair(6));
    let lab = pool.with_receipts(lab, &[WALL]);
    assert!(trust.certify(&lab, WALL).is_ok());
    assert_eq!(query.matched(&"core/main/npm/lab/1".parse().unwrap()), None);
    let beside = vec![lab];
    let asked = pool.asked(0, &query);
    let answer = pool.by_seed(0, &pool.answer(&asked, &beside));
    assert!(trust.verify_answer(&asked, &answer, &beside, WALL).is_err());
    let claimed = Envelope::sign(&pool.manifest("core/main/npm/2", 1), &key_pair(6));
    let claimed = trust.certify(&pool.with_receipts(claimed, &[WALL]), WALL);
    assert!(matches!(claimed, Err(Disbelief::KeyNotCovered { .. })));
}

#[test]
fn only_a_yank_key_yanks() {
    let pool = Pool::new(1);
    let yank = yank("y-1", Yanked::Manifest(NO_MANIFEST));
    let trust = pool.trust();
    let verified = trust.verify_yank(&yank_envelope(&yank), WALL).unwrap();
    assert_eq!((verified.yank(), verified.envelope()), (&yank, &yank_envelope(&yank)));
    for key in [&pool.publisher, &pool.seeds[0], &pool.roots[0], &issuer(), &pool.admission] {
        let mut envelope = Envelope::sign(&yank, key);
        envelope.signatures[0].keyid = yank_key().public().to_string();
        assert_eq!(trust.verify_yank(&envelope, WALL), Err(Disbelief::NotAYankKey));
    }
    let twice = signed(&yank, &[yank_key(), yank_key()]);
    let count = Disbelief::SignatureCount { what: Paper::Yank, found: 2 };
    assert_eq!(trust.verify_yank(&twice, WALL), Err(count));
    let other = yank_envelope(&Yank { pool: "other".to_owned(), ..yank });
    assert!(matches!(trust.verify_yank(&other, WALL), Err(Disbelief::OtherPool { what: Paper::Yank, .. })));
}

#[test]
fn one_seeds_junk_does_not_keep_yanks_from_being_heard() {
    let pool = Pool::new(1);
    let good = yank_envelope(&yank("y-1", Yanked::Manifest(NO_MANIFEST)));
    let junk = Envelope { payload: b"junk".to_vec(), ..good.clone() };
    let trust = pool.trust().hear(&[junk, pool.token(WALL), good.clone(), good.clone()], WALL);
    assert_eq!(trust.yanks().len(), 1, "one of something unknown is kept, once");
    assert!(trust.yanks().contains(&good.digest()));
}

/// The longest life of a manifest after its time; and at once, also where a clock is slow.
#[test]
fn a_yank_lapses() {
    let pool = Pool::new(1);
    let own = publish(|_| ());
    let ends = 86_400 + 600;
    let of = |time| Yank { time, ..yank("y-1", Yanked::Manifest(own.manifest.id())) };
    let verify = |time, wall| pool.trust().verify_yank(&yank_envelope(&of(time)), wall).err();
    assert_eq!(verify(WALL, later(ends - 1)), None);
    assert_eq!(verify(WALL, later(ends + 59)), Some(Disbelief::Lapsed { ago: seconds(59) }));
    assert_eq!(verify(later(9_999_999), WALL), None);
    let trust = hear(&pool, &[of(earlier(ends - 10))]);
    assert!(trust.certify(&own, WALL).is_err());
    assert!(trust.certify(&own, later(10)).is_ok());
    assert!(trust.hear(&[], later(10)).yanks().is_empty(), "and is dropped");
}

#[test]
fn a_yank_key_that_is_struck_takes_its_yanks_along() {
    let pool = Pool::new(1);
    let trust = hear(&pool, &[yank("y-1", Yanked::Manifest(NO_MANIFEST))]);
    let next = |yank| {
        let policy = Policy { version: 2, yank, ..pool.policy.clone() };
        let policy = Some(signed(&policy, &pool.roots));
        trust.follow(&Papers { policy, ..Papers::default() }, WALL).unwrap()
    };
    assert_eq!(next(pool.policy.yank.clone()).yanks(), trust.yanks());
    assert!(next(vec![key_pair(8).public()]).yanks().is_empty());
}

/// A witness for sets, without the cost of signing.
fn named(number: u64, time: u64) -> crate::VerifiedYank {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    let id = crate::Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
    let what = Yanked::Manifest(ManifestId::from_bytes(bytes));
    let envelope = Envelope { payload_type: String::new(), payload: Vec::new(), signatures: Vec::new() };
    crate::VerifiedYank { id, yank: Yank { time: later(time), ..yank("y", what) }, envelope }
}

#[test]
fn a_set_is_hashed_so() {
    assert_eq!(YankSet::default().digest().short(), "b764b8e4");
    let mut set = YankSet::default();
    assert!(set.insert(named(1, 0)) && set.insert(named(2, 0)) && !set.insert(named(1, 0)));
    let mut ids = [named(1, 0).id(), named(2, 0).id()];
    ids.sort_unstable();
    let bytes = [b"pollux yanks v1\n".as_slice(), ids[0].as_bytes(), ids[1].as_bytes()].concat();
    assert_eq!(set.digest().as_bytes(), blake3::hash(&bytes).as_bytes());
}

#[test]
fn of_too_many_the_latest_stay() {
    let most = u64::try_from(YANKS_MAX).unwrap();
    let fill = |numbers: &mut dyn Iterator<Item = u64>| {
        let mut set = YankSet::default();
        for number in numbers {
            set.insert(named(number, number));
        }
        set
    };
    let set = fill(&mut (0..most + 5));
    assert_eq!(set.len(), YANKS_MAX);
    assert!(!set.contains(&named(4, 4).id()) && set.contains(&named(5, 5).id()));
    assert_eq!(set, fill(&mut (0..most + 5).rev()), "in whatever order they came");
}

proptest! {
    #[test]
    fn who_heard_the_same_has_the_same_set(numbers in prop::collection::vec(0_u64..40, 0..40), turn in 0_usize..40) {
        let fill = |numbers: &[u64]| {
            let mut set = YankSet::default();
            numbers.iter().for_each(|number| { set.insert(named(*number, 7)); });
            set
        };
        let mut turned = numbers.clone();
        turned.rotate_left(turn.min(numbers.len()));
        turned.extend(&numbers);
        let (one, other) = (fill(&numbers), fill(&turned));
        prop_assert_eq!(one.digest(), other.digest());
        prop_assert_eq!(one, other);
    }
}
