//! What a run tells at its end: in words, and as JSON for a job's logs.

use super::cache::{Cache, Came, Loss};
use super::child::Ended;
use super::save::End;
use crate::cli::audit::claimed;
use crate::cli::output::{self, count, printable};
use indicatif::{DecimalBytes, HumanBytes};
use pollux_client::flow::Sources;
use pollux_client::job::REGISTRY_BYTES_PER_SECOND;
use pollux_client::text_file::{self, Existing};
use pollux_packages::purl::Purl;
use serde::Serialize;
use std::path::Path;

/// Added packages that are named; the report has all.
const ADDED_MAX: usize = 20;

/// What takes less is not told as seconds.
const TOLD_SECONDS_MIN: f64 = 0.05;

/// Digits of a manifest's name that are told: enough to find it by.
const ID_DIGITS: usize = 12;

/// What happened.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    command: &'a Ended,
    caches: Vec<One<'a>>,
    /// Presets that the command ran without, and why.
    without: &'a [String],
}

/// One cache.
#[derive(Serialize)]
struct One<'a> {
    preset: &'a str,
    key: String,
    restored: Restored<'a>,
    added: &'a [Purl],
    added_bytes: u64,
    /// What the job read of what was restored; absent where the file system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Used>,
    /// What its last uses cost and saved, where that is a loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<Loss>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<&'a End>,
}

#[derive(Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
enum Restored<'a> {
    Hit { key: &'a str, by_fallback: bool, seconds: f64, files: u64, bytes: u64, sources: Sources },
    Miss { reason: &'static str, words: &'a str },
}

#[derive(Serialize)]
struct Used {
    bytes: u64,
    packages: u64,
    /// Seconds that it would have taken to fetch these, at the rate that is told beside.
    fetch_seconds: f64,
    assumed_bytes_per_second: u64,
}

impl<'a> Summary<'a> {
    pub(super) fn of(caches: &'a [Cache], without: &'a [String], command: &'a Ended) -> Self {
        Self { command, caches: caches.iter().map(One::of).collect(), without }
    }

    /// A text for each cache.
    pub(super) fn words(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        if let Some(why) = &self.command.not_run {
            lines.push(format!("the command did not run: {why}"));
        }
        lines.extend(self.caches.iter().map(|one| one.words().join("\n")));
        lines
    }

    /// Where it cannot be written it is said, and changes nothing.
    pub(super) fn write(&self, path: &Path) {
        let written = output::json(self).map_err(|error| error.to_string()).and_then(|text| {
            let text = text + "\n";
            text_file::write(path, &text, Existing::Replace).map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            output::say(&format!("warning: the report is not written: {error}"));
        }
    }
}

impl<'a> One<'a> {
    fn of(cache: &'a Cache) -> Self {
        let used = cache.job.used.map(|used| Used {
            bytes: used.used_bytes,
            packages: used.used_packages,
            fetch_seconds: used.fetch_seconds(),
            assumed_bytes_per_second: REGISTRY_BYTES_PER_SECOND,
        });
        Self {
            preset: &cache.plan.preset.name,
            key: cache.plan.key.to_string(),
            restored: match &cache.came {
                Came::Miss { reason, words } => Restored::Miss { reason, words },
                Came::Hit(hit) => Restored::Hit {
                    key: &hit.key,
                    by_fallback: hit.by_fallback,
                    seconds: hit.seconds,
                    files: hit.files,
                    bytes: hit.bytes,
                    sources: hit.sources,
                },
            },
            added: &cache.job.added,
            added_bytes: cache.job.added_bytes,
            used,
            loss: cache.job.loss,
            saved: cache.saved.as_ref(),
        }
    }

