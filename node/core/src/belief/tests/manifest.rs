//! Manifests that are to be published.
use super::*;
use crate::belief::fixture::*;
use crate::limits::CLOCK_SKEW_MAX;
use crate::{Disbelief, Manifest, Paper, VerifiedManifest};

const KEY: &str = "core/main/npm/1";

fn verify(pool: &Pool, envelope: &Envelope) -> Result<VerifiedManifest, Disbelief> {
    pool.trust().verify_manifest(envelope, WALL)
}

/// What is said of a manifest with this changed, signed by the publisher.
fn verdict(change: impl FnOnce(&mut Manifest)) -> Option<Disbelief> {
    let pool = Pool::new(1);
    let mut manifest = pool.manifest(KEY, 1);
    change(&mut manifest);
    verify(&pool, &pool.sign(&manifest)).err()
}

#[test]
fn a_publishers_manifest_is_believed() {
    let pool = Pool::new(1);
    let manifest = pool.manifest(KEY, 1);
    let envelope = pool.sign(&manifest);
    let verified = verify(&pool, &envelope).unwrap();
    assert_eq!((verified.id(), verified.manifest()), (envelope.id(), &manifest));
    assert_eq!((verified.envelope(), verified.publisher()), (&envelope, "gate"));
}

#[test]
fn check_job_publishes() {
    let pool = Pool::new(1);
    let mut envelope = Envelope::sign(&pool.manifest(KEY, 1), &key_pair(77));
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::NotAPublisher));
    envelope.signatures[0].keyid = pool.publisher.public().to_string();
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::NotAPublisher));
    let by_seed = Envelope::sign(&pool.manifest(KEY, 1), &pool.seeds[0]);
    assert_eq!(verify(&pool, &by_seed), Err(Disbelief::NotAPublisher));
}

#[test]
fn manifest_unsigned_or_signed_twice() {
    let pool = Pool::new(1);
    let mut envelope = pool.sign(&pool.manifest(KEY, 1));
    envelope.add_signature(&key_pair(77));
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::SignatureCount { what: Paper::Manifest, found: 2 }));
    envelope.signatures.clear();
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::SignatureCount { what: Paper::Manifest, found: 0 }));
}

#[test]
fn body_changed_after_signing() {
    let pool = Pool::new(1);
    let envelope = change(&pool.sign(&pool.manifest(KEY, 1)), "npm/1", "npm/2");
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::NotAPublisher));
}

#[test]
fn dsse_type_swapped() {
    let pool = Pool::new(1);
    let mut envelope = pool.sign(&pool.manifest(KEY, 1));
    let manifest_type = envelope.payload_type.clone();
    let receipt = pool.receipt(0, &envelope, WALL);
    assert!(matches!(
        verify(&pool, &receipt),
        Err(Disbelief::Unreadable { what: Paper::Manifest, why: DocumentError::Type { .. } })
    ));
    envelope.payload_type = receipt.payload_type;
    let mut envelope = resign(&envelope, &pool.publisher);
    envelope.payload_type = manifest_type;
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::NotAPublisher), "the type is signed too");
}

#[test]
fn unknown_crit() {
    let pool = Pool::new(1);
    let envelope = change(&pool.sign(&pool.manifest(KEY, 1)), "{", r#"{"mood":1,"crit":["mood"],"#);
    let envelope = resign(&envelope, &pool.publisher);
    let why = DocumentError::Critical("mood".to_owned());
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::Unreadable { what: Paper::Manifest, why }));
}

