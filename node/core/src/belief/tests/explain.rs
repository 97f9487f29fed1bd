//! What people read of a judgement: one text for a good manifest, and one for each kind of bad one.
use super::*;
use crate::belief::fixture::*;
use crate::{
    CertifiedEnvelope, Explanation, Grant, Manifest, Papers, Policy, PoolFile, Root, Trust, Yank, Yanked,
    explain,
};

const KEY: &str = "core/main/npm/1";

/// What is explained; each test changes one thing.
struct Case {
    pool: Pool,
    file: PoolFile,
    papers: Papers,
    certified: CertifiedEnvelope,
    wall: crate::Timestamp,
}

impl Case {
    fn new() -> Self {
        let pool = Pool::new(4);
        let certified = pool.certified(&pool.manifest(KEY, 7));
        Self { file: pool.file(), papers: Papers::default(), certified, wall: WALL, pool }
    }

    /// A manifest with this changed.
    fn with(change: impl FnOnce(&mut Manifest)) -> Self {
        let mut case = Self::new();
        let mut manifest = case.pool.manifest(KEY, 7);
        change(&mut manifest);
        case.certified = case.pool.certified(&manifest);
        case
    }

    /// A manifest under a grant with this changed.
    fn granted(change: impl FnOnce(&mut Grant)) -> Self {
        let mut case = Self::new();
        let mut grant = grant();
        change(&mut grant);
        let manifest = under(&grant, &case.pool.manifest(KEY, 7));
        case.certified = case.pool.with_receipts(manifest, &[WALL; 3]);
        case
    }

    /// A pool that says something else.
    fn in_pool(change: impl FnOnce(&mut Pool)) -> Self {
        let mut case = Self::new();
        change(&mut case.pool);
        case.file = case.pool.file();
        case
    }

    /// The text. It says the same as what decides.
    fn explain(&self) -> Explanation {
        let explanation = explain(&self.file, &self.papers, &self.certified, self.wall);
        let trust = Trust::open_with(&self.file, &self.papers, self.wall);
        let believed = trust.and_then(|trust| trust.certify(&self.certified, self.wall));
        assert_eq!(explanation.believed, believed.is_ok());
        let named = |why| explanation.steps.iter().any(|step| step.why.as_ref() == Some(why));
        assert!(believed.as_ref().err().is_none_or(named), "{believed:?} is among {explanation}");
        explanation
    }

    /// Those lines of the text that say `NO`.
    fn faults(&self) -> String {
        let text = self.explain().to_string();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("NO")).collect();
        lines.join("\n")
    }
}

