//! What packages bring along besides the program: pages of the manual, and what shells complete.

use crate::pollux;
use std::collections::BTreeSet;
use std::fs;

/// The verbs that a help text lists.
fn verbs(of: &[&str]) -> BTreeSet<String> {
    let help = pollux(&[of, &["--help"]].concat()).output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    let (_, list) = text.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let words = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    words.filter(|word| !word.is_empty() && *word != "help").map(str::to_owned).collect()
}

#[test]
fn every_verb_has_a_page_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let made = pollux(&["man", directory.path().to_str().unwrap()]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let page = |name: &str| fs::read_to_string(directory.path().join(format!("{name}.1"))).unwrap();
    assert!(page("pollux").contains(".TH pollux 1"));
    let pool = verbs(&["pool"]);
    for verb in verbs(&[]) {
        assert!(page(&format!("pollux-{verb}")).contains(".SH SYNOPSIS"), "{verb}");
    }
    assert!(verbs(&[]).len() > 12 && pool.len() > 12, "{pool:?}");
    for verb in pool {
        assert!(page(&format!("pollux-pool-{verb}")).contains("Example"), "{verb}");
    }
    assert!(!directory.path().join("pollux-man.1").exists(), "it is hidden");
}

#[test]
fn pages_go_into_a_directory_that_is_there() {
    let made = pollux(&["man", "/nowhere/at/all"]).output().unwrap();
    assert_eq!(made.status.code(), Some(6));
}

#[test]
fn every_shell_completes_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let made = pollux(&["completions", shell]).output().unwrap();
        assert!(made.status.success(), "{shell}");
        let script = String::from_utf8(made.stdout).unwrap();
        for verb in verbs(&[]) {
            assert!(script.contains(&verb), "{shell} {verb}");
        }
    }
}
