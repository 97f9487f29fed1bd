use super::*;
use crate::pool::testing::{NOW, Scene, pair};
use crate::pool::{NewSeed, QuorumWish, Rotation, add_seed, papers_of, renew, rotate};
use pollux_core::PeerId;
use std::time::Duration;

fn later() -> Timestamp {
    NOW.after(Duration::from_secs(90 * 86_400))
}

fn renewal(pool: &OpenPool) -> Change {
    Change::of_policy(pool, renew(pool.policy(), later())).unwrap()
}

/// From one root key to two of three.
fn rotation(pool: &OpenPool) -> Change {
    let keys = vec![pair(1).public(), pair(2).public(), pair(3).public()];
    rotate(pool, Rotation { keys, threshold: None, expires: later() }, pool.policy().clone()).unwrap()
}

#[test]
fn a_signed_change_becomes_a_pool_file_that_readers_of_the_former_believe() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let mut change = renewal(&pool);
    assert!(matches!(change.finish(&pool, NOW), Err(ChangeError::NotBelieved(_))), "unsigned");
    assert_eq!(change.sign(&pool, &scene.key("root")).unwrap(), Signed::Added);
    let file = change.finish(&pool, NOW).unwrap();
    let after = scene.put(&file);
    assert_eq!((after.policy().version, after.policy().expires), (2, later()));
    assert_eq!(after.policy().publishers[0].expires, later(), "it goes along");
    let followed = pool.trust().follow(&papers_of(&after, &[], NOW).unwrap(), NOW).unwrap();
    assert_eq!(followed.policy(), after.policy());
}

#[test]
fn the_file_survives_the_round_trip() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    for mut change in [renewal(&pool), rotation(&pool)] {
        change.sign(&pool, &scene.key("root")).unwrap();
        assert_eq!(Change::from_json(&change.to_json()).unwrap(), change);
    }
    for text in ["", "{}", "[]", "{\"version\":1}"] {
        assert!(matches!(Change::from_json(text), Err(ChangeError::Form(_))), "{text}");
    }
    let newer = renewal(&pool).to_json().replace("\"version\": 1", "\"version\": 2");
    assert!(matches!(Change::from_json(&newer), Err(ChangeError::Newer(2))));
}

#[test]
fn root_keys_on_several_machines_sign_one_after_the_other() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let mut change = rotation(&pool);
    let open = |change: &Change| change.lacks(&pool).unwrap().iter().map(Lack::open).collect::<Vec<_>>();
    assert_eq!(open(&change), [1, 2, 2]);
    for (key, left) in [(pair(2), [1, 1, 1]), (scene.key("root"), [0, 1, 1]), (pair(1), [0, 0, 0])] {
        assert!(change.finish(&pool, NOW).is_err());
        change = Change::from_json(&change.to_json()).unwrap();
        assert_eq!(change.sign(&pool, &key).unwrap(), Signed::Added);
        assert_eq!(open(&change), left);
    }
    assert_eq!(change.sign(&pool, &pair(3)).unwrap(), Signed::Needless, "two are enough");
    let after = scene.put(&change.finish(&pool, NOW).unwrap());
    assert_eq!((after.root().version, after.root().threshold, after.policy().version), (2, 2, 2));
}

#[test]
fn a_key_signs_once_and_strangers_not_at_all() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let mut change = renewal(&pool);
    assert!(matches!(change.sign(&pool, &pair(9)), Err(ChangeError::NotARootKey(_))));
    change.sign(&pool, &scene.key("root")).unwrap();
    let signed = change.clone();
    assert_eq!(change.sign(&pool, &scene.key("root")).unwrap(), Signed::Needless);
    assert_eq!(change, signed);
}

