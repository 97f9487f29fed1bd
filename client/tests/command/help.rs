//! The help text is the manual.

use crate::pollux;

fn help(verb: &[&str]) -> String {
    let arguments: Vec<&str> = verb.iter().copied().chain(["--help"]).collect();
    let output = pollux(&arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_verb_explains_itself() {
    insta::assert_snapshot!("pollux", help(&[]));
    let verbs = [
        "restore",
        "prefetch",
        "save",
        "sign",
        "publish",
        "grant",
        "ls",
        "log",
        "show",
        "verify",
        "yank",
        "status",
        "pool",
        "key",
        "doctor",
        "bugreport",
        "usage",
        "completions",
        "run",
        "presets",
        "audit",
        "diff",
        "who",
    ];
    for verb in verbs {
        insta::assert_snapshot!(verb, help(&[verb]));
    }
    insta::assert_snapshot!("key-show", help(&["key", "show"]));
    insta::assert_snapshot!("key-of", help(&["key", "of"]));
    insta::assert_snapshot!("presets-show", help(&["presets", "show"]));
}

#[test]
fn every_change_of_a_pool_explains_itself() {
    let verbs = [
        "init",
        "add-seed",
        "remove-seed",
        "add-publisher",
        "remove-publisher",
        "add-issuer",
        "remove-issuer",
        "add-network",
        "remove-network",
        "add-yank-key",
        "remove-yank-key",
        "renew",
        "rotate-root",
        "add-signature",
        "spread",
        "token",
        "admission",
        "admit",
    ];
    for verb in verbs {
        let text = help(&["pool", verb]);
        assert!(text.contains("Example"), "{verb}");
        insta::assert_snapshot!(format!("pool-{verb}"), text);
    }
}
