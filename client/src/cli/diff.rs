//! `pollux diff`

use super::audit::some;
use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::{Done, output, show};
use clap::Args;
use pollux_client::flow::{Contents, contents_of, open_manifest};
use pollux_client::printable::printable;
use pollux_core::{Entry, EntryKind, Manifest, ManifestId, Piece, Tree};
use pollux_packages::list::Difference;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Compare two saves by package and by file
///
/// By package where both recorded a list of packages (`pollux run`, `pollux save --audit`); by file always: a file is changed
/// if its content, mode or kind is.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A key (its newest save), or the first digits of a manifest's name
    before: String,
    /// The other
    after: String,
    /// Name the files, too
    #[arg(long)]
    files: bool,
    /// Seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Serialize)]
struct Report {
    before: ManifestId,
    after: ManifestId,
    /// Absent where one of them recorded no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<Difference>,
    files: FileChanges,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct FileChanges {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let (before, old) = contents(arguments, &arguments.before)?;
    let (after, new) = contents(arguments, &arguments.after)?;
    let packages = old.packages.as_ref().zip(new.packages.as_ref()).map(|(old, new)| old.compare(new));
    let report = Report { before, after, packages, files: compare(&old.tree, &new.tree) };
    if arguments.common.json {
        output::print_json(&report)
    } else {
        output::print(&words(&report, arguments.files))
    }
}

/// On a connection of its own: after chunks have come, a node may still say that they all have.
fn contents(arguments: &Arguments, what: &str) -> Result<(ManifestId, Contents), Failure> {
    let patience = arguments.timeout;
    let connection = arguments.common.connect(patience)?;
    let certified = show::find(&connection, what, patience)?;
    let (id, manifest) = open(&certified)?;
    let contents = contents_of(&connection, id, &manifest, patience)
        .map_err(|miss| Failure::new(Kind::Failed, format!("`{}`: {miss}", printable(what))))?;
    Ok((id, contents))
}

fn open(certified: &pollux_core::CertifiedEnvelope) -> Result<(ManifestId, Manifest), Failure> {
    open_manifest(certified)
        .ok_or_else(|| Failure::new(Kind::Failed, "the node sent a manifest that does not parse"))
}

/// What a file is: its mode, and the names of its chunks with the parts of them, or where it points.
#[derive(PartialEq, Eq)]
enum Look {
    File(u16, Vec<(String, core::ops::Range<u32>)>),
    Directory(u16),
    Symlink(String),
}

fn looks(tree: &Tree) -> BTreeMap<&str, Look> {
    let look = |entry: &'_ Entry| match &entry.kind {
        EntryKind::File { bytes, offset } => Look::File(entry.mode, content(tree, *bytes, *offset)),
        EntryKind::Directory => Look::Directory(entry.mode),
        EntryKind::Symlink { target } => Look::Symlink(target.clone()),
    };
    tree.entries().iter().map(|entry| (entry.path.as_str(), look(entry))).collect()
}

fn content(tree: &Tree, bytes: u64, offset: u64) -> Vec<(String, core::ops::Range<u32>)> {
    let named = |piece: Piece| {
        let chunk = usize::try_from(piece.chunk).ok().and_then(|index| tree.chunks().get(index));
        (chunk.map(|chunk| chunk.id.to_string()).unwrap_or_default(), piece.range)
    };
    tree.pieces(bytes, offset).into_iter().map(named).collect()
}

fn compare(before: &Tree, after: &Tree) -> FileChanges {
    let (old, mut new) = (looks(before), looks(after));
    let mut changes = FileChanges::default();
    for (path, look) in old {
        match new.remove(path) {
            None => changes.removed.push(path.to_owned()),
            Some(other) if other != look => changes.changed.push(path.to_owned()),
            Some(_) => {}
        }
    }
    changes.added = new.into_keys().map(str::to_owned).collect();
    changes
}

fn words(report: &Report, with_files: bool) -> String {
    let mut lines = Vec::new();
    match &report.packages {
        None => lines.push("packages: not known: one of the two recorded no list".to_owned()),
        Some(packages) => {
            let Difference { added, changed, removed } = packages;
            lines.push(format!(
                "packages: {} added, {} changed, {} removed",
                added.len(),
                changed.len(),
                removed.len()
            ));
            some(&mut lines, added.iter().map(|package| format!("  added   {}", package.purl)));
            some(&mut lines, changed.iter().map(|changed| format!("  changed {}", changed.after.purl)));
            some(&mut lines, removed.iter().map(|package| format!("  removed {}", package.purl)));
        }
    }
    let FileChanges { added, changed, removed } = &report.files;
    lines.push(format!("files: {} added, {} changed, {} removed", added.len(), changed.len(), removed.len()));
    if with_files {
        for (what, paths) in [("added  ", added), ("changed", changed), ("removed", removed)] {
            some(&mut lines, paths.iter().map(|path| format!("  {what} {path}")));
        }
    }
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}
