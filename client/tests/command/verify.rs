//! `pollux verify` explains; `pollux show --json` gives what it reads.

use crate::scene::Scene;
use pollux_client::clock::now;
use pollux_client::protocol::{Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::{
    CertifiedEnvelope, Envelope, Grant, KeyPair, Manifest, Papers, Provenance, Timestamp, Yank, Yanked,
};
use std::fs;
use std::time::Duration;

const KEY: &str = "core/main/npm/1";

fn good(scene: &Scene) -> CertifiedEnvelope {
    scene.certified(&scene.manifest(KEY, 7, &[]), &scene.key("publisher"))
}

/// What is said of a manifest in a file.
fn verify(scene: &Scene, certified: &CertifiedEnvelope, more: &[&str]) -> String {
    fs::write(scene.path("manifest.json"), serde_json::to_string(certified).unwrap()).unwrap();
    scene.run(&[&["verify", "manifest.json", "--pool", "pool/pool.json"], more].concat())
}

fn changed(scene: &Scene, change: impl FnOnce(&mut Manifest)) -> CertifiedEnvelope {
    let mut manifest = scene.manifest(KEY, 7, &[]);
    change(&mut manifest);
    scene.certified(&manifest, &scene.key("publisher"))
}

#[test]
fn a_good_manifest() {
    let scene = Scene::new();
    insta::assert_snapshot!("verify-good", verify(&scene, &good(&scene), &[]));
    insta::assert_snapshot!("verify-good-json", verify(&scene, &good(&scene), &["--json"]));
}

#[test]
fn each_bad_one_is_explained() {
    let scene = Scene::new();
    let hours = |count: u64| Duration::from_secs(count * 3600 + 60);
    let before =
        |past: Duration| Timestamp::from_millis(now().as_millis() - u64::try_from(past.as_millis()).unwrap());
    let mut forged = good(&scene);
    forged.manifest.signatures.clear();
    forged.manifest.add_signature(&KeyPair::from_seed([9; 32]));
    let mut lonely = good(&scene);
    lonely.receipts.clear();
    let mut edited = good(&scene);
    edited.manifest.payload =
        String::from_utf8(edited.manifest.payload).unwrap().replace(KEY, "core/main/npm/2").into();
    let mut mislabelled = good(&scene);
    mislabelled.manifest.signatures[0].keyid = "\u{1b}[31mnobody".to_owned();
    let table = [
        ("verify-mislabelled", mislabelled),
        ("verify-expired", changed(&scene, |manifest| manifest.expires = before(hours(1)))),
        (
            "verify-not-yet",
            changed(&scene, |manifest| {
                manifest.created = now().after(hours(3));
                manifest.expires = now().after(hours(9));
            }),
        ),
        ("verify-other-pool", changed(&scene, |manifest| manifest.pool = "other".to_owned())),
        ("verify-generations", changed(&scene, |manifest| manifest.generation = 65)),
        ("verify-forged", forged),
        ("verify-uncertified", lonely),
        ("verify-edited", edited),
    ];
    for (name, certified) in table {
        insta::assert_snapshot!(name, verify(&scene, &certified, &[]));
    }
}

#[test]
fn what_holds_no_manifest() {
    let scene = Scene::new();
    let toml = ["verify", "pool/node.toml", "--pool", "pool/pool.json"];
    insta::assert_snapshot!("verify-nothing", scene.run(&toml));
    insta::assert_snapshot!(
        "verify-no-pool",
        scene.run(&["verify", "pool/node.toml", "--pool", "nowhere.json"])
    );
    insta::assert_snapshot!(
        "verify-no-file",
        scene.run(&["verify", "nowhere.json", "--pool", "pool/pool.json"])
    );
    scene.node(1, |request| match request {
        Request::Resolve { .. } => Reply::Miss { reason: MissReason::NothingSaved },
        Request::List { .. } => {
            Reply::Listing { rows: Vec::new(), more: false, from_seed: true, taken: Vec::new() }
        }
        _ => Reply::Refused { why: "another question".to_owned() },
    });
    insta::assert_snapshot!(
        "verify-neither",
        scene.run(&["verify", "nowhere.json", "--pool", "pool/pool.json"])
    );
}

/// A manifest under a grant, which is shown, and then changed.
#[test]
fn a_grant_is_named_and_a_changed_manifest_is_not_its_keys_fault() {
    let scene = Scene::new();
    let job = KeyPair::from_seed([9; 32]);
    let grant = Grant {
        pool: "ci".to_owned(),
        serial: "b1-7".to_owned(),
        key: job.public(),
        patterns: vec!["core/**".parse().unwrap()],
        bytes_max: 1 << 20,
        manifests_max: 1,
        not_before: now(),
        expires: now().after(Duration::from_secs(600)),
        provenance: Provenance::default(),
    };
    let mut manifest = scene.manifest(KEY, 7, &[]);
    let issuer = KeyPair::from_seed([8; 32]);
    manifest.grant = Some(Envelope::sign(&grant, &issuer));
    let granted = scene.certified(&manifest, &job);
    let shown = granted.clone();
    scene.node(2, move |request| match request {
        Request::Resolve { .. } => {
            Reply::Found { certified: Box::new(shown.clone()), fallback: None, relayed: false }
        }
        _ => Reply::Refused { why: "another question".to_owned() },
    });
    insta::assert_snapshot!("show-granted", scene.run(&["show", KEY]));
    let json = scene.run(&["show", KEY, "--json"]);
    assert!(json.contains("\"grant_serial\": \"b1-7\""), "{json}");
    let issued = scene.change(&["add-issuer", &issuer.public().to_string(), "--pattern", "core/**"]);
    assert!(issued.starts_with("status 0\n"), "{issued}");
    let mut edited = granted;
    edited.manifest.payload =
        String::from_utf8(edited.manifest.payload).unwrap().replace(KEY, "core/main/npm/2").into();
    insta::assert_snapshot!("verify-edited-under-a-grant", verify(&scene, &edited, &[]));
}

#[test]
fn by_key_the_node_is_asked_for_the_manifest_and_for_yanks() {
    let scene = Scene::new();
    let certified = good(&scene);
    let yank = Yank {
        pool: "ci".to_owned(),
        serial: "y-1".to_owned(),
        what: Yanked::Manifest(certified.manifest.id()),
        reason: "left-pad was taken over".to_owned(),
        cascade: false,
        time: now(),
        manifests: Vec::new(),
    };
    let yanks = vec![Envelope::sign(&yank, &scene.key("yank"))];
    let digest = scene.trust().papers_digest();
    scene.node(2, move |request| match request {
        Request::Papers => Reply::Papers {
            papers: Papers { yanks: yanks.clone(), ..Papers::default() },
            digest,
            more: false,
        },
        Request::Resolve { .. } => {
            Reply::Found { certified: Box::new(certified.clone()), fallback: None, relayed: false }
        }
        _ => Reply::Refused { why: "another question".to_owned() },
    });
    insta::assert_snapshot!("verify-yanked", scene.run(&["verify", KEY, "--pool", "pool/pool.json"]));
    // What `show` prints is what `verify` reads.
    let output = crate::pollux(&["show", KEY, "--json"])
        .env("POLLUX_SOCKET", "node.sock")
        .current_dir(scene.path(""))
        .output()
        .unwrap();
    fs::write(scene.path("shown.json"), output.stdout).unwrap();
    let verified = scene.run(&["verify", "shown.json", "--pool", "pool/pool.json"]);
    assert!(verified.starts_with("status 0\n"), "{verified}");
}
