//! One cache of a run: restored before the command, looked at after it.

use super::Shared;
use crate::cli::common::disabled;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::restore::default_threads;
use pollux_client::disk::{Exclude, Place, Repeats, RestoreOptions, TargetMode, Times, is_within};
use pollux_client::flow::{Ancestry, Hit, RestoreOutcome, RestoreRequest, Sources, restore};
use pollux_client::job::{Mark, Memory, Plan, Use, Uses, read_locks, restored_list};
use pollux_packages::audit::Lock;
use pollux_packages::files::{Files, FilesError};
use pollux_packages::list::{LIST_NAME, PackageList};
use pollux_packages::purl::Purl;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// So many times what a cache may have is looked at: most of it may be pruned.
const LOOKED_AT: u64 = 4;

/// The reason of a miss after which a lineage begins anew; see `flow`.
const GENERATION_BOUND: &str = "generation-bound";

/// One cache.
pub(super) struct Cache {
    pub(super) plan: Plan,
    /// What came, or why not.
    pub(super) came: Came,
    /// The list that came along.
    pub(super) before: Option<PackageList>,
    pub(super) locks: Vec<Lock>,
    /// Set by a signal.
    pub(super) interrupted: Arc<AtomicBool>,
    mark: Mark,
    /// The directory, without links.
    pub(super) real: PathBuf,
    /// What was there when the command began.
    there: BTreeSet<String>,
    /// Of what would be saved, files that were there before and that this run did not restore, where somebody signs.
    pub(super) foreign: Result<Vec<String>, FilesError>,
    /// What the job made of it.
    pub(super) job: Job,
    /// How the save ended, if there was to be one.
    pub(super) saved: Option<super::save::End>,
}

/// How the restore ended.
pub(super) enum Came {
    Hit(Box<Restored>),
    Miss { reason: &'static str, words: String },
}

/// What was restored.
pub(super) struct Restored {
    pub(super) key: String,
    pub(super) by_fallback: bool,
    pub(super) seconds: f64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) sources: Sources,
    pub(super) ancestry: Ancestry,
}

/// What a cache cost and saved, in seconds, over its last uses.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Loss {
    pub(super) cost_seconds: f64,
    pub(super) saved_seconds: f64,
}

/// What a job did with a cache.
#[derive(Default)]
pub(super) struct Job {
    /// Packages that were not there before.
    pub(super) added: Vec<Purl>,
    pub(super) added_bytes: u64,
    /// Of what was restored, what it read; `None`: the file system does not tell.
    pub(super) used: Option<Use>,
    /// Where the last uses cost more than they saved.
    pub(super) loss: Option<Loss>,
    /// Lock files that cannot be read, and why.
    pub(super) bad_locks: Vec<String>,
    /// Files that the job used, if that is known.
    pub(super) used_files: Option<BTreeSet<String>>,
}

impl Cache {
    /// Restores what there is. Nothing that happens here keeps the command from running.
    pub(super) fn restore(plan: Plan, shared: &Shared) -> Self {
        let (locks, bad) = read_locks(&plan.locks.0);
        let bad_locks: Vec<String> = bad.iter().map(|bad| format!("{}: {}", bad.path, bad.error)).collect();
        for bad in &bad_locks {
            output::say(&format!(
                "warning: {bad}: nothing can be compared with it, so nothing will be saved"
            ));
        }
        let came = bring(&plan, shared);
        if shared.begins_clean() && matches!(came, Came::Miss { reason: GENERATION_BOUND, .. }) {
            begin_cold(&plan);
        }
        let before = if let Came::Hit(_) = came { restored_list(&plan.base) } else { None };
        let foreign = if shared.begins_clean() { foreign(&plan, &came) } else { Ok(Vec::new()) };
        if let Err(error) = write_files(&plan) {
            output::say(&format!("warning: preset `{}`: {error}", plan.preset.name));
        }
        let (there, real) = (names(&plan), real(&plan.base));
        let mark = Mark::set(&plan.base, there.iter().map(String::as_str));
        let job = Job { bad_locks, ..Job::default() };
        let interrupted = Arc::clone(&shared.interrupted);
        Self { plan, came, before, locks, interrupted, mark, real, there, foreign, job, saved: None }
    }

