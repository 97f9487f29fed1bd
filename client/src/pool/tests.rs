//! Edits of a policy, tokens and memberships.

use super::testing::{NOW, Scene, pair};
use super::*;
use pollux_core::limits::{CLOCK_SKEW_MAX, MEMBERSHIP_LIFE, NETWORKS_MAX};
use pollux_core::{Cidr, Document, Issuer, Network, PeerId, PeerRole, Policy, Publisher, Token, Trust};
use std::time::Duration;

fn policy(seeds: usize) -> Policy {
    Scene::new(seeds).pool().policy().clone()
}

fn peer(byte: u8) -> PeerId {
    PeerId::new(pair(byte).public())
}

fn new_seed(byte: u8) -> NewSeed {
    NewSeed { peer: peer(byte), addresses: vec!["seed.example:1".to_owned()], replaces: None }
}

#[test]
fn a_seed_is_found_by_its_name_or_address() {
    let policy = policy(2);
    let second = policy.seeds[1].peer;
    assert_eq!(seed_named(&policy, &second.to_string()), Ok(second));
    assert_eq!(seed_named(&policy, "192.0.2.2:4480"), Ok(second));
    assert!(matches!(seed_named(&policy, "192.0.2.2"), Err(EditError::NoSuchSeed(_))));
}

#[test]
fn the_quorum_follows_the_seeds_unless_it_is_said() {
    let add = |seeds, wish| add_seed(&policy(seeds), new_seed(1), wish);
    let quorum = |seeds| Quorum::in_force(&add(seeds, QuorumWish::default()).unwrap());
    assert_eq!((quorum(1), quorum(3)), (Quorum::of(2), Quorum::of(4)));
    let wish = QuorumWish { write: Some(3), read: Some(2), faulty: Some(0) };
    let wished = add(3, wish).unwrap();
    assert_eq!((wished.write, wished.read, wished.faulty), (3, 2, 0));
}

#[test]
fn a_quorum_that_cannot_intersect_is_refused_in_numbers() {
    let wish = QuorumWish { read: Some(1), ..QuorumWish::default() };
    let words = add_seed(&policy(3), new_seed(1), wish).unwrap_err().to_string();
    assert_eq!(words, "read: read 1 + write 3 must be more than seeds 4 + faulty 1");
    let wish = QuorumWish { write: Some(2), read: Some(4), faulty: Some(0) };
    let words = add_seed(&policy(3), new_seed(1), wish).unwrap_err().to_string();
    assert!(words.starts_with("write: 2 · write 2"), "{words}");
}

#[test]
fn seeds_that_make_no_sense_are_refused() {
    let before = policy(1);
    let only = before.seeds[0].peer;
    let wish = QuorumWish::default();
    let again = NewSeed { peer: only, ..new_seed(1) };
    assert_eq!(add_seed(&before, again, wish), Err(EditError::SeedThere(only)));
    let nobody = NewSeed { replaces: Some(peer(9)), ..new_seed(1) };
    assert!(matches!(add_seed(&before, nobody, wish), Err(EditError::NoSuchSeed(_))));
    let nowhere = NewSeed { addresses: vec!["seed.example".to_owned()], ..new_seed(1) };
    assert!(matches!(add_seed(&before, nowhere, wish), Err(EditError::Document(_))));
    assert_eq!(remove_seed(&before, only, wish), Err(EditError::LastSeed));
    assert!(matches!(remove_seed(&before, peer(9), wish), Err(EditError::NoSuchSeed(_))));
}

fn publisher(name: &str, byte: u8) -> Publisher {
    let patterns = vec!["core/**".parse().unwrap()];
    let (name, key) = (name.to_owned(), pair(byte).public());
    Publisher { name, key, patterns, byte_share: None, pipelines: Vec::new(), expires: NOW.after(days(1)) }
}

#[test]
fn publishers_come_and_go() {
    let before = policy(1);
    let add = |policy: &Policy, new, now| add_publisher(policy, new, now);
    let after = add(&before, publisher("gate", 1), NOW).unwrap();
    assert_eq!(after.publishers.len(), 2);
    for taken in [publisher("gate", 2), publisher("other", 1)] {
        assert!(matches!(add(&after, taken, NOW), Err(EditError::PublisherThere { .. })));
    }
    assert_eq!(forget_publisher(&after, "gate"), Ok(before.clone()));
    assert_eq!(forget_publisher(&after, &pair(1).public().to_string()), Ok(before.clone()));
    assert!(matches!(forget_publisher(&before, "gate"), Err(EditError::NoSuchPublisher(_))));
}

