//! No signing key is on the instance: it states, the CI executor signs by its own idea of the build, the instance
//! publishes.

use crate::scene::{KEY, Node, Scene};
use pollux_client::clock::now;
use pollux_client::key_file;
use pollux_client::statement::Statement;
use pollux_core::{Envelope, Grant, Issuer, KeyPair, Manifest, Policy, PoolFile, Timestamp};
use pollux_tests::{Finished, NodeOptions, Pollux};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the issuer may grant.
const ISSUED: &str = "story/main/**";
/// What the executor lets pass.
const ALLOWED: &str = "story/main/npm/**";
const BUILD: &str = r#"{"pipeline": "gate", "project": "story", "build": "b1"}"#;

/// The executor: it has no node, but a directory with what it knows of the build, and an issuer's key.
struct Executor {
    directory: PathBuf,
    pollux: Pollux,
}

/// A pool whose policy names an issuer, and its executor.
fn open() -> (Scene, Executor) {
    let scene = Scene::with_pool(&NodeOptions::default(), |pool| {
        let issuer = KeyPair::from_seed([5; 32]);
        let file = fs::read_to_string(pool.pool_file()).unwrap();
        let mut file = PoolFile::from_json(&file).unwrap();
        let mut policy: Policy = file.policy.body().unwrap();
        let (key, patterns) = (issuer.public(), vec![ISSUED.parse().unwrap()]);
        policy.issuers.push(Issuer { key, patterns, grant_life_max: 900 });
        let root = key_file::read(&pool.keys().join("root.pem")).unwrap();
        file.policy = Envelope::sign(&policy, &root);
        fs::write(pool.pool_file(), file.to_json()).unwrap();
        key_file::write_new(&pool.keys().join("issuer.pem"), &issuer).unwrap();
    });
    let directory = scene.path("executor");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("build.json"), BUILD).unwrap();
    let pollux = Pollux { program: scene.pool.programs.pollux.clone(), socket: "/nowhere".into() };
    (scene, Executor { directory, pollux })
}

impl Executor {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        Finished::of(
            self.pollux
                .command(&arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>())
                .current_dir(&self.directory),
        )
        .unwrap()
    }

    /// Grants a fresh key some keys of the pool.
    fn grant(&self, scene: &Scene, allow: &str) {
        let (issuer, pool) = (scene.pool.keys().join("issuer.pem"), scene.pool.pool_file());
        let (issuer, pool) = (issuer.to_str().unwrap(), pool.to_str().unwrap());
        let granted = self.run(&[
            "grant",
            "--issuer-key",
            issuer,
            "--pool",
            pool,
            "--allow",
            allow,
            "--provenance",
            "build.json",
            "--key-out",
            "grant.pem",
            "--out",
            "grant.json",
        ]);
        assert_eq!((granted.status, granted.stderr.as_str()), (Some(0), ""), "{granted:?}");
    }

    /// Signs a statement with the grant.
    fn sign(&self, statement: &Path, allow: &str) -> Finished {
        self.run(&[
            "sign",
            statement.to_str().unwrap(),
            "--allow",
            allow,
            "--provenance",
            "build.json",
            "--grant",
            "grant.json",
            "--signing-key",
            "grant.pem",
            "--out",
            "signed.json",
            "--json",
            "--force",
        ])
    }
}

/// Saves a directory, unsigned.
pub(crate) fn state(node: &Node, tree: &Path, key: &str, out: &Path) -> Finished {
    let (tree, out) = (tree.to_str().unwrap(), out.to_str().unwrap());
    let stated = node.pollux.run(&["save", key, tree, "--unsigned-out", out, "--json"]).unwrap();
    assert_eq!((stated.status, stated.result().as_str()), (Some(0), "unsigned"), "{stated:?}");
    stated
}

pub(crate) fn publish(node: &Node, file: &Path) -> Finished {
    node.pollux.run(&["publish", file.to_str().unwrap(), "--json"]).unwrap()
}

/// A thief who has the grant and its key signs whatever he likes, without asking `pollux sign`.
fn steal(executor: &Executor, statement: &Path, change: impl Fn(&mut Manifest)) -> PathBuf {
    let text = fs::read_to_string(statement).unwrap();
    let mut manifest = Statement::from_json(&text).unwrap().manifest().unwrap();
    let grant = fs::read_to_string(executor.path("grant.json")).unwrap();
    manifest.grant = Some(Envelope::from_json(&grant).unwrap());
    manifest.provenance = manifest.grant.as_ref().unwrap().body::<Grant>().unwrap().provenance;
    change(&mut manifest);
    let key = key_file::read(&executor.path("grant.pem")).unwrap();
    let stolen = executor.path("stolen.json");
    fs::write(&stolen, Envelope::sign(&manifest, &key).to_json()).unwrap();
    stolen
}