#[test]
fn after_a_rotation_the_former_key_signs_no_more() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let mut change = rotation(&pool);
    for key in [scene.key("root"), pair(1), pair(2)] {
        change.sign(&pool, &key).unwrap();
    }
    let after = scene.put(&change.finish(&pool, NOW).unwrap());
    let mut next = renewal(&after);
    assert!(matches!(next.sign(&after, &scene.key("root")), Err(ChangeError::NotARootKey(_))));
    next.sign(&after, &pair(3)).unwrap();
    next.sign(&after, &pair(1)).unwrap();
    let last = scene.put(&next.finish(&after, NOW).unwrap());
    let papers = papers_of(&last, std::slice::from_ref(&pool), NOW).unwrap();
    assert_eq!(pool.trust().follow(&papers, NOW).unwrap().policy().version, 3);
}

#[test]
fn root_version_skipped_is_not_spread() {
    let scene = Scene::new(1);
    let first = scene.pool();
    let root_days = |pool: &OpenPool| {
        let rotation = Rotation { keys: Vec::new(), threshold: None, expires: later() };
        rotate(pool, rotation, pool.policy().clone()).unwrap()
    };
    let second = scene.apply(root_days(&first));
    let third = scene.apply(root_days(&second));
    let gap = papers_of(&third, std::slice::from_ref(&first), NOW).unwrap_err().to_string();
    assert!(gap.contains("root 3 does not follow root 1"), "{gap}");
    let whole = papers_of(&third, &[first.clone(), second], NOW).unwrap();
    assert_eq!(first.trust().follow(&whole, NOW).unwrap().root().version, 3);
}

#[test]
fn a_change_of_another_pool_or_version_is_refused() {
    let (scene, other) = (Scene::new(1), Scene::new(1));
    let pool = scene.pool();
    let change = renewal(&pool);
    assert!(matches!(change.check(&other.pool()), Err(ChangeError::OtherVersion)), "other keys");
    let after = scene.apply(renewal(&pool));
    let stale = change.check(&after).unwrap_err();
    assert!(matches!(stale, ChangeError::Edit(EditError::Version { what: "policy", .. })), "{stale}");
    let foreign = Policy { pool: "other".to_owned(), ..pool.policy().clone() };
    assert!(matches!(Change::of_policy(&pool, foreign), Err(EditError::OtherPool { .. })));
}

#[test]
fn one_seed_changes_at_a_time() {
    let scene = Scene::new(3);
    let pool = scene.pool();
    let new = |byte, replaces| NewSeed {
        peer: PeerId::new(pair(byte).public()),
        addresses: vec![format!("seed-{byte}.example:1")],
        replaces,
    };
    let one = add_seed(pool.policy(), new(1, None), QuorumWish::default()).unwrap();
    let two = add_seed(&one, new(2, None), QuorumWish::default()).unwrap();
    assert!(Change::of_policy(&pool, one).is_ok());
    assert_eq!(Change::of_policy(&pool, two), Err(EditError::SeedsChanged(2)));
    let old = pool.policy().seeds[0].peer;
    let replaced = add_seed(pool.policy(), new(1, Some(old)), QuorumWish::default()).unwrap();
    assert!(Change::of_policy(&pool, replaced).is_ok(), "one in the place of another is one");
}

#[test]
fn what_has_expired_can_be_renewed() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let now = NOW.after(Duration::from_secs(31 * 86_400));
    let words = pool.check_in_force(now).unwrap_err().to_string();
    assert!(words.contains("expired 24 h ago") && words.contains("clock is wrong"), "{words}");
    let mut change = renewal(&pool);
    change.sign(&pool, &scene.key("root")).unwrap();
    assert!(change.finish(&pool, now).is_ok());
    assert!(change.finish(&pool, later()).is_err(), "it must not have expired itself");
}

#[test]
fn more_signatures_than_fit_are_refused_before_anybody_signs() {
    let scene = Scene::new(1);
    let pool = scene.pool();
    let keys = (1..=16).map(|byte| pair(byte).public()).collect();
    let rotation = Rotation { keys, threshold: Some(16), expires: later() };
    let refused = rotate(&pool, rotation, pool.policy().clone());
    assert_eq!(refused, Err(EditError::TooManySignatures(17)));
}
