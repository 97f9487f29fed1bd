//! `pollux prefetch`

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::progress::Progress;
use super::{Done, output, signals};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::flow::{Deadlines, Miss, PrefetchOutcome, PrefetchRequest, Prefetched, Sources, prefetch};
use pollux_core::limits::FALLBACKS_MAX;
use pollux_core::{Fallback, Key, ManifestId};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// More keys than that are a mistake: each is fetched after the one before.
const KEYS_MAX: usize = 256;

/// Fetch caches into this node's store, without writing them anywhere
///
/// For the build of an image: the store is part of it, so that new instances start warm and have the cache of their first
/// job already, or most of it. A miss is no failure: it is said, with its reason. The node has to run, and keeps what came
/// as it keeps what jobs restore.
///
///   pollux prefetch KEY --fallback LINEAGE
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The keys, such as `mediawiki%2Fcore/master/npm/debian12-x86_64/node20-3f2a`; 256 at most
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<Key>,
    /// Take the newest save of this lineage where a key has none: `LINEAGE`, or `LINEAGE/PREFIX*`; repeat it, best first,
    /// 8 times at most
    #[arg(long, value_name = "LINEAGE")]
    fallback: Vec<Fallback>,
    /// End with status 3 where a key is a miss, or the node's store did not keep all of it
    #[arg(long)]
    fail_on_miss: bool,
    /// Seconds until the first answer for a key; a node that has just started has to join its pool
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    answer_timeout: Duration,
    /// Seconds without any progress
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    progress_timeout: Duration,
    /// Seconds in all for each key
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What became of all keys.
#[derive(Debug, Serialize)]
struct Report {
    caches: Vec<Row>,
}

/// What became of a key.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
enum Row {
    /// The node has fetched it.
    Hit(Box<HitRow>),
    /// It has not.
    Miss { asked: Key, reason: &'static str, words: String },
}

#[derive(Debug, Serialize)]
struct HitRow {
    asked: Key,
    key: Key,
    manifest: ManifestId,
    sequence: u64,
    bytes: u64,
    chunks: u64,
    /// Chunks that the node's store holds.
    kept: u64,
    seconds: f64,
    sources: Sources,
}

impl Row {
    fn hit(asked: &Key, fetched: &Prefetched) -> Self {
        let manifest = &fetched.found.manifest;
        Self::Hit(Box::new(HitRow {
            asked: asked.clone(),
            key: manifest.key.clone(),
            manifest: fetched.found.id,
            sequence: manifest.sequence,
            bytes: manifest.tree.totals.bytes,
            chunks: fetched.chunks,
            kept: fetched.kept,
            seconds: fetched.elapsed.as_secs_f64(),
            sources: fetched.sources,
        }))
    }

    fn miss(asked: &Key, why: &Miss) -> Self {
        Self::Miss { asked: asked.clone(), reason: why.name(), words: why.to_string() }
    }

    /// Whether the node has all of it now.
    fn is_whole(&self) -> bool {
        match self {
            Self::Hit(row) => row.kept == row.chunks,
            Self::Miss { .. } => false,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Hit(row) => row.words(),
            Self::Miss { asked, reason, words } => format!("miss ({reason}): {asked}: {words}"),
        }
    }
}

impl HitRow {
    fn words(&self) -> String {
        let by = if self.asked == self.key { String::new() } else { format!(" for {}", self.asked) };
        let elapsed = output::seconds(Duration::try_from_secs_f64(self.seconds).unwrap_or_default());
        let mut words = format!(
            "hit: {} (sequence {}, manifest {}){by}\n  {} in {elapsed}\n  {}",
            self.key,
            self.sequence,
            self.manifest.short(),
            HumanBytes(self.bytes),
            output::sources(&self.sources),
        );
        if self.kept < self.chunks {
            words += &format!(
                "\n  the node keeps only {} of its {}: its store or its disk is full",
                self.kept,
                output::count(self.chunks, "chunk")
            );
        }
        words
    }
}

impl Arguments {
    fn check(&self) -> Result<(), Failure> {
        for (count, most, what) in
            [(self.fallback.len(), FALLBACKS_MAX, "fallbacks"), (self.keys.len(), KEYS_MAX, "keys")]
        {
            if count > most {
                let message = format!("{count} {what} are named, {most} at most");
                return Err(Failure::new(Kind::Usage, message).hint("name the best ones only"));
            }
        }
        Ok(())
    }

