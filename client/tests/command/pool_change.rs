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
    let made = scene.change(&make);
    assert!(made.starts_with("status 0\n"), "{made}");
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
    insta::assert_snapshot!("publisher-removed", scene.change(&["remove-publisher", "gate"]));
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
