//! Tokens and memberships.
use super::*;
use crate::belief::fixture::*;
use crate::{Disbelief, Membership, Paper, PeerRole, PublicKey};
use core::net::IpAddr;

/// What is said of a membership of node 0 with this changed, signed by the first seed.
fn membership(change: impl FnOnce(&mut Membership)) -> Option<Disbelief> {
    let pool = Pool::new(1);
    let mut membership = pool.membership(0, node(0));
    change(&mut membership);
    let envelope = pool.by_seed(0, &membership);
    pool.trust().verify_membership(&envelope, &node(0), Some(ADDRESS), WALL).err()
}

#[test]
fn a_token_is_signed_by_an_admission_key() {
    let pool = Pool::new(1);
    let trust = pool.trust();
    let token = trust.verify_token(&pool.token(later(10)), WALL).unwrap();
    assert_eq!((token.pool.as_str(), token.expires), (POOL, later(10)));
    let not_admitted = Err(Disbelief::NotAdmitted { what: Paper::Token });
    for key in [&pool.seeds[0], &pool.publisher, &pool.roots[0], &key_pair(77)] {
        assert_eq!(trust.verify_token(&resign(&pool.token(later(10)), key), WALL), not_admitted);
    }
}

#[test]
fn a_strict_pool_takes_no_tokens() {
    let mut pool = Pool::new(1);
    pool.policy.strict_admission = true;
    let trust = pool.trust();
    assert_eq!(trust.verify_token(&pool.token(later(10)), WALL), Err(Disbelief::StrictAdmission));
    let renewed = pool.by_seed(0, &pool.membership(0, node(0)));
    assert!(trust.verify_membership(&renewed, &node(0), None, WALL).is_ok(), "seeds still renew");
}

#[test]
fn token_expired() {
    let pool = Pool::new(1);
    let verdict = pool.trust().verify_token(&pool.token(earlier(9)), WALL);
    assert_eq!(verdict, Err(Disbelief::Expired { what: Paper::Token, ago: seconds(9) }));
}

#[test]
fn token_of_another_pool() {
    let pool = Pool::new(1);
    let token = resign(&change(&pool.token(later(10)), POOL, "other"), &pool.admission);
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    let other = Disbelief::OtherPool { what: Paper::Token, found, expected };
    assert_eq!(pool.trust().verify_token(&token, WALL), Err(other));
}

#[test]
fn a_seeds_membership_holds() {
    let pool = Pool::new(1);
    let membership = pool.membership(0, node(0));
    let envelope = pool.by_seed(0, &membership);
    let trust = pool.trust();
    let verified = trust.verify_membership(&envelope, &node(0), Some(ADDRESS), WALL).unwrap();
    assert_eq!((verified.membership(), verified.envelope()), (&membership, &envelope));
    assert!(trust.verify_membership(&envelope, &node(0), None, later(899)).is_ok());
}

#[test]
fn an_admission_key_may_issue_too() {
    let pool = Pool::new(1);
    let membership = Membership { issuer: pool.admission.public(), ..pool.membership(0, node(0)) };
    let envelope = Envelope::sign(&membership, &pool.admission);
    assert!(pool.trust().verify_membership(&envelope, &node(0), Some(ADDRESS), WALL).is_ok());
}

#[test]
fn membership_of_another_peer() {
    let other = Disbelief::OtherPeer { named: node(1), shown: node(0) };
    assert_eq!(membership(|membership| membership.peer = node(1)), Some(other));
}

#[test]
fn expired_membership() {
    let expired_for = |ago: u64| {
        membership(|membership| {
            membership.issued = earlier(ago + 900);
            membership.expires = earlier(ago);
        })
    };
    let expired = |ago| Some(Disbelief::Expired { what: Paper::Membership, ago: seconds(ago) });
    assert_eq!((expired_for(0), expired_for(5)), (expired(0), expired(5)));
}

#[test]
fn address_mismatch() {
    let seen_elsewhere: IpAddr = "10.0.0.8".parse().unwrap();
    let other = Disbelief::OtherAddress { named: seen_elsewhere, seen: ADDRESS };
    assert_eq!(membership(|membership| membership.address = seen_elsewhere), Some(other));
}

#[test]
fn an_ipv4_address_written_as_ipv6_is_the_same() {
    let pool = Pool::new(1);
    let envelope = pool.by_seed(0, &pool.membership(0, node(0)));
    let seen = Some("::ffff:10.0.0.7".parse().unwrap());
    assert!(pool.trust().verify_membership(&envelope, &node(0), seen, WALL).is_ok());
}

#[test]
fn membership_from_the_future() {
    let issued_later = |seconds| {
        membership(|membership| {
            membership.issued = later(seconds);
            membership.expires = later(seconds + 900);
        })
    };
    assert_eq!(issued_later(300), None);
    let future = Disbelief::FromTheFuture { what: Paper::Membership, ahead: seconds(301) };
    assert_eq!(issued_later(301), Some(future));
}

#[test]
fn membership_that_lives_too_long() {
    assert_eq!(membership(|membership| membership.expires = later(1_200)), None);
    let (life, longest) = (seconds(1_201), seconds(900));
    let too_long = Disbelief::LivesTooLong { what: Paper::Membership, life, longest };
    assert_eq!(membership(|membership| membership.expires = later(1_201)), Some(too_long));
}

#[test]
fn a_node_does_not_become_a_seed() {
    let not_a_seed = Disbelief::NotASeed { peer: node(0) };
    assert_eq!(membership(|membership| membership.role = PeerRole::Seed), Some(not_a_seed));
    let pool = Pool::new(1);
    let seed = pool.seed_id(0);
    let membership = Membership { role: PeerRole::Seed, ..pool.membership(0, seed) };
    let envelope = pool.by_seed(0, &membership);
    assert!(pool.trust().verify_membership(&envelope, &seed, None, WALL).is_ok());
}

#[test]
fn a_membership_that_its_issuer_did_not_sign() {
    let not_admitted = Some(Disbelief::NotAdmitted { what: Paper::Membership });
    let admission = |key: PublicKey| membership(|membership| membership.issuer = key);
    assert_eq!(admission(key_pair(5).public()), not_admitted, "may admit, did not sign");
    let pool = Pool::new(1);
    let own = Membership { issuer: key_pair(100).public(), ..pool.membership(0, node(0)) };
    let envelope = Envelope::sign(&own, &key_pair(100));
    let verdict = pool.trust().verify_membership(&envelope, &node(0), None, WALL);
    assert_eq!(verdict.err(), not_admitted, "signed, may not admit");
}

#[test]
fn membership_of_another_pool() {
    let (found, expected) = ("other".to_owned(), POOL.to_owned());
    let other = Disbelief::OtherPool { what: Paper::Membership, found, expected };
    assert_eq!(membership(|membership| membership.pool = "other".to_owned()), Some(other));
}

#[test]
fn a_membership_is_no_token() {
    let pool = Pool::new(1);
    let membership = pool.by_seed(0, &pool.membership(0, node(0)));
    assert!(matches!(
        pool.trust().verify_token(&resign(&membership, &pool.admission), WALL),
        Err(Disbelief::Unreadable { what: Paper::Token, why: DocumentError::Type { .. } })
    ));
}
