//! What a restore tells, as a file for a job's logs, as JSON, and as what a later save descends from.

use super::exit::{Failure, Kind};
use super::output::{json, say};
use pollux_client::disk::Cloned;
use pollux_client::flow::{Ancestry, Hit, Miss, Sources};
use pollux_core::{Key, ManifestId, Provenance, TreeRef};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Bytes of a report that is read back at most.
const REPORT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The report of a restore.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub(crate) enum Report {
    /// The cache is in its directory.
    Hit(Box<HitReport>),
    /// It is not.
    Miss(MissReport),
}

/// A hit.
#[derive(Debug, Serialize)]
pub(crate) struct HitReport {
    key: Key,
    manifest: ManifestId,
    /// The same, as `pollux show` calls it: there, `manifest` is the document.
    manifest_id: ManifestId,
    sequence: u64,
    generation: u32,
    ancestors: Vec<ManifestId>,
    /// The fallback that matched; absent for the key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    /// Peers vouched for it, the seeds being away.
    relayed: bool,
    atomic: bool,
    files: u64,
    bytes: u64,
    kept: u64,
    /// Files, and their bytes, that were cloned instead of written.
    cloned: Cloned,
    seconds: f64,
    sources: Sources,
    provenance: Provenance,
    tree: TreeRef,
}

/// A miss.
#[derive(Debug, Serialize)]
pub(crate) struct MissReport {
    key: Key,
    reason: &'static str,
    words: String,
}

impl Report {
    pub(crate) fn hit(hit: &Hit, fallback: Option<String>) -> Self {
        let manifest = &hit.found.manifest;
        Self::Hit(Box::new(HitReport {
            key: manifest.key.clone(),
            manifest: hit.found.id,
            manifest_id: hit.found.id,
            sequence: manifest.sequence,
            generation: manifest.generation,
            ancestors: manifest.ancestors.clone(),
            fallback,
            relayed: hit.found.relayed,
            atomic: hit.restored.atomic,
            files: hit.restored.files,
            bytes: hit.restored.bytes,
            kept: hit.restored.kept,
            cloned: hit.restored.cloned,
            seconds: hit.elapsed.as_secs_f64(),
            sources: hit.sources,
            provenance: manifest.provenance.clone(),
            tree: manifest.tree.clone(),
        }))
    }

    pub(crate) fn miss(key: &Key, miss: &Miss) -> Self {
        Self::Miss(MissReport { key: key.clone(), reason: miss.name(), words: miss.to_string() })
    }

    /// Writes the report where a job's logs are collected. Where that cannot be done it is said, and changes nothing: the
    /// restore ended as it did.
    pub(crate) fn write(&self, path: &Path) {
        if let Err(error) = json(self).and_then(|text| fs::write(path, text + "\n")) {
            say(&format!("warning: the report is not written: {}: {error}", path.display()));
        }
    }
}

/// What of a report says where a directory comes from.
#[derive(Debug, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
enum Descent {
    Hit { manifest: ManifestId, ancestors: Vec<ManifestId>, generation: u32, tree: Box<TreeRef> },
    Miss {},
}

/// Reads what a restore wrote; a miss has no ancestry.
pub(crate) fn read_ancestry(path: &Path) -> Result<Option<Ancestry>, Failure> {
    let failure = |error: &dyn std::fmt::Display| {
        Failure::new(Kind::Usage, format!("{}: {error}", path.display()))
            .hint("name the file that `pollux restore --for-save FILE` wrote")
    };
    let file = File::open(path).map_err(|error| failure(&error))?;
    let mut text = String::new();
    file.take(REPORT_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| failure(&error))?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > REPORT_BYTES_MAX) {
        return Err(failure(&"too long for a report"));
    }
    match serde_json::from_str(&text).map_err(|error| failure(&format!("no report of a restore: {error}")))? {
        Descent::Hit { manifest, ancestors, generation, tree } => {
            Ok(Some(Ancestry { id: manifest, ancestors, generation, tree: *tree }))
        }
        Descent::Miss {} => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Ancestry>, Failure> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        fs::write(&path, text).unwrap();
        read_ancestry(&path)
    }

    #[test]
    fn a_miss_has_no_ancestry() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        Report::miss(&"a/b".parse().unwrap(), &Miss::TooSlow).write(&path);
        assert_eq!(read_ancestry(&path).unwrap(), None);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("{\n  \"version\": 1,\n  \"result\": \"miss\""), "{text}");
    }

    #[test]
    fn what_is_no_report_is_refused_with_a_hint() {
        let long = " ".repeat(usize::try_from(REPORT_BYTES_MAX).unwrap() + 1);
        let wrong =
            ["", "{}", "[]", "{\"result\":\"hit\"}", "{\"result\":\"saved\"}", "\u{0}", long.as_str()];
        for text in wrong {
            let failure = read(text).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.hint.unwrap().contains("--for-save"), "{}", failure.message);
        }
    }

    #[test]
    fn fields_that_this_version_does_not_know_are_passed_over() {
        let text = r#"{"version":1,"result":"miss","reason":"too-slow","news":[1]}"#;
        assert_eq!(read(text).unwrap(), None);
    }

    #[test]
    fn a_report_that_cannot_be_written_is_no_failure() {
        Report::miss(&"a/b".parse().unwrap(), &Miss::TooSlow).write(Path::new("/nowhere/report.json"));
    }
}
