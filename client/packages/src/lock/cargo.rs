//! `Cargo.lock`, versions 1 to 4, after the sources of cargo (`core/resolver/encode.rs`).
//!
//! The first version has checksums in `[metadata]`, under `checksum NAME VERSION (SOURCE)`; later ones with each package.
//! Those of git sources have none. Packages without a source are the project's own, in no cache, and left out.

use super::{LockError, Locked, LockedDigest, tables};
use crate::digest::{Algorithm, Digest};
use crate::purl::Purl;
use serde::Deserialize;
use std::collections::BTreeMap;

const VERSION_MAX: u64 = 4;

#[derive(Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<Package>,
    #[serde(default)]
    metadata: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    checksum: Option<String>,
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let lock: CargoLock = tables::read(text, VERSION_MAX)?;
    let foreign = lock.package.iter().filter_map(|package| Some((package, package.source.as_deref()?)));
    foreign.map(|(package, source)| locked(package, source, &lock.metadata)).collect()
}

fn locked(
    package: &Package,
    source: &str,
    metadata: &BTreeMap<String, toml::Value>,
) -> Result<Locked, LockError> {
    let Package { name, version, checksum, .. } = package;
    let old = metadata.get(&format!("checksum {name} {version} ({source})")).and_then(toml::Value::as_str);
    let digests = match checksum.as_deref().or(old) {
        // What no registry was asked for.
        None | Some("<none>") => Vec::new(),
        Some(hex) => {
            let digest = Digest::from_hex(Algorithm::Sha256, hex);
            let digest = digest
                .ok_or_else(|| LockError::whole(format!("the checksum of {name} {version} is none")))?;
            vec![LockedDigest::Artifact(digest)]
        }
    };
    Ok(Locked { purl: Purl::new("cargo", name).version(version), digests })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> String {
        Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
    }

    fn lock(version: u8) -> String {
        let source = "registry+https://registry.example.org/index";
        let begin = if version > 2 { format!("version = {version}\n") } else { String::new() };
        let mut text =
            format!("{begin}[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\ndependencies = [\"a\"]\n");
        text += &format!("[[package]]\nname = \"a\"\nversion = \"1.0.0+x\"\nsource = \"{source}\"\n");
        text += &match version {
            1 => format!("[metadata]\n\"checksum a 1.0.0+x ({source})\" = \"{}\"\n", hex("a")),
            _ => format!("checksum = \"{}\"\n", hex("a")),
        };
        text
    }

    #[test]
    fn all_versions_are_read() {
        for version in 1..=5 {
            let read = read(&lock(version)).unwrap();
            assert_eq!(read.len(), 1, "the project itself is in no cache");
            assert_eq!(read[0].purl.to_string(), "pkg:cargo/a@1.0.0%2Bx");
            let digest = Digest::of(Algorithm::Sha256, b"a");
            assert_eq!(read[0].digests, [LockedDigest::Artifact(digest)], "version {version}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(read("version = 4\n\n[[package]\n").unwrap_err().line, Some(3));
        assert_eq!(read("[[package]]\nname = \"a\"\n").unwrap_err().line, Some(1), "it has no version");
        let newer = read("version = 6\npackage = \"all new\"\n").unwrap_err();
        assert!(newer.what.contains("version 6"));
        assert!(
            read("[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"s\"\nchecksum = \"x\"\n").is_err()
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(read(&text));
        }
    }
}
