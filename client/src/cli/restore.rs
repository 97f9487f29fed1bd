//! `pollux restore`

use super::common::{Common, Patience, disabled};
use super::exit::{Failure, Kind};
use super::output::count;
use super::progress::Progress;
use super::report::Report;
use super::{Done, output, signals};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::disk::{Cloned, Repeats, RestoreOptions, TargetMode, Times};
use pollux_client::flow::{Hit, Miss, RestoreOutcome, RestoreRequest, restore};
use pollux_core::limits::FALLBACKS_MAX;
use pollux_core::{Fallback, Key};
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;

/// More threads than that are not made, however many are asked for.
const THREADS_ASKED_MAX: usize = 64;
/// More threads than that only wait for the file system.
const THREADS_MAX: usize = 8;

/// Restore the newest trusted cache for a key into a directory
///
/// A miss is no failure: it is said, with its reason, and the directory is as it was. What is restored was signed in a
/// trusted pipeline, and every byte of it was checked.
///
/// A job that will save again says so, and hands on what its save was made from, or else a yank of the one does not take
/// the other along:
///
///   pollux restore KEY ~/.npm --for-save restored.json
///
///   pollux save KEY ~/.npm --restored restored.json --signing-key publisher.pem
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The key, such as `mediawiki%2Fcore/master/npm/debian12-x86_64/node20-3f2a`
    key: Key,
    /// The directory to restore into; it is made if it is not there
    base: PathBuf,
    /// Take the newest save of this lineage if the key has none: `LINEAGE`, or `LINEAGE/PREFIX*`; repeat it, best first,
    /// 8 times at most
    #[arg(long, value_name = "LINEAGE")]
    fallback: Vec<Fallback>,
    /// Add what is not there to a filled directory; overwrite nothing
    #[arg(long, conflicts_with = "replace")]
    merge: bool,
    /// Swap the saved paths of a filled directory; leave the rest
    #[arg(long)]
    replace: bool,
    /// Leave the time of the restore on all that is restored: a system call less for each entry. What goes by times takes
    /// it for new, and a later save of it publishes a listing of its own, with the same chunks
    #[arg(long)]
    no_times: bool,
    /// Clone (reflink) files of 128 KiB or more that have the content of another file of this restore, where the file
    /// system can (XFS, Btrfs): they take no room of their own until they change, and the first of them is on the disk
    /// before the others are made. No hard links; nothing is cloned that was there before
    #[arg(long)]
    link: bool,
    /// End with status 3 on a miss
    #[arg(long)]
    fail_on_miss: bool,
    /// The job will save again: write to this file what `pollux save --restored FILE` wants to know. Where the policy
    /// allows no further generation it is a miss (generation-bound), and the job starts cold
    #[arg(long, value_name = "FILE")]
    for_save: Option<PathBuf>,
    /// Write what was restored, or why not, as JSON to this file; --for-save writes the same
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    patience: Patience,
    /// Threads that check and write [default: one per core, 8 at most]
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZero<usize>>,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    fn request(&self) -> Result<RestoreRequest, Failure> {
        if self.fallback.len() > FALLBACKS_MAX {
            let message = format!("{} fallbacks are named, {FALLBACKS_MAX} at most", self.fallback.len());
            return Err(Failure::new(Kind::Usage, message).hint("name the best ones only"));
        }
        Ok(RestoreRequest {
            socket: self.common.socket.clone(),
            key: self.key.clone(),
            fallbacks: self.fallback.clone(),
            base: self.base.clone(),
            options: self.options(),
            for_save: self.for_save.is_some(),
            deadlines: self.patience.deadlines(),
            threads: self.threads.map_or_else(default_threads, NonZero::get).min(THREADS_ASKED_MAX),
            interrupted: signals::interruption()?,
        })
    }
}

impl Arguments {
    const fn options(&self) -> RestoreOptions {
        RestoreOptions {
            mode: match (self.merge, self.replace) {
                (true, _) => TargetMode::Merge,
                (false, true) => TargetMode::Replace,
                (false, false) => TargetMode::Fresh,
            },
            times: if self.no_times { Times::Now } else { Times::Saved },
            repeats: if self.link { Repeats::Clone } else { Repeats::Write },
        }
    }

    /// Writes the report wherever it is wanted.
    fn write(&self, report: &Report) {
        for path in self.report.iter().chain(&self.for_save) {
            report.write(path);
        }
    }
}

/// As many as there are cores, within [`THREADS_MAX`].
pub(super) fn default_threads() -> usize {
    available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return miss(arguments, &Miss::Disabled);
    }
    let request = arguments.request()?;
    let mut progress = Progress::new();
    let outcome = restore(&request, &mut progress);
    progress.end();
    match outcome {
        RestoreOutcome::Hit(found) => hit(arguments, &found),
        RestoreOutcome::Miss(why) => miss(arguments, &why),
        RestoreOutcome::Interrupted => {
            Err(Failure::new(Kind::Interrupted, "interrupted; the directory is as it was"))
        }
    }
}

