//! A fresh pool, and every task once.

use super::limit::Limit;
use super::task::{How, Task};
use super::watch::watch;
use crate::BenchError;
use crate::measure::{Variable, measure, script};
use crate::place::{Place, file_bytes};
use crate::table::Sample;
use crate::words::say;
use pollux_tests::{Daemon, Finished, Listing, NodeOptions, Pool, Programs};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What is saved and restored.
const KEY: &str = "bench/main/npm/everything";
/// The daemons, in the order in which their figures are told.
pub(crate) const DAEMONS: [&str; 4] = ["seed", "saver", "reader", "other"];
/// Stores must hold everything, however small the file system is.
const STORE_BYTES_MAX: &str = "8000000000";

/// What all rounds share.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) programs: Programs,
    pub(crate) place: &'a Place,
    /// The first version.
    pub(crate) input: &'a Path,
    /// The second.
    pub(crate) next: Option<&'a Path>,
    pub(crate) listing: Listing,
    pub(crate) limit: Limit,
    /// What scripts of all rounds read.
    pub(crate) directory: PathBuf,
    /// What is measured, in an order that goes.
    pub(crate) tasks: Vec<Task>,
    pub(crate) interrupted: &'a AtomicBool,
}

impl Shared<'_> {
    /// Between two tasks, an interruption is the end.
    fn go_on(&self) -> Result<(), BenchError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
    }
}

/// What a round found out.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) samples: BTreeMap<Task, Sample>,
    /// Resident bytes of each daemon at its highest.
    pub(crate) memory: Vec<u64>,
}

/// What a task left to be checked.
#[derive(Default)]
struct Done {
    /// Of a command of ours.
    finished: Option<Finished>,
    /// Of a save: what it cost until publishing began.
    local: Option<Sample>,
}

/// A pool, and a directory for what is written.
pub(crate) struct Round<'a> {
    shared: &'a Shared<'a>,
    number: usize,
    directory: PathBuf,
    pool: Pool,
    daemons: Vec<Daemon>,
    done: BTreeSet<Task>,
    results: Results,
}

impl<'a> Round<'a> {
    /// Starts the pool.
    pub(crate) fn start(shared: &'a Shared<'a>, number: usize) -> Result<Self, BenchError> {
        shared.go_on()?;
        let directory = shared.place.directory().join(format!("round-{number}"));
        fs::create_dir(&directory)?;
        let pool = Pool::init(shared.programs.clone(), &directory)?;
        let options = NodeOptions {
            flags: ["--store-bytes-max", STORE_BYTES_MAX].map(str::to_owned).to_vec(),
            ..NodeOptions::default()
        };
        let mut daemons = vec![pool.seed(&options)?];
        for name in DAEMONS.iter().skip(1) {
            daemons.push(pool.node(name, &options)?);
        }
        let (done, results) = (BTreeSet::new(), Results::default());
        Ok(Self { shared, number, directory, pool, daemons, done, results })
    }

    /// Does everything, stops the pool, and removes what was written unless that would spoil the next round.
    pub(crate) fn run(mut self) -> Result<Results, BenchError> {
        for group in Task::GROUPS {
            let these = self.shared.tasks.iter().filter(|task| task.spec().group == group);
            let these: Vec<Task> = these.copied().collect();
            let turn = self.number.checked_rem(these.len()).unwrap_or_default();
            for task in these.iter().cycle().skip(turn).take(these.len()) {
                self.take(*task)?;
            }
        }
        for daemon in &mut self.daemons {
            self.results.memory.push(daemon.memory()?.1);
            daemon.stop()?;
        }
        if !self.shared.place.removes_at_end {
            fs::remove_dir_all(&self.directory)?;
        }
        Ok(self.results)
    }

    /// Measures a task, once, after what must be before it.
    fn take(&mut self, task: Task) -> Result<(), BenchError> {
        // It is a part of the save.
        let task = if task == Task::SaveLocal { Task::Save } else { task };
        if !self.done.insert(task) {
            return Ok(());
        }
        task.after().iter().try_for_each(|needed| self.take(*needed))?;
        self.shared.go_on()?;
        self.make_ready(task)?;
        self.shared.place.sync()?;
        self.shared.place.warm(self.shared.listing.bytes().saturating_mul(2))?;
        let (done, mut sample) = measure(&self.processes(), || self.perform(task))?;
        self.shared.go_on()?;
        say(&format!("    {:38} {:7.3} s, {:6.2} s of CPU", task.spec().name, sample.wall, sample.cpu()));
        sample.bytes = self.bytes(task, &done)?;
        self.results.samples.insert(task, sample);
        if let Some(local) = done.local.filter(|_| task == Task::Save) {
            self.results.samples.insert(Task::SaveLocal, local);
        }
        self.check(task, done.finished.as_ref())?;
        self.remove(task)
    }

