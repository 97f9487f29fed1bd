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
    for verb in ["restore", "save", "sign", "publish", "grant", "ls", "show", "status", "pool"] {
        insta::assert_snapshot!(verb, help(&[verb]));
    }
    insta::assert_snapshot!("pool-init", help(&["pool", "init"]));
}