    /// What the command added and used.
    pub(super) fn look_back(&mut self) {
        let used = self.mark.used(&self.plan.base, self.there.iter().map(String::as_str));
        let used: Option<BTreeSet<String>> = used.map(|used| used.into_iter().map(str::to_owned).collect());
        let paths = paths(&self.plan);
        let Ok(files) = Files::below(&self.plan.base, &paths) else { return };
        let files = files.stop_when(Arc::clone(&self.interrupted));
        let there = core::mem::take(&mut self.there);
        // What is never saved was not added to the cache.
        let is_left_out = left_out(&self.plan);
        let is_new = |file: &str| !there.contains(file) && file != LIST_NAME && !is_left_out(file);
        self.job.added_bytes = files.iter().filter(|(file, _)| is_new(file)).map(|(_, bytes)| bytes).sum();
        if let Some(program) = self.plan.preset.program.filter(|_| files.bytes() <= self.looked_at_max()) {
            let held = program.read(&files).packages.into_iter();
            let added: BTreeSet<Purl> = held
                .filter(|held| held.files.iter().any(|file| is_new(file)))
                .map(|held| held.purl)
                .collect();
            self.job.added = added.into_iter().collect();
        }
        self.measure(used.as_ref(), &files);
        // What is new was written by this job.
        self.job.used_files = used.map(|used| {
            let new = files.iter().map(|(file, _)| file).filter(|file| is_new(file)).map(str::to_owned);
            used.into_iter().chain(new).collect()
        });
    }

    /// What is longer is not looked into: nothing of it will be saved, and a file may be long and take no room.
    pub(super) const fn looked_at_max(&self) -> u64 {
        self.plan.preset.bytes_max.saturating_mul(LOOKED_AT)
    }

    fn measure(&mut self, used: Option<&BTreeSet<String>>, files: &Files) {
        let (Came::Hit(hit), Some(used)) = (&self.came, used) else { return };
        let bytes = used.iter().filter_map(|file| files.bytes_of(file)).sum();
        let listed = self.before.iter().flat_map(|list| list.packages());
        let packages = listed.filter(|package| package.files.iter().any(|file| used.contains(file))).count();
        let one = Use {
            restore_seconds: hit.seconds,
            restored_bytes: hit.bytes,
            used_bytes: bytes,
            used_packages: u64::try_from(packages).unwrap_or(u64::MAX),
        };
        self.job.used = Some(one);
        let remembered =
            memory().zip(self.plan.key.lineage()).map(|(memory, lineage)| memory.remember(&lineage, one));
        let loss = remembered.and_then(Result::ok).as_ref().and_then(Uses::loss);
        self.job.loss = loss.map(|(cost_seconds, saved_seconds)| Loss { cost_seconds, saved_seconds });
    }
}

/// Removes what a restore would have replaced. Where that fails, what is left refuses the save.
fn begin_cold(plan: &Plan) {
    let (Ok(files), Ok(place)) = (Files::below(&plan.base, &paths(plan)), Place::open(&plan.base)) else {
        return;
    };
    let is_left_out = left_out(plan);
    let removed =
        files.all_under("").filter(|path| !is_left_out(path)).try_for_each(|path| place.remove(path));
    if let Err(error) = removed {
        output::say(&format!("warning: preset `{}`: {error}", plan.preset.name));
    }
}

/// The paths that are looked at, `""` for all.
pub(super) fn paths(plan: &Plan) -> Vec<String> {
    if plan.preset.paths.is_empty() { vec![String::new()] } else { plan.preset.paths.clone() }
}

fn names(plan: &Plan) -> BTreeSet<String> {
    let files = Files::below(&plan.base, &paths(plan)).unwrap_or_default();
    files.iter().map(|(file, _)| file.to_owned()).collect()
}

/// Where uses are remembered: the user's own cache directory.
fn memory() -> Option<Memory> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(Memory::new(base.join("pollux/uses")))
}

