//! `pollux pool …` changes a pool: shown before it is signed, written whole, checked before that.

use crate::scene::Scene;
use std::fs;

const PEER: &str = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";

fn add_seed() -> Vec<&'static str> {
    vec!["add-seed", PEER, "--address", "b.example:4480"]
}

#[test]
fn a_seed_is_added_and_the_former_pool_file_kept() {
    let scene = Scene::new();
    let before = fs::read(scene.path("pool/pool.json")).unwrap();
    insta::assert_snapshot!("seed-added", scene.change(&add_seed()));
    assert_eq!(fs::read(scene.path("pool/pool.json.v1")).unwrap(), before);
    assert!(scene.trust().is_seed(&PEER.parse().unwrap()));
    insta::assert_snapshot!("seed-is-there", scene.change(&add_seed()));
    insta::assert_snapshot!("seed-removed", scene.change(&["remove-seed", "b.example:4480"]));
    insta::assert_snapshot!("seed-is-the-last", scene.change(&["remove-seed", "127.0.0.1:4480"]));
}

#[test]
fn a_seeds_key_is_made_only_with_its_place_in_the_policy() {
    let scene = Scene::new();
    let make = ["add-seed", "--make-key", "pool/seed-2.pem", "--address", "b.example:4480"];
    let refused = scene.change(&[&make[..], &["--write", "1"]].concat());
    assert!(refused.starts_with("status 2\n") && !scene.path("pool/seed-2.pem").exists(), "{refused}");
    assert!(!scene.path("pool/seed-2.toml").exists());
    let made = scene.change(&make);
    insta::assert_snapshot!("seed-made", made);
    let configuration = fs::read_to_string(scene.path("pool/seed-2.toml")).unwrap();
    for words in ["/pool/pool.json\"", "/pool/seed-2.pem\"", "0.0.0.0:4480", "/pool/seed-2/store\""] {
        assert!(configuration.contains(words), "{words}\n{configuration}");
    }
    let peer = pollux_core::PeerId::new(scene.key("seed-2").public());
    assert!(scene.trust().is_seed(&peer));
    let again = scene.change(&make);
    assert!(again.starts_with("status 2\n") && scene.path("pool/seed-2.pem").exists(), "{again}");
}

#[test]
fn nothing_is_signed_unasked() {
    let scene = Scene::new();
    let before = fs::read(scene.path("pool/pool.json")).unwrap();
    let asked = [&add_seed()[..], &["--root-key", "pool/root.pem"]].concat();
    insta::assert_snapshot!("no-terminal", scene.pool(&asked));
    insta::assert_snapshot!("no-root-key", scene.pool(&add_seed()));
    insta::assert_snapshot!(
        "other-root-key",
        scene.pool(&[&add_seed()[..], &["--yes", "--root-key", "pool/yank.pem"]].concat())
    );
    assert_eq!(fs::read(scene.path("pool/pool.json")).unwrap(), before);
}

#[test]
fn what_a_publisher_may_publish_is_changed() {
    let scene = Scene::new();
    let key = ["--key", "pool/publisher.pub", "--pattern", "core/**"];
    fs::write(scene.path("pool/publisher.pub"), scene.key("publisher").public().to_string()).unwrap();
    let again = [&["add-publisher", "publisher"], &key[..], &["--byte-share", "1000"]].concat();
    insta::assert_snapshot!("publisher-of-that-key-is-there", scene.change(&again));
    let change = ["add-publisher", "publisher", "--change", "--byte-share", "1000"];
    insta::assert_snapshot!("publisher-changed", scene.change(&change));
    insta::assert_snapshot!(
        "publisher-to-change-is-nobody",
        scene.change(&["add-publisher", "gate", "--change"])
    );
}

#[test]
fn a_quorum_that_cannot_intersect() {
    let scene = Scene::new();
    insta::assert_snapshot!("no-quorum", scene.change(&[&add_seed()[..], &["--write", "1"]].concat()));
}

