//! How a save or a publish ended, in words and as JSON.

use super::output::count;
use super::{Done, output};
use indicatif::HumanBytes;
use pollux_client::disk::Skipped;
use pollux_client::flow::{Lost, SaveOutcome, Saved, Unsigned};
use pollux_core::{Key, Manifest, ManifestId, TreeTotals};
use serde::Serialize;
use std::path::Path;

/// Left-out entries that are named; the rest are counted.
const SKIPPED_NAMED_MAX: usize = 10;

/// Tells how it ended. `statement` is where the unsigned statement was written, where there is one.
pub(crate) fn print(outcome: &SaveOutcome, statement: Option<&Path>, json: bool) -> Done {
    warn_skipped(skipped(outcome));
    if json {
        return output::print_json(&SaveReport::of(outcome, statement));
    }
    output::print(&words(outcome, statement))
}

fn skipped(outcome: &SaveOutcome) -> &[Skipped] {
    match outcome {
        SaveOutcome::Saved(saved) | SaveOutcome::Unchanged(saved) => &saved.skipped,
        SaveOutcome::LostRace(lost) => &lost.skipped,
        SaveOutcome::Unsigned(unsigned) => &unsigned.skipped,
    }
}

fn words(outcome: &SaveOutcome, statement: Option<&Path>) -> String {
    match outcome {
        SaveOutcome::Saved(saved) => {
            let Saved { manifest, id, .. } = &**saved;
            format!("saved: {} {}\n{}", manifest.key, which(manifest, *id), detail(saved))
        }
        SaveOutcome::Unchanged(same) => {
            let which = which(&same.manifest, same.id);
            format!("unchanged: {} is this tree already {which}\n{}", same.manifest.key, detail(same))
        }
        SaveOutcome::LostRace(lost) => {
            let which = which(&lost.manifest, lost.id);
            format!("not saved: another save of {} was faster, and stands {which}", lost.manifest.key)
        }
        SaveOutcome::Unsigned(unsigned) => unsigned_words(unsigned, statement),
    }
}

fn which(manifest: &Manifest, id: ManifestId) -> String {
    format!("(sequence {}, manifest {})", manifest.sequence, id.short())
}

fn detail(saved: &Saved) -> String {
    let totals = saved.manifest.tree.totals;
    format!(
        "  {}, {} in {}\n  {}, {} compressed; {}",
        count(totals.files, "file"),
        HumanBytes(totals.bytes),
        output::seconds(saved.elapsed),
        count(saved.sent.chunks, "new chunk"),
        HumanBytes(saved.sent.frame_bytes),
        count(saved.receipts, "receipt"),
    )
}

fn unsigned_words(unsigned: &Unsigned, statement: Option<&Path>) -> String {
    let (manifest, totals) = (&unsigned.manifest, unsigned.manifest.tree.totals);
    let file = statement.unwrap_or(Path::new("FILE")).display();
    format!(
        "not signed yet: {} (sequence {})\n  {}, {} in {}\n  {}, {} compressed\n  \
         next: where the key is, `pollux sign {file} --allow PATTERN --provenance FILE --signing-key FILE`;\n  \
         then here, within the hour, `pollux publish {file}.signed`",
        manifest.key,
        manifest.sequence,
        count(totals.files, "file"),
        HumanBytes(totals.bytes),
        output::seconds(unsigned.elapsed),
        count(unsigned.sent.chunks, "new chunk"),
        HumanBytes(unsigned.sent.frame_bytes),
    )
}

fn warn_skipped(skipped: &[Skipped]) {
    for entry in skipped.iter().take(SKIPPED_NAMED_MAX) {
        output::say(&format!("left out: {}: {}", output::printable(&entry.path), entry.why));
    }
    if skipped.len() > SKIPPED_NAMED_MAX {
        output::say(&format!("left out: {} more", skipped.len() - SKIPPED_NAMED_MAX));
    }
}

/// What a save tells as JSON.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
enum SaveReport {
    Saved(SavedReport),
    Unchanged(SavedReport),
    LostRace(LostReport),
    Unsigned(UnsignedReport),
}

#[derive(Debug, Serialize)]
struct SavedReport {
    key: Key,
    manifest: ManifestId,
    /// The same, as `pollux show` calls it: there, `manifest` is the document.
    manifest_id: ManifestId,
    sequence: u64,
    totals: TreeTotals,
    new_chunks: u64,
    new_frame_bytes: u64,
    receipts: usize,
    skipped: Vec<SkippedReport>,
    seconds: f64,
}

/// The save that stands.
#[derive(Debug, Serialize)]
struct LostReport {
    key: Key,
    manifest: ManifestId,
    /// The same, as `pollux show` calls it.
    manifest_id: ManifestId,
    sequence: u64,
    skipped: Vec<SkippedReport>,
}