    fn words(&self) -> Vec<String> {
        let mut lines = vec![self.restored_words()];
        let named: Vec<String> = self.added.iter().take(ADDED_MAX).map(Purl::to_string).collect();
        let more = self.added.len().saturating_sub(ADDED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!(
            "  the job added {}; {} in new files",
            count(self.added.len(), "package"),
            HumanBytes(self.added_bytes)
        ));
        if !named.is_empty() {
            lines.push(format!("    {}{more}", named.join(" ")));
        }
        lines.extend(self.used.as_ref().map(|used| self.used_words(used)));
        if let Some(Loss { cost_seconds: cost, saved_seconds: saved }) = self.loss {
            lines.push(format!("  its last uses cost {cost:.1} s and saved {saved:.1} s: it is not worth its while (--adaptive leaves it)"));
        }
        lines.extend(self.saved.iter().flat_map(|end| end.lines()));
        lines
    }

    fn restored_words(&self) -> String {
        match &self.restored {
            Restored::Miss { reason, words } => format!("{}: miss ({reason}): {words}", self.preset),
            Restored::Hit { key, by_fallback, seconds, files, bytes, .. } => format!(
                "{}: restored {key}{}: {}, {} in {seconds:.2} s",
                self.preset,
                if *by_fallback { " by fallback" } else { "" },
                count(*files, "file"),
                HumanBytes(*bytes),
            ),
        }
    }

    fn used_words(&self, used: &Used) -> String {
        let Restored::Hit { seconds, .. } = &self.restored else { return String::new() };
        let used_bytes = HumanBytes(used.bytes);
        let gain = used.fetch_seconds - seconds;
        if used.fetch_seconds < TOLD_SECONDS_MIN && gain.abs() < TOLD_SECONDS_MIN {
            return format!("  it used {used_bytes} of that, which is fetched at once from anywhere");
        }
        let gain =
            if gain > 0.0 { format!("saved {gain:.1} s") } else { format!("cost {:.1} s more", -gain) };
        format!(
            "  it used {used_bytes} of that: some {:.1} s of fetching at {}/s; the cache {gain}",
            used.fetch_seconds,
            DecimalBytes(used.assumed_bytes_per_second),
        )
    }
}

impl End {
    fn lines(&self) -> Vec<String> {
        let words = if self.words.is_empty() { String::new() } else { format!(": {}", self.words) };
        let trend =
            self.bytes_before.map(|before| format!(", before {}", HumanBytes(before))).unwrap_or_default();
        let which = self.manifest_id.as_ref().zip(self.sequence);
        let which = which.map(|(id, sequence)| {
            format!(", manifest {}, sequence {sequence}", id.get(..ID_DIGITS).unwrap_or(id))
        });
        let mut lines = vec![format!("  save: {}{}{words}", self.result, which.unwrap_or_default())];
        let total = self.total_files.zip(self.total_bytes);
        let total = total.map(|(files, bytes)| format!("{}, {}", count(files, "file"), HumanBytes(bytes)));
        let packages = self.is_audited.then(|| {
            let notes = match self.notes {
                0 => String::new(),
                some => format!("; {} not understood (`pollux audit` names them)", count(some, "thing")),
            };
            format!(
                "{} in packages{trend}; {} compared{}{notes}",
                HumanBytes(self.bytes),
                count(self.compared, "digest"),
                claimed(self.claimed)
            )
        });
        let told: Vec<String> = total.into_iter().chain(packages).collect();
        if !told.is_empty() {
            lines.push(format!("    {}", told.join("; ")));
        }
        if self.pruned + self.pruned_answers > 0 {
            let answers = match self.pruned_answers {
                0 => String::new(),
                some => format!(" and {} of registries", count(some, "answer")),
            };
            lines.push(format!(
                "    pruned {}{answers} that nobody used, {}",
                count(self.pruned, "package"),
                HumanBytes(self.pruned_bytes)
            ));
        }
        lines.extend(
            self.dropped.iter().take(ADDED_MAX).map(|dropped| format!("    dropped {}", printable(dropped))),
        );
        lines
    }
}