#[test]
fn patterns_that_cover_more_or_less_than_was_meant() {
    let scene = Scene::new();
    let add = |pattern: &str, more: &[&str]| {
        let arguments = ["add-publisher", "gate", "--key", "pool/yank.pem", "--pattern", pattern];
        scene.change(&[&arguments[..], more].concat())
    };
    insta::assert_snapshot!("pattern-covers-everything", add("**", &[]));
    insta::assert_snapshot!("pattern-covers-almost-everything", add("*/**", &[]));
    insta::assert_snapshot!("pattern-covers-nothing", add("core//**", &[]));
    insta::assert_snapshot!("pattern-covers-one-key", add("core", &[]));
    insta::assert_snapshot!("publisher-is-there", add("core/**", &[]));
    insta::assert_snapshot!("publisher-retired", scene.change(&["remove-publisher", "gate"]));
    insta::assert_snapshot!("publisher-is-retired", scene.change(&["remove-publisher", "gate"]));
    insta::assert_snapshot!("publisher-forgotten", scene.change(&["remove-publisher", "gate", "--forget"]));
    insta::assert_snapshot!("pattern-covers-everything-on-purpose", add("**", &["--everything"]));
}

#[test]
fn issuers_and_yank_keys() {
    let scene = Scene::new();
    let issuer = ["add-issuer", "pool/seed.pem", "--pattern", "core/**"];
    insta::assert_snapshot!("issuer-added", scene.change(&issuer));
    insta::assert_snapshot!("issuer-removed", scene.change(&["remove-issuer", "pool/seed.pem"]));
    insta::assert_snapshot!("yank-key-added", scene.change(&["add-yank-key", "pool/seed.pem"]));
    insta::assert_snapshot!("yank-key-removed", scene.change(&["remove-yank-key", "pool/seed.pem"]));
    insta::assert_snapshot!("no-public-key", scene.change(&["add-yank-key", "nobody"]));
}

#[test]
fn networks() {
    let scene = Scene::new();
    let add = |networks: &[&str]| scene.change(&[&["add-network"], networks].concat());
    let remove = |networks: &[&str]| scene.change(&[&["remove-network"], networks].concat());
    insta::assert_snapshot!(
        "network-added",
        add(&["198.51.100.0/24=second", "2001:db8::/32", "--memberships", "8"])
    );
    insta::assert_snapshot!("network-is-there", add(&["198.51.100.0/24=other"]));
    insta::assert_snapshot!("network-in-another", add(&["10.20.0.0/16=second"]));
    insta::assert_snapshot!("network-malformed", add(&["198.51.100.7/24"]));
    insta::assert_snapshot!("network-removed", remove(&["10.20.0.0/16", "2001:db8::/32"]));
    insta::assert_snapshot!("network-is-not-there", remove(&["10.20.0.0/16"]));
    insta::assert_snapshot!("network-of-a-seed-removed", remove(&["127.0.0.0/8"]));
    let all = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8", "198.51.100.0/24"];
    insta::assert_snapshot!("network-is-the-last", remove(&all));
    assert!(scene.trust().policy().networks.is_empty());
}

#[test]
fn root_keys_on_several_machines() {
    let scene = Scene::new();
    for name in ["one", "two"] {
        let made = scene.run(&["pool", "init", name, "--seed", "127.0.0.1:1"]);
        assert!(made.starts_with("status 0\n"), "{made}");
    }
    let rotate = ["rotate-root", "--new-root", "one/root.pem", "--new-root", "two/root.pem"];
    let begun = [&rotate[..], &["--unsigned-out", "change.json"]].concat();
    insta::assert_snapshot!("rotation-begun", scene.change(&begun));
    let sign = |key: &str| scene.pool(&["add-signature", "change.json", "--yes", "--root-key", key]);
    insta::assert_snapshot!("rotation-goes-on", sign("one/root.pem"));
    insta::assert_snapshot!("rotation-done", sign("two/root.pem"));
    assert_eq!((scene.trust().root().version, scene.trust().root().threshold), (2, 2));
    insta::assert_snapshot!("change-of-another-version", sign("two/root.pem"));
    insta::assert_snapshot!(
        "too-few-root-keys",
        scene.pool(&["renew", "--yes", "--root-key", "one/root.pem"])
    );
}