#[test]
fn a_good_manifest() {
    insta::assert_snapshot!(Case::new().explain(), @r#"
    ok  root: 1 of the pool "fixture", signed by 2 of its 3 keys, as it must be
    ok  policy: 1, signed by enough root keys: 4 seeds, of which 3 make a certificate, 3 an answer and 1 may lie
    ok  root's life: it ends in 2 h, at 2026-11-03T11:35:00.000Z
    ok  policy's life: it ends in 2 h, at 2026-11-03T11:35:00.000Z
    ok  yanks: 0 of 0 that are known hold; the others are ignored
    ok  manifest: 9b34be8c says what core/main/npm/1 means, sequence 7
    ok  pool: it belongs to "fixture"
    ok  receipts: of 3 seeds, 3 needed (…mepeqr, …ZXWjAb, …hrPCS5); taken at 2026-11-03T09:05:00.000Z
    ok  signer: the publisher "gate" (ca93ac17…), who may publish core/main/npm/1
    ok  manifest's life: made 2026-11-03T08:55:00.000Z, it ends in 60 min, at 2026-11-03T10:05:00.000Z
    ok  generation: 1 of at most 64
    ok  not taken back: no yank takes it or what it was made from
    The manifest is believed.
    "#);
}

#[test]
fn a_good_manifest_under_a_grant_after_changes() {
    let mut case = Case::granted(|_| ());
    let keys = (51..54).map(|number| key_pair(number).public()).collect();
    let root = Root { version: 2, keys, ..case.pool.root.clone() };
    case.papers.roots = vec![signed(&root, &[1, 2, 51, 52].map(key_pair))];
    let policy = Policy { version: 2, ..case.pool.policy.clone() };
    case.papers.policy = Some(signed(&policy, &[51, 53].map(key_pair)));
    case.papers.yanks =
        vec![yank_envelope(&yank("y-1", Yanked::Manifest(NO_MANIFEST))), case.pool.token(WALL)];
    insta::assert_snapshot!(case.explain(), @r#"
    ok  root: 1 of the pool "fixture", signed by 2 of its 3 keys, as it must be
    ok  policy: 1, signed by enough root keys: 4 seeds, of which 3 make a certificate, 3 an answer and 1 may lie
    ok  next root: 2 of the pool "fixture", signed by 2 of its 3 keys, as it must be
    ok  root's life: it ends in 2 h, at 2026-11-03T11:35:00.000Z
    ok  newer policy: 2, signed by enough root keys: 4 seeds, of which 3 make a certificate, 3 an answer and 1 may lie
    ok  policy's life: it ends in 2 h, at 2026-11-03T11:35:00.000Z
    ok  yanks: 1 of 2 that are known hold; the others are ignored
    ok  manifest: 46c6a221 says what core/main/npm/1 means, sequence 7
    ok  pool: it belongs to "fixture"
    ok  receipts: of 3 seeds, 3 needed (…mepeqr, …ZXWjAb, …hrPCS5); taken at 2026-11-03T09:05:00.000Z
    ok  signer: the key 197f6b23… of the grant "g-1", which the issuer e92eb605… gave for 10 min from 2026-11-03T09:00:00.000Z and which covers core/main/npm/1
    ok  manifest's life: made 2026-11-03T08:55:00.000Z, it ends in 60 min, at 2026-11-03T10:05:00.000Z
    ok  generation: 1 of at most 64
    ok  not taken back: no yank takes it or what it was made from
    The manifest is believed.
    "#);
}

#[test]
fn bad_roots_and_policies() {
    let expired = Case::in_pool(|pool| pool.root.expires = earlier(3_600)).faults();
    insta::assert_snapshot!(expired, @"NO  root's life: the root expired 60 min ago: renew it, unless this machine's clock is wrong");
    let expired = Case::in_pool(|pool| pool.policy.expires = earlier(3_600)).faults();
    insta::assert_snapshot!(expired, @"NO  policy's life: the policy expired 60 min ago: renew it, unless this machine's clock is wrong");
    let mut case = Case::new();
    case.file.root.signatures.pop();
    insta::assert_snapshot!(case.faults(), @"NO  root: the root is signed by 1 of the root's keys and needs 2: have more key holders sign it");
    let mut case = Case::new();
    case.file.policy.signatures.clear();
    insta::assert_snapshot!(case.faults(), @"NO  policy: the policy is signed by 0 of the root's keys and needs 2: have more key holders sign it");
}

#[test]
fn bad_successors() {
    let mut case = Case::new();
    let root = |version| Root { version, ..case.pool.root.clone() };
    case.papers.roots = vec![signed(&root(3), &case.pool.roots)];
    insta::assert_snapshot!(case.faults(), @"NO  next root: root 3 does not follow root 1, which is the last known: get the roots between them");
    case.papers.roots = vec![signed(&root(2), &case.pool.roots[..1])];
    insta::assert_snapshot!(case.faults(), @"NO  next root: root 2 is signed by 1 keys of the root before it and needs 2: have more key holders sign it");
    case.papers.roots.clear();
    let fork = Policy { generations_max: 3, ..case.pool.policy.clone() };
    case.papers.policy = Some(signed(&fork, &case.pool.roots));
    insta::assert_snapshot!(case.faults(), @"NO  newer policy: there are two different policies 1: sign the one that is meant under a higher version");
    let seeds = Policy { version: 2, ..Pool::new(6).policy };
    case.papers.policy = Some(signed(&seeds, &case.pool.roots));
    insta::assert_snapshot!(case.faults(), @"NO  newer policy: policy 2 changes 2 seeds where 1 may change: change one with each version, and wait until the seeds hold it");
}

#[test]
fn an_older_policy_beside_is_passed_over() {
    let mut case = Case::in_pool(|pool| pool.policy.version = 3);
    case.papers.policy = Some(Pool::new(4).file().policy);
    assert!(case.explain().believed);
}

#[test]
fn bad_manifests() {
    insta::assert_snapshot!(Case::with(|manifest| manifest.expires = earlier(240)).faults(), @"NO  manifest's life: the manifest expired 4 min ago: renew it, unless this machine's clock is wrong");
    insta::assert_snapshot!(Case::with(|manifest| manifest.created = later(1_800)).faults(), @"NO  manifest's life: the manifest is not valid yet: it begins in 30 min; this machine's clock is slow, or that of who signed it fast");
    insta::assert_snapshot!(Case::with(|manifest| manifest.expires = later(864_000)).faults(), @"NO  manifest's life: the manifest lives for 10 days, longer than the 24 h that are allowed: sign it for less");
    insta::assert_snapshot!(Case::with(|manifest| manifest.key = "docs/html".parse().unwrap()).faults(), @r#"NO  signer: the publisher "gate" may not publish docs/html: no pattern that the policy grants it covers that key"#);
    insta::assert_snapshot!(Case::with(|manifest| manifest.pool = "other".to_owned()).faults(), @r#"NO  pool: the manifest belongs to the pool "other" and this is "fixture": check which pool file is used"#);
    let deep = Case::in_pool(|pool| pool.policy.generations_max = 2);
    let mut manifest = deep.pool.manifest(KEY, 7);
    manifest.generation = 3;
    let certified = deep.pool.certified(&manifest);
    insta::assert_snapshot!(Case { certified, ..deep }.faults(), @"NO  generation: the manifest is of generation 3 and the policy allows 2: save from a cold start");
    let mut case = Case::new();
    case.certified.manifest.payload = b"{".to_vec();
    insta::assert_snapshot!(case.faults(), @"NO  manifest: the manifest cannot be read: the document does not parse: EOF while parsing an object at line 1 column 1");
}

/// Nobody is refused for it: freshness and lives do not hang on a reader's clock where they need not.
#[test]
fn a_slow_clock_is_told_of() {
    let at = |wall| Case { wall, ..Case::new() }.explain();
    let slow = at(earlier(7_200));
    assert!(slow.believed);
    let told = "taken at 2026-11-03T09:05:00.000Z, which is 2 h from now: this machine's clock is slow, unless theirs are fast";
    assert!(slow.to_string().contains(told), "{slow}");
    assert!(!at(earlier(60)).to_string().contains("from now"), "clocks differ by a little");
    let mut uncertified = Case { wall: earlier(7_200), ..Case::new() };
    uncertified.certified.receipts.clear();
    let faults = uncertified.faults();
    assert!(faults.contains("the manifest is not valid yet: it begins in"), "{faults}");
}

#[test]
fn bad_signatures() {
    let mut case = Case::new();
    case.certified.receipts.truncate(1);
    insta::assert_snapshot!(case.faults(), @"NO  receipts: the manifest has good receipts of 1 seeds and needs 3: its publish has not finished");
    let stranger = Envelope::sign(&case.pool.manifest(KEY, 7), &key_pair(77));
    case.certified = case.pool.with_receipts(stranger, &[WALL; 3]);
    insta::assert_snapshot!(case.faults(), @"NO  signer: no publisher of the policy signed the manifest: sign it with a publisher's key, or add that key to the policy");
    let expired = Case::in_pool(|pool| pool.policy.publishers[0].expires = earlier(7_200));
    insta::assert_snapshot!(expired.faults(), @r#"NO  signer: the publisher "gate" had expired 2 h before, retired or not renewed: sign with a key that publishes still, unless the clock of the seeds was wrong"#);
}

#[test]
fn bad_grants() {
    insta::assert_snapshot!(Case::granted(|grant| grant.expires = earlier(180)).faults(), @r#"NO  signer: the grant "g-1" had expired 3 min before the seeds took the manifest: publish within a grant's life; if that was so, the clock of its issuer or of the seeds is wrong"#);
    insta::assert_snapshot!(Case::granted(|grant| grant.bytes_max = 99).faults(), @r#"NO  signer: 100 bytes are more than the 99 that the grant "g-1" allows: save less, or issue it for more"#);
    let other = Case::granted(|grant| grant.patterns = vec!["core/old/**".parse().unwrap()]);
    insta::assert_snapshot!(other.faults(), @r#"NO  signer: the grant "g-1" does not cover core/main/npm/1: issue one whose pattern does"#);
    let wide = Case::granted(|grant| grant.patterns.push("**".parse().unwrap()));
    insta::assert_snapshot!(wide.faults(), @r#"NO  signer: the grant "g-1" is for **, which no pattern of its issuer contains: issue it for less"#);
    let mut case = Case::granted(|_| ());
    let mut manifest: Manifest = case.certified.manifest.body().unwrap();
    manifest.provenance.build = "b2".to_owned();
    case.certified = case.pool.with_receipts(Envelope::sign(&manifest, &grantee()), &[WALL; 3]);
    insta::assert_snapshot!(case.faults(), @r#"NO  signer: provenance.build is "b2" in the manifest and "b1" in its grant: state what the grant states"#);
    case.certified = case.pool.with_receipts(Envelope::sign(&manifest, &key_pair(77)), &[WALL; 3]);
    insta::assert_snapshot!(case.faults(), @r#"NO  signer: the manifest is not signed by the key of its grant "g-1": sign it with that key"#);
    case.file = Case::in_pool(|pool| pool.policy.issuers.clear()).file;
    insta::assert_snapshot!(case.faults(), @"NO  signer: no issuer of the policy signed the grant: issue it with an issuer's key, or add that key to the policy");
}

#[test]
fn what_was_taken_back() {
    let mut case = Case::with(|manifest| manifest.ancestors = vec![NO_MANIFEST]);
    let id = case.certified.manifest.id();
    case.papers.yanks = vec![yank_envelope(&yank("y-1", Yanked::Manifest(id)))];
    insta::assert_snapshot!(case.faults(), @r#"NO  not taken back: the manifest 7077a417 was taken back by the yank "y-1": it held a miner"#);
    let cascade = Yank { cascade: true, ..yank("y-2", Yanked::Manifest(NO_MANIFEST)) };
    case.papers.yanks = vec![yank_envelope(&cascade)];
    insta::assert_snapshot!(case.faults(), @r#"NO  not taken back: the manifest 7077a417 was made from eeeeeeee, which was taken back with all that was made of it by the yank "y-2": it held a miner"#);
}

#[test]
fn all_faults_are_told_at_once() {
    let mut case = Case::with(|manifest| {
        manifest.key = "docs/html".parse().unwrap();
        manifest.expires = earlier(240);
    });
    case.certified.receipts.clear();
    assert_eq!(case.faults().lines().count(), 3);
}
