//! `package-lock.json` and `npm-shrinkwrap.json`, which have one format, versions 1 to 3.
//!
//! ```text
//! "packages": { "node_modules/<name>": { "version", "integrity", "name"?, "link"? }, … }        versions 2 and 3
//! "dependencies": { "<name>": { "version", "integrity", "dependencies"? }, … }                  versions 1 and 2
//! ```
//!
//! Version 2 says all twice: the first is read. A name that is another package's is `"name"`, or `npm:<name>@<version>` as
//! the version in version 1. From npm's own description of its lock files (`package-lock.json(5)`).

use super::{LockError, Locked, LockedDigest};
use crate::digest::Digest;
use crate::javascript;
use crate::purl::Purl;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The newest version that is known.
const VERSION: u64 = 3;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "lockfileVersion")]
    version: Option<u64>,
    packages: Option<BTreeMap<String, Placed>>,
    dependencies: Option<BTreeMap<String, Nested>>,
}

/// A package by the directory where it is to be.
#[derive(Deserialize)]
struct Placed {
    name: Option<String>,
    version: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
}

/// A package by the one that wants it.
#[derive(Deserialize)]
struct Nested {
    version: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, Self>,
}

/// Reads one.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| LockError::at(u64::try_from(error.line()).unwrap_or(u64::MAX), error.to_string()))?;
    let mut found = BTreeSet::new();
    match (file.packages, file.dependencies) {
        (Some(packages), _) => {
            found.extend(packages.iter().filter_map(|(path, package)| package.locked(path)));
        }
        (None, Some(dependencies)) => nested(&dependencies, &mut found),
        (None, None) if file.version.is_some_and(|version| version > VERSION) => {
            let version = file.version.unwrap_or_default();
            return Err(LockError::whole(format!("version {version} of lock files is not known here")));
        }
        // A project without packages.
        (None, None) if file.version.is_some() => {}
        (None, None) => return Err(LockError::whole("it is no lock file of npm")),
    }
    let locked = |(purl, digests): (Purl, Vec<Digest>)| {
        let digests = digests.into_iter().map(LockedDigest::Artifact).collect();
        Locked { purl, digests }
    };
    Ok(found.into_iter().map(locked).collect())
}

type Found = (Purl, Vec<Digest>);

impl Placed {
    /// `None` for the project itself, its workspaces, and links to those.
    fn locked(&self, path: &str) -> Option<Found> {
        let (_, below) = path.rsplit_once("node_modules/").filter(|_| !self.link)?;
        let name = self.name.as_deref().unwrap_or(below);
        let purl = javascript::purl(name, self.version.as_deref().unwrap_or_default())?;
        Some((purl, digests(self.integrity.as_deref())))
    }
}

fn nested(dependencies: &BTreeMap<String, Nested>, found: &mut BTreeSet<Found>) {
    // What is nested is no deeper than JSON that is read: 128.
    let mut waiting: Vec<(&String, &Nested)> = dependencies.iter().collect();
    while let Some((name, package)) = waiting.pop() {
        waiting.extend(&package.dependencies);
        let version = package.version.as_deref().unwrap_or_default();
        if version.starts_with("file:") && package.integrity.is_none() {
            // A directory, or a workspace.
            continue;
        }
        let alias = version.strip_prefix("npm:").and_then(javascript::split_name);
        let (name, version) = alias.unwrap_or((name, version));
        // What is no version is an address or a directory.
        let version = Some(version).filter(|version| javascript::is_version(version)).unwrap_or_default();
        let purl = javascript::purl(name, version);
        found.extend(purl.map(|purl| (purl, digests(package.integrity.as_deref()))));
    }
}

fn digests(integrity: Option<&str>) -> Vec<Digest> {
    javascript::strongest(integrity.map(Digest::from_integrity).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn integrity(byte: u8) -> String {
        format!(
            "sha512-{} sha1-{}",
            data_encoding::BASE64.encode(&[byte; 64]),
            data_encoding::BASE64.encode(&[1; 20])
        )
    }

    fn lines(lock: &serde_json::Value) -> Vec<String> {
        let line = |locked: &Locked| format!("{} {}", locked.purl, locked.digests.len());
        read(&lock.to_string()).unwrap().iter().map(line).collect()
    }

    #[test]
    fn versions_two_and_three_tell_where_packages_are() {
        let packages = json!({
            "": { "name": "project", "version": "1.0.0" },
            "packages/a": { "version": "1.0.0" },
            "node_modules/a": { "resolved": "packages/a", "link": true },
            "node_modules/@babel/core": { "version": "7.0.0", "integrity": integrity(7) },
            "node_modules/x/node_modules/@babel/core": { "version": "7.0.0", "integrity": integrity(7) },
            "node_modules/alias": { "name": "real", "version": "1.0.0", "integrity": integrity(8) },
            "packages/a/node_modules/git": { "version": "2.0.0", "resolved": "git+ssh://git@code.example.org/x" },
        });
        for version in [2, 3] {
            let lock =
                json!({ "lockfileVersion": version, "packages": packages, "dependencies": { "old": {} } });
            assert_eq!(
                lines(&lock),
                ["pkg:npm/git@2.0.0 0", "pkg:npm/real@1.0.0 1", "pkg:npm/%40babel/core@7.0.0 1"]
            );
        }
    }

    #[test]
    fn version_one_nests_packages() {
        let inner = json!({ "@babel/core": { "version": "7.0.0", "integrity": integrity(7) } });
        let lock = json!({ "lockfileVersion": 1, "dependencies": {
            "x": { "version": "1.0.0", "integrity": integrity(1), "dependencies": inner },
            "alias": { "version": "npm:@s/real@1.0.0", "integrity": integrity(8) },
            "mine": { "version": "file:packages/mine" },
            "git": { "version": "git+ssh://git@code.example.org/x#0123" },
        } });
        let mut found = lines(&lock);
        found.sort();
        assert_eq!(
            found,
            [
                "pkg:npm/%40babel/core@7.0.0 1",
                "pkg:npm/%40s/real@1.0.0 1",
                "pkg:npm/git 0",
                "pkg:npm/x@1.0.0 1"
            ]
        );
    }

    #[test]
    fn the_strongest_digest_counts() {
        let package = json!({ "version": "1.0.0", "integrity": integrity(7) });
        let lock = json!({ "lockfileVersion": 3, "packages": { "node_modules/x": package } });
        let digest = Digest::new(crate::digest::Algorithm::Sha512, &[7; 64]).unwrap();
        assert_eq!(read(&lock.to_string()).unwrap()[0].digests, [LockedDigest::Artifact(digest)]);
    }

    #[test]
    fn what_is_no_lock_file_is_an_error_with_its_line() {
        assert_eq!(read("{\n\"lockfileVersion\": 3,\n]").unwrap_err().line, Some(3));
        assert!(read("{}").unwrap_err().what.contains("no lock file"));
        assert_eq!(read(r#"{"lockfileVersion":3}"#), Ok(vec![]));
    }

    #[test]
    fn newer_versions_are_read_if_their_shape_is_known() {
        let packages = json!({ "node_modules/x": { "version": "1.0.0" } });
        assert_eq!(lines(&json!({ "lockfileVersion": 4, "packages": packages })), ["pkg:npm/x@1.0.0 0"]);
        assert!(read(r#"{"lockfileVersion":4,"things":{}}"#).unwrap_err().what.contains("version 4"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), depth in 0_usize..300) {
            drop(read(&text));
            let deep = format!("{}{}", "{\"dependencies\":{\"x\":".repeat(depth), "}}".repeat(depth));
            drop(read(&deep));
        }
    }
}