#[test]
fn renewals() {
    let scene = Scene::new();
    insta::assert_snapshot!("policy-renewed", scene.change(&["renew", "--policy-days", "700"]));
    insta::assert_snapshot!("root-renewed", scene.change(&["renew", "--root-days", "9000", "--json"]));
    assert_eq!(scene.trust().root().version, 2);
}

#[test]
fn tokens_and_memberships() {
    let scene = Scene::new();
    let token = |key: &str| scene.pool(&["token", "--serial", "2027", "--yes", "--admission-key", key]);
    insta::assert_snapshot!("token-renewed", token("pool/admission.pem"));
    let other = Scene::new();
    let key = other.path("pool/admission.pem");
    insta::assert_snapshot!("token-for-another-pool", token(key.to_str().unwrap()));
    let mut file = scene.pool_file();
    file.token = other.pool_file().token;
    fs::write(scene.path("pool/pool.json"), file.to_json()).unwrap();
    insta::assert_snapshot!("token-of-another-pool", scene.change(&add_seed()));
    let admit = ["admit", PEER, "--address", "10.0.0.7", "--out", "member.json"];
    let admitted = scene.pool(&[&admit[..], &["--admission-key", "pool/admission.pem"]].concat());
    assert_eq!(admitted, "status 0\n--- stdout\n--- stderr\n");
    let text = fs::read_to_string(scene.path("member.json")).unwrap();
    let envelope = pollux_core::Envelope::from_json(&text).unwrap();
    let (peer, now) = (PEER.parse().unwrap(), pollux_client::clock::now());
    assert!(scene.trust().verify_membership(&envelope, &peer, None, now).is_ok());
}

#[test]
fn what_is_no_pool_file() {
    let scene = Scene::new();
    let renew = |file: &str| scene.run(&["pool", "renew", "--pool", file, "--unsigned-out", "change.json"]);
    insta::assert_snapshot!("no-pool-file", renew("nowhere.json"));
    insta::assert_snapshot!("other-pool-file", renew("pool/node.toml"));
}

#[test]
fn admission_becomes_strict_and_nodes_are_admitted_one_by_one() {
    let scene = Scene::new();
    insta::assert_snapshot!("admission-strict", scene.change(&["admission", "strict"]));
    assert!(scene.trust().policy().strict_admission);
    insta::assert_snapshot!("admission-is-strict", scene.change(&["admission", "strict"]));
    let admit = ["admit", PEER, "--address", "10.0.0.7", "--admission-key", "pool/admission.pem"];
    assert!(scene.pool(&admit).starts_with("status 0\n"));
    insta::assert_snapshot!("admission-by-token", scene.change(&["admission", "token"]));
    assert!(!scene.trust().policy().strict_admission);
}

#[test]
fn two_seeds_at_one_address_are_refused() {
    let scene = Scene::new();
    let add = ["add-seed", PEER, "--address", "127.0.0.1:4480"];
    insta::assert_snapshot!("seed-at-the-same-address", scene.change(&add));
    assert_eq!(scene.trust().policy().seeds.len(), 1);
}

