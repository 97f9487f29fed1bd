//! What the README promises to be shown by tests is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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
