//! Before a save: prune, drop what lacks its other half, audit; then the save.

use super::Shared;
use super::cache::{Cache, Came, paths, real};
use crate::cli::output::{self, count, printable};
use crate::cli::progress::Progress;
use crate::cli::save::{DAY, LIFE_DAYS};
use pollux_client::disk::{Audited, DiskError, ScanOptions, Shelf};
use pollux_client::flow::{SaveError, SaveOutcome, SaveRequest, Signer, save};
use pollux_client::job::{
    Bounds, Inspected, Look, Plan, Prune, Pruned, ROUNDS_MAX, STILL_HALF, There, drop_pruned, inspect, mend,
    prune, write_list,
};
use pollux_client::statement::Statement;
use pollux_client::text_file::{self, Existing};
use pollux_core::{ChunkId, Manifest};
use pollux_packages::Program;
use pollux_packages::audit::{Audit, Fault};
use pollux_packages::files::Files;
use pollux_packages::list::{LIST_NAME, Listed, PackageList};
use pollux_packages::purl::Purl;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Faults that are named; the report has all.
const NAMED_MAX: usize = 10;

/// How a save ended.
#[derive(Debug, Default, Serialize)]
pub(super) struct End {
    /// `saved`, `unchanged`, `lost-race`, `unsigned`, `refused`, `nothing`, `failed`, or `not-tried` after a command that failed.
    pub(super) result: &'static str,
    /// More of it, for people.
    pub(super) words: String,
    /// The manifest, where one counts: its name, and which of its key's saves it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manifest_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<u64>,
    /// What lacked its other half, and was dropped.
    pub(super) dropped: Vec<String>,
    /// Packages that no job had used, and bytes that went with them.
    pub(super) pruned: usize,
    /// Answers of registries that went, too.
    pub(super) pruned_answers: usize,
    pub(super) pruned_bytes: u64,
    /// What the save has in it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_bytes: Option<u64>,
    /// Bytes of all packages at the save before, and now; without a program of all files.
    pub(super) bytes_before: Option<u64>,
    pub(super) bytes: u64,
    /// Whether somebody looked into it: the preset names a program.
    pub(super) is_audited: bool,
    /// Digests that were compared, and what is wrong.
    pub(super) compared: u64,
    /// Digests of lock files that the cache only claims to have met.
    pub(super) claimed: u64,
    /// What was not understood.
    pub(super) notes: usize,
    pub(super) faults: Vec<Fault>,
}

impl Cache {
    /// Saves, if somebody signs. A save that fails is told, and fails nothing.
    pub(super) fn save(&mut self, shared: &Shared, succeeded: bool) {
        if !succeeded {
            let end =
                || End { result: "not-tried", words: "the command failed".to_owned(), ..End::default() };
            self.saved = shared.signer.as_ref().map(|_| end());
        } else if let Some(signer) = &shared.signer {
            let mut end = End { bytes_before: self.before.as_ref().map(bytes_of), ..End::default() };
            if let Err(stop) = self.vouched(shared).and_then(|()| self.try_save(shared, signer, &mut end)) {
                (end.result, end.words) = (stop.result, stop.words);
            }
            self.saved = Some(end);
        } else if let Some(why) = &shared.no_signer {
            self.saved = Some(End { result: "failed", words: why.clone(), ..End::default() });
        }
    }

    /// Whether a save of this cache stands, by this run or by another one.
    pub(super) fn has_save(&self) -> bool {
        let stands = |end: &End| matches!(end.result, "saved" | "unchanged" | "lost-race" | "unsigned");
        self.saved.as_ref().is_some_and(stands)
    }

