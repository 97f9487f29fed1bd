//! `Pipfile.lock`, after the sources of pipenv (`project.py`): JSON, packages by category. What lies in a directory (`path`) is left out: no cache has it.

use super::python::{Files, locked};
use super::{LockError, Locked};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The newest version of the format that is known.
const SPEC_MAX: u64 = 6;

#[derive(Deserialize)]
struct Package {
    /// `==1.0`; what lies in a repository has none.
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let wrong = |error: &serde_json::Error| LockError {
        line: u64::try_from(error.line()).ok().filter(|line| *line > 0),
        what: error.to_string(),
    };
    let lock: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    let spec = lock.get("_meta").and_then(|meta| meta.get("pipfile-spec")).and_then(Value::as_u64);
    let mut packages = Vec::new();
    for (category, named) in lock.iter().filter(|(category, _)| !category.starts_with('_')) {
        let named: BTreeMap<String, Package> =
            Deserialize::deserialize(named).map_err(|error: serde_json::Error| {
                match spec.filter(|spec| *spec > SPEC_MAX) {
                    Some(spec) => {
                        LockError::whole(format!("version {spec} of the format, of which nothing is known"))
                    }
                    None => LockError::whole(format!("{category}: {error}")),
                }
            })?;
        for (name, package) in named.iter().filter(|(_, package)| package.path.is_none()) {
            let version = package.version.as_deref().unwrap_or_default().trim_start_matches('=');
            let files: Files<'_> = package.hashes.iter().map(String::as_str).collect();
            packages.push(locked(name, version, &files)?);
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Digest};
    use crate::lock::LockedDigest;
    use proptest::prelude::*;

    #[test]
    fn packages_of_all_categories_are_read() {
        let digest = Digest::of(Algorithm::Sha256, b"1");
        let text = format!(
            "{{\"_meta\":{{\"hash\":{{\"sha256\":\"x\"}},\"pipfile-spec\":6}},\n\
             \"default\":{{\"Flask_x\":{{\"hashes\":[\"{digest}\"],\"index\":\"x\",\"version\":\"==1.0\"}}}},\n\
             \"develop\":{{\"mine\":{{\"editable\":true,\"path\":\".\"}},\"repo\":{{\"git\":\"https://registry.example.org/repo\",\"ref\":\"x\"}}}}}}"
        );
        let read = read(&text).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].purl.to_string(), "pkg:pypi/flask-x@1.0");
        assert_eq!(read[0].digests, [LockedDigest::Artifact(digest)]);
        assert_eq!((read[1].purl.to_string().as_str(), read[1].digests.len()), ("pkg:pypi/repo", 0));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(read("{\n\"default\": {\n}").unwrap_err().line, Some(3));
        assert!(
            read("{\"_meta\":{\"pipfile-spec\":7},\"default\":[]}").unwrap_err().what.contains("version 7")
        );
        assert!(read("{\"default\":[]}").unwrap_err().what.contains("default"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*|\\{\"[a-z_]{0,8}\": ?[\\[{]?[a-z0-9\":]{0,12}[\\]}]?\\}") {
            drop(read(&text));
        }
    }
}
