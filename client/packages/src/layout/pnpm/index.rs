//! What pnpm keeps of a package: its name, its version, and each of its files with a digest.
//!
//! ```text
//! {"name":…,"version":…,"files":{"package.json":{"integrity":"sha512-…","mode":420,"size":…,"checkedAt":…},…},
//!  "sideEffects":{"linux-x64-…":{"added":{…like files…},"deleted":[…]}}}      store v10
//!  "sideEffects":{"linux-x64-…":{…like files…}}}                              store v3
//! ```
//!
//! Side effects are what a package's own scripts made; they are files of the store like others.

use crate::digest::Digest;
use crate::javascript;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Bits of a mode that make a file executable.
const EXECUTABLE: u64 = 0o111;

/// A package.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    /// Its name; early versions of store v3 did not tell it.
    pub(super) name: Option<String>,
    /// Its version.
    pub(super) version: Option<String>,
    files: BTreeMap<String, Entry>,
    #[serde(default, rename = "sideEffects")]
    side_effects: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    integrity: Option<String>,
    #[serde(default)]
    mode: u64,
}

/// Where a file of the store is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Below the store's directory of files.
    pub(super) path: String,
    /// What it must be.
    pub(super) digest: Digest,
}

impl Entry {
    fn stored(&self) -> Option<Stored> {
        let digests = javascript::strongest(Digest::from_integrity(self.integrity.as_deref()?));
        let digest = digests.into_iter().next()?;
        let hex = digest.hex();
        let (directory, name) = hex.split_at_checked(2)?;
        let suffix = if self.mode & EXECUTABLE == 0 { "" } else { "-exec" };
        Some(Stored { path: format!("{directory}/{name}{suffix}"), digest })
    }
}

impl Index {
    /// All files; `None` if one of them has no digest that is understood.
    pub(super) fn stored(&self) -> Option<Vec<Stored>> {
        let made: Option<Vec<Vec<Entry>>> = self.side_effects.values().map(added).collect();
        let made = made?;
        self.files.values().chain(made.iter().flatten()).map(Entry::stored).collect()
    }

    /// The package's own manifest.
    pub(super) fn manifest(&self) -> Option<Stored> {
        self.files.get("package.json")?.stored()
    }
}

/// Files that side effects add, in the shape of either version.
fn added(effect: &Value) -> Option<Vec<Entry>> {
    let is_new = effect.get("added").is_some_and(|added| added.get("integrity").is_none())
        || effect.get("deleted").is_some_and(Value::is_array);
    let files = if is_new { effect.get("added") } else { Some(effect) };
    let Some(files) = files else { return Some(Vec::new()) };
    files.as_object()?.values().map(|entry| Entry::deserialize(entry).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use proptest::prelude::*;
    use serde_json::json;

    fn entry(byte: u8, mode: u32) -> Value {
        json!({ "integrity": format!("sha512-{}", data_encoding::BASE64.encode(&[byte; 64])), "mode": mode })
    }

    fn paths(index: &Value) -> Option<Vec<String>> {
        let index: Index = serde_json::from_value(index.clone()).unwrap();
        Some(index.stored()?.into_iter().map(|stored| stored.path).collect())
    }

    #[test]
    fn files_are_found_by_their_digest_and_mode() {
        let index = json!({ "files": { "a": entry(1, 0o644), "b": entry(2, 0o755) } });
        let (one, two) = ("01".repeat(63), "02".repeat(63));
        assert_eq!(paths(&index).unwrap(), [format!("01/{one}"), format!("02/{two}-exec")]);
        let odd = json!({ "files": { "a": { "integrity": "x" } } });
        assert_eq!(paths(&odd), None);
    }

    #[test]
    fn side_effects_of_both_shapes_add_files() {
        let three = format!("03/{}", "03".repeat(63));
        for effect in [
            json!({ "x": entry(3, 0o644) }),
            json!({ "added": { "x": entry(3, 0o644) }, "deleted": ["y"] }),
            json!({ "added": { "x": entry(3, 0o644) } }),
            json!({ "added": entry(3, 0o644) }),
        ] {
            let index = json!({ "files": {}, "sideEffects": { "linux": effect } });
            assert_eq!(paths(&index).unwrap(), std::slice::from_ref(&three), "{effect}");
        }
        let deleted = json!({ "files": {}, "sideEffects": { "linux": { "deleted": ["y"] } } });
        assert_eq!(paths(&deleted).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_manifest_is_one_of_the_files() {
        let index: Index =
            serde_json::from_value(json!({ "files": { "package.json": entry(1, 0) } })).unwrap();
        assert_eq!(index.manifest().unwrap().digest, Digest::new(Algorithm::Sha512, &[1; 64]).unwrap());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
            drop(serde_json::from_slice::<Index>(&bytes).map(|index| index.stored()));
        }
    }
}
