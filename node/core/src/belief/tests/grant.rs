//! Manifests under a grant.
use super::*;
use crate::belief::fixture::*;
use crate::limits::CLOCK_SKEW_MAX;
use crate::{
    CertifiedManifest, Digest, Disbelief, Grant, GrantUse, Issuer, Manifest, ManifestId, Paper, Provenance,
    Timestamp, VerifiedGrant,
};

const KEY: &str = "core/main/npm/1";

fn serial() -> String {
    "g-1".to_owned()
}

/// What is said of a signed manifest that the seed took at `published`, and that is read at `wall`.
fn read_at(
    manifest: Envelope,
    published: Timestamp,
    wall: Timestamp,
) -> Result<CertifiedManifest, Disbelief> {
    let pool = Pool::new(1);
    pool.trust().certify(&pool.with_receipts(manifest, &[published]), wall)
}

/// What is said of a manifest under a grant with this changed.
fn with(change: impl FnOnce(&mut Grant)) -> Option<Disbelief> {
    let mut grant = grant();
    change(&mut grant);
    read_at(under(&grant, &Pool::new(1).manifest(KEY, 1)), WALL, WALL).err()
}

fn expired(ago: u64) -> Option<Disbelief> {
    Some(Disbelief::GrantExpired { serial: serial(), ago: seconds(ago) })
}

#[test]
fn a_grants_key_publishes() {
    let certified = read_at(under(&grant(), &Pool::new(1).manifest(KEY, 1)), WALL, WALL).unwrap();
    let verified = certified.verified();
    assert_eq!((verified.publisher(), verified.signer()), ("g-1", grantee().public()));
    let witness = verified.grant().unwrap();
    assert_eq!((witness.grant(), witness.issuer()), (&grant(), issuer().public()));
    assert_eq!(witness.id(), Envelope::sign(&grant(), &issuer()).digest());
}

/// Grants live for minutes, manifests for days: what counts is when the seeds took it.
#[test]
fn grant_expired_before_receipt() {
    let manifest = || under(&grant(), &Pool::new(1).manifest(KEY, 1));
    assert!(read_at(manifest(), later(299), later(3_000)).is_ok(), "over by now, and was not then");
    assert_eq!(read_at(manifest(), later(300), later(3_000)).err(), expired(0));
    assert_eq!(read_at(manifest(), later(420), later(3_000)).err(), expired(120));
    assert_eq!(Pool::new(1).trust().verify_manifest(&manifest(), later(420)).err(), expired(120));
}

/// A thief signs with a key whose grant is over, and says that the manifest was made in time.
#[test]
fn grant_backdated() {
    let mut manifest = Pool::new(1).manifest(KEY, 1);
    manifest.created = WALL;
    assert_eq!(read_at(under(&grant(), &manifest), later(1_000), later(1_000)).err(), expired(700));
    let early = |published| read_at(under(&grant(), &Pool::new(1).manifest(KEY, 1)), published, WALL).err();
    let skew = CLOCK_SKEW_MAX.as_secs();
    let future = Disbelief::FromTheFuture { what: Paper::Grant, ahead: seconds(skew + 1) };
    assert_eq!(early(earlier(300 + skew)), None, "clocks differ");
    assert_eq!(early(earlier(300 + skew + 1)), Some(future));
}

#[test]
fn grant_for_other_pattern() {
    let key: crate::Key = "core/old/npm/1".parse().unwrap();
    let manifest = Pool::new(1).manifest(key.as_str(), 1);
    let other = Disbelief::GrantForOtherPattern { serial: serial(), key };
    assert_eq!(read_at(under(&grant(), &manifest), WALL, WALL).err(), Some(other));
}

#[test]
fn grant_wider_than_its_issuers_patterns() {
    for (pattern, fits) in
        [("core/**", true), ("core/*/npm", true), (KEY, true), ("**", false), ("*/main/**", false)]
    {
        let pattern: crate::Pattern = pattern.parse().unwrap();
        let why = with(|grant| grant.patterns.push(pattern.clone()));
        let wide = Disbelief::GrantTooWide { serial: serial(), pattern };
        assert_eq!(why, (!fits).then_some(wide));
    }
}

#[test]
fn grant_over_budget() {
    let mut manifest = Pool::new(1).manifest(KEY, 1);
    manifest.tree.totals = crate::TreeTotals { files: 1, bytes: 900, chunks: 1, ..Default::default() };
    assert_eq!(manifest.bytes(), 1_000, "files and the tree itself");
    assert!(read_at(under(&grant(), &manifest), WALL, WALL).is_ok());
    manifest.tree.totals.bytes = 901;
    let over = Disbelief::GrantOverBudget { serial: serial(), bytes: 1_001, most: 1_000 };
    assert_eq!(read_at(under(&grant(), &manifest), WALL, WALL).err(), Some(over));
}

#[test]
fn provenance_differs_from_the_executors() {
    let mut manifest: Manifest = under(&grant(), &Pool::new(1).manifest(KEY, 1)).body().unwrap();
    manifest.provenance.job = "npm".to_owned();
    let said = |manifest: &Manifest| read_at(Envelope::sign(manifest, &grantee()), WALL, WALL).err();
    assert_eq!(said(&manifest), None, "what the grant does not state may be stated");
    for found in ["b2", ""] {
        manifest.provenance.build = found.to_owned();
        let (granted, found) = ("b1".to_owned(), found.to_owned());
        let differs = Disbelief::ProvenanceDiffers { field: "provenance.build", granted, found };
        assert_eq!(said(&manifest), Some(differs));
    }
}