    fn request(&self, key: &Key, interrupted: &Arc<AtomicBool>) -> PrefetchRequest {
        PrefetchRequest {
            socket: self.common.socket.clone(),
            key: key.clone(),
            fallbacks: self.fallback.clone(),
            deadlines: Deadlines {
                answer: self.answer_timeout,
                progress: self.progress_timeout,
                total: self.timeout,
            },
            interrupted: Arc::clone(interrupted),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    arguments.check()?;
    let interrupted = signals::interruption()?;
    let mut report = Report { caches: Vec::new() };
    for key in &arguments.keys {
        let row = if disabled() {
            Row::miss(key, &Miss::Disabled)
        } else {
            fetch(&arguments.request(key, &interrupted))?
        };
        if !arguments.common.json {
            output::print(&row.words())?;
        }
        report.caches.push(row);
    }
    if arguments.common.json {
        output::print_json(&report)?;
    }
    let lacking = report.caches.iter().filter(|row| !row.is_whole()).count();
    if arguments.fail_on_miss && lacking > 0 {
        let message = format!("{lacking} of {} caches are not in the node", report.caches.len());
        return Err(Failure::new(Kind::Miss, message));
    }
    Ok(())
}

fn fetch(request: &PrefetchRequest) -> Result<Row, Failure> {
    let mut progress = Progress::new();
    let outcome = prefetch(request, &mut progress);
    progress.end();
    match outcome {
        PrefetchOutcome::Fetched(fetched) => Ok(Row::hit(&request.key, &fetched)),
        PrefetchOutcome::Miss(why) => Ok(Row::miss(&request.key, &why)),
        PrefetchOutcome::Interrupted => {
            Err(Failure::new(Kind::Interrupted, "interrupted; what came until then stays in the node"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(flags: &[&str]) -> Arguments {
        Line::try_parse_from(["prefetch"].iter().chain(flags)).unwrap().arguments
    }

    #[test]
    fn keys_and_fallbacks_are_bounded() {
        assert!(Line::try_parse_from(["prefetch"]).is_err());
        assert!(arguments(&["a/b"]).check().is_ok());
        let many = vec!["a/b"; KEYS_MAX + 1];
        assert_eq!(arguments(&many).check().unwrap_err().kind, Kind::Usage);
        let flags = [["--fallback", "a"]; FALLBACKS_MAX + 1].concat();
        let flags: Vec<&str> = ["a/b"].into_iter().chain(flags).collect();
        assert!(arguments(&flags).check().unwrap_err().message.contains("fallbacks"));
    }

    #[test]
    fn a_build_of_an_image_waits_longer_than_a_job() {
        let Deadlines { answer, progress, total } =
            arguments(&["a/b"]).request(&"a/b".parse().unwrap(), &Arc::default()).deadlines;
        assert_eq!([answer, progress, total].map(|wait| wait.as_secs()), [30, 30, 600]);
    }

    #[test]
    fn a_miss_is_not_whole() {
        let row = Row::miss(&"a/b".parse().unwrap(), &Miss::TooSlow);
        assert!(!row.is_whole());
        assert!(row.words().starts_with("miss (too-slow): a/b: "), "{}", row.words());
        let text = output::json(&Report { caches: vec![row] }).unwrap();
        assert!(text.contains("\"result\": \"miss\",\n      \"asked\": \"a/b\""), "{text}");
    }
}