#[test]
fn a_publisher_that_is_retired_keeps_its_entry() {
    let before = add_publisher(&policy(1), publisher("gate", 1), NOW).unwrap();
    let now = NOW.after(Duration::from_secs(1));
    for name in ["gate".to_owned(), pair(1).public().to_string()] {
        let after = retire_publisher(&before, &name, now).unwrap();
        assert_eq!(after.publishers[1], Publisher { expires: now, ..publisher("gate", 1) });
        assert_eq!(after.publishers[0], before.publishers[0]);
        let again = retire_publisher(&after, &name, NOW.after(days(1)));
        assert_eq!(again, Err(EditError::PublisherEnded { name, at: now }), "it does not end later");
    }
    assert!(matches!(retire_publisher(&before, "nobody", now), Err(EditError::NoSuchPublisher(_))));
}

#[test]
fn the_name_and_the_key_of_a_retired_publisher_are_free() {
    let before = add_publisher(&policy(1), publisher("gate", 1), NOW).unwrap();
    let before = retire_publisher(&before, "gate", NOW).unwrap();
    let other = add_publisher(&before, publisher("gate", 2), NOW).unwrap();
    assert_eq!(other.publishers.len(), 3, "what the former key published stays believed");
    let again = retire_publisher(&other, "gate", NOW.after(days(2))).unwrap_err();
    assert!(matches!(again, EditError::PublisherEnded { .. }), "{again}");
    let one = retire_publisher(&other, "gate", NOW.after(Duration::from_secs(9))).unwrap();
    assert_eq!(one.publishers[1].expires, NOW, "it had ended before");
    let back = add_publisher(&before, publisher("gate", 1), NOW).unwrap();
    assert_eq!(back.publishers[1], publisher("gate", 1));
}

#[test]
fn what_a_publisher_may_do_changes_and_the_rest_stays() {
    let before = add_publisher(&policy(1), publisher("gate", 1), NOW).unwrap();
    let share = PublisherChange { byte_share: Some(1000), ..PublisherChange::default() };
    let (key, other) = (pair(1).public(), pair(2).public());
    for which in [("gate", None), ("gate", Some(&key))] {
        let after = change_publisher(&before, which, share.clone(), NOW).unwrap();
        let expected = Publisher { byte_share: Some(1000), ..publisher("gate", 1) };
        assert_eq!(after.publishers, [before.publishers[0].clone(), expected]);
    }
    let patterns = vec!["other/**".parse().unwrap()];
    let all = PublisherChange {
        patterns,
        pipelines: vec!["post".to_owned()],
        expires: Some(NOW.after(days(3))),
        ..share
    };
    let after = change_publisher(&before, ("gate", None), all.clone(), NOW).unwrap();
    let PublisherChange { patterns, byte_share, pipelines, expires } = all.clone();
    let expected =
        Publisher { patterns, byte_share, pipelines, expires: expires.unwrap(), ..publisher("gate", 1) };
    assert_eq!(after.publishers[1], expected);
    let none = |policy: &Policy, which| change_publisher(policy, which, all.clone(), NOW).unwrap_err();
    assert!(matches!(none(&before, ("nobody", None)), EditError::NoSuchPublisher(_)));
    assert!(matches!(none(&before, ("gate", Some(&other))), EditError::NoSuchPublisher(_)));
    let ended = retire_publisher(&before, "gate", NOW).unwrap();
    assert!(matches!(none(&ended, ("gate", None)), EditError::PublisherEnded { .. }));
}

#[test]
fn a_retired_publisher_is_dropped_once_nothing_of_it_can_be_good() {
    let before = add_publisher(&policy(1), publisher("gate", 1), NOW).unwrap();
    let before = retire_publisher(&before, "gate", NOW).unwrap();
    let life = Duration::from_secs(before.manifest_life_max) + CLOCK_SKEW_MAX;
    assert_eq!(without_lapsed(before.clone(), NOW.after(life)), before);
    let after = without_lapsed(before, NOW.after(life + Duration::from_millis(1)));
    assert_eq!(after.publishers.len(), 1);
}