/// What is to be signed. It has no name yet: the signer's grant and provenance are part of that.
#[derive(Debug, Serialize)]
struct UnsignedReport {
    key: Key,
    sequence: u64,
    totals: TreeTotals,
    new_chunks: u64,
    new_frame_bytes: u64,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    skipped: Vec<SkippedReport>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct SkippedReport {
    path: String,
    why: String,
}

impl SaveReport {
    fn of(outcome: &SaveOutcome, statement: Option<&Path>) -> Self {
        match outcome {
            SaveOutcome::Saved(saved) => Self::Saved(SavedReport::of(saved)),
            SaveOutcome::Unchanged(same) => Self::Unchanged(SavedReport::of(same)),
            SaveOutcome::LostRace(lost) => Self::LostRace(LostReport::of(lost)),
            SaveOutcome::Unsigned(unsigned) => Self::Unsigned(UnsignedReport::of(unsigned, statement)),
        }
    }
}

impl SavedReport {
    fn of(saved: &Saved) -> Self {
        Self {
            key: saved.manifest.key.clone(),
            manifest: saved.id,
            manifest_id: saved.id,
            sequence: saved.manifest.sequence,
            totals: saved.manifest.tree.totals,
            new_chunks: saved.sent.chunks,
            new_frame_bytes: saved.sent.frame_bytes,
            receipts: saved.receipts,
            skipped: skipped_reports(&saved.skipped),
            seconds: saved.elapsed.as_secs_f64(),
        }
    }
}

impl LostReport {
    fn of(lost: &Lost) -> Self {
        Self {
            key: lost.manifest.key.clone(),
            manifest: lost.id,
            manifest_id: lost.id,
            sequence: lost.manifest.sequence,
            skipped: skipped_reports(&lost.skipped),
        }
    }
}

impl UnsignedReport {
    fn of(unsigned: &Unsigned, statement: Option<&Path>) -> Self {
        Self {
            key: unsigned.manifest.key.clone(),
            sequence: unsigned.manifest.sequence,
            totals: unsigned.manifest.tree.totals,
            new_chunks: unsigned.sent.chunks,
            new_frame_bytes: unsigned.sent.frame_bytes,
            statement: statement.map(|path| path.display().to_string()),
            skipped: skipped_reports(&unsigned.skipped),
            seconds: unsigned.elapsed.as_secs_f64(),
        }
    }
}

fn skipped_reports(skipped: &[Skipped]) -> Vec<SkippedReport> {
    let reports = skipped.iter();
    reports.map(|entry| SkippedReport { path: entry.path.clone(), why: entry.why.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::Provenance;
    use std::time::Duration;

    fn manifest() -> Manifest {
        Manifest {
            pool: "ci".to_owned(),
            key: "a/b".parse().unwrap(),
            sequence: 7,
            created: pollux_core::Timestamp::from_millis(0),
            expires: pollux_core::Timestamp::from_millis(1000),
            tree: pollux_core::TreeRef {
                chunks: Vec::new(),
                totals: TreeTotals::default(),
                roots: vec![String::new()],
            },
            ancestors: Vec::new(),
            generation: 1,
            provenance: Provenance::default(),
            packages: None,
            grant: None,
        }
    }

    fn saved() -> Box<Saved> {
        let sent = pollux_client::flow::Sent { chunks: 3, frame_bytes: 2048 };
        let skipped = vec![Skipped { path: "socket".to_owned(), why: "a socket".to_owned() }];
        let (id, elapsed) = (ManifestId::from_bytes([0xab; 32]), Duration::from_millis(1500));
        Box::new(Saved { id, manifest: manifest(), receipts: 1, skipped, sent, elapsed })
    }

    fn lost() -> SaveOutcome {
        let Saved { id, manifest, skipped, .. } = *saved();
        SaveOutcome::LostRace(Box::new(Lost { id, manifest, skipped }))
    }

    #[test]
    fn every_end_is_said_in_words() {
        let short = saved().id.short();
        let expected = format!(
            "saved: a/b (sequence 7, manifest {short})\n  0 files, 0 B in 1.50 s\n  \
             3 new chunks, 2.00 KiB compressed; 1 receipt"
        );
        assert_eq!(words(&SaveOutcome::Saved(saved()), None), expected);
        let unchanged = words(&SaveOutcome::Unchanged(saved()), None);
        let expected = format!("unchanged: a/b is this tree already (sequence 7, manifest {short})\n");
        assert!(unchanged.starts_with(&expected), "{unchanged}");
        let expected =
            format!("not saved: another save of a/b was faster, and stands (sequence 7, manifest {short})");
        assert_eq!(words(&lost(), None), expected);
    }

    #[test]
    fn every_end_is_an_object_that_begins_with_its_version() {
        let outcomes = [SaveOutcome::Saved(saved()), SaveOutcome::Unchanged(saved()), lost()];
        for (outcome, result) in outcomes.iter().zip(["saved", "unchanged", "lost-race"]) {
            let text = output::json(&SaveReport::of(outcome, None)).unwrap();
            let begin = format!("{{\n  \"version\": 1,\n  \"result\": \"{result}\",\n  \"key\": \"a/b\"");
            assert!(text.starts_with(&begin), "{text}");
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(object["manifest"], "ab".repeat(32));
            assert_eq!(object["sequence"], 7);
            assert_eq!(object["skipped"][0]["path"], "socket");
        }
    }

    fn unsigned() -> SaveOutcome {
        let Saved { manifest, skipped, sent, elapsed, .. } = *saved();
        SaveOutcome::Unsigned(Box::new(Unsigned { manifest, skipped, sent, elapsed }))
    }

    #[test]
    fn what_is_not_signed_says_what_to_do_next() {
        let text = words(&unsigned(), Some(Path::new("s.json")));
        assert!(text.starts_with("not signed yet: a/b (sequence 7)\n"), "{text}");
        assert!(
            text.contains("pollux sign s.json") && text.contains("pollux publish s.json.signed"),
            "{text}"
        );
        let text = output::json(&SaveReport::of(&unsigned(), Some(Path::new("s.json")))).unwrap();
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&object["result"], &object["statement"]), (&"unsigned".into(), &"s.json".into()));
        assert_eq!((&object["sequence"], object.get("manifest")), (&7.into(), None));
    }
}
