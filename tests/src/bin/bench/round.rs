//! A fresh pool, and every task once.

use crate::BenchError;
use crate::limit::Limit;
use crate::measure::{Sample, measure, shell};
use crate::place::{Place, disk_bytes};
use crate::task::Task;
use crate::watch::watch;
use crate::words::say;
use pollux_tests::{Daemon, Finished, Listing, NodeOptions, Pool, Programs};
use std::collections::BTreeMap;
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
pub(crate) struct Shared<'a> {
    programs: Programs,
    place: &'a Place,
    input: &'a Path,
    listing: &'a Listing,
    limit: &'a Limit,
    /// The input as a plain tar.
    archive: PathBuf,
    /// A copy of the input that rsync made.
    mirror: PathBuf,
    interrupted: &'a AtomicBool,
}

impl<'a> Shared<'a> {
    /// Makes what the tasks of others need.
    pub(crate) fn prepare(
        programs: Programs,
        place: &'a Place,
        input: &'a Path,
        (listing, limit): (&'a Listing, &'a Limit),
        interrupted: &'a AtomicBool,
    ) -> Result<Self, BenchError> {
        let archive = place.directory().join("input.tar");
        let mirror = place.directory().join("mirror");
        shell("tar -C \"$1\" -cf \"$2\" .", &[input, &archive])?;
        shell("rsync -a \"$1/\" \"$2/\"", &[input, &mirror])?;
        Ok(Self { programs, place, input, listing, limit, archive, mirror, interrupted })
    }

    /// Between two tasks, an interruption is the end.
    fn go_on(&self) -> Result<(), BenchError> {
        if self.interrupted.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
    }
}

/// What a round found out.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) samples: BTreeMap<Task, Sample>,
    /// Bytes of all frames that the save handed to its node.
    pub(crate) frame_bytes: u64,
    /// Bytes that the seed's store takes up on the disk afterwards.
    pub(crate) seed_disk_bytes: u64,
    /// Bytes of the `tar.zst`.
    pub(crate) archive_bytes: u64,
    /// Resident bytes of each daemon at its highest.
    pub(crate) memory: Vec<u64>,
    /// Resident bytes of each daemon at the end.
    pub(crate) memory_after: Vec<u64>,
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
    number: u32,
    directory: PathBuf,
    pool: Pool,
    daemons: Vec<Daemon>,
    results: Results,
}

impl<'a> Round<'a> {
    /// Starts the pool.
    pub(crate) fn start(shared: &'a Shared<'a>, number: u32) -> Result<Self, BenchError> {
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
        Ok(Self { shared, number, directory, pool, daemons, results: Results::default() })
    }

    /// Does everything, stops the pool, and removes what was written unless that would spoil the next round.
    pub(crate) fn run(mut self) -> Result<Results, BenchError> {
        for group in Task::GROUPS {
            let turn = usize::try_from(self.number).unwrap_or_default() % group.len();
            for task in group.iter().cycle().skip(turn).take(group.len()) {
                self.take(*task)?;
            }
        }
        for daemon in &mut self.daemons {
            let (after, highest) = daemon.memory()?;
            self.results.memory.push(highest);
            self.results.memory_after.push(after);
            daemon.stop()?;
        }
        self.results.seed_disk_bytes = disk_bytes(&self.directory.join("seed/store"))?;
        if !self.shared.place.removes_at_end {
            fs::remove_dir_all(&self.directory)?;
        }
        Ok(self.results)
    }

    /// Measures a task.
    fn take(&mut self, task: Task) -> Result<(), BenchError> {
        self.shared.go_on()?;
        if matches!(task, Task::Unpack | Task::Extract) {
            fs::create_dir(self.target(task))?;
        }
        self.shared.place.sync()?;
        let daemons: Vec<&Daemon> = self.daemons.iter().collect();
        let (done, sample) = measure(&daemons, || self.perform(task))?;
        self.shared.go_on()?;
        say(&format!("    {:32} {:6.2} s, {:6.2} s of CPU", task.name(), sample.wall, sample.cpu()));
        self.results.samples.insert(task, sample);
        if task == Task::Save {
            self.results.samples.extend(done.local.map(|local| (Task::SaveLocal, local)));
        }
        self.check(task, done.finished.as_ref())?;
        self.remove(task)
    }

