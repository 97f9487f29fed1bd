//! What an operator gets wrong before a daemon runs: it says what is wrong and what to do, and its exit status tells a service
//! manager whether to try again.

use crate::doctor::{judged, names};
use crate::metrics::{get, with_metrics};
use crate::scene::{Scene, refused, with_flags};
use pollux_core::PoolFile;
use pollux_tests::{NodeOptions, Pollux};
use std::fs;
use std::path::PathBuf;

/// What does not mend by itself.
const FOR_GOOD: Option<i32> = Some(78);
/// What may.
const FOR_NOW: Option<i32> = Some(1);

fn pool_file(scene: &Scene) -> PoolFile {
    PoolFile::from_json(&fs::read_to_string(scene.pool.pool_file()).unwrap()).unwrap()
}

fn written(scene: &Scene, name: &str, text: &str) -> NodeOptions {
    let path = scene.path(name);
    fs::write(&path, text).unwrap();
    NodeOptions { pool_file: Some(path), ..with_metrics() }
}

/// What `pollux doctor` says first of a pool file where no node runs.
fn first_words(scene: &Scene, pool: &Option<PathBuf>) -> String {
    let pollux = Pollux { program: scene.pool.programs.pollux.clone(), socket: scene.path("nowhere") };
    let (status, found) = judged(&pollux, pool.as_deref().unwrap(), "wrong");
    assert_eq!((status, names(&found)), (Some(1), vec!["pool_file", "socket"]), "{found:?}");
    found[0].1.clone()
}

/// One after the other, and put together so that it looks like one; both pools have the name that is given by default.
#[test]
fn two_pools_in_one_file_are_refused_by_name() {
    let (scene, other) = (Scene::open(), Scene::open());
    let (one, two) = (pool_file(&scene), pool_file(&other));
    for (name, text, words) in [
        ("appended", format!("{}{}", one.to_json(), two.to_json()), "there are two pools in this file"),
        (
            "policy",
            PoolFile { policy: two.policy.clone(), ..one.clone() }.to_json(),
            "signed by 0 of the root",
        ),
        ("root", PoolFile { root: two.root, ..one }.to_json(), "signed by 0 of the root"),
    ] {
        let options = written(&scene, &format!("{name}.json"), &text);
        let (status, said) = refused(scene.pool.node(name, &options));
        assert_eq!(status, FOR_GOOD, "{said}");
        assert!(said.contains(words) && said.contains("hint: take the pool.json of one pool"), "{said}");
        let told = first_words(&scene, &options.pool_file);
        assert!(told.contains("there are two pools in") && told.contains("of one pool"), "{told}");
    }
}

/// Only seeds can tell: the node runs, and is let in nowhere.
#[test]
fn the_join_token_of_another_pool_is_named_by_who_was_refused() {
    let (scene, other) = (Scene::open(), Scene::open());
    let mixed = PoolFile { token: pool_file(&other).token, ..pool_file(&scene) };
    let options = written(&scene, "token.json", &mixed.to_json());
    let node = scene.node_with("node", &options);
    node.until("refused", |status| status["engine"]["refused"] == "bad-token");
    let (status, words) = get(&node.daemon, "/readyz");
    assert!(status == 503 && words.contains("the join token is not valid in this pool"), "{words}");
    let (status, found) = judged(&node.pollux, &options.pool_file.unwrap(), "wrong");
    assert_eq!((status, names(&found)), (Some(1), vec!["token", "membership"]), "{found:?}");
    assert!(found[1].1.contains("its join token is of another pool"), "{found:?}");
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let scene = Scene::with_seed(&with_metrics());
    let (peers, metrics) = (scene.seed.listen.clone(), scene.seed.metrics.clone());
    for (flag, address) in [("--listen", &peers), ("--metrics", &metrics)] {
        let (status, said) = refused(scene.pool.node(flag, &with_flags(&[flag, address])));
        assert_eq!(status, FOR_NOW, "whoever has it may go: {said}");
        for words in [&format!("cannot listen on {address}: Address already in use"), "change `listen`"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    let socket = scene.seed.socket.to_str().unwrap();
    let (status, said) = refused(scene.pool.node("socket", &with_flags(&["--socket", socket])));
    assert!(status == FOR_NOW && said.contains("another node answers on this socket"), "{said}");
}

#[test]
fn a_seed_without_its_credential_says_what_its_unit_lacks() {
    let scene = Scene::open();
    let flags = ["--role", "seed", "--identity", "credential:seed-key", "--init-empty"];
    let (status, said) = refused(scene.pool.node("seed-2", &with_flags(&flags)));
    assert!(status == FOR_GOOD && said.contains("LoadCredential=seed-key:FILE"), "{said}");
}

/// Its disk was lost, or is another one: nobody is told that everything that was published is gone.
#[test]
fn a_lone_seed_on_an_empty_disk_does_not_start() {
    let mut scene = Scene::open();
    scene.seed.stop().unwrap();
    let store = scene.path("seed/store");
    fs::remove_dir_all(&store).unwrap();
    for _ in 0..2 {
        let (status, said) = refused(scene.pool.seed(&NodeOptions::default()));
        assert_eq!(status, FOR_GOOD, "{said}");
        for words in
            ["has no marker: it is new, or its disk was lost", "--init-empty", "recover --accept-loss"]
        {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
