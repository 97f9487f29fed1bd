//! `pollux diff`

use super::audit::some;
use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::{Done, output, show};
use clap::Args;
use core::ops::Range;
use pollux_client::connection::Connection;
use pollux_client::flow::{Contents, contents_of, file_hashes, open_manifest};
use pollux_client::printable::printable;
use pollux_core::limits::RUN_OWN_FILE_BYTES;
use pollux_core::{ChunkId, Entry, EntryKind, Manifest, ManifestId, Piece, Tree};
use pollux_packages::list::{Difference, PackageList};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Their chunks do not tell.
    #[serde(skip)]
    doubtful: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let (before, after) = (Side::of(arguments, &arguments.before)?, Side::of(arguments, &arguments.after)?);
    let packages = before.packages().zip(after.packages()).map(|(old, new)| old.compare(new));
    let mut files = compare(&before.contents.tree, &after.contents.tree);
    files.settle(&before, &after, arguments.timeout)?;
    let report = Report { before: before.id, after: after.id, packages, files };
    if arguments.common.json {
        output::print_json(&report)
    } else {
        output::print(&words(&report, arguments.files))
    }
}

/// One of the two, on a connection of its own: after chunks have come, a node may still say that they all have.
struct Side {
    connection: Connection,
    id: ManifestId,
    contents: Contents,
}

impl Side {
    fn of(arguments: &Arguments, what: &str) -> Result<Self, Failure> {
        let patience = arguments.timeout;
        let connection = arguments.common.connect(patience)?;
        let certified = show::find(&connection, what, patience)?;
        let (id, manifest) = open(&certified)?;
        let contents = contents_of(&connection, id, &manifest, patience)
            .map_err(|miss| Failure::new(Kind::Failed, format!("`{}`: {miss}", printable(what))))?;
        Ok(Self { connection, id, contents })
    }

    const fn packages(&self) -> Option<&PackageList> {
        self.contents.packages.as_ref()
    }

    /// Hashes of files by their paths.
    fn hashes(&self, paths: &[String], patience: Duration) -> Result<Vec<ChunkId>, Failure> {
        let wanted: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
        let tree = &self.contents.tree;
        // In the order of paths, which is that of a tree's small files.
        let entries: BTreeMap<&str, &Entry> = tree
            .entries()
            .iter()
            .filter(|entry| wanted.contains(entry.path.as_str()))
            .map(|entry| (entry.path.as_str(), entry))
            .collect();
        let entries: Vec<&Entry> =
            paths.iter().filter_map(|path| entries.get(path.as_str()).copied()).collect();
        file_hashes(&self.connection, (self.id, tree), &entries, patience)
            .map_err(|miss| Failure::new(Kind::Failed, format!("files cannot be compared: {miss}")))
    }
}

impl FileChanges {
    /// Looks into those files whose chunks do not tell.
    fn settle(&mut self, before: &Side, after: &Side, patience: Duration) -> Result<(), Failure> {
        let doubtful = core::mem::take(&mut self.doubtful);
        let (old, new) = (before.hashes(&doubtful, patience)?, after.hashes(&doubtful, patience)?);
        let pairs = doubtful.into_iter().zip(old.into_iter().zip(new));
        self.changed.extend(pairs.filter(|(_, (old, new))| old != new).map(|(path, _)| path));
        self.changed.sort();
        Ok(())
    }
}

fn open(certified: &pollux_core::CertifiedEnvelope) -> Result<(ManifestId, Manifest), Failure> {
    open_manifest(certified)
        .ok_or_else(|| Failure::new(Kind::Failed, "the node sent a manifest that does not parse"))
}

/// What an entry is: a file with its length, and the parts of chunks that it is.
#[derive(PartialEq, Eq)]
enum Look<'a> {
    File(u16, u64, Vec<(ChunkId, Range<u32>)>),
    Directory(u16),
    Symlink(&'a str),
}

impl Look<'_> {
    /// Whether the other may be the same though its chunks are others: small files lie in chunks together, so a file's
    /// neighbours change what it is a part of. A larger one is cut from its own start, always at the same places.
    fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(mode, bytes, _), Self::File(other_mode, other_bytes, _)) => {
                (mode, bytes) == (other_mode, other_bytes) && *bytes < RUN_OWN_FILE_BYTES
            }
            _ => false,
        }
    }
}

fn looks(tree: &Tree) -> BTreeMap<&str, Look<'_>> {
    tree.entries().iter().map(|entry| (entry.path.as_str(), look(tree, entry))).collect()
}

fn look<'a>(tree: &Tree, entry: &'a Entry) -> Look<'a> {
    let part = |piece: Piece| Some((tree.chunks().get(usize::try_from(piece.chunk).ok()?)?.id, piece.range));
    match &entry.kind {
        EntryKind::File { bytes, offset } => {
            let parts = tree.pieces(*bytes, *offset).into_iter().filter_map(part).collect();
            Look::File(entry.mode, *bytes, parts)
        }
        EntryKind::Directory => Look::Directory(entry.mode),
        EntryKind::Symlink { target } => Look::Symlink(target),
    }
}

fn compare(before: &Tree, after: &Tree) -> FileChanges {
    let (old, mut new) = (looks(before), looks(after));
    let mut changes = FileChanges::default();
    for (path, look) in old {
        match new.remove(path) {
            None => changes.removed.push(path.to_owned()),
            Some(other) if other == look => {}
            Some(other) if other.may_be(&look) => changes.doubtful.push(path.to_owned()),
            Some(_) => changes.changed.push(path.to_owned()),
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
    let FileChanges { added, changed, removed, .. } = &report.files;
    lines.push(format!("files: {} added, {} changed, {} removed", added.len(), changed.len(), removed.len()));
    if with_files {
        for (what, paths) in [("added  ", added), ("changed", changed), ("removed", removed)] {
            some(&mut lines, paths.iter().map(|path| format!("  {what} {path}")));
        }
    }
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}
