//! Clones of git sources: a package each, for a clone may hold any number of crates, and tells their names only when built.
//! Cargo, or git for it, fetches to them, and to an index that is a repository.

use super::{DONE, children, is_named_by_hash};
use crate::files::Files;
use crate::layout::{address, git};
use crate::purl::Purl;
use crate::reading::{Held, Mend, Orphan, Reading};

/// Reads `git/db` and `git/checkouts`.
pub(super) fn read(files: &Files, reading: &mut Reading) {
    let databases: Vec<&str> =
        children(files, "git/db").into_iter().filter(|name| is_named_by_hash(name)).collect();
    let checkouts = children(files, "git/checkouts");
    let checkouts: Vec<&str> = checkouts.into_iter().filter(|name| is_named_by_hash(name)).collect();
    if !databases.is_empty() || !checkouts.is_empty() {
        reading.layouts.push("cargo git".to_owned());
    }
    for name in &databases {
        reading.packages.push(package(files, name));
    }
    let indices =
        children(files, "registry/index").into_iter().map(|name| format!("registry/index/{name}/.git"));
    let clones = children(files, "git/db").into_iter().map(|name| format!("git/db/{name}"));
    reading.checks.extend(indices.chain(clones).flat_map(|repository| git::checks(files, &repository)));
    for name in checkouts {
        read_checkouts(files, name, databases.contains(&name), reading);
    }
}

fn package(files: &Files, database: &str) -> Held {
    let directory = format!("git/db/{database}");
    let source = remote(files, &directory);
    let name = database.rsplit_once('-').map_or(database, |(name, _)| name);
    let address = source.as_ref().map(|source| format!("git+{source}")).unwrap_or_default();
    let mut held: Vec<String> = files.under(&directory).map(|(path, _)| path.to_owned()).collect();
    let checkouts = format!("git/checkouts/{database}");
    let done =
        children(files, &checkouts).into_iter().map(|revision| format!("{checkouts}/{revision}/{DONE}"));
    held.extend(done.filter(|done| files.has(done)));
    Held {
        purl: Purl::new("generic", name).qualifier("vcs_url", &address),
        source,
        artifact: None,
        files: held,
        stated: Vec::new(),
        hashed: Vec::new(),
        checks: Vec::new(),
    }
}

fn read_checkouts(files: &Files, database: &str, has_database: bool, reading: &mut Reading) {
    let checkouts = format!("git/checkouts/{database}");
    for revision in children(files, &checkouts) {
        let directory = format!("{checkouts}/{revision}");
        let why = if !has_database {
            "its clone is missing"
        } else if !files.has(&format!("{directory}/{DONE}")) {
            "it was not checked out to its end"
        } else {
            continue;
        };
        let mend = Mend::remove_below(files, &directory);
        reading.orphans.push(Orphan { path: directory, why: why.to_owned(), mend });
    }
}

/// Where a clone came from: cargo fetches without naming a remote, so mostly what git noted of the last fetch.
fn remote(files: &Files, directory: &str) -> Option<String> {
    let text = |name: &str| {
        let path = format!("{directory}/{name}");
        files.has(&path).then(|| files.read_text(&path).ok()).flatten().unwrap_or_default()
    };
    let config = text("config");
    let urls = config.lines().filter_map(|line| line.trim().strip_prefix("url"));
    let named = urls.filter_map(|rest| rest.trim_start().strip_prefix('=')).find_map(address::plain);
    // `COMMIT<tab>not-for-merge<tab>branch 'main' of ADDRESS`, or only the address.
    let fetched = |line: &str| {
        let said = line.rsplit('\t').next()?;
        address::plain(said.rsplit_once(" of ").map_or(said, |(_, address)| address))
    };
    named.or_else(|| text("FETCH_HEAD").lines().find_map(fetched))
}
