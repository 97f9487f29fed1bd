//! `poetry.lock`, versions 1 and 2, after the sources of poetry (`packages/locker.py`).
//!
//! Files are listed with each package, or, before version 2, under its name in `[metadata.files]`, where the files of all
//! its versions stand together. Directories (`source.type`) are left out: no cache has them.

use super::python::{Files, locked};
use super::{LockError, Locked, tables};
use serde::Deserialize;
use std::collections::BTreeMap;

const VERSION_MAX: u64 = 2;

#[derive(Deserialize)]
struct PoetryLock {
    #[serde(default)]
    package: Vec<Package>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    files: BTreeMap<String, Vec<File>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Default, Deserialize)]
struct Source {
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct File {
    hash: String,
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let lock: PoetryLock = tables::read(text, VERSION_MAX)?;
    let is_directory = |package: &&Package| package.source.r#type.as_deref() == Some("directory");
    let packages = lock.package.iter().filter(|package| !is_directory(package)).map(|package| {
        let older = lock.metadata.files.get(&package.name).into_iter().flatten();
        let files: Files<'_> = package.files.iter().chain(older).map(|file| file.hash.as_str()).collect();
        locked(&package.name, &package.version, &files)
    });
    packages.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Digest};
    use crate::lock::LockedDigest;
    use proptest::prelude::*;

    #[test]
    fn both_places_of_files_are_read() {
        let digest = Digest::of(Algorithm::Sha256, b"1");
        let file = format!("[\n    {{file = \"a.whl\", hash = \"{digest}\"}},\n]\n");
        let package = "[[package]]\nname = \"Flask.x\"\nversion = \"1.0\"\noptional = false\n";
        let beside = "[[package]]\nname = \"beside\"\nversion = \"1\"\nfiles = []\n[package.source]\ntype = \"directory\"\nurl = \"../b\"\n";
        let newer = format!(
            "{beside}{package}files = {file}[metadata]\nlock-version = \"2.1\"\ncontent-hash = \"x\"\n"
        );
        let older =
            format!("{package}[metadata]\nlock-version = \"1.1\"\n[metadata.files]\n\"Flask.x\" = {file}");
        for text in [newer, older] {
            let read = read(&text).unwrap();
            assert_eq!((read.len(), read[0].purl.to_string().as_str()), (1, "pkg:pypi/flask-x@1.0"));
            assert_eq!(read[0].digests, [LockedDigest::Artifact(digest.clone())]);
        }
        let newest = "package = 1\n[metadata]\nlock-version = \"3.0\"\n";
        assert!(read(newest).unwrap_err().what.contains("version 3"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(read(&text));
        }
    }
}
