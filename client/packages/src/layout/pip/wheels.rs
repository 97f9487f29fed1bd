//! Wheels that were built here, each with what it was built of.
//!
//! pip installs such a wheel in place of what a lock file names, and compares nothing if it has no `origin.json`: before pip
//! 22.2 there was none. So a wheel without one, or without a digest in it (what was built of a repository), goes: nobody can
//! tell what it was built of, and pip builds it again. So does what is no wheel.

use super::orphan;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout::address;
use crate::python::archive;
use crate::python::purl_of_file;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use serde::Deserialize;
use std::collections::BTreeMap;

const ORIGIN: &str = "origin.json";

/// `origin.json`, after the specification of direct addresses.
#[derive(Deserialize)]
struct Origin {
    url: String,
    #[serde(default)]
    archive_info: Option<ArchiveInfo>,
}

#[derive(Deserialize)]
struct ArchiveInfo {
    /// `sha256=…`
    #[serde(default)]
    hash: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl ArchiveInfo {
    fn digests(&self) -> Vec<Digest> {
        let old = self.hash.as_deref().and_then(|hash| hash.split_once('='));
        let pairs = self.hashes.iter().map(|(name, hex)| (name.as_str(), hex.as_str()));
        let read = pairs.chain(old).filter_map(|(name, hex)| Digest::from_hex(Algorithm::named(name)?, hex));
        let mut digests: Vec<Digest> = read.collect();
        digests.sort();
        digests.dedup();
        digests
    }
}

/// `ab/cd/ef/…`, together a SHA-224; the name of the file.
fn place(path: &str) -> Option<(&str, &str)> {
    let (directory, file) = path.rsplit_once('/')?;
    let place = directory.strip_prefix("wheels/")?;
    let lengths: Vec<usize> = place.split('/').map(str::len).collect();
    let is_hash = place.bytes().all(|byte| byte == b'/' || byte.is_ascii_hexdigit());
    (is_hash && lengths == [2, 2, 2, 50]).then_some((directory, file))
}

/// Reads `wheels`; whether there is something.
pub(super) fn read(files: &Files, reading: &mut Reading) -> bool {
    let mut is_there = false;
    for (path, _) in files.under("wheels") {
        let Some((directory, file)) = place(path) else { continue };
        is_there = true;
        let origin = format!("{directory}/{ORIGIN}");
        if file == ORIGIN {
            if !files.under(directory).any(|(path, _)| path.ends_with(".whl")) {
                orphan(reading, path, "its wheel is missing");
            }
        } else if let Some(purl) = purl_of_file(file).filter(|_| file.ends_with(".whl")) {
            let mut held = Held::whole(purl, path);
            // The registry gave what the wheel was built of, and not the wheel.
            held.artifact = None;
            read_archive(files, path, &mut held);
            if let Err(why) = read_origin(files, &origin, &mut held) {
                let (path, mend) = (path.to_owned(), Mend::Remove(held.files.clone()));
                reading.orphans.push(Orphan { path, why: why.to_owned(), mend });
            }
            reading.packages.push(held);
        } else {
            orphan(reading, path, "neither a wheel nor where one came from");
        }
    }
    is_there
}

/// pip believes the name of the file; here the archive must agree.
fn read_archive(files: &Files, path: &str, held: &mut Held) {
    let said = files.reader(path).map_err(|error| error.to_string());
    let why = match said.and_then(|file| archive::said(file).map_err(|error| error.to_string())) {
        Ok(Some(said)) if said.purl.any_version() == held.purl.any_version() => return,
        Ok(Some(said)) => format!("by its metadata it is {}", said.purl),
        Ok(None) => "it is no wheel".to_owned(),
        Err(why) => why,
    };
    held.checks.push(Check {
        path: path.to_owned(),
        expected: Expected::Wrong(why),
        by: "its name".to_owned(),
    });
}

/// What a wheel was built of.
fn read_origin(files: &Files, origin: &str, held: &mut Held) -> Result<(), &'static str> {
    if !files.has(origin) {
        return Err("it does not say what it was built of");
    }
    held.files.push(origin.to_owned());
    let read = files.read(origin).ok().and_then(|bytes| serde_json::from_slice::<Origin>(&bytes).ok());
    let read = read.ok_or("what it was built of cannot be read")?;
    held.source = address::plain(&read.url);
    let path = read.url.split(['?', '#']).next().unwrap_or_default();
    if path.to_ascii_lowercase().ends_with(".whl") {
        held.checks.push(Check {
            path: held.files.first().cloned().unwrap_or_default(),
            expected: Expected::Wrong("no wheel is built of a wheel".to_owned()),
            by: origin.to_owned(),
        });
    }
    // Of what it was built of: a claim, and no digest of the wheel.
    held.stated = read.archive_info.map(|info| info.digests()).unwrap_or_default();
    if held.stated.is_empty() { Err("what it was built of has no digest") } else { Ok(()) }
}
