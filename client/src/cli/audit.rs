//! `pollux audit`

use super::exit::{Failure, Kind};
use super::{Done, output, signals};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::job::{LockFile, inspect_until, read_locks, restored_list};
use pollux_client::printable::printable;
use pollux_packages::audit::{Audit, Lock};
use pollux_packages::cyclonedx;
use pollux_packages::files::FilesError;
use pollux_packages::list::{Difference, Listed, PackageList};
use pollux_packages::program::Program;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lines of one kind that are printed; --json has all.
const LINES_MAX: usize = 50;

/// List the packages in a package manager's cache, and check them
///
/// Reads the cache as the program lays it out, without the program: each package with its source, digest and files; what was
/// added, changed or removed since it was restored; what lacks its other half. Digests that the program's own metadata or a
/// lock file declares are compared with what is there: status 8 if one differs.
///
/// Programs: pip, uv, npm, yarn, pnpm, composer, bundler, cargo, go, maven, gradle, apt.
///
/// Examples:
///
///   pollux audit npm ~/.npm --lock package-lock.json
///
///   pollux audit cargo ~/.cargo --lock Cargo.lock --cyclonedx bom.json
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Whose cache it is
    program: Program,
    /// The cache, as the program names it
    base: PathBuf,
    /// Look only at these paths of it
    paths: Vec<String>,
    /// A lock file whose digests must be met; repeat it
    #[arg(long, value_name = "FILE")]
    lock: Vec<PathBuf>,
    /// Write the packages as a CycloneDX bill of materials to this file
    #[arg(long, value_name = "FILE")]
    cyclonedx: Option<PathBuf>,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    /// Since the restore; absent where nothing tells what was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_restore: Option<&'a Difference>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if !arguments.base.is_dir() {
        let why = format!("{}: no directory", arguments.base.display());
        return Err(Failure::new(Kind::Directory, why)
            .hint("name the cache as the program does: `npm config get cache`"));
    }
    let locks = locks(&arguments.lock)?;
    let interrupted = signals::interruption()?;
    let audit = look(&arguments.base, &arguments.paths, arguments.program, &locks, &interrupted)?;
    let list = PackageList::of_audits([&audit]);
    let before = restored_list(&arguments.base);
    let difference = before.map(|before| of_program(&before, arguments.program).compare(&list));
    if let Some(path) = &arguments.cyclonedx {
        let text = cyclonedx::to_json(&list, env!("CARGO_PKG_VERSION"));
        fs::write(path, text + "\n").map_err(|error| unwritten(path, &error))?;
    }
    if arguments.json {
        output::print_json(&Report { audit: &audit, since_restore: difference.as_ref() })?;
    } else {
        output::print(&words(&audit, difference.as_ref()))?;
    }
    verdict(&audit)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{}: {error}", path.display()))
}

/// A list may hold packages of several programs.
fn of_program(list: &PackageList, program: Program) -> PackageList {
    PackageList::new(list.packages().iter().filter(|package| package.program == program).cloned())
}

/// Lock files that people name: one that cannot be used is a failure.
pub(super) fn locks(paths: &[PathBuf]) -> Result<Vec<Lock>, Failure> {
    let read = |path: &PathBuf| LockFile::read(path).map_err(|error| Failure::new(Kind::Usage, error));
    let files = paths.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let (locks, bad) = read_locks(&files);
    if let Some(bad) = bad.first() {
        return Err(Failure::new(Kind::Usage, format!("{}: {}", bad.path, bad.error)));
    }
    if let Some(file) = files.iter().find(|file| !locks.iter().any(|lock| Path::new(&lock.name) == file.path))
    {
        let why = format!("{}: no lock file that is known by its name", file.path.display());
        return Err(Failure::new(Kind::Usage, why));
    }
    Ok(locks)
}

/// Audits until the flag is set; a directory that is no such cache is a failure.
pub(super) fn look(
    base: &Path,
    paths: &[String],
    program: Program,
    locks: &[Lock],
    interrupted: &Arc<AtomicBool>,
) -> Result<Audit, Failure> {
    let audit =
        inspect_until(base, paths, program, locks, interrupted).map_err(|error| unreadable(&error))?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::new(Kind::Interrupted, "the audit was interrupted"));
    }
    if audit.layouts.is_empty() && audit.files > 0 {
        let why =
            format!("{}: this is no cache of {program}, or of a version that is not known", base.display());
        return Err(
            Failure::new(Kind::Directory, why).hint("name the directory that the program calls its cache")
        );
    }
    Ok(audit)
}

fn unreadable(error: &FilesError) -> Failure {
    Failure::new(Kind::Directory, error)
}

/// A fault is a failure.
pub(super) fn verdict(audit: &Audit) -> Done {
    match audit.faults.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            Kind::NotBelieved,
            format!("{count} of the cache's digests are not what they must be"),
        )
        .hint("remove those files, and find out what wrote them; nothing of it is saved")),
    }
}

pub(super) fn words(audit: &Audit, since: Option<&Difference>) -> String {
    let layouts = if audit.layouts.is_empty() { "empty".to_owned() } else { audit.layouts.join(", ") };
    let mut lines = vec![format!(
        "{}: {} packages in {} files, {} ({layouts}); {} digests compared",
        audit.program,
        audit.packages.len(),
        audit.files,
        HumanBytes(audit.bytes),
        audit.compared,
    )];
    let faults = audit.faults.iter().map(|fault| format!("wrong   {}", fault.words()));
    some(&mut lines, faults);
    some(&mut lines, audit.orphans.iter().map(|orphan| format!("half    {}: {}", orphan.path, orphan.why)));
    some(&mut lines, audit.notes.iter().map(|note| format!("odd     {}: {}", note.path, note.what)));
    if let Some(since) = since {
        lines.push(changes(since));
        some(&mut lines, since.added.iter().map(|package| named("added  ", package)));
        some(&mut lines, since.changed.iter().map(|changed| named("changed", &changed.after)));
        some(&mut lines, since.removed.iter().map(|package| named("removed", package)));
    } else {
        some(&mut lines, audit.packages.iter().map(|package| format!("        {}", package.purl)));
    }
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

/// `since the restore: 3 added, 0 changed, 1 removed`.
pub(super) fn changes(since: &Difference) -> String {
    let counts = (since.added.len(), since.changed.len(), since.removed.len());
    format!("since the restore: {} added, {} changed, {} removed", counts.0, counts.1, counts.2)
}

fn named(what: &str, package: &Listed) -> String {
    let source = package.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
    format!("{what} {}{source}", package.purl)
}

/// Some of many lines.
pub(super) fn some(lines: &mut Vec<String>, of: impl ExactSizeIterator<Item = String>) {
    let more = of.len().saturating_sub(LINES_MAX);
    lines.extend(of.take(LINES_MAX));
    if more > 0 {
        lines.push(format!("        and {more} more; --json has them all"));
    }
}