    /// What nobody vouches for is not signed.
    fn vouched(&self, shared: &Shared) -> Result<(), Stop> {
        if let Some(branch) = &shared.change_for {
            let branch = printable(branch);
            let why = format!(
                "this run is of a change for {branch} that is not merged: nothing is saved (--save-changes)"
            );
            return Err(Stop::new("refused", why));
        }
        let base = &self.plan.base;
        if real(base) != self.real {
            let why = format!("{} is another directory than before the command", base.display());
            return Err(Stop::new("refused", why));
        }
        if let Some(bad) = self.job.bad_locks.first() {
            return Err(Stop::new(
                "refused",
                format!("a lock file cannot be read, and nothing compared with it: {bad}"),
            ));
        }
        let foreign = match &self.foreign {
            Ok(foreign) => foreign,
            Err(error) => {
                let why = format!("what was there before the run could not be looked at: {error}");
                return Err(Stop::new("refused", why));
            }
        };
        let Some(first) = foreign.first() else { return Ok(()) };
        Err(Stop::new(
            "refused",
            format!(
                "{} in {} were there before the run, which did not restore them, such as {}: remove them, or vouch for them (--adopt)",
                count(foreign.len(), "file"),
                self.plan.base.display(),
                printable(first)
            ),
        ))
    }

    fn try_save(&self, shared: &Shared, signer: &Signer, end: &mut End) -> Result<(), Stop> {
        let audited = match self.plan.preset.program {
            Some(program) => Some(self.prepare(program, end)?),
            None => {
                self.run_prune();
                self.bounded(end)?;
                None
            }
        };
        let there: Vec<String> =
            paths(&self.plan).into_iter().filter(|path| self.plan.base.join(path).exists()).collect();
        if there.is_empty() {
            return Err(Stop::new("nothing", "there is nothing to save"));
        }
        let request = self.request(shared, signer, audited, there);
        let mut progress = Progress::at_terminal();
        let outcome = save(&request, &mut progress);
        progress.end();
        let outcome = outcome.map_err(|error| Stop::of_save(&error))?;
        end.result = result(&outcome);
        (end.manifest_id, end.sequence) = named(&outcome).unzip();
        let totals = manifest(&outcome).tree.totals;
        (end.total_files, end.total_bytes) = (Some(totals.files), Some(totals.bytes));
        if let SaveOutcome::LostRace(_) = outcome {
            "another run was faster, and its save counts".clone_into(&mut end.words);
        }
        if let (SaveOutcome::Unsigned(unsigned), Some(directory)) = (&outcome, &shared.statements) {
            let path = statement(directory, &self.plan.preset.name);
            let written =
                fs::create_dir_all(directory).map_err(|error| Stop::new("failed", error)).and_then(|()| {
                    text_file::write(&path, &Statement::new(&unsigned.manifest).to_json(), Existing::Replace)
                        .map_err(|error| Stop::new("failed", error))
                });
            written?;
            end.words = format!("statement in {}", path.display());
        }
        Ok(())
    }

    /// Makes the cache fit to be saved; gives the hash of its list of packages, and what was looked at.
    fn prepare(&self, program: Program, end: &mut End) -> Result<(ChunkId, Audited), Stop> {
        let Inspected { mut audit, mut seen } = self.inspect(program)?;
        if audit.layouts.is_empty() {
            let why = if audit.files == 0 {
                "the cache is empty"
            } else {
                "it is no cache of that program, or of a version that is not known"
            };
            return Err(Stop::new("nothing", why));
        }
        // What is refused stays as it is, for whoever looks into it.
        self.judge(&faults_that_stay(&audit), &audit, end)?;
        if self.run_prune() {
            Inspected { audit, seen } = self.inspect(program)?;
        }
        let list = self.pruned(&audit, end)?;
        if end.pruned + end.pruned_answers > 0 {
            Inspected { audit, seen } = self.inspect(program)?;
        }
        for _ in 0..ROUNDS_MAX {
            if audit.orphans.is_empty() && audit.repeats.is_empty() {
                break;
            }
            let dropped = mend(&self.plan.base, &audit.orphans, &audit.repeats);
            end.dropped.extend(dropped.map_err(|error| Stop::new("failed", error))?);
            Inspected { audit, seen } = self.inspect(program)?;
        }
        if !audit.orphans.is_empty() {
            return Err(Stop::new("refused", STILL_HALF));
        }
        self.judge(&audit.faults.iter().collect::<Vec<_>>(), &audit, end)?;
        let list = recount(&list, &PackageList::of_audits([&audit]));
        end.bytes = bytes_of(&list);
        let list =
            write_list(&self.plan.base, &list, &mut seen).map_err(|error| Stop::new("failed", error))?;
        Ok((list, seen))
    }

