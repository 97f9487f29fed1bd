//! Unpacked wheels, each file of which has a digest in `RECORD`.

use super::pointer;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::purl::Purl;
use crate::python::{purl_of_file, purl_of_metadata};
use crate::reading::{Check, Expected, Held, LAYOUT, Reading};
use std::collections::BTreeSet;

/// Metadata that installers add.
const ADDED: [&str; 5] = ["INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"];
/// Files that a wheel does not name and that are told as wrong, of one wheel: more tell nothing new.
const WRONG_MAX: usize = 20;

/// Reads a directory that is an unpacked wheel; `None` if it is none.
pub(super) fn read(files: &Files, directory: &str, reading: &mut Reading) -> Option<Held> {
    let (info, purl) = info(files, directory)?;
    reading.trees.push(directory.to_owned());
    let held = files.under(directory).map(|(path, _)| path.to_owned()).collect();
    let mut held = Held {
        purl,
        source: None,
        artifact: None,
        files: held,
        stated: Vec::new(),
        hashed: Vec::new(),
        checks: Vec::new(),
    };
    let record = format!("{directory}/{info}/RECORD");
    match files.has(&record).then(|| files.read_text(&record)) {
        Some(Ok(text)) => check_files(directory, &record, &text, &mut held, reading),
        Some(Err(error)) => held.checks.push(wrong(&record, &error.to_string(), LAYOUT)),
        None => held.checks.push(wrong(&record, "it is not there, or cannot be read", LAYOUT)),
    }
    Some(held)
}

/// Older versions unpack wheels in place, into a directory of the wheel's name.
pub(super) fn read_in_place(files: &Files, part: &str, reading: &mut Reading) {
    let directories: BTreeSet<&str> =
        files.under(part).filter_map(|(path, _)| wheel_directory(path)).collect();
    for directory in directories {
        if let Some(mut held) = read(files, directory, reading) {
            held.source = pointer::source(directory);
            reading.packages.push(held);
        }
    }
    // What is too large for memory is kept whole.
    if part.starts_with("wheels") {
        for (path, _) in files.under(part).filter(|(path, _)| path.ends_with(".whl")) {
            if let Some(purl) = path.rsplit('/').next().and_then(purl_of_file) {
                reading.packages.push(Held { source: pointer::source(path), ..Held::whole(purl, path) });
            }
        }
    }
}

/// `…/NAME-VERSION-TAGS` of `…/NAME-VERSION-TAGS/….dist-info/METADATA`.
fn wheel_directory(path: &str) -> Option<&str> {
    let (directory, _) = path.strip_suffix(".dist-info/METADATA")?.rsplit_once('/')?;
    let (_, name) = directory.rsplit_once('/')?;
    purl_of_file(&format!("{name}.whl")).map(|_| directory)
}

/// The directory of metadata, and what that says.
fn info(files: &Files, directory: &str) -> Option<(String, Purl)> {
    let ending = ".dist-info/METADATA";
    let below = files.under(directory).filter_map(|(path, _)| path.strip_suffix(ending));
    let mut names =
        below.filter_map(|path| path.get(directory.len() + 1..)).filter(|name| !name.contains('/'));
    let info = format!("{}.dist-info", names.next()?);
    let purl = purl_of_metadata(&files.read_text(&format!("{directory}/{info}/METADATA")).ok()?)?;
    Some((info, purl))
}

/// A line of `RECORD`: a path, quoted where it must be, a digest, a length. The last two never have commas.
fn row(line: &str) -> Option<(String, Option<Digest>)> {
    let mut parts = line.rsplitn(3, ',');
    let (_, digest, path) = (parts.next()?, parts.next()?, parts.next()?);
    let quoted = path.strip_prefix('"').and_then(|path| path.strip_suffix('"'));
    let path = quoted.map_or_else(|| path.to_owned(), |path| path.replace("\"\"", "\""));
    let digest = digest.split_once('=');
    Some((path, digest.and_then(|(name, value)| Digest::from_base64(Algorithm::named(name)?, value))))
}

fn check_files(directory: &str, record: &str, text: &str, held: &mut Held, reading: &mut Reading) {
    let mut named = BTreeSet::from([record.to_owned()]);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some((path, digest)) = row(line) else {
            reading.note(record, "a line that tells no file");
            continue;
        };
        if path.split('/').any(|part| matches!(part, ".." | "." | "")) {
            // Directories have a slash at their end.
            if !path.ends_with('/') {
                reading.note(record, "it names a file outside of the wheel");
            }
            continue;
        }
        let path = format!("{directory}/{path}");
        if let Some(digest) = digest {
            let check =
                Check { path: path.clone(), expected: Expected::Whole(digest), by: record.to_owned() };
            held.checks.push(check);
        }
        named.insert(path);
    }
    let unnamed = held.files.iter().filter(|path| !named.contains(*path) && !is_signature(path, record));
    let (added, unknown): (Vec<&String>, Vec<&String>) = unnamed.partition(|path| is_added(path, record));
    if let Some(first) = added.first() {
        let what = format!("files that it does not name: {}, the first of them {first}", added.len());
        reading.note(record, what);
    }
    let unknown: Vec<Check> = unknown
        .into_iter()
        .take(WRONG_MAX)
        .map(|path| wrong(path, "it is not named there", record))
        .collect();
    held.checks.extend(unknown);
}

fn wrong(path: &str, why: &str, by: &str) -> Check {
    Check { path: path.to_owned(), expected: Expected::Wrong(why.to_owned()), by: by.to_owned() }
}

/// What who installs a wheel writes beside its RECORD, and nobody runs. Bytecode is no such thing: uv installs what lies in
/// an archive, and writes none there.
fn is_added(path: &str, record: &str) -> bool {
    let name = record.strip_suffix("RECORD").and_then(|info| path.strip_prefix(info));
    name.is_some_and(|name| ADDED.contains(&name))
}

/// Signatures of `RECORD` cannot be in it.
fn is_signature(path: &str, record: &str) -> bool {
    path.strip_prefix(record).is_some_and(|ending| matches!(ending, ".jws" | ".p7s"))
}
