//! `pollux save`

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::progress::Progress;
use super::report::read_ancestry;
use super::{Done, output, signals};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use indicatif::HumanBytes;
use pollux_client::disk::{ScanOptions, Skipped};
use pollux_client::flow::{Deadlines, SaveOutcome, SaveRequest, Saved, save};
use pollux_client::key_file::KeySource;
use pollux_core::{Key, Manifest, ManifestId, Provenance, TreeTotals};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Left-out entries that are named; the rest are counted.
const SKIPPED_NAMED_MAX: usize = 10;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// Save a directory under a key, from a trusted pipeline
///
/// The manifest is signed here; the signing key never reaches the node. When the command returns, the seeds hold every
/// chunk and have signed for it. The same tree is not published again, and a save that another one overtook is said
/// and is no failure.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The key, such as `mediawiki%2Fcore/master/npm/debian12-x86_64/node20-3f2a`
    key: Key,
    /// The directory that paths are relative to
    base: PathBuf,
    /// Paths under it that belong to the cache [default: all of it]
    paths: Vec<String>,
    /// Leave out what this glob matches, relative to BASE
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Fail where something cannot be saved, instead of leaving it out with a warning
    #[arg(long)]
    strict: bool,
    /// The publisher's key, in PKCS#8 PEM: a file of mode 0600, `-` for standard input, or `fd:N` for a descriptor
    #[arg(long, env = "POLLUX_SIGNING_KEY", hide_env_values = true, value_name = "FILE", value_parser = key_source())]
    signing_key: KeySource,
    /// The report of the restore that the directory began with
    #[arg(long, value_name = "FILE")]
    restored: Option<PathBuf>,
    /// Where the save comes from: ci, tenant, pipeline, project, ref, change, commit, job, build or builder_image
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_provenance)]
    provenance: Vec<(String, String)>,
    /// Days for which the manifest is good; the pool's policy bounds them
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(u64).range(1..=3650))]
    life: u64,
    /// Seconds until the seeds' first answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    answer_timeout: Duration,
    /// Seconds without any sign of the node while chunks are handed to it
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    progress_timeout: Duration,
    /// Seconds in all
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

fn key_source() -> impl TypedValueParser<Value = KeySource> {
    OsStringValueParser::new().map(KeySource::named)
}

fn parse_provenance(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("write FIELD=VALUE")?;
    Ok((field.to_owned(), value.to_owned()))
}

fn provenance(pairs: &[(String, String)]) -> Result<Provenance, Failure> {
    let mut provenance = Provenance::default();
    for (field, value) in pairs {
        let place = match field.as_str() {
            "ci" => &mut provenance.ci,
            "tenant" => &mut provenance.tenant,
            "pipeline" => &mut provenance.pipeline,
            "project" => &mut provenance.project,
            "ref" => &mut provenance.r#ref,
            "change" => &mut provenance.change,
            "commit" => &mut provenance.commit,
            "job" => &mut provenance.job,
            "build" => &mut provenance.build,
            "builder_image" => &mut provenance.builder_image,
            _ => {
                let message = format!("no field of provenance: `{}`", output::printable(field));
                return Err(Failure::new(Kind::Usage, message).hint("`pollux save --help` names them all"));
            }
        };
        place.clone_from(value);
    }
    Ok(provenance)
}

impl Arguments {
    fn request(self) -> Result<SaveRequest, Failure> {
        Ok(SaveRequest {
            socket: self.common.socket,
            key: self.key,
            scan: ScanOptions {
                base: self.base,
                paths: self.paths,
                exclude: self.exclude,
                strict: self.strict,
            },
            signer: self.signing_key.read()?,
            provenance: provenance(&self.provenance)?,
            ancestry: self.restored.as_deref().map(read_ancestry).transpose()?.flatten(),
            life: Duration::from_secs(self.life.saturating_mul(DAY)),
            deadlines: Deadlines {
                answer: self.answer_timeout,
                progress: self.progress_timeout,
                total: self.timeout,
            },
            interrupted: signals::interruption()?,
        })
    }
}

pub(crate) fn run(arguments: Arguments) -> Done {
    let json = arguments.common.json;
    if disabled() {
        return output::print_disabled(json);
    }
    let key = arguments.key.clone();
    let request = arguments.request()?;
    let mut progress = Progress::new();
    let outcome = save(&request, &mut progress);
    progress.end();
    let outcome = outcome?;
    warn_skipped(skipped(&outcome));
    if json { output::print_json(&SaveReport::of(&outcome)) } else { output::print(&words(&key, &outcome)) }
}

