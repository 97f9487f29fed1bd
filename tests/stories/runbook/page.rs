//! The runbook as commands: what runs where, in which order.

use std::path::Path;

/// The machines that it tells of, and their addresses.
pub(crate) const PLACES: [(&str, &str); 4] = [
    ("seed", "10.20.0.10/24"),
    ("seed-2", "10.20.0.11/24"),
    ("office", "10.20.0.20/24"),
    ("instance", "10.20.0.21/24"),
];
const LINES_MAX: usize = 300;

/// A block of commands.
#[derive(Debug)]
pub(crate) struct Block {
    /// The heading that it stands below.
    pub(crate) part: String,
    /// Where it runs, on one after the other.
    pub(crate) places: Vec<String>,
    /// The commands.
    pub(crate) script: String,
}

fn deploy() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("node/deploy")
}

/// All blocks of the page; one that neither says where it runs nor is text is no runbook's.
pub(crate) fn blocks() -> Vec<Block> {
    let page = std::fs::read_to_string(deploy().join("RUNBOOK.md")).unwrap();
    let (mut part, mut found, mut lines) = (String::new(), Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut part);
        }
        let Some(kind) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if kind == "text" {
            continue;
        }
        assert_eq!(kind, "sh", "commands are sh, everything else is text: {body:?}");
        let places =
            body[0].strip_prefix("# on: ").unwrap_or_else(|| panic!("where does this run? {body:?}"));
        let places = places.split(", ").map(str::to_owned).collect();
        found.push(Block { part: part.clone(), places, script: body[1..].join("\n") });
    }
    found
}

#[test]
fn every_block_of_the_runbook_says_where_it_runs() {
    let blocks = blocks();
    assert!(blocks.len() > 20);
    for block in &blocks {
        for place in &block.places {
            assert!(PLACES.iter().any(|(name, _)| name == place), "{place}: {}", block.script);
        }
    }
}

#[test]
fn the_runbook_is_short_and_names_metrics_that_there_are() {
    let page = std::fs::read_to_string(deploy().join("RUNBOOK.md")).unwrap();
    assert!(page.lines().count() <= LINES_MAX, "{} lines", page.lines().count());
    for name in page.split('`').filter(|word| word.starts_with("pollux_")) {
        let name = name.split(' ').next().unwrap();
        let known = pollux_node::metrics::METRICS.iter().any(|metric| metric.name == name);
        assert!(known || name == "pollux_enabled:", "{name}");
    }
    for part in
        ["First day", "Upgrade", "Seed lost", "Seed full", "Bad publish", "Key rotation", "Switching off"]
    {
        assert!(page.contains(&format!("\n## {part}\n")), "{part}");
    }
}