#[test]
fn admission_is_strict_or_by_token() {
    let before = policy(1);
    let strict = set_admission(&before, true).unwrap();
    assert!(strict.strict_admission);
    assert_eq!(set_admission(&strict, true), Err(EditError::AdmissionThere("strict")));
    assert_eq!(set_admission(&strict, false), Ok(before.clone()));
    let nobody = Policy { admission: Vec::new(), ..before };
    assert_eq!(set_admission(&nobody, true), Err(EditError::NoAdmissionKey));
}

#[test]
fn issuers_and_yank_keys_come_and_go() {
    let before = policy(1);
    let key = pair(1).public();
    let issuer = Issuer { key, patterns: vec!["core/**".parse().unwrap()], grant_life_max: 900 };
    let after = add_issuer(&before, issuer.clone()).unwrap();
    assert_eq!(add_issuer(&after, issuer.clone()), Err(EditError::IssuerThere(key)));
    assert_eq!(remove_issuer(&after, &key), Ok(before.clone()));
    assert_eq!(remove_issuer(&before, &key), Err(EditError::NoSuchIssuer(key)));
    assert!(add_issuer(&before, Issuer { grant_life_max: 901, ..issuer }).is_err());
    let after = add_yank_key(&before, key).unwrap();
    assert_eq!(add_yank_key(&after, key), Err(EditError::YankKeyThere(key)));
    assert_eq!(remove_yank_key(&after, &key), Ok(before.clone()));
    assert_eq!(remove_yank_key(&before, &key), Err(EditError::NoSuchYankKey(key)));
}

#[test]
fn networks_come_and_go() {
    let before = policy(1);
    let (a, b) = (network("198.51.100.0/24=a").unwrap(), network("198.51.0.0/16=b").unwrap());
    let (cidr_a, cidr_b) = (a.cidr, b.cidr);
    let after = add_networks(&before, &[a.clone(), b]).unwrap();
    let zone = |address: &str| after.network_of(&address.parse().unwrap()).unwrap().zone.clone();
    assert_eq!((zone("198.51.100.9"), zone("198.51.7.9")), ("a".to_owned(), "b".to_owned()));
    assert_eq!(add_networks(&after, std::slice::from_ref(&a)), Err(EditError::NetworkThere(cidr_a)));
    assert_eq!(add_networks(&before, &[a.clone(), a]), Err(EditError::NetworkThere(cidr_a)), "named twice");
    assert_eq!(remove_networks(&after, &[cidr_b, cidr_a]), Ok(before.clone()));
    let words = remove_networks(&before, &[cidr_a]).unwrap_err().to_string();
    assert!(
        words.starts_with("198.51.100.0/24 is no network of this policy; its networks: 10.0.0.0/8, "),
        "{words}"
    );
    assert!(matches!(remove_networks(&after, &[cidr_a, cidr_a]), Err(EditError::NoSuchNetwork { .. })));
}

#[test]
fn a_policy_may_have_no_network_but_not_any_number() {
    let before = policy(1);
    let all: Vec<Cidr> = before.networks.iter().map(|network| network.cidr).collect();
    let none = remove_networks(&before, &all).unwrap();
    assert!(none.check().is_ok() && none.networks.is_empty());
    let words = remove_networks(&none, &all).unwrap_err().to_string();
    assert!(words.ends_with("its networks: none"), "{words}");
    let many: Vec<Network> =
        (0..=NETWORKS_MAX).map(|no| network(&format!("2001:db8::{no:x}/128")).unwrap()).collect();
    assert!(add_networks(&none, &many[1..]).is_ok());
    assert!(matches!(add_networks(&none, &many), Err(EditError::Document(_))));
    let hidden = network("10.9.0.0/16=a\nb").unwrap();
    assert!(matches!(add_networks(&none, &[hidden]), Err(EditError::Document(_))), "a zone is one line");
}