#[test]
fn what_one_states_another_signs_and_all_restore() {
    let (scene, executor) = open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let tree = scene.tree("tree");
    let statement = scene.path("statement.json");
    let stated = state(&a, &tree, KEY, &statement);
    assert!(stated.number("/new_chunks") > 0, "{stated:?}");
    let missed = b.pollux.restore(KEY, &scene.path("early"), &[]).unwrap();
    assert_eq!(missed.text("/reason"), "nothing-saved", "nobody has signed it");
    executor.grant(&scene, ALLOWED);
    let signed = executor.sign(&statement, ALLOWED);
    assert_eq!(signed.result(), "signed", "{signed:?}");
    let published = publish(&a, &executor.path("signed.json"));
    assert_eq!((published.status, published.result().as_str()), (Some(0), "saved"), "{published:?}");
    assert_eq!((published.number("/receipts"), published.text("/manifest")), (1, signed.text("/manifest")));
    let restored = scene.restore(&b, "restored", &tree);
    assert_eq!(restored.text("/provenance/build"), "b1", "as the executor says");
    let again = publish(&a, &executor.path("signed.json"));
    assert_eq!((again.status, again.result().as_str()), (Some(0), "saved"), "{again:?}");
}

#[test]
fn a_race_lost_while_it_was_signed_is_said() {
    let (scene, executor) = open();
    let a = scene.node("a");
    let (tree, other) = (scene.tree("tree"), scene.tree("other"));
    let statement = scene.path("statement.json");
    state(&a, &tree, KEY, &statement);
    scene.save(&a, &other);
    executor.grant(&scene, ALLOWED);
    assert_eq!(executor.sign(&statement, ALLOWED).result(), "signed");
    let lost = publish(&a, &executor.path("signed.json"));
    assert_eq!((lost.status, lost.result().as_str()), (Some(0), "lost-race"), "{lost:?}");
    scene.restore(&a, "restored", &other);
    // The seed has written down what it refused, and what that says of itself.
    let log = a.pollux.run(&["log", "--refused", "--json", "story/**"]).unwrap().json();
    let refused = &log["entries"][0];
    assert_eq!((&refused["what"], &refused["why"]), (&"refused".into(), &"conflict".into()), "{log}");
    assert_eq!((&refused["key"], &refused["provenance"]["build"]), (&KEY.into(), &"b1".into()), "{log}");
}

#[test]
fn what_a_check_job_states_is_not_signed() {
    let (scene, executor) = open();
    let a = scene.node("a");
    let tree = scene.tree("tree");
    executor.grant(&scene, ALLOWED);
    let elsewhere = scene.path("elsewhere.json");
    state(&a, &tree, "story/release/npm/debian12/1", &elsewhere);
    let refused = executor.sign(&elsewhere, ALLOWED);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("key: `story/release/npm/debian12/1`"), "{refused:?}");
    assert!(!executor.path("signed.json").exists());
}

#[test]
fn provenance_differs_from_the_executors() {
    let (scene, executor) = open();
    let a = scene.node("a");
    let tree = scene.tree("tree");
    executor.grant(&scene, ALLOWED);
    let forged = scene.path("forged.json");
    let (base, out) = (tree.to_str().unwrap(), forged.to_str().unwrap());
    let flags = ["--unsigned-out", out, "--provenance", "build=b2"];
    let stated = a.pollux.run(&[&["save", KEY, base][..], &flags].concat()).unwrap();
    assert_eq!(stated.status, Some(0), "{stated:?}");
    let refused = executor.sign(&forged, ALLOWED);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("provenance.build: the instance says `b2`"), "{refused:?}");
    assert!(!executor.path("signed.json").exists());
}

#[test]
fn a_stolen_grant_is_of_no_use_outside_of_its_pattern_or_build() {
    let (scene, executor) = open();
    let a = scene.node("a");
    let statement = scene.path("statement.json");
    state(&a, &scene.tree("tree"), KEY, &statement);
    executor.grant(&scene, ALLOWED);
    let wide = steal(&executor, &statement, |it| it.key = "story/main/apt/debian12/1".parse().unwrap());
    let refused = publish(&a, &wide);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("grant"), "{refused:?}");
    let other = steal(&executor, &statement, |it| it.provenance.build = "b2".to_owned());
    let refused = publish(&a, &other);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("provenance.build"), "{refused:?}");
}

#[test]
fn a_grant_that_has_ended_signs_nothing() {
    let (scene, executor) = open();
    let a = scene.node("a");
    let statement = scene.path("statement.json");
    state(&a, &scene.tree("tree"), KEY, &statement);
    executor.grant(&scene, ALLOWED);
    let mut grant: Grant = Envelope::from_json(&fs::read_to_string(executor.path("grant.json")).unwrap())
        .unwrap()
        .body()
        .unwrap();
    grant.not_before = Timestamp::from_millis(now().as_millis() - 1_000_000);
    grant.expires = grant.not_before.after(Duration::from_secs(900));
    let issuer = key_file::read(&scene.pool.keys().join("issuer.pem")).unwrap();
    fs::write(executor.path("grant.json"), Envelope::sign(&grant, &issuer).to_json()).unwrap();
    let refused = executor.sign(&statement, ALLOWED);
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("expires"), "{refused:?}");
    let refused = publish(&a, &steal(&executor, &statement, |_| {}));
    assert_eq!(refused.status, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("grant"), "{refused:?}");
}

#[test]
fn what_is_signed_for_one_instance_another_cannot_publish() {
    let (scene, executor) = open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let statement = scene.path("statement.json");
    state(&a, &scene.tree("tree"), KEY, &statement);
    executor.grant(&scene, ALLOWED);
    assert_eq!(executor.sign(&statement, ALLOWED).result(), "signed");
    let refused = publish(&b, &executor.path("signed.json"));
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("not in the node's store"), "{refused:?}");
}
