//! `pollux diff`

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::output::some;
use super::{Done, differences, output, show};
use clap::Args;
use core::ops::Range;
use pollux_client::connection::Connection;
use pollux_client::flow::{Contents, Deadlines, contents_of, file_hashes, open_manifest};
use pollux_client::printable::printable;
use pollux_core::limits::RUN_OWN_FILE_BYTES;
use pollux_core::{ChunkId, Entry, EntryKind, Manifest, ManifestId, Piece, Tree};
use pollux_packages::list::{Difference, PackageList};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Compare two saves by package and by file
///
/// By package where both recorded a list of packages (`pollux run`, `pollux save --audit`): updated is what has one version
/// for another one, changed the same version with other bytes, added and removed what only one of the two has. By file
/// always: a file or symlink is changed if its content, mode or kind is. Directories are not counted among them; --files names those whose mode is changed,
/// and --json has all.
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
    /// Files and symlinks, and what is one on either side.
    files: Changes,
    directories: Changes,
}

/// Paths.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Changes {
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
    let (mut files, directories) = compare(&before.contents.tree, &after.contents.tree);
    files.settle(&before, &after, arguments.timeout)?;
    let report = Report { before: before.id, after: after.id, packages, files, directories };
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
        let deadlines = Deadlines { answer: patience, progress: patience, total: patience };
        let contents = contents_of(&connection, id, &manifest, deadlines)
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

impl Changes {
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
    const fn is_directory(&self) -> bool {
        matches!(self, Self::Directory(_))
    }

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

/// What differs in files, and what in directories.
fn compare(before: &Tree, after: &Tree) -> (Changes, Changes) {
    let (old, mut new) = (looks(before), looks(after));
    let (mut files, mut directories) = (Changes::default(), Changes::default());
    for (path, look) in old {
        let other = new.remove(path);
        let is_directory = look.is_directory() && other.as_ref().is_none_or(Look::is_directory);
        let changes = if is_directory { &mut directories } else { &mut files };
        match other {
            None => changes.removed.push(path.to_owned()),
            Some(other) if other == look => {}
            Some(other) if other.may_be(&look) => changes.doubtful.push(path.to_owned()),
            Some(_) => changes.changed.push(path.to_owned()),
        }
    }
    for (path, look) in new {
        let changes = if look.is_directory() { &mut directories } else { &mut files };
        changes.added.push(path.to_owned());
    }
    (files, directories)
}

fn words(report: &Report, with_files: bool) -> String {
    let mut lines = Vec::new();
    match &report.packages {
        None => lines.push("packages: not known: one of the two recorded no list".to_owned()),
        Some(packages) => {
            lines.push(format!("packages: {}", differences::counts(packages)));
            differences::lines(&mut lines, packages);
        }
    }
    let Changes { added, changed, removed, .. } = &report.files;
    lines.push(format!("files: {} added, {} changed, {} removed", added.len(), changed.len(), removed.len()));
    if with_files {
        for (what, paths) in [("added  ", added), ("changed", changed), ("removed", removed)] {
            some(&mut lines, paths.iter().map(|path| format!("  {what} {path}")));
        }
        let directories = report.directories.changed.iter();
        some(&mut lines, directories.map(|path| format!("  changed directory {path}")));
    }
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, mode: u16, kind: EntryKind) -> Entry {
        Entry { path: path.to_owned(), mode, modified_ns: 0, kind }
    }

    fn tree(entries: &[Entry]) -> Tree {
        let roots = entries.iter().map(|entry| entry.path.clone()).filter(|path| !path.contains('/'));
        Tree::new(roots.collect(), entries.to_vec(), Vec::new()).unwrap()
    }

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    const EMPTY: EntryKind = EntryKind::File { bytes: 0, offset: 0 };

    fn compared() -> Report {
        let link = || EntryKind::Symlink { target: "file".to_owned() };
        let before = tree(&[
            entry("becomes", 0o755, EntryKind::Directory),
            entry("gone", 0o755, EntryKind::Directory),
            entry("gone/file", 0o644, EMPTY),
            entry("mode", 0o755, EntryKind::Directory),
            entry("same", 0o755, EntryKind::Directory),
        ]);
        let after = tree(&[
            entry("becomes", 0o644, EMPTY),
            entry("mode", 0o700, EntryKind::Directory),
            entry("new", 0o755, EntryKind::Directory),
            entry("new/file", 0o644, EMPTY),
            entry("new/link", 0o777, link()),
            entry("same", 0o755, EntryKind::Directory),
        ]);
        let (files, directories) = compare(&before, &after);
        let id = ManifestId::from_bytes([0; 32]);
        Report { before: id, after: id, packages: None, files, directories }
    }

    #[test]
    fn directories_are_no_files() {
        let report = compared();
        let (added, changed, removed) =
            (paths(&["new/file", "new/link"]), paths(&["becomes"]), paths(&["gone/file"]));
        assert_eq!(report.files, Changes { added, changed, removed, doubtful: Vec::new() });
        let (added, changed, removed) = (paths(&["new"]), paths(&["mode"]), paths(&["gone"]));
        assert_eq!(report.directories, Changes { added, changed, removed, doubtful: Vec::new() });
    }

    #[test]
    fn directories_are_not_counted_and_a_changed_one_is_named() {
        let report = compared();
        let said = words(&report, false);
        assert!(said.ends_with("files: 2 added, 1 changed, 1 removed"), "{said}");
        let said = words(&report, true);
        assert!(said.ends_with("removed gone/file\n  changed directory mode"), "{said}");
    }
}
