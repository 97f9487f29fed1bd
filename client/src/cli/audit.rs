//! `pollux audit`

use super::exit::{Failure, Kind};
use super::output::{count, some};
use super::{Done, differences, output, signals};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::job::{Inspected, LockFile, Look, inspect, read_locks, restored_list};
use pollux_client::printable::printable;
use pollux_packages::audit::{Audit, Coverage, Lock};
use pollux_packages::cyclonedx;
use pollux_packages::files::FilesError;
use pollux_packages::list::{Difference, PackageList};
use pollux_packages::lock;
use pollux_packages::program::Program;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// List the packages in a package manager's cache, and check them
///
/// Reads the cache as the program lays it out, without the program: each package with its source, digest and files; what was
/// added, changed or removed since it was restored or saved; what lacks its other half. Digests that the program's own metadata
/// or a lock file declares are compared with what is there: status 8 if one differs. Of each lock file it is said how many
/// packages it names, how many of them are here, and how many of these were compared.
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
    /// Look only at these paths of it; what lacks its other half and what changed since is told of a whole cache alone
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
    /// Only some paths were looked at, so nothing is told of halves and of changes.
    is_part: bool,
    /// Since the restore or save that left a list of packages there; absent where no list tells of this program.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_restore: Option<&'a Difference>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if !arguments.base.is_dir() {
        let why = format!("{}: no directory", arguments.base.display());
        return Err(Failure::new(Kind::Directory, why).hint(where_it_is(arguments.program)));
    }
    let mut below = arguments.paths.iter().map(|path| arguments.base.join(path));
    if let Some(path) = below.find(|path| path.symlink_metadata().is_err()) {
        return Err(Failure::new(Kind::Directory, format!("{}: nothing is there", path.display())));
    }
    let locks = locks(&arguments.lock, &[arguments.program])?;
    let interrupted = signals::interruption()?;
    let Inspected { mut audit, .. } =
        look(&arguments.base, &arguments.paths, arguments.program, &locks, &interrupted)?;
    let list = PackageList::of_audits([&audit]);
    let is_part = !arguments.paths.is_empty();
    if is_part {
        // The other half may lie elsewhere.
        audit.orphans.clear();
    }
    let before = restored_list(&arguments.base).filter(|_| !is_part);
    let before = before.and_then(|before| of_program(&before, arguments.program));
    let difference = before.map(|before| before.compare(&list));
    if let Some(path) = &arguments.cyclonedx {
        let text = cyclonedx::to_json(&list, env!("CARGO_PKG_VERSION"));
        fs::write(path, text + "\n").map_err(|error| unwritten(path, &error))?;
    }
    if arguments.json {
        output::print_json(&Report { audit: &audit, is_part, since_restore: difference.as_ref() })?;
    } else {
        output::print(&format!("{}{}", words(&audit, difference.as_ref()), if is_part { PART } else { "" }))?;
    }
    verdict(&audit, For::Looking)
}

const PART: &str =
    "\na part of the cache: what lacks its other half and what changed since it was restored is not told";

/// How a program names its cache.
const fn where_it_is(program: Program) -> &'static str {
    match program {
        Program::Pip => "name the cache as pip does: `pip cache dir`",
        Program::Uv => "name the cache as uv does: `uv cache dir`",
        Program::Npm => "name the cache as npm does: `npm config get cache`",
        Program::Yarn => {
            "name the cache as Yarn does: `yarn cache dir`, from Yarn 2 on `yarn config get cacheFolder`"
        }
        Program::Pnpm => "name the store as pnpm does: `pnpm store path`",
        Program::Composer => "name the cache as Composer does: `composer config --global cache-dir`",
        Program::Bundler => "name the directory BUNDLE_PATH: `bundle config get path`",
        Program::Cargo => "name the directory CARGO_HOME: ~/.cargo, if that is not set",
        Program::Go => "name the cache as Go does: `go env GOMODCACHE`",
        Program::Maven => "name the local repository: ~/.m2/repository, if the settings name no other",
        Program::Gradle => "name the directory GRADLE_USER_HOME: ~/.gradle, if that is not set",
        Program::Apt => "name the directory of apt's archives and lists, as `pollux presets show apt` does",
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{}: {error}", path.display()))
}