/// What spreading the pool file comes to where the node goes by this policy, and whether the node was told to.
fn spread(scene: &Scene, goes_by: &pollux_core::PoolFile, arguments: &[&str]) -> (String, bool) {
    use pollux_client::protocol::{Reply, Request};
    let policy = Some(goes_by.policy.clone());
    let papers = pollux_core::Papers { policy, ..pollux_core::Papers::default() };
    let digest = scene.trust().papers_digest();
    let (sender, heard) = std::sync::mpsc::channel();
    scene.node(2, move |request| match request {
        Request::Papers => Reply::Papers { papers: papers.clone(), digest, more: false },
        Request::Spread { .. } => {
            sender.send(()).unwrap();
            Reply::Spread { held: 1, needed: 2, of: 2, refused: None }
        }
        _ => Reply::Refused { why: "another question".to_owned() },
    });
    let said = scene.run(arguments);
    fs::remove_file(scene.path("node.sock")).unwrap();
    (said, heard.try_recv().is_ok())
}

#[test]
fn only_what_follows_the_running_pool_is_spread() {
    let scene = Scene::new();
    let (first, other) = (scene.pool_file(), Scene::new().pool_file());
    assert!(scene.change(&["renew"]).starts_with("status 0\n"));
    let second = scene.pool_file();
    let new = ["pool", "spread", "--pool", "pool/pool.json"];
    let (said, was_sent) = spread(&scene, &second, &["pool", "spread", "--pool", "pool/pool.json.v1"]);
    insta::assert_snapshot!("spread-of-an-older-file", said);
    assert!(!was_sent);
    let (said, was_sent) = spread(&scene, &other, &new);
    insta::assert_snapshot!("spread-to-another-pool", said);
    assert!(!was_sent);
    let (said, was_sent) = spread(&scene, &first, &new);
    assert!(said.starts_with("status 4\n") && was_sent, "{said}");
}

#[test]
fn a_change_of_an_outdated_pool_file_is_neither_written_nor_spread() {
    let scene = Scene::new();
    let first = scene.pool_file();
    assert!(scene.change(&["renew"]).starts_with("status 0\n"));
    let second = scene.pool_file();
    fs::write(scene.path("pool/pool.json"), first.to_json()).unwrap();
    let renew =
        ["pool", "renew", "--pool", "pool/pool.json", "--root-key", "pool/root.pem", "--yes", "--spread"];
    let (said, was_sent) = spread(&scene, &second, &renew);
    assert!(said.starts_with("status 2\n") && said.contains("policy 1 of this pool file is older"), "{said}");
    assert!(!was_sent && scene.pool_file() == first);
}

#[test]
fn a_second_seed_that_does_not_run_yet_is_told_how_to() {
    let scene = Scene::new();
    let first = scene.pool_file();
    let add =
        ["pool", "add-seed", "--make-key", "pool/seed-2.pem", "--address", "b.example:4480", "--spread"];
    let flags = ["--pool", "pool/pool.json", "--root-key", "pool/root.pem", "--yes"];
    let (said, was_sent) = spread(&scene, &first, &[&add[..], &flags].concat());
    insta::assert_snapshot!("second-seed-does-not-run", said);
    assert!(was_sent && scene.path("pool/seed-2.pem").exists() && scene.path("pool/seed-2.toml").exists());
}

#[test]
fn any_change_drops_publishers_of_which_nothing_is_left() {
    let scene = Scene::new();
    let mut file = scene.pool_file();
    let mut policy = scene.trust().policy().clone();
    let old = pollux_core::Publisher {
        name: "old".to_owned(),
        key: scene.key("yank").public(),
        expires: pollux_core::Timestamp::default(),
        ..policy.publishers[0].clone()
    };
    policy.publishers.push(old);
    for change in [
        &["renew"][..],
        &["renew", "--root-days", "9000"],
        &["rotate-root", "--new-root", "pool/root.pem"],
        &["admission", "strict"],
    ] {
        file.policy = pollux_core::Envelope::sign(&policy, &scene.key("root"));
        fs::write(scene.path("pool/pool.json"), file.to_json()).unwrap();
        let said = scene.change(change);
        assert!(said.contains("drops the publisher old ("), "{said}");
        assert_eq!(scene.trust().policy().publishers.len(), 1, "{change:?}");
    }
}