#[test]
fn a_renewal_takes_along_who_ends_with_the_policy() {
    let before = add_publisher(&policy(1), publisher("guest", 1), NOW).unwrap();
    let later = before.expires.after(Duration::from_secs(1));
    let after = renew(&before, later);
    assert_eq!((after.expires, after.publishers[0].expires), (later, later));
    assert_eq!(after.publishers[1].expires, NOW.after(days(1)));
}

#[test]
fn a_token_is_signed_by_an_admission_key_of_the_pool() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let new = || NewToken { serial: "2".to_owned(), expires: NOW.after(days(1)) };
    let envelope = token(&pool, new(), &scene.key("admission"), NOW).unwrap();
    assert_eq!(envelope.body::<Token>().unwrap().serial, "2");
    let after = scene.put(&pool.with_token(envelope));
    assert!(after.check_token().is_ok());
    let over = NewToken { expires: NOW, ..new() };
    assert!(matches!(token(&pool, over, &scene.key("admission"), NOW), Err(TokenError::NotBelieved(_))));
    assert!(matches!(
        token(&pool, NewToken { serial: String::new(), ..new() }, &scene.key("admission"), NOW),
        Err(TokenError::Document(_))
    ));
}

#[test]
fn a_token_for_another_pool_is_refused_in_words() {
    let (scene, other) = (Scene::new(1), Scene::new(1));
    let pool = scene.pool();
    let new = NewToken { serial: "2".to_owned(), expires: NOW.after(days(1)) };
    let words = token(&pool, new, &other.key("admission"), NOW).unwrap_err().to_string();
    assert!(words.ends_with("of the pool ci: what it signs would be a token for another pool"), "{words}");
    let mixed = scene.put(&pool.with_token(other.pool().file().token.clone()));
    let words = mixed.check_token().unwrap_err().to_string();
    assert!(words.contains("its join token is of no use"), "{words}");
}

#[test]
fn a_membership_is_for_one_peer_at_one_address() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let instance = Some("agent-7".to_owned());
    let who = Admission { peer: peer(7), address: "10.0.0.7".parse().unwrap(), instance };
    let envelope = admit(&pool, who.clone(), &scene.key("admission"), NOW).unwrap();
    let judge = |peer: PeerId| pool.trust().verify_membership(&envelope, &peer, Some(who.address), NOW);
    let membership = judge(peer(7)).unwrap().membership().clone();
    assert_eq!((membership.role, membership.expires), (PeerRole::Node, NOW.after(MEMBERSHIP_LIFE)));
    assert_eq!(membership.instance.as_deref(), Some("agent-7"));
    assert!(judge(peer(8)).is_err());
    let seed = Admission { peer: pool.policy().seeds[0].peer, ..who.clone() };
    let envelope = admit(&pool, seed, &scene.key("admission"), NOW).unwrap();
    assert_eq!(envelope.body::<pollux_core::Membership>().unwrap().role, PeerRole::Seed);
    assert!(matches!(admit(&pool, who, &scene.key("root"), NOW), Err(TokenError::OtherPool { .. })));
}

#[test]
fn what_is_no_pool_file_is_refused_with_its_name() {
    let scene = Scene::new(1);
    let path = scene.path("node.toml");
    let words = OpenPool::read(&path).unwrap_err().to_string();
    assert!(words.contains("node.toml: the document does not parse"), "{words}");
    assert!(matches!(OpenPool::read(&scene.path("nothing")), Err(OpenError::File(_))));
    let other = Scene::new(1).pool();
    let mut file = scene.pool().file().clone();
    file.policy = other.file().policy.clone();
    std::fs::write(scene.path("pool.json"), file.to_json()).unwrap();
    assert!(matches!(OpenPool::read(&scene.path("pool.json")), Err(OpenError::NotBelieved { .. })));
}

#[test]
fn pools_of_one_three_and_four_seeds_are_believed() {
    for (count, quorum) in [(1, (1, 1, 0)), (3, (2, 2, 0)), (4, (3, 3, 1))] {
        let pool = Scene::new(count).pool();
        assert!(Trust::open(pool.file(), NOW).is_ok());
        let Quorum { write, read, faulty } = Quorum::in_force(pool.policy());
        assert_eq!(((write, read, faulty), pool.policy().seeds.len()), (quorum, count));
    }
}
