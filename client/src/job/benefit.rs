//! Whether a cache is worth its while: what its last restores cost, and what they saved.
//!
//! What would have been fetched without it is what the job read of it; how long that would have taken is guessed from a rate.
//! The last uses are remembered in a file of the user's, so that a machine which lives longer than a job learns; on one that
//! does not, nothing is known and no cache is called bad.

use crate::disk::Place;
use crate::text_file;
use pollux_core::{ChunkId, Lineage};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a registry is thought to give, in bytes a second: a tenth of a gigabit.
pub const REGISTRY_BYTES_PER_SECOND: u64 = 12_500_000;
/// What each package is thought to cost besides: a fifth of a round trip or two, for some are asked for at once.
pub const PACKAGE_TIME: Duration = Duration::from_millis(10);
/// Uses that are remembered.
const USES_MAX: usize = 10;
/// Before so many nothing is judged.
const USES_MIN: usize = 3;
/// Lineages whose uses are remembered: a machine of many branches forgets those that it has not seen for longest.
const LINEAGES_MAX: usize = 1000;
/// Bytes of a file of uses at most.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// How the names of files end that are this memory's.
const ENDING: &str = ".uses.json";

/// One use of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// Seconds that the restore took.
    pub restore_seconds: f64,
    /// Bytes that were restored.
    pub restored_bytes: u64,
    /// Of these, what the job read.
    pub used_bytes: u64,
    /// Packages that the job read.
    pub used_packages: u64,
}

impl Use {
    /// Seconds that it would have taken to fetch what the job read, roughly.
    #[must_use]
    pub fn fetch_seconds(&self) -> f64 {
        #[expect(clippy::as_conversions, reason = "an estimate")]
        let by_rate = self.used_bytes as f64 / REGISTRY_BYTES_PER_SECOND as f64;
        let packages = u32::try_from(self.used_packages).unwrap_or(u32::MAX);
        by_rate + PACKAGE_TIME.as_secs_f64() * f64::from(packages)
    }
}

/// The last uses of the caches of one lineage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Uses {
    uses: Vec<Use>,
}

/// Where uses are remembered.
#[derive(Clone, Debug)]
pub struct Memory(PathBuf);

impl Memory {
    /// In a directory, which is made when something is remembered.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    fn path(&self, lineage: &Lineage) -> PathBuf {
        self.0.join(name(lineage))
    }

    /// What is remembered; what cannot be read is nothing.
    #[must_use]
    pub fn recall(&self, lineage: &Lineage) -> Uses {
        read(&self.path(lineage)).unwrap_or_default()
    }

    /// Remembers one more.
    ///
    /// # Errors
    /// What the system says.
    pub fn remember(&self, lineage: &Lineage, one: Use) -> io::Result<Uses> {
        let mut known = self.recall(lineage);
        known.uses.push(one);
        let surplus = known.uses.len().saturating_sub(USES_MAX);
        known.uses.drain(..surplus);
        fs::create_dir_all(&self.0)?;
        let place = Place::open_own(&self.0)?;
        place.replace(&name(lineage), &serde_json::to_vec(&known).map_err(io::Error::other)?)?;
        self.forget_surplus(&place)?;
        Ok(known)
    }

    fn forget_surplus(&self, place: &Place) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if let Some(name) = entry.file_name().to_str().filter(|name| name.ends_with(ENDING)) {
                files.push((entry.metadata()?.modified()?, name.to_owned()));
            }
        }
        files.sort();
        let surplus = files.len().saturating_sub(LINEAGES_MAX);
        // Another run may have forgotten it already.
        files.iter().take(surplus).try_for_each(|(_, name)| place.remove(name))
    }
}

fn name(lineage: &Lineage) -> String {
    format!("{}{ENDING}", ChunkId::of(lineage.as_str().as_bytes()))
}

fn read(path: &Path) -> Option<Uses> {
    serde_json::from_str(&text_file::read(path, FILE_BYTES_MAX).ok()?).ok()
}

impl Uses {
    /// Seconds that the restores took, and seconds that fetching would have taken, if enough is known and the first are more.
    #[must_use]
    pub fn loss(&self) -> Option<(f64, f64)> {
        let cost: f64 = self.uses.iter().map(|one| one.restore_seconds).sum();
        let saved: f64 = self.uses.iter().map(Use::fetch_seconds).sum();
        (self.uses.len() >= USES_MIN && cost > saved).then_some((cost, saved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::Key;

    const GOOD: Use =
        Use { restore_seconds: 1.0, restored_bytes: 1 << 30, used_bytes: 125_000_000, used_packages: 100 };
    const BAD: Use = Use { used_bytes: 1000, used_packages: 1, ..GOOD };

    #[test]
    fn what_was_not_seen_for_longest_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::new(directory.path().to_owned());
        (0..=LINEAGES_MAX)
            .for_each(|number| fs::write(directory.path().join(format!("{number}{ENDING}")), "").unwrap());
        let lineage = "a/b/c".parse::<Key>().unwrap().lineage().unwrap();
        memory.remember(&lineage, GOOD).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), LINEAGES_MAX);
        assert_eq!(memory.recall(&lineage).uses, [GOOD]);
    }

    #[test]
    fn what_an_earlier_job_left_there_is_not_waited_for_nor_written_through_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (uses, foreign) = (directory.path().join("uses"), directory.path().join("foreign"));
        fs::create_dir(&uses).unwrap();
        fs::write(&foreign, "mine").unwrap();
        fs::write(uses.join("mine.json"), "mine").unwrap();
        let memory = Memory::new(uses.clone());
        let lineage = "a/b/c".parse::<Key>().unwrap().lineage().unwrap();
        std::os::unix::fs::symlink(&foreign, uses.join(name(&lineage))).unwrap();
        let fifo = uses.join(format!("{}.pollux-new", name(&lineage)));
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, 0o600.into(), 0).unwrap();
        for _ in 0..LINEAGES_MAX {
            memory.remember(&lineage, GOOD).unwrap();
        }
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
        assert!(uses.join("mine.json").exists());
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&uses, &link).unwrap();
        assert!(Memory::new(link).remember(&lineage, GOOD).is_err());
    }

    #[test]
    fn a_cache_that_costs_more_than_it_saves_is_told_once_that_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::new(directory.path().join("uses"));
        let lineage = "a/b/c".parse::<Key>().unwrap().lineage().unwrap();
        for n in 1..=3 {
            let uses = memory.remember(&lineage, BAD).unwrap();
            assert_eq!(uses.loss().is_some(), n == 3);
        }
        assert!((GOOD.fetch_seconds() - 11.0).abs() < 1e-9);
        let uses = memory.remember(&lineage, GOOD).unwrap();
        assert_eq!(uses.loss(), None, "one good use outweighs three bad ones");
        for _ in 0..20 {
            memory.remember(&lineage, BAD).unwrap();
        }
        assert_eq!(memory.recall(&lineage).uses.len(), USES_MAX);
        fs::write(memory.path(&lineage), "garbage").unwrap();
        assert_eq!(memory.recall(&lineage), Uses::default());
    }
}