/// A list may hold packages of several programs; one that holds only those of others tells nothing of this one.
fn of_program(list: &PackageList, program: Program) -> Option<PackageList> {
    let own = PackageList::new(list.packages().iter().filter(|package| package.program == program).cloned());
    (list.packages().is_empty() || !own.packages().is_empty()).then_some(own)
}

/// Lock files that people name: one that cannot be used is a failure, and so is one that none of these programs has.
pub(super) fn locks(paths: &[PathBuf], programs: &[Program]) -> Result<Vec<Lock>, Failure> {
    if let Some(why) = paths.iter().find_map(|path| unfit(path, programs)) {
        return Err(Failure::new(Kind::Usage, why));
    }
    let read = |path: &PathBuf| LockFile::read(path).map_err(|error| Failure::new(Kind::Usage, error));
    let files = paths.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let (locks, bad) = read_locks(&files);
    if let Some(bad) = bad.first() {
        return Err(Failure::new(Kind::Usage, format!("{}: {}", bad.path, bad.error)));
    }
    Ok(locks)
}

/// Why a lock file of this name cannot be one of these programs.
fn unfit(path: &Path, programs: &[Program]) -> Option<String> {
    let Some(kind) = lock::kind(path) else {
        let known: Vec<&str> = lock::names().collect();
        let known = known.join(", ");
        return Some(format!(
            "{}: no lock file that is known by its name; known are {known}",
            path.display()
        ));
    };
    if programs.iter().any(|program| program.kind() == kind) {
        return None;
    }
    let programs: Vec<&str> = programs.iter().map(|program| program.name()).collect();
    let programs = programs.join(" and ");
    Some(format!(
        "{}: it names packages `pkg:{kind}/…`, and the cache of {programs} has none of those",
        path.display()
    ))
}

/// Audits until the flag is set; a directory that is no such cache is a failure.
pub(super) fn look(
    base: &Path,
    paths: &[String],
    program: Program,
    locks: &[Lock],
    interrupted: &Arc<AtomicBool>,
) -> Result<Inspected, Failure> {
    let inspected = inspect(base, paths, Look { program, locks, bytes_max: u64::MAX }, interrupted)
        .map_err(|error| unreadable(&error))?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::new(Kind::Interrupted, "the audit was interrupted"));
    }
    let audit = &inspected.audit;
    if audit.layouts.is_empty() && audit.files > 0 {
        let why =
            format!("{}: this is no cache of {program}, or of a version that is not known", base.display());
        return Err(
            Failure::new(Kind::Directory, why).hint("name the directory that the program calls its cache")
        );
    }
    Ok(inspected)
}

fn unreadable(error: &FilesError) -> Failure {
    Failure::new(Kind::Directory, error)
}

/// What an audit is made for.
#[derive(Clone, Copy, Debug)]
pub(super) enum For {
    /// Only to know.
    Looking,
    /// To be saved.
    Saving,
}

/// A fault is a failure.
pub(super) fn verdict(audit: &Audit, purpose: For) -> Done {
    let message = match audit.faults.len() {
        0 => return Ok(()),
        number => format!("the cache is not as it must be in {}", count(number, "place")),
    };
    Err(Failure::new(Kind::NotBelieved, message).hint(match purpose {
        For::Looking => "remove those files, and find out what wrote them",
        For::Saving => "nothing is saved: remove those files, and find out what wrote them",
    }))
}