fn hit(arguments: &Arguments, hit: &Hit) -> Done {
    let fallback = hit.found.fallback.and_then(|index| arguments.fallback.get(usize::from(index)));
    let report = Report::hit(hit, fallback.map(ToString::to_string));
    arguments.write(&report);
    if arguments.common.json {
        return output::print_json(&report);
    }
    let manifest = &hit.found.manifest;
    output::print(&format!(
        "hit: {} (sequence {}, manifest {}){}\n  {}, {} in {}\n  {}{}",
        manifest.key,
        manifest.sequence,
        hit.found.id.short(),
        if fallback.is_some() { " by fallback" } else { "" },
        count(hit.restored.files, "file"),
        HumanBytes(hit.restored.bytes),
        output::seconds(hit.elapsed),
        output::sources(&hit.sources),
        notes(hit, arguments.link),
    ))
}

/// What a job may want to know besides.
fn notes(hit: &Hit, link: bool) -> String {
    let mut notes = String::new();
    if link {
        let Cloned { files, bytes } = hit.restored.cloned;
        notes += &format!("\n  {} cloned, {}", count(files, "file"), HumanBytes(bytes));
    }
    if hit.found.relayed {
        notes += "\n  the seeds are away: peers vouch for what the seeds said a moment ago";
    }
    if hit.restored.kept > 0 {
        let entries = count(hit.restored.kept, "entry");
        let stayed = match hit.restored.kept {
            1 => "was there already and stays as it is",
            _ => "were there already and stay as they are",
        };
        notes += &format!("\n  {entries} {stayed}");
    }
    if !hit.restored.atomic {
        notes += "\n  swapped entry by entry, since the directory could not be renamed as a whole";
    }
    notes
}

fn miss(arguments: &Arguments, why: &Miss) -> Done {
    let report = Report::miss(&arguments.key, why);
    arguments.write(&report);
    if arguments.common.json {
        output::print_json(&report)?;
    } else {
        output::print(&format!("miss ({}): {why}", why.name()))?;
    }
    if arguments.fail_on_miss {
        return Err(Failure::new(Kind::Miss, format!("miss: {why}")));
    }
    Ok(())
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

    /// The request that a command line makes, behind a key and a directory.
    fn request(flags: &[&str]) -> Result<RestoreRequest, Failure> {
        let line = ["restore", "a/b/c", "target"].into_iter().chain(flags.iter().copied());
        Line::try_parse_from(line).unwrap().arguments.request()
    }

    fn parses(flags: &[&str]) -> bool {
        let line = ["restore", "a/b/c", "target"].into_iter().chain(flags.iter().copied());
        Line::try_parse_from(line).is_ok()
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let request = request(&[]).unwrap();
        let expected =
            RestoreOptions { mode: TargetMode::Fresh, times: Times::Saved, repeats: Repeats::Write };
        assert_eq!((request.key.to_string().as_str(), request.options), ("a/b/c", expected));
        let pollux_client::flow::Deadlines { answer, progress, total } = request.deadlines;
        assert_eq!([answer, progress, total].map(|wait| wait.as_secs()), [3, 10, 120]);
        assert!((1..=THREADS_MAX).contains(&request.threads), "{}", request.threads);
        assert!(request.fallbacks.is_empty());
    }

    #[test]
    fn a_filled_directory_is_merged_or_replaced_and_never_both() {
        assert_eq!(request(&["--merge"]).unwrap().options.mode, TargetMode::Merge);
        assert_eq!(request(&["--replace"]).unwrap().options.mode, TargetMode::Replace);
        assert!(!parses(&["--merge", "--replace"]));
    }

    #[test]
    fn times_are_left_out_and_repeats_cloned_where_that_is_said() {
        assert_eq!(request(&["--no-times"]).unwrap().options.times, Times::Now);
        assert_eq!(request(&["--link"]).unwrap().options.repeats, Repeats::Clone);
    }

    #[test]
    fn who_saves_again_names_the_file_that_the_save_reads() {
        assert!(!request(&["--report", "r.json"]).unwrap().for_save);
        assert!(request(&["--for-save", "r.json"]).unwrap().for_save);
        assert!(!parses(&["--for-save"]));
        let directory = tempfile::tempdir().unwrap();
        let paths = ["for-save.json", "report.json"].map(|name| directory.path().join(name));
        let [for_save, report] = paths.each_ref().map(|path| path.to_str().unwrap());
        let line = ["restore", "a/b/c", "target", "--for-save", for_save, "--report", report];
        let arguments = Line::try_parse_from(line).unwrap().arguments;
        miss(&arguments, &Miss::GenerationBound { generation: 4, most: 4 }).unwrap();
        for path in &paths {
            assert_eq!(super::super::report::read_ancestry(path).unwrap(), None);
            assert!(std::fs::read_to_string(path).unwrap().contains("\"reason\": \"generation-bound\""));
        }
    }

    #[test]
    fn threads_are_bounded() {
        assert_eq!(request(&["--threads", "3"]).unwrap().threads, 3);
        assert_eq!(request(&["--threads", "100000"]).unwrap().threads, THREADS_ASKED_MAX);
        assert!(!parses(&["--threads", "0"]));
    }

    #[test]
    fn fallbacks_keep_their_order_and_their_bound() {
        let names: Vec<String> = (0..=FALLBACKS_MAX).map(|number| format!("--fallback=a/{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let asked = request(&names[1..]).unwrap().fallbacks;
        assert_eq!(asked.len(), FALLBACKS_MAX);
        assert_eq!(asked[0].to_string(), "a/1");
        let failure = request(&names).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.message.contains("9 fallbacks"), "{}", failure.message);
    }
}
