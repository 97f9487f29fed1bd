use super::*;
use crate::pool::testing::{NOW, Scene, pair};
use crate::pool::{
    Change, NewSeed, QuorumWish, add_issuer, add_publisher, add_seed, add_yank_key, forget_publisher,
    remove_issuer, remove_seed, remove_yank_key, retire_publisher, without_lapsed,
};
use pollux_core::{Document, PeerId, Timestamp};

fn publisher(name: &str, byte: u8, pattern: &str) -> Publisher {
    Publisher {
        name: name.to_owned(),
        key: pair(byte).public(),
        patterns: vec![pattern.parse().unwrap()],
        byte_share: Some(1000),
        pipelines: vec!["gate".to_owned()],
        expires: Timestamp::from_millis(0),
    }
}

fn difference(scene: &Scene, policy: Policy) -> Difference {
    let pool = scene.pool();
    Change::of_policy(&pool, policy).unwrap().difference(&pool, NOW).unwrap()
}

/// Without what differs from run to run.
fn lines(difference: &Difference, scene: &Scene) -> String {
    let mut text = difference.lines.join("\n");
    for seed in &scene.pool().policy().seeds {
        text = text.replace(&seed.peer.to_string(), &format!("SEED-AT-{}", seed.addresses[0]));
    }
    text
}

#[test]
fn seeds_with_the_quorums_before_and_after() {
    let scene = Scene::new(3);
    let pool = scene.pool();
    let peer = PeerId::new(pair(1).public());
    let new = NewSeed { peer, addresses: vec!["d.example:1".to_owned()], replaces: None };
    let policy = add_seed(pool.policy(), new, QuorumWish::default()).unwrap();
    let expected = format!(
        "policy 1 becomes 2\n\
         adds the seed {peer} at d.example:1\n\
         quorums before: of 3 seeds 2 make a certificate and 2 an answer, 0 may lie\n\
         quorums after:  of 4 seeds 3 make a certificate and 3 an answer, 1 may lie"
    );
    assert_eq!(lines(&difference(&scene, policy), &scene), expected);
    let policy = remove_seed(pool.policy(), pool.policy().seeds[0].peer, QuorumWish::default()).unwrap();
    let text = lines(&difference(&scene, policy), &scene);
    assert!(text.contains("removes the seed SEED-AT-192.0.2.1:4480 at 192.0.2.1:4480"), "{text}");
}

