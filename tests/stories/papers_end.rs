//! Policy and join token end some day: everybody is warned for a month, then whoever is affected says what ended, and what to do.

use crate::doctor::{judged, names};
use crate::membership::with_policy;
use crate::metrics::{Page, get, now, with_metrics};
use crate::scene::{KEY, Node, Scene, refused, until};
use pollux_client::{clock, key_file};
use pollux_core::{Envelope, PoolFile, Timestamp, Token};
use pollux_tests::{Finished, NodeOptions, Pool};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// For a seed and a node to start in; then the policy ends.
const SOON: Duration = Duration::from_secs(12);
const TWO_HOURS: u64 = 7_260_000;

fn read(pool: &Pool) -> PoolFile {
    PoolFile::from_json(&fs::read_to_string(pool.pool_file()).unwrap()).unwrap()
}

fn ago(millis: u64) -> Timestamp {
    Timestamp::from_millis(clock::now().as_millis() - millis)
}

/// A pool file whose token has ended a while ago.
fn with_old_token(scene: &Scene) -> PathBuf {
    let admission = key_file::read(&scene.pool.keys().join("admission.pem")).unwrap();
    let mut file = read(&scene.pool);
    let token = Token { pool: "ci".to_owned(), serial: "old".to_owned(), expires: ago(TWO_HOURS) };
    file.token = Envelope::sign(&token, &admission);
    let path = scene.path("old.json");
    fs::write(&path, file.to_json()).unwrap();
    path
}

/// An operator's verb that changes the pool file.
fn operate(pool: &Pool, verb: &[&str], (flag, key): (&str, &str)) {
    let mut command = Command::new(&pool.programs.pollux);
    command.args(["pool"]).args(verb).args(["--yes", "--pool"]).arg(pool.pool_file());
    let done = Finished::of(command.arg(flag).arg(pool.keys().join(key))).unwrap();
    assert_eq!(done.status, Some(0), "{done:?}");
}

#[test]
fn what_ends_within_a_month_is_warned_of_everywhere() {
    let scene = Scene::with_pool(&with_metrics(), |pool| {
        operate(pool, &["renew", "--policy-days", "29"], ("--root-key", "root.pem"));
        operate(pool, &["token", "--days", "20"], ("--admission-key", "admission.pem"));
    });
    let node = scene.node_with("node", &with_metrics());
    node.until("joined", |status| status["engine"]["joined"] == true);
    let (status, found) = judged(&node.pollux, &scene.pool.pool_file(), "warning");
    assert_eq!((status, names(&found)), (Some(0), vec!["ends", "ends"]), "{found:?}");
    let screen = node.pollux.run(&["status"]).unwrap().stdout.replace("\n ", "");
    for (words, remedy) in
        [("the policy expires in 28 days", "pool renew"), ("expires in 19 days", "pool token")]
    {
        let doctor = found.iter().any(|(_, said)| said.contains(words) && said.contains(remedy));
        assert!(doctor && screen.contains(words) && screen.contains(remedy), "{found:?} {screen}");
        for daemon in [&node.daemon, &scene.seed] {
            until("it is logged", || {
                daemon
                    .log_text()
                    .lines()
                    .any(|line| line.contains(" WARN ") && line.contains(words) && line.contains(remedy))
            });
        }
    }
    for daemon in [&node.daemon, &scene.seed] {
        assert_eq!(get(daemon, "/readyz").0, 200, "it works until then");
        for (name, days) in [("policy", 29.0), ("join_token", 20.0)] {
            let left = Page::of(daemon).value(&format!("pollux_{name}_expiry_timestamp_seconds")) - now();
            assert!((days - left / 86_400.0).abs() < 0.1, "what the alert goes by: {name} {left}");
        }
    }
}

#[test]
fn a_month_and_more_before_nobody_is_warned() {
    let scene = Scene::with_pool(&NodeOptions::default(), |pool| {
        operate(pool, &["renew", "--policy-days", "32"], ("--root-key", "root.pem"));
        operate(pool, &["token", "--days", "31"], ("--admission-key", "admission.pem"));
    });
    let node = scene.node("node");
    node.until("joined", |status| status["engine"]["joined"] == true);
    let (status, found) = judged(&node.pollux, &scene.pool.pool_file(), "warning");
    assert_eq!((status, found), (Some(0), Vec::new()));
}