fn bring(plan: &Plan, shared: &Shared) -> Came {
    let miss = |reason, words: String| Came::Miss { reason, words };
    if disabled() {
        return miss("disabled", output::DISABLED.to_owned());
    }
    if let Some((cost, saved)) = known_loss(plan, shared) {
        let words =
            format!("its last uses cost {cost:.1} s and saved {saved:.1} s, so it is left (--adaptive)");
        return miss("not-worth-it", words);
    }
    // A list that an earlier job left would be taken for the one of this restore.
    drop(fs::remove_file(plan.base.join(LIST_NAME)));
    let mut progress = Progress::at_terminal();
    let outcome = restore(&request(plan, shared), &mut progress);
    progress.end();
    match outcome {
        RestoreOutcome::Hit(hit) => Came::Hit(Box::new(Restored::of(&hit))),
        RestoreOutcome::Miss(why) => miss(why.name(), why.to_string()),
        RestoreOutcome::Interrupted => {
            miss("interrupted", "interrupted; the directory is as it was".to_owned())
        }
    }
}

fn known_loss(plan: &Plan, shared: &Shared) -> Option<(f64, f64)> {
    let lineage = plan.key.lineage().filter(|_| shared.adaptive)?;
    memory()?.recall(&lineage).loss()
}

/// A path without links, as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    there.map_or_else(
        || path.to_owned(),
        |(above, real)| real.join(path.strip_prefix(above).unwrap_or(Path::new(""))),
    )
}

/// What is there beside what a save brought: files, symlinks, and what has a name that is no text.
fn foreign(plan: &Plan, came: &Came) -> Result<Vec<String>, FilesError> {
    let roots = match came {
        Came::Hit(hit) => hit.ancestry.tree.roots.as_slice(),
        Came::Miss { .. } => &[],
    };
    let is_left_out = left_out(plan);
    let came_along = |path: &String| path == LIST_NAME || roots.iter().any(|root| is_within(path, root));
    let files = Files::below(&plan.base, &paths(plan))?;
    let all = files.all_under("").chain(files.unread().iter().map(String::as_str)).map(str::to_owned);
    Ok(all.filter(|path| !came_along(path) && !is_left_out(path)).collect())
}

/// Tells what the preset never saves.
fn left_out(plan: &Plan) -> impl Fn(&str) -> bool + use<> {
    // Its globs were judged with it.
    let excluded = Exclude::new(&plan.preset.exclude, None).ok();
    move |path| excluded.as_ref().is_some_and(|excluded| excluded.covers(path))
}

/// A job takes what it finds. Where somebody signs, what is there is what was signed.
fn mode(plan: &Plan, shared: &Shared) -> TargetMode {
    let filled = fs::read_dir(&plan.base).is_ok_and(|mut entries| entries.next().is_some());
    match (filled, shared.begins_clean()) {
        (false, _) => TargetMode::Fresh,
        (true, true) => TargetMode::Replace,
        (true, false) => TargetMode::Merge,
    }
}

fn request(plan: &Plan, shared: &Shared) -> RestoreRequest {
    RestoreRequest {
        socket: shared.socket.clone(),
        key: plan.key.clone(),
        fallbacks: plan.fallbacks.clone(),
        base: plan.base.clone(),
        options: RestoreOptions { mode: mode(plan, shared), times: Times::Saved, repeats: Repeats::Write },
        for_save: shared.signer.is_some(),
        deadlines: shared.deadlines,
        threads: default_threads(),
        interrupted: shared.interrupted.clone(),
    }
}

impl Restored {
    fn of(hit: &Hit) -> Self {
        let manifest = &hit.found.manifest;
        Self {
            key: manifest.key.to_string(),
            by_fallback: hit.found.fallback.is_some(),
            seconds: hit.elapsed.as_secs_f64(),
            files: hit.restored.files,
            bytes: hit.restored.bytes,
            sources: hit.sources,
            ancestry: Ancestry {
                id: hit.found.id,
                ancestors: manifest.ancestors.clone(),
                generation: manifest.generation,
                tree: manifest.tree.clone(),
            },
        }
    }
}

/// The files that a preset wants below its directory, as it wants them.
fn write_files(plan: &Plan) -> std::io::Result<()> {
    if plan.preset.files.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&plan.base)?;
    let (base, place) = (plan.base.to_string_lossy(), Place::open(&plan.base)?);
    for (name, text) in &plan.preset.files {
        let text = text.replace("{base}", &base);
        if !place.read(name, text.len()).is_ok_and(|there| there == text.as_bytes()) {
            place.make_way(name)?;
            place.replace(name, text.as_bytes())?;
        }
    }
    Ok(())
}
