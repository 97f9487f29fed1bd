//! Samples of those that stay, and whether what they hold is flat.

use crate::Clock;
use crate::fleet::Fleet;
use crate::jobs::Tally;
use pollux_tests::say;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Samples of one run.
const SAMPLES: u32 = 240;
/// But none sooner after the last.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Lines of progress in one run.
const SAID: u32 = 30;

const MIB: u64 = 1 << 20;

/// What one process holds at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Held {
    /// resident, bytes
    pub(crate) memory: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// of its store, bytes
    pub(crate) disk: u64,
}

/// All samples.
#[derive(Debug)]
pub(crate) struct Watch {
    length: Duration,
    courses: Mutex<BTreeMap<String, Vec<Held>>>,
}

/// One figure of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) who: String,
    pub(crate) what: &'static str,
    /// the median from a quarter of the time to half of it
    pub(crate) early: u64,
    /// the median of the last quarter
    pub(crate) late: u64,
    pub(crate) is_flat: bool,
}

/// What is looked at, and by how much it may grow besides a tenth: what a busy moment takes.
type Figure = (&'static str, fn(&Held) -> u64, u64);

const FIGURES: [Figure; 4] = [
    ("memory", |held| held.memory, 12 * MIB),
    ("descriptors", |held| held.descriptors, 12),
    ("threads", |held| held.threads, 8),
    ("disk", |held| held.disk, 32 * MIB),
];

impl Finding {
    /// For people.
    pub(crate) fn line(&self) -> String {
        let Self { who, what, early, late, is_flat } = self;
        let verdict = if *is_flat { "" } else { "  GROWS" };
        format!("{who:12} {what:12} {early:>12} {late:>12}{verdict}\n")
    }
}

impl Watch {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, courses: Mutex::default() }
    }

    /// Looks again and again, until it is over.
    pub(crate) fn run(&self, fleet: &Fleet, clock: &Clock<'_>, tally: &Tally) {
        let began = Instant::now();
        let interval = (self.length / SAMPLES).max(INTERVAL_MIN);
        let mut said = Duration::ZERO;
        while !clock.is_over() {
            self.look(fleet, tally);
            if began.elapsed() >= said {
                said += self.length / SAID;
                self.tell(began.elapsed(), tally);
            }
            clock.wait(interval);
        }
    }

    fn look(&self, fleet: &Fleet, tally: &Tally) {
        for (who, pid, store) in fleet.those_who_stay() {
            match held(pid, &store) {
                Ok(held) => self.add(who, held),
                Err(error) => {
                    tally.trouble(format!("{who}, which was to stay, cannot be looked at: {error}"));
                }
            }
        }
    }

    fn add(&self, who: String, held: Held) {
        self.courses.lock().unwrap_or_else(PoisonError::into_inner).entry(who).or_default().push(held);
    }

    fn tell(&self, elapsed: Duration, tally: &Tally) {
        let counts = tally.counts();
        let courses = self.courses.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = courses.values().filter_map(|course| course.last()).map(|held| held.memory).max();
        say(&format!(
            "{:5} s  {} came, {} went; {} saves, {} hits, {} misses, {} cut off, {} troubles; most memory {} MiB",
            elapsed.as_secs(),
            counts.came,
            counts.stopped + counts.killed,
            counts.saves,
            counts.hits,
            counts.misses.values().sum::<u64>(),
            counts.cut_off,
            counts.trouble_count,
            memory.unwrap_or(0) / MIB,
        ));
    }

    /// Each figure of each process.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let courses = self.courses.lock().unwrap_or_else(PoisonError::into_inner);
        courses.iter().flat_map(|(who, course)| FIGURES.map(|figure| finding(who, course, figure))).collect()
    }
}

fn finding(who: &str, course: &[Held], (what, of, slack): Figure) -> Finding {
    let quarter = course.len() / 4;
    let early = median(course.iter().skip(quarter).take(quarter).map(of));
    let late = median(course.iter().skip(course.len() - quarter).map(of));
    let is_flat = quarter > 0 && late <= early + early / 10 + slack;
    Finding { who: who.to_owned(), what, early, late, is_flat }
}

fn median(figures: impl Iterator<Item = u64>) -> u64 {
    let mut figures: Vec<u64> = figures.collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(0)
}

fn held(pid: u32, store: &Path) -> io::Result<Held> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let number = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
    Ok(Held {
        memory: number("VmRSS:").unwrap_or(0) * 1024,
        descriptors: u64::try_from(descriptors).unwrap_or(u64::MAX),
        threads: number("Threads:").unwrap_or(0),
        disk: disk(store)?,
    })
}

/// What a directory takes on the disk; a file that goes while it is looked at takes nothing.
fn disk(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk(&entry.path()).or_else(gone)?,
            Ok(metadata) => metadata.blocks() * 512,
            Err(error) => gone(error)?,
        };
    }
    Ok(bytes)
}

fn gone(error: io::Error) -> io::Result<u64> {
    if error.kind() == io::ErrorKind::NotFound { Ok(0) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory_of(course: impl Iterator<Item = u64>) -> Finding {
        let course: Vec<Held> = course.map(|memory| Held { memory, ..Held::default() }).collect();
        finding("seed", &course, FIGURES[0])
    }

    #[test]
    fn what_wavers_is_flat_and_what_grows_is_not() {
        assert!(memory_of((0..100).map(|at| 100 * MIB + at % 7 * MIB)).is_flat);
        let grows = memory_of((0..100).map(|at| 100 * MIB + at * MIB));
        assert_eq!((grows.early / MIB, grows.late / MIB, grows.is_flat), (137, 187, false));
    }

    #[test]
    fn what_was_hardly_looked_at_is_not_called_flat() {
        assert!(!memory_of([1, 1, 1].into_iter()).is_flat);
        assert!(memory_of([1, 1, 1, 1].into_iter()).is_flat);
    }

    #[test]
    fn this_process_holds_something() {
        let store = tempfile::tempdir().unwrap();
        fs::create_dir(store.path().join("log")).unwrap();
        fs::write(store.path().join("log/a"), vec![1; 100_000]).unwrap();
        let held = held(std::process::id(), store.path()).unwrap();
        assert!(held.memory > 0 && held.descriptors > 0 && held.threads > 0);
        assert!(held.disk >= 100_000);
    }
}