    fn inspect(&self, program: Program) -> Result<Inspected, Stop> {
        let Plan { base, preset, .. } = &self.plan;
        let look = Look { program, locks: &self.locks, bytes_max: self.looked_at_max() };
        let audit = inspect(base, &preset.paths, look, &self.interrupted);
        audit.map_err(|error| Stop::new("failed", error))
    }

    fn judge(&self, faults: &[&Fault], audit: &Audit, end: &mut End) -> Result<(), Stop> {
        (end.compared, end.claimed, end.notes) = (audit.compared, audit.claimed, audit.notes.len());
        (end.is_audited, end.faults) = (true, faults.iter().map(|fault| (*fault).clone()).collect());
        for fault in faults.iter().take(NAMED_MAX) {
            output::say(&format!("wrong: {}: {}", self.plan.preset.name, printable(&fault.short_words())));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let places = count(faults.len(), "place");
        Err(Stop::new("refused", format!("it is not as it must be in {places}, so nothing is saved")))
    }

    /// Removes what nobody uses, and what is too much.
    fn pruned(&self, audit: &Audit, end: &mut End) -> Result<PackageList, Stop> {
        let preset = &self.plan.preset;
        let used: Option<BTreeSet<&str>> =
            self.job.used_files.as_ref().map(|used| used.iter().map(String::as_str).collect());
        let generations = (preset.prune.by == Prune::Use).then_some(preset.prune.generations);
        let packages = PackageList::of_audits([audit]);
        // What belongs to no package takes its room, too.
        let answers: u64 = audit.answers.iter().map(|(_, bytes)| bytes).sum();
        let beside = audit.bytes.saturating_sub(bytes_of(&packages)).saturating_sub(answers);
        let bounds = Bounds { generations, bytes_max: preset.bytes_max.saturating_sub(beside) };
        let (before, answers) = (self.before.as_ref(), audit.answers.as_slice());
        let there =
            There { before, packages: &packages, answers, used: used.as_ref(), wanted: &self.wanted() };
        let pruned = prune(there, bounds);
        if pruned.over > 0 {
            let why = format!(
                "what this job uses is {} bytes more than the {} of the preset (`bytes_max`)",
                pruned.over, preset.bytes_max
            );
            return Err(Stop::new("refused", why));
        }
        let Pruned { unused, too_much, answers, .. } = &pruned;
        (end.pruned, end.pruned_answers) = (unused.len() + too_much.len(), answers.len());
        end.pruned_bytes =
            drop_pruned(&self.plan.base, &pruned).map_err(|error| Stop::new("failed", error))?;
        Ok(pruned.kept)
    }

    /// What the project's lock files name: a program that unpacked it elsewhere does not read it again, and needs it all the same.
    fn wanted(&self) -> BTreeSet<Purl> {
        self.locks.iter().flat_map(|lock| &lock.packages).map(|package| package.purl.bare()).collect()
    }

    /// Of what no reader knows only the size is.
    fn bounded(&self, end: &mut End) -> Result<(), Stop> {
        let files = Files::below(&self.plan.base, &paths(&self.plan));
        end.bytes = files.map_err(|error| Stop::new("failed", error))?.bytes();
        let most = self.plan.preset.bytes_max;
        if end.bytes > most {
            return Err(Stop::new(
                "refused",
                format!("{} bytes, and the preset's `bytes_max` is {most}", end.bytes),
            ));
        }
        Ok(())
    }

    /// The program's own command, if there is one; where it fails the cache is as it was, or better.
    fn run_prune(&self) -> bool {
        let Some((program, arguments)) = self.plan.preset.prune.command.split_first() else { return false };
        let mut command = Command::new(program);
        command.args(arguments).envs(&self.plan.environment).env_remove("POLLUX_SIGNING_KEY");
        let ran = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
        if !ran.as_ref().is_ok_and(std::process::ExitStatus::success) {
            output::say(&format!(
                "warning: `{}` did not succeed; nothing is pruned by it",
                self.plan.preset.prune.command.join(" ")
            ));
        }
        true
    }

    fn request(
        &self,
        shared: &Shared,
        signer: &Signer,
        audited: Option<(ChunkId, Audited)>,
        there: Vec<String>,
    ) -> SaveRequest {
        let Plan { preset, key, base, .. } = &self.plan;
        let mut saved = there;
        if saved.iter().any(String::is_empty) {
            saved.clear();
        }
        let (packages, seen) = audited.unzip();
        SaveRequest {
            socket: shared.socket.clone(),
            key: key.clone(),
            scan: ScanOptions {
                base: base.clone(),
                paths: saved,
                exclude: preset.exclude.clone(),
                always: packages.is_some().then(|| LIST_NAME.to_owned()),
                strict: false,
                content_times: true,
                audited: seen.map(Arc::new),
            },
            index: Shelf::directory_of_user(|name| std::env::var_os(name).map(PathBuf::from)),
            signer: signer.clone(),
            provenance: shared.provenance.clone(),
            packages,
            ancestry: if let Came::Hit(hit) = &self.came { Some(hit.ancestry.clone()) } else { None },
            life: Duration::from_secs(LIFE_DAYS.saturating_mul(DAY)),
            deadlines: shared.deadlines,
            interrupted: shared.interrupted.clone(),
        }
    }
}

/// Where the statement of a preset goes.
fn statement(directory: &Path, preset: &str) -> PathBuf {
    directory.join(format!("{preset}.json"))
}

/// Removes what no save of this run wrote: whoever signs what lies there means this run.
pub(super) fn forget_statements(directory: &Path, presets: &[String]) {
    for preset in presets {
        // There mostly is none.
        fs::remove_file(statement(directory, preset)).unwrap_or_default();
    }
}

/// The packages of the last look, with the counts of the one before.
fn recount(counted: &PackageList, now: &PackageList) -> PackageList {
    let known: BTreeMap<_, u32> =
        counted.packages().iter().map(|package| ((&package.purl, &package.files), package.unused)).collect();
    let unused = |package: &Listed| known.get(&(&package.purl, &package.files)).copied().unwrap_or_default();
    let packages = now.packages().iter().map(|package| Listed { unused: unused(package), ..package.clone() });
    PackageList::new(packages).with_unused(counted.counts())
}

/// What is wrong and is not about to be dropped, for it lacks its other half.
fn faults_that_stay(audit: &Audit) -> Vec<&Fault> {
    let dropped: BTreeSet<&str> =
        audit.orphans.iter().flat_map(|orphan| orphan.mend.removed()).map(String::as_str).collect();
    audit.faults.iter().filter(|fault| !dropped.contains(fault.path.as_str())).collect()
}

fn bytes_of(list: &PackageList) -> u64 {
    list.packages().iter().map(|package| package.bytes).sum()
}

const fn result(outcome: &SaveOutcome) -> &'static str {
    match outcome {
        SaveOutcome::Saved(_) => "saved",
        SaveOutcome::Unchanged(_) => "unchanged",
        SaveOutcome::LostRace(_) => "lost-race",
        SaveOutcome::Unsigned(_) => "unsigned",
    }
}

