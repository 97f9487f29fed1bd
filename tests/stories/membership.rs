//! Who belongs: addresses that are used again, and pools where an operator admits each node.

use crate::scene::{Node, Scene, until};
use pollux_core::{Envelope, Policy, PoolFile};
use pollux_tests::{Finished, NodeOptions, Pool};
use rustix::process::Signal;
use std::process::Command;

/// Signs a pool's policy anew, with a change.
pub(crate) fn with_policy(pool: &Pool, change: impl FnOnce(&mut Policy)) {
    let root = pollux_client::key_file::read(&pool.keys().join("root.pem")).unwrap();
    let mut file = PoolFile::from_json(&std::fs::read_to_string(pool.pool_file()).unwrap()).unwrap();
    let mut policy: Policy = file.policy.body().unwrap();
    change(&mut policy);
    file.policy = Envelope::sign(&policy, &root);
    std::fs::write(pool.pool_file(), file.to_json()).unwrap();
}

fn joined(node: &Node) {
    node.until("joined", |status| status["engine"]["joined"] == true);
}

/// Waits until the node says that it is refused, and why.
fn refused(node: &Node, why: &str) {
    node.until(why, |status| status["engine"]["refused"] == why);
}

/// A machine stops without a word, and another one gets its address; it has the place within seconds, long before the
/// kernel would find out. While it lives, nobody else gets it.
#[test]
fn address_is_reused() {
    let one_each = |pool: &Pool| {
        with_policy(pool, |policy| policy.networks.iter_mut().for_each(|network| network.memberships = 1));
    };
    let scene = Scene::with_pool(&NodeOptions::default(), one_each);
    let gone = scene.node("gone");
    joined(&gone);
    gone.daemon.signal(Signal::STOP).unwrap();
    let began = std::time::Instant::now();
    let newcomer = scene.node("newcomer");
    joined(&newcomer);
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    let third = scene.node("third");
    refused(&third, "address-full");
    let words = third.pollux.run(&["status"]).unwrap().stdout;
    assert!(words.contains("no more members are admitted from this address"), "{words}");
    joined(&newcomer);
    let seed = scene.pool.pollux(&scene.seed).status().unwrap();
    assert!(seed["engine"]["refusals"]["address-full"].as_u64() > Some(0), "{seed}");
    assert_eq!(seed["engine"]["peers"], 1, "{seed}");
}

/// What an operator does for one node before anything runs on it.
fn admit(scene: &Scene, node: &str) -> NodeOptions {
    let membership = scene.path(&format!("{node}.membership"));
    let runtime = scene.path(node).join("run");
    let mut command = Command::new(&scene.pool.programs.node);
    let named = Finished::of(command.arg("--runtime").arg(runtime).arg("peer-id")).unwrap();
    assert_eq!(named.status, Some(0), "{named:?}");
    let mut command = Command::new(&scene.pool.programs.pollux);
    command.args(["pool", "admit", named.stdout.trim(), "--address", "127.0.0.1", "--instance", node]);
    command.arg("--pool").arg(scene.pool.pool_file()).arg("--out").arg(&membership);
    command.arg("--admission-key").arg(scene.pool.keys().join("admission.pem"));
    let admitted = Finished::of(&mut command).unwrap();
    assert_eq!(admitted.status, Some(0), "{admitted:?}");
    let flags = vec!["--membership".to_owned(), membership.display().to_string()];
    NodeOptions { flags, ..NodeOptions::default() }
}

#[test]
fn in_a_strict_pool_an_operator_admits_each_node() {
    let strict = |pool: &Pool| with_policy(pool, |policy| policy.strict_admission = true);
    let scene = Scene::with_pool(&NodeOptions::default(), strict);
    let (saver, reader) = (admit(&scene, "saver"), admit(&scene, "reader"));
    let (saver, reader) = (scene.node_with("saver", &saver), scene.node_with("reader", &reader));
    let tree = scene.tree("tree");
    scene.save(&saver, &tree);
    scene.restore(&reader, "restored", &tree);

    let outsider = scene.node("outsider");
    refused(&outsider, "not-by-token");
    let words = outsider.pollux.run(&["status"]).unwrap().stdout.replace("\n ", "");
    assert!(words.contains("an operator has to admit this node (pollux pool admit)"), "{words}");
    assert!(outsider.daemon.log_text().contains("an operator has to admit this node"));
    let target = scene.path("nothing");
    let missed = outsider.pollux.restore(crate::scene::KEY, &target, &["--answer-timeout", "1"]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "not-joined"), "{missed:?}");
}

/// The file may come while the node runs.
#[test]
fn a_node_is_admitted_while_it_runs() {
    let strict = |pool: &Pool| with_policy(pool, |policy| policy.strict_admission = true);
    let scene = Scene::with_pool(&NodeOptions::default(), strict);
    let options = admit(&scene, "late");
    let membership = scene.path("late.membership");
    let away = scene.path("elsewhere");
    std::fs::rename(&membership, &away).unwrap();
    let late = scene.node_with("late", &options);
    refused(&late, "not-by-token");
    std::fs::rename(&away, &membership).unwrap();
    joined(&late);
    until("the seed has it", || {
        scene.pool.pollux(&scene.seed).status().unwrap()["engine"]["peers"].as_u64() == Some(1)
    });
}