    /// What was written goes before the next task begins, so that nobody has to find memory beside it; but not where
    /// removing would make the next one slow.
    fn remove(&self, task: Task) -> Result<(), BenchError> {
        if !task.target().is_empty() && !self.shared.place.removes_at_end {
            fs::remove_dir_all(self.target(task))?;
        }
        Ok(())
    }

    fn perform(&self, task: Task) -> Result<Done, BenchError> {
        let Shared { input, archive, mirror, limit, .. } = self.shared;
        let target = &self.target(task);
        match task {
            Task::Save | Task::SaveLocal | Task::SaveAgain => return self.save(),
            Task::Cold | Task::Restore => return self.restore("reader", target),
            Task::Shared => return self.restore("other", target),
            Task::Pack => {
                shell("tar -C \"$1\" -cf - . | zstd -q -3 -T0 -o \"$2\"", &[input, &self.packed()])?;
            }
            Task::CopyAgain => shell("rsync -a \"$1/\" \"$2/\"", &[input, mirror])?,
            Task::Unpack => shell("zstd -qdc \"$1\" | tar -C \"$2\" -xf -", &[&self.packed(), target])?,
            Task::Copy => shell("rsync -a \"$1/\" \"$2/\"", &[input, target])?,
            Task::Extract => shell("tar -C \"$2\" -xf \"$1\"", &[archive, target])?,
            Task::Limit => limit.write(target)?,
        }
        Ok(Done::default())
    }

    fn save(&self) -> Result<Done, BenchError> {
        let pollux = self.pool.pollux(self.daemon("saver")?);
        let arguments = [OsStr::new("save"), "--json".as_ref(), "--signing-key".as_ref()];
        let publisher = self.pool.publisher();
        let more = [publisher.as_os_str(), KEY.as_ref(), self.shared.input.as_os_str()];
        let mut command = pollux.command(&[arguments, more].concat());
        let daemons: Vec<&Daemon> = self.daemons.iter().collect();
        let (finished, local) = watch(&mut command, &daemons)?;
        Ok(Done { finished: Some(finished), local })
    }

    fn restore(&self, node: &str, target: &Path) -> Result<Done, BenchError> {
        let finished = self.pool.pollux(self.daemon(node)?).restore(KEY, target, &[])?;
        Ok(Done { finished: Some(finished), local: None })
    }

    /// Whether a task did what it should: a quick wrong answer is worth nothing.
    fn check(&mut self, task: Task, finished: Option<&Finished>) -> Result<(), BenchError> {
        if task == Task::Pack {
            self.results.archive_bytes = fs::metadata(self.packed())?.len();
        }
        let Some(finished) = finished else { return Ok(()) };
        let wanted = match task {
            Task::Save | Task::SaveLocal => "saved",
            Task::SaveAgain => "unchanged",
            Task::Cold | Task::Shared | Task::Restore => "hit",
            Task::Pack | Task::CopyAgain | Task::Unpack | Task::Copy | Task::Extract | Task::Limit => {
                return Ok(());
            }
        };
        if finished.status != Some(0) || finished.result() != wanted {
            let why = format!("status {:?}\n{}{}", finished.status, finished.stdout, finished.stderr);
            return Err(BenchError::step(task.name(), why));
        }
        if task == Task::Save {
            self.results.frame_bytes = finished.number("/new_frame_bytes");
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

    fn target(&self, task: Task) -> PathBuf {
        self.directory.join(task.target())
    }

    fn packed(&self) -> PathBuf {
        self.directory.join("input.tar.zst")
    }
}
