//! What Yarn wrote of a package (`.yarn-metadata.json`).
//!
//! ```text
//! {"manifest": {"name": …, "version": …, "scripts": {…}, "bin": {…}, …},    package.json, normalised
//!  "remote": {"resolved": …, "type": "tarball", "reference": …, "hash": SHA-1, "integrity": …, "cacheIntegrity": …},
//!  "registry": "npm", "hash": SHA-1}
//! ```
//!
//! Yarn takes scripts and programs from here and not from `package.json`, and compares a lock file with `cacheIntegrity`, or
//! else `integrity`, and with `hash`. `cacheIntegrity` is what the tarball had (Yarn 1.22), the others are what was asked for.

use crate::digest::{Algorithm, Digest};
use crate::javascript;
use serde::Deserialize;
use serde_json::Value;

/// What Yarn runs where there is a `binding.gyp`, and no script says how to install; and where there is a `server.js`.
const USUAL_SCRIPTS: [(&str, &str, &str); 2] =
    [("install", "node-gyp rebuild", "binding.gyp"), ("start", "node server.js", "server.js")];

#[derive(Deserialize)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) manifest: Manifest,
    #[serde(default)]
    remote: Remote,
    hash: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Manifest {
    pub(super) name: Option<String>,
    #[serde(default)]
    scripts: Value,
    #[serde(default)]
    bin: Value,
    #[serde(default, rename = "bundleDependencies")]
    bundled: Value,
}

#[derive(Default, Deserialize)]
struct Remote {
    #[serde(rename = "type")]
    kind: Option<String>,
    reference: Option<String>,
    resolved: Option<String>,
    hash: Option<String>,
    integrity: Option<String>,
    #[serde(rename = "cacheIntegrity")]
    cache_integrity: Option<String>,
}

impl Metadata {
    /// Digests of the tarball: all that Yarn may compare with a lock file.
    pub(super) fn digests(&self) -> Vec<Digest> {
        let integrities = [&self.remote.integrity, &self.remote.cache_integrity].into_iter().flatten();
        let strong = integrities.flat_map(|text| javascript::strongest(Digest::from_integrity(text)));
        let hashes = [&self.remote.hash, &self.hash].into_iter().flatten();
        let hash = hashes.filter_map(|hash| Digest::from_hex(Algorithm::Sha1, hash));
        let mut digests: Vec<Digest> = strong.chain(hash).collect();
        digests.sort();
        digests.dedup();
        digests
    }

    pub(super) fn source(&self) -> Option<String> {
        let remote = [&self.remote.resolved, &self.remote.reference].into_iter().flatten();
        remote.filter_map(|address| javascript::source(address)).next()
    }

    /// Whether it came from elsewhere than a tarball: then its hash is a commit, or there is none.
    pub(super) fn is_of_repository(&self) -> bool {
        self.remote.kind.as_deref().is_some_and(|kind| kind != "tarball")
    }
}

impl Manifest {
    /// What Yarn would run, or call the package, or take another's programs from, and the package's own manifest does not say.
    pub(super) fn added(&self, own: &Value, has_file: impl Fn(&str) -> bool) -> Option<String> {
        let is_script = |name: &str, script: &Value| {
            let is_usual = |(named, usual, file): &(&str, &str, &str)| {
                *named == name && script == usual && has_file(file)
            };
            own.get("scripts").and_then(|own| own.get(name)) == Some(script)
                || USUAL_SCRIPTS.iter().any(is_usual)
        };
        let is_bin = |name: &str, path: &Value| path.as_str().is_some_and(|path| is_bin(own, name, path));
        let named = own.get("name").and_then(Value::as_str);
        if named.is_some() && self.name.as_deref() != named {
            return Some(format!("name {:?}", self.name.as_deref().unwrap_or_default()));
        }
        if let Some(name) = odd_one(&self.scripts, is_script) {
            return Some(format!("script {name:?}"));
        }
        if let Some(name) = odd_one(&self.bin, is_bin) {
            return Some(format!("program {name:?}"));
        }
        let mut bundled = ["bundleDependencies", "bundledDependencies"].iter().filter_map(|key| own.get(key));
        let is_told = self.bundled.is_null() || bundled.any(|own| *own == self.bundled);
        (!is_told).then(|| "bundled packages".to_owned())
    }
}