#[test]
fn an_expired_token_is_named_everywhere() {
    let scene = Scene::with_seed(&with_metrics());
    let pool_file = Some(with_old_token(&scene));
    let node = scene.node_with("late", &NodeOptions { pool_file, ..with_metrics() });
    node.until("refused", |status| status["engine"]["refused"] == "token-expired");
    let screen = node.pollux.run(&["status"]).unwrap().stdout.replace("\n ", "");
    assert!(
        screen.contains("the join token has expired") && screen.contains("pollux pool token"),
        "{screen}"
    );
    let log = node.daemon.log_text();
    assert!(log.contains("the join token old expired 2 hours ago"), "{log}");
    let told = node.pollux.run(&["doctor"]).unwrap();
    assert_eq!(told.status, Some(1), "{told:?}");
    for words in [
        "NO  token: the join token lets nobody in any more",
        "NO  membership: a seed does not let this node in",
    ] {
        assert!(told.stdout.contains(words), "{words}: {told:?}");
    }
    let (status, lack) = get(&node.daemon, "/readyz");
    assert!(status == 503 && lack.contains("the join token has expired"), "{lack}");
    for (daemon, name) in
        [(&node.daemon, "pollux_join_refusals_total"), (&scene.seed, "pollux_joins_refused_total")]
    {
        assert!(Page::of(daemon).labelled(name, "reason", "token-expired") >= 1.0, "{name}");
    }
}

#[test]
fn an_expired_policy_is_refused_by_name() {
    let mut scene = Scene::open();
    let (good, path) = (read(&scene.pool), scene.path("expired.json"));
    with_policy(&scene.pool, |policy| policy.expires = ago(TWO_HOURS));
    fs::rename(scene.pool.pool_file(), &path).unwrap();
    fs::write(scene.pool.pool_file(), good.to_json()).unwrap();
    let old = NodeOptions { pool_file: Some(path.clone()), ..NodeOptions::default() };
    scene.seed.stop().unwrap();
    for (status, said) in [refused(scene.pool.node("node", &old)), refused(scene.pool.seed(&old))] {
        assert_eq!(status, Some(78), "{said}");
        for words in ["the policy expired 2 h ago", "clock is wrong", "hint: `pollux pool renew`"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    let node = scene.node("other");
    let (status, found) = judged(&node.pollux, &path, "wrong");
    assert_eq!((status, names(&found)[0]), (Some(1), "pool_file"), "{found:?}");
    assert!(
        found[0].1.contains("the policy expired 2 h ago") && found[0].1.contains("pool renew"),
        "{found:?}"
    );
}

fn not_ready(node: &Node, scene: &Scene) {
    for daemon in [&node.daemon, &scene.seed] {
        until("it is not ready", || get(daemon, "/readyz").0 == 503);
        let lack = get(daemon, "/readyz").1;
        assert!(lack.contains("the policy expired") && lack.contains("pollux pool renew"), "{lack}");
        assert_eq!(get(daemon, "/livez").0, 200, "starting it again helps nobody");
    }
}

/// Nobody renewed it. Jobs miss, and what is said to be done helps, while everything goes on running.
#[test]
fn a_policy_that_ends_while_the_pool_runs_is_named_and_can_be_renewed() {
    let scene = Scene::with_pool(&with_metrics(), |pool| {
        with_policy(pool, |policy| policy.expires = clock::now().after(SOON));
    });
    let node = scene.node_with("node", &with_metrics());
    let tree = scene.tree("tree");
    scene.save(&node, &tree);
    not_ready(&node, &scene);
    let missed = node.pollux.restore(KEY, &scene.path("late"), &["--answer-timeout", "2"]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "not-believed"), "{missed:?}");
    assert!(node.daemon.log_text().contains("reason=the policy expired"), "{}", node.daemon.log_text());
    let (status, found) = judged(&node.pollux, &scene.pool.pool_file(), "wrong");
    assert_eq!((status, names(&found)), (Some(1), vec!["pool_file", "ends"]), "{found:?}");
    operate(&scene.pool, &["renew", "--everything"], ("--root-key", "root.pem"));
    let spread =
        node.pollux.run(&["pool", "spread", "--pool", scene.pool.pool_file().to_str().unwrap()]).unwrap();
    assert_eq!(spread.status, Some(0), "{spread:?}");
    for daemon in [&node.daemon, &scene.seed] {
        until("it is ready again", || get(daemon, "/readyz").0 == 200);
    }
    scene.restore(&node, "restored", &tree);
}