#[test]
fn unknown_field_is_ignored() {
    let pool = Pool::new(1);
    let envelope = change(&pool.sign(&pool.manifest(KEY, 1)), "{", r#"{"mood":{"much":[1]},"#);
    let envelope = resign(&envelope, &pool.publisher);
    assert_eq!(verify(&pool, &envelope).map(|verified| verified.id()), Ok(envelope.id()));
}

#[test]
fn duplicate_json_keys() {
    let pool = Pool::new(1);
    let envelope = change(&pool.sign(&pool.manifest(KEY, 1)), "{", r#"{"sequence":9,"#);
    let Err(Disbelief::Unreadable { what: Paper::Manifest, why }) =
        verify(&pool, &resign(&envelope, &pool.publisher))
    else {
        panic!("a name that is repeated must not be read");
    };
    assert!(is_malformed(&why), "{why}");
}

#[test]
fn manifest_of_another_pool() {
    let why = verdict(|manifest| manifest.pool = "other".to_owned());
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    assert_eq!(why, Some(Disbelief::OtherPool { what: Paper::Manifest, found, expected }));
}

#[test]
fn manifest_expired() {
    let why = verdict(|manifest| manifest.expires = earlier(7));
    assert_eq!(why, Some(Disbelief::Expired { what: Paper::Manifest, ago: seconds(7) }));
    let why = verdict(|manifest| manifest.expires = WALL);
    assert_eq!(why, Some(Disbelief::Expired { what: Paper::Manifest, ago: seconds(0) }));
}

#[test]
fn manifest_from_the_future() {
    let skew = CLOCK_SKEW_MAX.as_secs();
    assert_eq!(verdict(|manifest| manifest.created = later(skew)), None);
    let why = verdict(|manifest| manifest.created = later(skew + 1));
    assert_eq!(why, Some(Disbelief::FromTheFuture { what: Paper::Manifest, ahead: seconds(skew + 1) }));
}

#[test]
fn manifest_that_lives_too_long() {
    let (longest, skew) = (86_400, CLOCK_SKEW_MAX.as_secs());
    assert_eq!(verdict(|manifest| manifest.expires = later(longest + skew - 600)), None);
    let why = verdict(|manifest| manifest.expires = later(longest + skew - 599));
    let (life, longest) = (seconds(longest + skew + 1), seconds(longest));
    assert_eq!(why, Some(Disbelief::LivesTooLong { what: Paper::Manifest, life, longest }));
}

#[test]
fn generation_bound() {
    let mut pool = Pool::new(1);
    pool.policy.generations_max = 2;
    let mut manifest = pool.manifest(KEY, 1);
    manifest.generation = 2;
    assert!(verify(&pool, &pool.sign(&manifest)).is_ok());
    manifest.generation = 3;
    let too_many = Disbelief::TooManyGenerations { generation: 3, most: 2 };
    assert_eq!(verify(&pool, &pool.sign(&manifest)), Err(too_many));
}

#[test]
fn publisher_expired() {
    let mut pool = Pool::new(1);
    pool.policy.publishers[0].expires = earlier(5);
    let expired = Disbelief::PublisherExpired { publisher: "gate".to_owned(), ago: seconds(5) };
    assert_eq!(verify(&pool, &pool.sign(&pool.manifest(KEY, 1))), Err(expired));
}

#[test]
fn wildcard_never_matches_a_slash() {
    let mut pool = Pool::new(1);
    pool.policy.publishers[0] = publisher_of("gate", pool.publisher.public(), &["core/*/npm"], later(10));
    let publisher = "gate".to_owned();
    assert!(verify(&pool, &pool.sign(&pool.manifest("core/main/npm", 1))).is_ok());
    let envelope = pool.sign(&pool.manifest("core/main/old/npm", 1));
    let key = "core/main/old/npm".parse().unwrap();
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::KeyNotCovered { publisher, key }));
}

#[test]
fn a_pattern_of_another_publisher_does_not_help() {
    let mut pool = Pool::new(1);
    pool.policy.publishers.push(publisher_of("docs", key_pair(6).public(), &["docs/**"], later(10)));
    let envelope = Envelope::sign(&pool.manifest(KEY, 1), &key_pair(6));
    let (publisher, key) = ("docs".to_owned(), KEY.parse().unwrap());
    assert_eq!(verify(&pool, &envelope), Err(Disbelief::KeyNotCovered { publisher, key }));
    let envelope = Envelope::sign(&pool.manifest("docs/main/html", 1), &key_pair(6));
    assert_eq!(verify(&pool, &envelope).unwrap().publisher(), "docs");
}

#[test]
fn an_empty_body_and_junk_are_not_believed() {
    let pool = Pool::new(1);
    for payload in [b"".as_slice(), b"{}", b"[]", b"null", b"\xff\xfe", b"{\"pool\":\"fixture\"}"] {
        let envelope = Envelope { payload: payload.to_vec(), ..pool.sign(&pool.manifest(KEY, 1)) };
        let envelope = resign(&envelope, &pool.publisher);
        assert!(matches!(verify(&pool, &envelope), Err(Disbelief::Unreadable { what: Paper::Manifest, .. })));
    }
}