/// What was saved, or what counts in its place.
const fn manifest(outcome: &SaveOutcome) -> &Manifest {
    match outcome {
        SaveOutcome::Saved(saved) | SaveOutcome::Unchanged(saved) => &saved.manifest,
        SaveOutcome::LostRace(lost) => &lost.manifest,
        SaveOutcome::Unsigned(unsigned) => &unsigned.manifest,
    }
}

/// What stands now.
fn named(outcome: &SaveOutcome) -> Option<(String, u64)> {
    match outcome {
        SaveOutcome::Saved(saved) | SaveOutcome::Unchanged(saved) => {
            Some((saved.id.to_string(), saved.manifest.sequence))
        }
        SaveOutcome::LostRace(lost) => Some((lost.id.to_string(), lost.manifest.sequence)),
        SaveOutcome::Unsigned(_) => None,
    }
}

/// Why there is no save.
struct Stop {
    result: &'static str,
    words: String,
}

impl Stop {
    fn new(result: &'static str, words: impl ToString) -> Self {
        Self { result, words: words.to_string() }
    }

    fn of_save(error: &SaveError) -> Self {
        let nothing = matches!(error, SaveError::Disk(DiskError::Excluded(_)));
        Self::new(if nothing { "nothing" } else { "failed" }, error)
    }
}
