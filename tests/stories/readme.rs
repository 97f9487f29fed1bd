//! What the README promises to be shown by tests is.

use pollux_tests::{Finished, Listing, Programs, free_port, sample_tree};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The names of all tests below a directory: functions that follow a line with `#[test]` or the like, or stand in `proptest!`.
fn tests(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.extend(text.split("#[").filter_map(test_name).map(str::to_owned));
        }
    }
}

/// The name of the test that follows an attribute.
fn test_name(piece: &str) -> Option<&str> {
    let (attribute, rest) = piece.split_once(']')?;
    let (name, _) = rest.split_once("fn ")?.1.split_once('(')?;
    (attribute == "test" || attribute.starts_with("tokio::test")).then_some(name)
}

#[test]
fn every_threat_names_tests_that_there_are() {
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## Security, threat by threat").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 8, "one for each attacker");
    let mut found = BTreeSet::new();
    for part in ["node", "client", "tests"] {
        tests(&top().join(part), &mut found);
    }
    for row in rows {
        let shown = row.rsplit('|').nth(1).unwrap();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(names.len() > 2, "{row}");
        for name in names {
            assert!(found.contains(name), "there is no test {name}");
        }
    }
}

/// The commands of a section, in their order.
fn commands(readme: &str, heading: &str) -> String {
    let (_, section) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    blocks.collect()
}

/// Runs commands in a shell, in an empty directory, and ends the daemons that they leave behind.
fn run(directory: &Path, script: &str) -> Finished {
    let programs = Programs::beside_this_one().unwrap();
    let path = programs.node.parent().unwrap().display().to_string();
    let work = directory.join("work");
    fs::create_dir(&work).unwrap();
    sample_tree(&directory.join(".npm"), "readme").unwrap();
    // A port of its own, and no regard to how full this machine's disk is.
    let script = script.replace("127.0.0.1:4480", &format!("127.0.0.1:{}", free_port().unwrap()));
    let mut command = Command::new("timeout");
    command.args(["120", "bash", "-euo", "pipefail", "-c"]).current_dir(&work);
    command.arg(format!("trap 'kill $(jobs -p); wait' EXIT\nexec 2>&1\n{script}"));
    command.env("PATH", format!("{path}:/usr/bin:/bin")).env("HOME", directory);
    command.env("POLLUX_NODE_STORE_FREE_BYTES_MIN", "0").env_remove("POLLUX_SOCKET");
    Finished::of(&mut command).unwrap()
}

#[test]
fn a_pool_starts_as_the_readme_tells_it() {
    let directory = tempfile::tempdir().unwrap();
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let ended = run(directory.path(), &commands(&readme, "Start a pool"));
    assert_eq!(ended.status, Some(0), "{}", ended.stdout);
    for tree in ["restored", "restored-2", "work"] {
        assert_eq!(
            Listing::of(&directory.path().join("work").join(tree)).unwrap(),
            Listing::of(&directory.path().join(".npm")).unwrap(),
            "{tree}: {}",
            ended.stdout
        );
    }
}

#[test]
fn what_the_readme_takes_back_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let start = commands(&readme, "Start a pool");
    let (start, _) = start.split_once("pollux restore ").unwrap();
    let operate = commands(&readme, "Operate a pool");
    let yank = operate.lines().find(|line| line.starts_with("pollux yank ")).unwrap();
    let id = "$(pollux show $KEY --json | sed -n 's/^  \"manifest_id\": \"\\(.*\\)\",/\\1/p')";
    let yank = yank.replace(" ID ", &format!(" \"{id}\" "));
    let script = format!("{start}{yank} --yes\npollux restore $KEY none");
    let ended = run(directory.path(), &script);
    assert_eq!(ended.status, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("miss (yanked)"), "{}", ended.stdout);
}

#[test]
fn what_pool_init_prints_can_be_followed_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let script = "pollux pool init pool --seed 127.0.0.1:4480 > said
        sed -n '/^next/,$ s/^  //p' said | sed 's#KEY DIRECTORY#a/b ~/.npm#' > script
        . ./script";
    let ended = run(directory.path(), script);
    assert_eq!(ended.status, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains("saved: a/b (sequence 1"), "{}", ended.stdout);
}