/// The first name in an object that is not as it must be. What is no object, and not nothing, is odd itself.
fn odd_one(all: &Value, is_right: impl Fn(&str, &Value) -> bool) -> Option<&str> {
    match all {
        Value::Null => None,
        Value::Object(all) => {
            all.iter().find(|(name, value)| !is_right(name, value)).map(|(name, _)| name.as_str())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Some(""),
    }
}

/// Whether a manifest has a program of this name: one that is called as the package is, one of many, or one in a directory.
fn is_bin(own: &Value, name: &str, path: &str) -> bool {
    let is_path = |told: &str| plain(told) == plain(path);
    match own.get("bin") {
        Some(Value::String(told)) if !told.is_empty() => {
            let package = own.get("name").and_then(Value::as_str).unwrap_or_default();
            package.rsplit('/').next() == Some(name) && is_path(told)
        }
        Some(Value::Object(told)) => told.get(name).and_then(Value::as_str).is_some_and(is_path),
        _ => {
            let directory = own.get("directories").and_then(|all| all.get("bin")).and_then(Value::as_str);
            directory.is_some_and(|directory| is_path(&format!("{directory}/{name}")))
        }
    }
}

/// The parts of a path that stays below; `None` for one that leads out.
fn plain(path: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!path.starts_with('/')).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn added(manifest: Value, own: &Value) -> Option<String> {
        let mut manifest: Manifest = serde_json::from_value(manifest).unwrap();
        manifest.name = manifest.name.or_else(|| Some(own.get("name")?.as_str()?.to_owned()));
        manifest.added(own, |file| file == "binding.gyp")
    }

    #[test]
    fn what_the_package_itself_says_may_run() {
        let own = json!({ "name": "@s/x", "bin": "./a.js", "scripts": { "postinstall": "node a" } });
        let manifest = json!({
            "name": "@s/x", "bin": { "x": "a.js" },
            "scripts": { "postinstall": "node a", "install": "node-gyp rebuild" }
        });
        assert_eq!(added(manifest, &own), None);
        assert_eq!(added(json!({ "bin": { "y": "b/c.js" } }), &json!({ "bin": { "y": "b//./c.js" } })), None);
        assert_eq!(
            added(json!({ "bin": { "y": "b/y" } }), &json!({ "directories": { "bin": "./b" } })),
            None
        );
        let bundled = json!({ "bundledDependencies": ["a"] });
        assert_eq!(added(json!({ "bundleDependencies": ["a"] }), &bundled), None);
    }

    #[test]
    fn what_only_the_metadata_says_is_named() {
        let own = json!({ "name": "x", "bin": "a.js", "scripts": { "test": "a" } });
        for (manifest, named) in [
            (json!({ "name": "y" }), "name \"y\""),
            (json!({ "scripts": { "test": "b" } }), "script \"test\""),
            (json!({ "scripts": { "start": "node server.js" } }), "script \"start\""),
            (json!({ "scripts": "x" }), "script \"\""),
            (json!({ "bin": { "x": "b.js" } }), "program \"x\""),
            (json!({ "bin": { "y": "a.js" } }), "program \"y\""),
            (json!({ "bin": { "x": "../x/a.js" } }), "program \"x\""),
            (json!({ "bin": { "x": "/a.js" } }), "program \"x\""),
            (json!({ "bundleDependencies": ["../y"] }), "bundled packages"),
        ] {
            assert_eq!(added(manifest, &own).as_deref(), Some(named));
        }
    }

    #[test]
    fn all_that_yarn_compares_with_a_lock_file_is_a_digest_of_the_tarball() {
        let integrity = |byte| format!("sha512-{}", data_encoding::BASE64.encode(&[byte; 64]));
        let (one, two) = ("01".repeat(20), "02".repeat(20));
        let remote = json!({ "hash": one, "integrity": integrity(1), "cacheIntegrity": integrity(2) });
        let metadata: Metadata = serde_json::from_value(json!({ "remote": remote, "hash": two })).unwrap();
        assert_eq!(metadata.digests().len(), 4);
    }
}
