//! A clock that is an hour off, of a node and of a seed, ahead and behind: no job fails, and whoever looks is told whose clock
//! it is.

use crate::doctor::{judged, names};
use crate::fleet::Fleet;
use crate::metrics::{Page, get, now, with_metrics};
use crate::scene::{KEY, Node, Scene};
use pollux_tests::{Daemon, NodeOptions};

const SHIFTS: [&str; 2] = ["-3600", "3600"];

fn shifted(by: &str) -> NodeOptions {
    let mut options = with_metrics();
    options.flags.push(format!("--wall-clock-shift={by}"));
    options
}

/// What the alert on clocks goes by.
fn is_off(daemon: &Daemon, by: &str) {
    let off = Page::of(daemon).value("pollux_clock_timestamp_seconds") - now();
    assert!((off - by.parse::<f64>().unwrap()).abs() < 30.0, "{off}");
}

/// It is let in, and does not believe it: its jobs miss.
fn is_outside(node: &Node, words: &str) {
    node.until("told the time", |status| status["unwelcome"].is_string());
    let (status, lack) = get(&node.daemon, "/readyz");
    assert!(status == 503 && lack.contains(words) && lack.contains("clock"), "{lack}");
    let log = node.daemon.log_text();
    assert!(log.contains("is not believed") && log.contains(words), "{log}");
}

#[test]
fn doctor_names_a_wrong_clock() {
    let scene = Scene::open();
    for (shift, direction, words) in [
        ("-3600", "behind that of the seeds", "the membership is not valid yet"),
        ("3600", "ahead of that of the seeds", "the membership expired"),
    ] {
        let node = scene.node_with(&format!("off{shift}"), &shifted(shift));
        is_outside(&node, words);
        is_off(&node.daemon, shift);
        let (status, found) = judged(&node.pollux, &scene.pool.pool_file(), "wrong");
        assert_eq!((status, names(&found)), (Some(1), vec!["clock", "membership"]), "{found:?}");
        assert!(found[0].1.contains(direction) && found[0].1.contains("60 min"), "{found:?}");
        let missed = node.pollux.restore(KEY, &scene.path("target"), &["--answer-timeout", "1"]).unwrap();
        assert_eq!((missed.status, missed.result().as_str()), (Some(0), "miss"), "{missed:?}");
    }
}

/// Nobody can tell which of the two is wrong, so both are named.
#[test]
fn a_lone_seed_with_a_wrong_clock_is_noticed_by_its_nodes() {
    for shift in SHIFTS {
        let scene = Scene::with_seed(&shifted(shift));
        is_off(&scene.seed, shift);
        let node = scene.node_with("node", &with_metrics());
        is_outside(&node, "the membership");
        is_off(&node.daemon, "0");
        let (status, found) = judged(&node.pollux, &scene.pool.pool_file(), "wrong");
        assert_eq!((status, names(&found)), (Some(1), vec!["clock", "membership"]), "{found:?}");
        assert!(found[0].1.contains("or the clocks of the seeds are wrong"), "{found:?}");
    }
}

#[test]
fn one_seed_of_three_with_a_wrong_clock_is_named_and_the_pool_goes_on() {
    for (shift, direction) in [("-3600", "is 60 min behind"), ("3600", "is 60 min ahead")] {
        let mut fleet = Fleet::open(3);
        fleet.seeds[2].stop().unwrap();
        fleet.start(2, &shifted(shift));
        fleet.until_whole(2);
        is_off(&fleet.seeds[2], shift);
        let (a, b) = (fleet.node("a"), fleet.node("b"));
        let tree = fleet.tree("tree");
        fleet.save(&a, &tree);
        fleet.restore(&b, "restored", &tree);
        a.until("all have told the time", |status| {
            let seeds = status["seeds"].as_array().unwrap();
            seeds.iter().all(|seed| seed["clock_ahead_ms"].is_i64())
        });
        let (status, found) = judged(&a.pollux, &fleet.pool.pool_file(), "warning");
        assert_eq!((status, names(&found)), (Some(0), vec!["clock"]), "{found:?}");
        let words = format!("{} {direction}", fleet.seeds[2].listen);
        assert!(found[0].1.contains(&words) && found[0].1.contains("time server"), "{words}: {found:?}");
        let screen = a.pollux.run(&["status"]).unwrap().stdout.replace("\n ", "");
        assert!(screen.contains("the clocks of seeds differ"), "{screen}");
    }
}
