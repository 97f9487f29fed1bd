//! `uv.lock`, version 1, after the sources of uv (`uv-resolver`, `lock/mod.rs`). The project and other directories are left out.

use super::python::{Files, locked};
use super::{LockError, Locked, tables};
use serde::Deserialize;

const VERSION_MAX: u64 = 1;

#[derive(Deserialize)]
struct UvLock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// A project whose version is made when it is built has none.
    #[serde(default)]
    version: String,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

/// Where it comes from, if that is a directory.
#[derive(Default, Deserialize)]
struct Source {
    r#virtual: Option<String>,
    editable: Option<String>,
    directory: Option<String>,
}

impl Source {
    const fn is_directory(&self) -> bool {
        self.r#virtual.is_some() || self.editable.is_some() || self.directory.is_some()
    }
}

/// `hash` is missing of what lies in a repository or beside the project.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    hash: Option<String>,
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let lock: UvLock = tables::read(text, VERSION_MAX)?;
    let packages = lock.package.iter().filter(|package| !package.source.is_directory()).map(|package| {
        let files: Files<'_> =
            package.sdist.iter().chain(&package.wheels).filter_map(|file| file.hash.as_deref()).collect();
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
    fn sources_and_wheels_are_read() {
        let (one, other) = (Digest::of(Algorithm::Sha256, b"1"), Digest::of(Algorithm::Sha256, b"2"));
        let text = format!(
            "version = 1\nrevision = 3\nrequires-python = \">=3.8\"\n\
             [[package]]\nname = \"mine\"\nsource = {{ editable = \".\" }}\n\
             [[package]]\nname = \"member\"\nsource = {{ virtual = \"m\" }}\n\
             [[package]]\nname = \"beside\"\nsource = {{ directory = \"../b\" }}\n\
             [[package]]\nname = \"archive\"\nsource = {{ path = \"a.whl\" }}\nwheels = [{{ filename = \"a.whl\", hash = \"{one}\" }}]\n\
             [[package]]\nname = \"flask_x\"\nversion = \"1.0\"\nsource = {{ registry = \"https://registry.example.org\" }}\n\
             sdist = {{ url = \"https://registry.example.org/a.tar.gz\", hash = \"{one}\", size = 3 }}\n\
             wheels = [\n    {{ url = \"https://registry.example.org/a.whl\", hash = \"{other}\" }},\n    {{ path = \"b.whl\" }},\n]\n",
        );
        let read = read(&text).unwrap();
        assert_eq!(read.len(), 2, "directories are in no cache");
        assert_eq!((read[0].purl.to_string().as_str(), read[0].digests.len()), ("pkg:pypi/archive", 1));
        assert_eq!(read[1].purl.to_string(), "pkg:pypi/flask-x@1.0");
        assert_eq!(read[1].digests, [one, other].map(LockedDigest::Artifact));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let wrong =
            read("version = 1\n[[package]]\nname = \"a\"\nsdist = { hash = \"sha256:x\" }\n").unwrap_err();
        assert!(wrong.what.contains("sha256:x"));
        assert!(read("version = 1\n[[package]]\nname = \"a\"\nsdist = { hash = \"x\" }\n").is_err());
        assert!(read("version = 1\n[[package]]\nname = \"/\"\n").is_err());
        assert!(read("version = 2\npackage = 1\n").unwrap_err().what.contains("version 2"));
        assert_eq!(read("version = 1\n\npackage = [").unwrap_err().line, Some(3));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(read(&text));
        }
    }
}