#[test]
fn every_field_that_differs_has_a_line() {
    let scene = Scene::new(1);
    let before = scene.pool().policy().clone();
    let mut after = add_publisher(&before, publisher("gate", 1, "core/**"), NOW).unwrap();
    after = add_yank_key(&after, pair(3).public()).unwrap();
    let patterns = vec!["core".parse().unwrap()];
    after = add_issuer(&after, Issuer { key: pair(2).public(), patterns, grant_life_max: 600 }).unwrap();
    after.seeds[0].addresses = vec!["moved.example:1".to_owned()];
    after.networks.truncate(1);
    after.networks[0].zone = "a".to_owned();
    after.admission = vec![pair(4).public()];
    after.manifest_life_max = 1;
    after.generations_max = 1;
    after.relayed_age_max = 1;
    after.strict_admission = true;
    after.expires = Timestamp::from_millis(1);
    after.check().unwrap();
    let text = lines(&difference(&scene, after), &scene);
    for words in [
        "moves the seed SEED-AT-192.0.2.1:4480 from 192.0.2.1:4480 to moved.example:1",
        "quorums stay: of 1 seeds 1 make",
        "), who may publish core/**, until 1970-01-01T00:00:00.000Z, in 1000 bytes of each seed, for the pipelines gate",
        "whose grants may cover core (this one key only: for what is below it, core/**) for 600 s",
        "removes the admission key",
        "adds the admission key",
        "adds the yank key",
        "removes the network fd00::/8, 1 members per address",
        "adds the network 10.0.0.0/8, zone a, 1 members per address",
        "seconds that a manifest may live: 2592000 before, 1 after",
        "generations that a manifest may have: 64 before, 1 after",
        "seconds that a relayed answer is good for: 600 before, 1 after",
        "join tokens let nobody in any more: `pollux pool admit` signs",
        "the policy expires 2026-12-03T09:05:00.000Z before, 1970-01-01T00:00:00.001Z after",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn what_covers_everything_is_found_where_it_is_new() {
    let scene = Scene::new(1);
    let before = scene.pool().policy().clone();
    let wide = |pattern: &str| {
        let after = add_publisher(&before, publisher("gate", 1, pattern), NOW).unwrap();
        difference(&scene, after).everything.len()
    };
    assert_eq!((wide("**"), wide("*/**"), wide("*/*/**")), (1, 1, 1));
    assert_eq!((wide("core/**"), wide("*"), wide("*/core/**")), (0, 0, 0));
    let mut renamed = before.clone();
    renamed.publishers[0].name = "other".to_owned();
    let same = difference(&scene, renamed);
    assert!(same.everything.is_empty(), "it had that pattern before");
    assert!(same.lines.iter().any(|line| line.starts_with("changes the publisher other")), "{same:?}");
}

#[test]
fn what_becomes_of_what_was_published_is_said() {
    let scene = Scene::new(1);
    let mut before = scene.pool().policy().clone();
    before =
        add_publisher(&before, Publisher { expires: before.expires, ..publisher("gate", 1, "core/**") }, NOW)
            .unwrap();
    before = add_publisher(&before, publisher("old", 2, "core/**"), NOW).unwrap();
    let patterns = vec!["core/**".parse().unwrap()];
    before = add_issuer(&before, Issuer { key: pair(3).public(), patterns, grant_life_max: 600 }).unwrap();
    let pool = scene.apply(Change::of_policy(&scene.pool(), before.clone()).unwrap());
    let said = |policy: Policy| {
        let difference = Change::of_policy(&pool, policy).unwrap().difference(&pool, NOW).unwrap();
        difference.lines.join("\n")
    };
    let text = said(retire_publisher(&before, "gate", NOW).unwrap());
    assert!(
        text.contains(&format!("retires the publisher gate ({}) at {NOW}: ", pair(1).public())),
        "{text}"
    );
    assert!(text.contains("stays believed, nothing later; its entry is dropped by a later change"), "{text}");
    let text = said(forget_publisher(&before, "gate").unwrap());
    assert!(text.contains("forgets the publisher gate") && text.contains("is believed NO MORE"), "{text}");
    let text = said(without_lapsed(before.clone(), NOW));
    assert!(text.contains("drops the publisher old") && text.contains("has expired"), "{text}");
    assert!(!text.contains("gate"), "{text}");
    let text = said(remove_issuer(&before, &pair(3).public()).unwrap());
    assert!(text.contains("what was published under its grants is believed NO MORE"), "{text}");
    let text = said(remove_yank_key(&before, &before.yank[0]).unwrap());
    assert!(text.contains("what it took back is believed AGAIN"), "{text}");
}

#[test]
fn a_retired_key_that_publishes_again_and_the_last_one_that_goes_are_said() {
    let scene = Scene::new(1);
    let only = scene.pool().policy().publishers[0].clone();
    let before = retire_publisher(scene.pool().policy(), &only.name, NOW).unwrap();
    let text = lines(&difference(&scene, before.clone()), &scene);
    assert!(text.contains("leaves NO publisher: nothing can be saved"), "{text}");
    let patterns = vec!["core/**".parse().unwrap()];
    let issuer = Issuer { key: pair(3).public(), patterns, grant_life_max: 600 };
    let text = lines(&difference(&scene, add_issuer(&before, issuer).unwrap()), &scene);
    assert!(text.contains("leaves no publisher: only what an issuer grants"), "{text}");
    let pool = scene.apply(Change::of_policy(&scene.pool(), before.clone()).unwrap());
    let third = Publisher { name: "third".to_owned(), ..only };
    let after = add_publisher(&before, third, NOW).unwrap();
    let text = Change::of_policy(&pool, after).unwrap().difference(&pool, NOW).unwrap().lines.join("\n");
    assert!(
        text.contains(&format!("lets a key publish AGAIN that had ended as publisher at {NOW}: ")),
        "{text}"
    );
    assert!(!text.contains("leaves"), "{text}");
}
