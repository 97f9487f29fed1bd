//! There is no node on the instance: jobs go on.

use crate::scene::KEY;
use pollux_tests::{Pollux, Programs};
use std::fs;
use std::path::Path;

fn without_node(directory: &Path) -> Pollux {
    let program = Programs::beside_this_one().unwrap().pollux;
    Pollux { program, socket: directory.join("nobody.sock") }
}

#[test]
fn a_restore_is_a_miss_and_the_job_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let pollux = without_node(directory.path());
    let target = directory.path().join("target");
    let report = directory.path().join("report.json");
    let missed = pollux.restore(KEY, &target, &["--report", report.to_str().unwrap()]).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "no-node"), "{missed:?}");
    assert!(!target.exists());
    assert!(fs::read_to_string(report).unwrap().contains("no-node"));
}

#[test]
fn a_job_that_insists_is_told_by_the_exit_status() {
    let directory = tempfile::tempdir().unwrap();
    let pollux = without_node(directory.path());
    let missed = pollux.restore(KEY, &directory.path().join("target"), &["--fail-on-miss"]).unwrap();
    assert_eq!(missed.status, Some(3), "{missed:?}");
}

#[test]
fn verbs_for_people_say_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let pollux = without_node(directory.path());
    for verb in ["status", "ls"] {
        let failed = pollux.run(&[verb]).unwrap();
        assert_eq!(failed.status, Some(4), "{failed:?}");
        assert!(failed.stderr.contains("pollux-node"), "{failed:?}");
    }
}

#[test]
fn pollux_can_be_switched_off() {
    let directory = tempfile::tempdir().unwrap();
    let pollux = without_node(directory.path());
    let target = directory.path().join("target");
    let arguments = ["restore", "--json", KEY, target.to_str().unwrap()];
    let mut command = pollux.command(&arguments.map(AsRef::as_ref));
    let missed = pollux_tests::Finished::of(command.env("POLLUX_DISABLE", "1")).unwrap();
    assert_eq!((missed.status, missed.text("/reason").as_str()), (Some(0), "disabled"), "{missed:?}");
}

#[test]
fn a_key_with_dot_segments_is_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    let pollux = without_node(directory.path());
    let refused = pollux.restore("a/../b", &directory.path().join("target"), &[]).unwrap();
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(".."), "{refused:?}");
}