    /// What the clock does not see.
    fn make_ready(&self, task: Task) -> Result<(), BenchError> {
        let How::Script { before, .. } = task.how() else { return Ok(()) };
        if task.has_target() {
            fs::create_dir(self.target(task))?;
        }
        if before.is_empty() { Ok(()) } else { self.script(before, task) }
    }

    /// What was written goes before the next task begins, so that nobody has to find memory beside it; but not where
    /// removing would make the next one slow.
    fn remove(&self, task: Task) -> Result<(), BenchError> {
        if task.has_target() && !self.shared.place.removes_at_end {
            fs::remove_dir_all(self.target(task))?;
        }
        Ok(())
    }

    fn perform(&self, task: Task) -> Result<Done, BenchError> {
        if let How::Script { run, .. } = task.how() {
            return self.script(run, task).map(|()| Done::default());
        }
        let target = self.target(task);
        if let Some(node) = task.reader() {
            return self.restore(node, &target);
        }
        if task == Task::Limit {
            return self.shared.limit.write(&target).map(|()| Done::default());
        }
        self.save(if task == Task::SaveNext { self.next() } else { self.shared.input })
    }

    fn script(&self, text: &str, task: Task) -> Result<(), BenchError> {
        let target = self.target(task);
        script(
            None,
            text,
            &[
                Variable("INPUT", self.shared.input),
                Variable("NEXT", self.next()),
                Variable("SHARED", &self.shared.directory),
                Variable("ROUND", &self.directory),
                Variable("TARGET", &target),
            ],
        )
    }

    fn next(&self) -> &Path {
        self.shared.next.unwrap_or(self.shared.input)
    }

    fn save(&self, input: &Path) -> Result<Done, BenchError> {
        let pollux = self.pool.pollux(self.daemon("saver")?);
        let arguments = [OsStr::new("save"), "--json".as_ref(), "--signing-key".as_ref()];
        let publisher = self.pool.publisher();
        let more = [publisher.as_os_str(), KEY.as_ref(), input.as_os_str()];
        let mut command = pollux.command(&[arguments, more].concat());
        let (finished, local) = watch(&mut command, &self.processes())?;
        Ok(Done { finished: Some(finished), local })
    }

    fn restore(&self, node: &str, target: &Path) -> Result<Done, BenchError> {
        let finished = self.pool.pollux(self.daemon(node)?).restore(KEY, target, &[])?;
        Ok(Done { finished: Some(finished), local: None })
    }

    /// What it made, or handed to the node.
    fn bytes(&self, task: Task, done: &Done) -> Result<Option<u64>, BenchError> {
        if let How::Script { makes, .. } = task.how() {
            let made = self.directory.join(makes);
            return Ok(if makes.is_empty() { None } else { Some(file_bytes(&made)?) });
        }
        let saves = matches!(task, Task::Save | Task::SaveAgain | Task::SaveNext);
        Ok(done.finished.as_ref().filter(|_| saves).map(|finished| finished.number("/new_frame_bytes")))
    }

    /// Whether a task did what it should: a quick wrong answer is worth nothing.
    fn check(&self, task: Task, finished: Option<&Finished>) -> Result<(), BenchError> {
        let Some(finished) = finished else { return Ok(()) };
        let wanted = match task.reader() {
            Some(_) => "hit",
            None if task == Task::SaveAgain => "unchanged",
            None => "saved",
        };
        if finished.status != Some(0) || finished.result() != wanted {
            let why = format!("status {:?}\n{}{}", finished.status, finished.stdout, finished.stderr);
            return Err(BenchError::step(task.spec().name.trim(), why));
        }
        // Reading everything takes as long as writing it, so once must do.
        if wanted == "hit" && self.number == 0 {
            self.shared.listing.same_as(&Listing::of(&self.target(task))?)?;
        }
        Ok(())
    }

    fn daemon(&self, name: &str) -> Result<&Daemon, BenchError> {
        let found = DAEMONS.iter().zip(&self.daemons).find(|(known, _)| **known == name);
        found.map(|(_, daemon)| daemon).ok_or_else(|| BenchError::step(name, "there is no such daemon"))
    }

    fn processes(&self) -> Vec<u32> {
        self.daemons.iter().map(Daemon::pid).collect()
    }

    fn target(&self, task: Task) -> PathBuf {
        self.directory.join(format!("target-{}", task.spec().id))
    }
}