pub(super) fn words(audit: &Audit, since: Option<&Difference>) -> String {
    let layouts = if audit.layouts.is_empty() { "empty".to_owned() } else { audit.layouts.join(", ") };
    let mut lines = vec![format!(
        "{}: {} in {}, {} ({layouts}); {} compared{}",
        audit.program,
        count(audit.packages.len(), "package"),
        count(audit.files, "file"),
        HumanBytes(audit.bytes),
        count(audit.compared, "digest"),
        claimed(audit.claimed),
    )];
    lines.extend(audit.locks.iter().map(covered));
    let faults = audit.faults.iter().map(|fault| format!("wrong   {}", fault.short_words()));
    some(&mut lines, faults);
    some(&mut lines, audit.orphans.iter().map(|orphan| format!("half    {}: {}", orphan.path, orphan.why)));
    some(&mut lines, audit.notes.iter().map(|note| format!("odd     {}: {}", note.path, note.what)));
    if let Some(since) = since {
        // Either leaves the list that is compared.
        lines.push(format!("since it was restored or saved: {}", differences::counts(since)));
        differences::lines(&mut lines, since);
    } else {
        some(&mut lines, audit.packages.iter().map(|package| format!("        {}", package.purl)));
    }
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

/// How much of a lock file is here, so that nobody takes one of another project for checked.
fn covered(lock: &Coverage) -> String {
    let Coverage { name, packages, here, compared } = lock;
    let named = count(*packages, "package");
    match (*packages, *here) {
        (0, _) => format!("lock    {name} names no package"),
        (_, 0) => {
            format!("lock    {name} names {named}, none of which is here: nothing was compared with it")
        }
        _ => format!("lock    {name} names {named}: {here} here, {compared} of these compared"),
    }
}

/// What lock files name, and only the cache says that it was so.
pub(super) fn claimed(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", {count} only claimed by the cache") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_packages::audit::{Fault, Package};
    use pollux_packages::digest::{Algorithm, Digest};
    use pollux_packages::purl::Purl;

    fn audit(faults: usize) -> Audit {
        let digest = Digest::of(Algorithm::Sha256, b"abc");
        let purl = Purl::new("npm", "a").version("1");
        let fault = Fault {
            purl: Some(purl.clone()),
            path: "a.tgz".to_owned(),
            by: "index".to_owned(),
            why: format!("it is {digest}, and must be {digest}"),
        };
        let package =
            Package { purl, digest: Some(digest), source: None, files: vec!["a.tgz".to_owned()], bytes: 3 };
        Audit {
            program: Program::Npm,
            layouts: vec!["npm cacache index-v5".to_owned()],
            packages: vec![package],
            answers: Vec::new(),
            faults: vec![fault; faults],
            orphans: Vec::new(),
            repeats: Vec::new(),
            notes: Vec::new(),
            claimed: 0,
            compared: 1,
            locks: Vec::new(),
            files: 1,
            bytes: 3,
        }
    }

    fn coverage(name: &str, packages: usize, here: usize, compared: usize) -> Coverage {
        Coverage { name: name.to_owned(), packages, here, compared }
    }

    #[test]
    fn one_is_not_many_and_digests_are_short() {
        insta::assert_snapshot!(words(&audit(1), None));
    }

    #[test]
    fn a_lock_file_of_another_project_is_not_taken_for_checked() {
        let locks = vec![
            coverage("ours", 120, 3, 2),
            coverage("one", 1, 1, 1),
            coverage("another", 7, 0, 0),
            coverage("empty", 0, 0, 0),
        ];
        let audit = Audit { locks, ..audit(0) };
        insta::assert_snapshot!(words(&audit, None));
        let json = output::json(&Report { audit: &audit, is_part: false, since_restore: None }).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({"name": "another", "packages": 7, "here": 0, "compared": 0});
        assert_eq!(json["locks"][2], expected);
    }

    #[test]
    fn in_json_digests_are_whole() {
        let json = output::json(&Report { audit: &audit(1), is_part: false, since_restore: None }).unwrap();
        assert!(json.contains(&format!("must be {}\"", Digest::of(Algorithm::Sha256, b"abc"))), "{json}");
    }

    #[test]
    fn what_was_only_looked_at_is_not_said_to_be_unsaved() {
        let hint = |purpose| verdict(&audit(1), purpose).unwrap_err().hint.unwrap();
        assert!(!hint(For::Looking).contains("saved") && hint(For::Saving).contains("nothing is saved"));
        assert!(verdict(&audit(0), For::Saving).is_ok());
        let says = |faults| verdict(&audit(faults), For::Looking).unwrap_err().message;
        assert!(says(1).ends_with("in 1 place") && says(2).ends_with("in 2 places"), "{}", says(1));
    }

    #[test]
    fn only_a_list_that_tells_of_the_program_is_compared() {
        let list = PackageList::of_audits([&audit(0)]);
        assert_eq!(of_program(&list, Program::Npm), Some(list.clone()));
        assert_eq!(of_program(&list, Program::Pip), None);
        assert_eq!(of_program(&PackageList::default(), Program::Pip), Some(PackageList::default()));
        let said = words(&audit(0), Some(&PackageList::default().compare(&list)));
        assert!(
            said.contains("\nsince it was restored or saved: 0 updated, 1 added, 0 changed, 0 removed\n"),
            "{said}"
        );
        assert!(!words(&audit(0), None).contains("since"));
    }
}
