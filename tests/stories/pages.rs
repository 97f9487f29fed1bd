//! The pages that a package installs: whatever they name is beside them.

use crate::scene::names;
use pollux_node::metrics::{METRICS, Metric, Of};
use pollux_tests::Finished;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What lies in `/usr/share/doc/pollux`.
fn pages(directory: &Path) {
    let mut command = Command::new(top().join("node/deploy/build"));
    let made = Finished::of(command.arg("pages").arg(directory)).unwrap();
    assert_eq!(made.status, Some(0), "{made:?}");
}

/// Whether a word names a file of this repository: by its place there, or beside the page's source.
fn is_of_the_sources(word: &str) -> bool {
    let beside = ["", "node/deploy", "client/ci/zuul", "client/ci/github", "client/ci/gitlab"];
    let has_form = word.contains('/') || Path::new(word).extension().is_some();
    has_form && beside.iter().any(|base| top().join(base).join(word).exists())
}

/// The words of a page that name files: what stands in backticks, up to the first space, and targets of links.
fn named(page: &str) -> Vec<String> {
    let quoted = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let links = page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let words = quoted.chain(links).filter_map(|text| text.split_whitespace().next());
    words.filter(|word| !word.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn installed_pages_name_files_that_a_package_has() {
    let directory = tempfile::tempdir().unwrap();
    pages(directory.path());
    let mut checked = 0;
    let own = ["README.md", "README.deploy.md", "RUNBOOK.md", "METRICS.md", "alerts.yml"];
    let examples = ["zuul", "github", "gitlab"].map(|system| format!("examples/{system}/README.md"));
    for page in own.into_iter().chain(examples.iter().map(String::as_str)) {
        let path = directory.path().join(page);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("<!-- sources"), "{page}: what only the sources have is left out");
        for word in named(&text).into_iter().filter(|word| is_of_the_sources(word)) {
            // Said to be in the sources where it is named.
            let known = word == "node/deploy/build" && page == "RUNBOOK.md";
            assert!(known || path.with_file_name(&word).exists(), "{page} names {word}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} names of files were looked at");
}

/// The other way round: nobody looks for what no page names.
#[test]
fn the_page_about_deployment_lists_what_a_package_has() {
    let directory = tempfile::tempdir().unwrap();
    pages(directory.path());
    let page = fs::read_to_string(directory.path().join("README.deploy.md")).unwrap();
    let (_, section) = page.split_once("## Where it lies in a package").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let listed = named(section);
    for name in &listed {
        let is_there = name.starts_with("/usr") || directory.path().join(name).exists();
        assert!(is_there, "{name} is listed");
    }
    for name in names(directory.path()).into_iter().filter(|name| name != "examples") {
        assert!(listed.contains(&name), "{name} is not listed");
    }
    for name in names(&directory.path().join("examples")) {
        assert!(listed.iter().any(|word| word.starts_with(&format!("examples/{name}"))), "{name}");
    }
}

fn row(metric: &Metric) -> String {
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let of = match metric.of {
        Of::Both => "both",
        Of::Nodes => "nodes",
        Of::Seeds => "seeds",
    };
    let (name, kind) = (metric.name, format!("{:?}", metric.kind).to_lowercase());
    format!("| `{name}` | {kind} | {} | {of} | {} |", labels.join(", "), metric.help.replace('|', "\\|"))
}

#[test]
fn the_page_about_metrics_has_them_all() {
    let page = fs::read_to_string(top().join("node/deploy/METRICS.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = METRICS.iter().copied().map(row).collect();
    assert_eq!(rows, expected, "\n{}", expected.join("\n"));
}