fn skipped(outcome: &SaveOutcome) -> &[Skipped] {
    match outcome {
        SaveOutcome::Saved(saved) | SaveOutcome::Unchanged(saved) => &saved.skipped,
        SaveOutcome::LostRace(lost) => &lost.skipped,
    }
}

fn words(key: &Key, outcome: &SaveOutcome) -> String {
    match outcome {
        SaveOutcome::Saved(saved) => {
            format!("saved: {key} {}\n{}", which(&saved.manifest, saved.id), detail(saved))
        }
        SaveOutcome::Unchanged(same) => {
            let which = which(&same.manifest, same.id);
            format!("unchanged: {key} is this tree already {which}\n{}", detail(same))
        }
        SaveOutcome::LostRace(lost) => {
            let which = which(&lost.manifest, lost.id);
            format!("not saved: another save of {key} was faster, and stands {which}")
        }
    }
}

fn which(manifest: &Manifest, id: ManifestId) -> String {
    format!("(sequence {}, manifest {})", manifest.sequence, id.short())
}

fn detail(saved: &Saved) -> String {
    let totals = saved.manifest.tree.totals;
    format!(
        "  {} files, {} in {}\n  {} new chunks, {} compressed; {} receipts",
        totals.files,
        HumanBytes(totals.bytes),
        output::seconds(saved.elapsed),
        saved.sent.chunks,
        HumanBytes(saved.sent.frame_bytes),
        saved.receipts,
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
}

#[derive(Debug, Serialize)]
struct SavedReport {
    key: Key,
    manifest: ManifestId,
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
    sequence: u64,
    skipped: Vec<SkippedReport>,
}

#[derive(Debug, Serialize)]
struct SkippedReport {
    path: String,
    why: String,
}

impl SaveReport {
    fn of(outcome: &SaveOutcome) -> Self {
        match outcome {
            SaveOutcome::Saved(saved) => Self::Saved(SavedReport::of(saved)),
            SaveOutcome::Unchanged(same) => Self::Unchanged(SavedReport::of(same)),
            SaveOutcome::LostRace(lost) => Self::LostRace(LostReport {
                key: lost.manifest.key.clone(),
                manifest: lost.id,
                sequence: lost.manifest.sequence,
                skipped: skipped_reports(&lost.skipped),
            }),
        }
    }
}

impl SavedReport {
    fn of(saved: &Saved) -> Self {
        Self {
            key: saved.manifest.key.clone(),
            manifest: saved.id,
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

fn skipped_reports(skipped: &[Skipped]) -> Vec<SkippedReport> {
    let reports = skipped.iter();
    reports.map(|entry| SkippedReport { path: entry.path.clone(), why: entry.why.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provenance_fields_are_checked() {
        let pairs = [("job".to_owned(), "unit".to_owned()), ("ref".to_owned(), "main".to_owned())];
        let read = provenance(&pairs).unwrap();
        assert_eq!((read.job.as_str(), read.r#ref.as_str()), ("unit", "main"));
        assert!(provenance(&[("jbo".to_owned(), String::new())]).is_err());
        assert!(parse_provenance("job").is_err());
    }

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
        SaveOutcome::LostRace(Box::new(pollux_client::flow::Lost { id, manifest, skipped }))
    }

    #[test]
    fn every_end_is_said_in_words() {
        let key = "a/b".parse().unwrap();
        let short = saved().id.short();
        let expected = format!(
            "saved: a/b (sequence 7, manifest {short})\n  0 files, 0 B in 1.50 s\n  \
             3 new chunks, 2.00 KiB compressed; 1 receipts"
        );
        assert_eq!(words(&key, &SaveOutcome::Saved(saved())), expected);
        let unchanged = words(&key, &SaveOutcome::Unchanged(saved()));
        let expected = format!("unchanged: a/b is this tree already (sequence 7, manifest {short})\n");
        assert!(unchanged.starts_with(&expected), "{unchanged}");
        let expected =
            format!("not saved: another save of a/b was faster, and stands (sequence 7, manifest {short})");
        assert_eq!(words(&key, &lost()), expected);
    }

    #[test]
    fn every_end_is_an_object_that_begins_with_its_version() {
        let outcomes = [SaveOutcome::Saved(saved()), SaveOutcome::Unchanged(saved()), lost()];
        for (outcome, result) in outcomes.iter().zip(["saved", "unchanged", "lost-race"]) {
            let text = output::json(&SaveReport::of(outcome)).unwrap();
            let begin = format!("{{\n  \"version\": 1,\n  \"result\": \"{result}\",\n  \"key\": \"a/b\"");
            assert!(text.starts_with(&begin), "{text}");
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(object["manifest"], "ab".repeat(32));
            assert_eq!(object["sequence"], 7);
            assert_eq!(object["skipped"][0]["path"], "socket");
        }
    }
}