#[test]
fn grant_of_no_issuer() {
    let not_issued = Some(Disbelief::GrantNotIssued);
    let manifest: Manifest = under(&grant(), &Pool::new(1).manifest(KEY, 1)).body().unwrap();
    for key in [grantee(), Pool::new(1).publisher, key_pair(1), key_pair(77)] {
        let mut envelope = Envelope::sign(&grant(), &key);
        envelope.signatures[0].keyid = issuer().public().to_string();
        let manifest = Manifest { grant: Some(envelope), ..manifest.clone() };
        assert_eq!(read_at(Envelope::sign(&manifest, &grantee()), WALL, WALL).err(), not_issued);
    }
}

#[test]
fn a_stolen_grant_is_of_no_use_without_its_key() {
    let manifest: Manifest = under(&grant(), &Pool::new(1).manifest(KEY, 1)).body().unwrap();
    let not_its_key = Some(Disbelief::NotTheGrantsKey { serial: serial() });
    for key in [issuer(), Pool::new(1).publisher, key_pair(77)] {
        assert_eq!(read_at(Envelope::sign(&manifest, &key), WALL, WALL).err(), not_its_key);
    }
}

#[test]
fn grant_that_lives_too_long() {
    assert_eq!(with(|grant| grant.expires = grant.not_before.after(seconds(600))), None);
    let (life, longest) = (seconds(601), seconds(600));
    let why = with(|grant| grant.expires = grant.not_before.after(life));
    assert_eq!(why, Some(Disbelief::LivesTooLong { what: Paper::Grant, life, longest }));
}

#[test]
fn grant_of_another_pool_or_no_grant() {
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    let other = Disbelief::OtherPool { what: Paper::Grant, found, expected };
    assert_eq!(with(|grant| grant.pool = "other".to_owned()), Some(other));
    let manifest = Manifest { grant: Some(Pool::new(1).token(later(10))), ..Pool::new(1).manifest(KEY, 1) };
    assert!(matches!(
        read_at(Envelope::sign(&manifest, &grantee()), WALL, WALL),
        Err(Disbelief::Unreadable { what: Paper::Grant, why: DocumentError::Type { .. } })
    ));
}

#[test]
fn the_right_issuer_is_found_among_many() {
    let mut pool = Pool::new(1);
    let patterns = vec!["docs/**".parse().unwrap()];
    let other =
        |number| Issuer { key: key_pair(number).public(), patterns: patterns.clone(), grant_life_max: 60 };
    pool.policy.issuers.extend((60..70).map(other));
    let mut envelope = Envelope::sign(&grant(), &issuer());
    envelope.signatures[0].keyid = key_pair(65).public().to_string();
    assert_eq!(pool.trust().verify_grant(&envelope, WALL).unwrap().issuer(), issuer().public());
}

fn witness(serial: &str) -> VerifiedGrant {
    let grant = Grant { serial: serial.to_owned(), provenance: Provenance::default(), ..grant() };
    Pool::new(1).trust().verify_grant(&Envelope::sign(&grant, &issuer()), WALL).unwrap()
}

fn id(number: u8) -> ManifestId {
    ManifestId::from_bytes([number; 32])
}

#[test]
fn a_grant_is_used_up_by_manifests() {
    let mut used = GrantUse::default();
    let grant = witness("g-1");
    for manifest in [(id(1), 10), (id(2), 10), (id(1), 10), (id(2), 10)] {
        assert_eq!(used.count(&grant, manifest, WALL), Ok(()), "each counts once");
    }
    let used_up = Disbelief::GrantUsedUp { serial: serial(), most: 2 };
    assert_eq!(used.count(&grant, (id(3), 10), WALL), Err(used_up));
    assert_eq!(used.count(&witness("g-2"), (id(3), 10), WALL), Ok(()), "another grant has its own budget");
}

#[test]
fn a_grant_is_used_up_by_bytes() {
    let mut used = GrantUse::default();
    let grant = witness("g-1");
    assert_eq!(used.count(&grant, (id(1), 600), WALL), Ok(()));
    let over = Disbelief::GrantOverBudget { serial: serial(), bytes: 1_001, most: 1_000 };
    assert_eq!(used.count(&grant, (id(2), 401), WALL), Err(over));
    assert_eq!(used.count(&grant, (id(2), 400), WALL), Ok(()), "what was refused was not counted");
    let huge = used.count(&witness("g-2"), (id(3), u64::MAX), WALL);
    assert!(matches!(huge, Err(Disbelief::GrantOverBudget { .. })));
}

#[test]
fn grants_that_are_over_are_forgotten_and_what_is_counted_is_bounded() {
    let mut used = GrantUse::default();
    let mut grant = witness("g-1");
    grant.grant.manifests_max = 1024;
    grant.grant.bytes_max = u64::MAX;
    let number = |number: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes
    };
    let mut count = |of: usize, manifest: usize, wall| {
        grant.id = Digest::from_bytes(number(of));
        used.count(&grant, (ManifestId::from_bytes(number(manifest)), 1), wall)
    };
    let most = crate::limits::GRANT_USES_MAX;
    for manifest in 0..most {
        assert_eq!(count(manifest / 1024, manifest, WALL), Ok(()));
    }
    let full = Disbelief::TooManyGrantUses { most };
    assert_eq!(count(most, 1, later(299)), Err(full));
    assert_eq!(count(0, 0, later(299)), Ok(()), "what is counted is answered as before");
    assert_eq!(count(most, 1, later(300)), Ok(()));
    for manifest in 0..1024 {
        assert_eq!(count(3, manifest, later(300)), Ok(()), "the first counts are gone");
    }
}
