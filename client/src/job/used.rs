//! Which files of a cache a job has read or written, by the file system's own times.
//!
//! Where the file system notes few reads (`relatime`), it notes the first one after a file's status changed. A file that was
//! restored has an access time from before that; of one that was there already the access time is set again, to what it
//! was, before the job begins. Where it notes none (`noatime`) nothing is known, and everything counts as used.

use rustix::fs::{AtFlags, CWD, StatVfsMountFlags, Timespec, Timestamps, UTIME_OMIT, statvfs, utimensat};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often it is looked whether that clock went on. It goes on at least every 10 ms.
const TICK: Duration = Duration::from_millis(1);
/// So often at most.
const TICKS_MAX: usize = 100;

/// A moment from which on files count as used.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    moment: Duration,
    /// Of these nothing is known: they are somebody else's.
    unknown: BTreeSet<String>,
}

impl Mark {
    /// Sets the mark: after a restore, before the job. The first read of each of these files will be noted from here on.
    #[must_use]
    pub fn set<'a>(base: &Path, files: impl IntoIterator<Item = &'a str>) -> Self {
        let is_unknown = |path: &&str| notable(&base.join(path)).is_err();
        let unknown = files.into_iter().filter(is_unknown).map(str::to_owned).collect();
        Self { moment: settle(), unknown }
    }

    /// Those of some files below a directory that were read, written or made since; `None` where that is not known.
    #[must_use]
    pub fn used<'a>(
        &self,
        base: &Path,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Option<BTreeSet<&'a str>> {
        let flags = statvfs(base).ok()?.f_flag;
        if flags.contains(StatVfsMountFlags::NOATIME) {
            return None;
        }
        let is_used = |path: &&str| {
            self.unknown.contains(*path)
                || fs::symlink_metadata(base.join(path)).is_ok_and(|metadata| self.touched(&metadata))
        };
        Some(files.into_iter().filter(is_used).collect())
    }

    fn touched(&self, metadata: &fs::Metadata) -> bool {
        accessed(metadata) >= self.moment || changed(metadata) >= self.moment
    }
}

/// Makes the next read of a file one that the file system notes.
fn notable(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if accessed(&metadata) <= changed(&metadata) {
        return Ok(());
    }
    // One that the clock of changes has not reached would stay above this one.
    let kept = Timespec { tv_sec: metadata.atime(), tv_nsec: metadata.atime_nsec() };
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let last_access = if accessed(&metadata) > duration(now) { now } else { kept };
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let times = Timestamps { last_access, last_modification: omit };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// A moment after all that was done before, on the clock that files get their times from, which lags behind.
pub(super) fn settle() -> Duration {
    let tick = || duration(clock_gettime(ClockId::RealtimeCoarse));
    let done = duration(clock_gettime(ClockId::Realtime));
    for _ in 0..TICKS_MAX {
        if tick() > done {
            break;
        }
        thread::sleep(TICK);
    }
    // A clock that was set back meanwhile does not come there: then more counts as used than was.
    tick()
}

fn accessed(metadata: &fs::Metadata) -> Duration {
    time(metadata.atime(), metadata.atime_nsec())
}

fn changed(metadata: &fs::Metadata) -> Duration {
    time(metadata.ctime(), metadata.ctime_nsec())
}

fn duration(time_: Timespec) -> Duration {
    time(time_.tv_sec, time_.tv_nsec)
}

fn time(seconds: i64, nanoseconds: i64) -> Duration {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    Duration::new(seconds, u32::try_from(nanoseconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn used<'a>(mark: &Mark, directory: &Path, files: &[&'a str]) -> Option<Vec<&'a str>> {
        Some(mark.used(directory, files.iter().copied())?.into_iter().collect())
    }

    #[test]
    fn what_was_touched_since_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["old", "read"] {
            fs::write(path(name), "x").unwrap();
            // As a job of an hour ago left it: read after it was written.
            let read = fs::FileTimes::new().set_accessed(SystemTime::now() + Duration::from_millis(20));
            fs::File::open(path(name)).unwrap().set_times(read).unwrap();
        }
        let all = ["gone", "made", "old", "read"];
        let mark = Mark::set(directory.path(), ["old", "read"]);
        assert_eq!(used(&mark, directory.path(), &all), Some(vec![]), "setting the mark is no use");
        assert_eq!(fs::read(path("read")).unwrap(), b"x");
        fs::write(path("made"), "x").unwrap();
        assert_eq!(used(&mark, directory.path(), &all), Some(vec!["made", "read"]));
    }

    #[test]
    fn a_time_of_access_from_the_future_hides_no_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "x").unwrap();
        let ahead = fs::FileTimes::new().set_accessed(SystemTime::now() + Duration::from_secs(9999));
        fs::File::open(&path).unwrap().set_times(ahead).unwrap();
        let mark = Mark::set(directory.path(), ["file"]);
        assert_eq!(used(&mark, directory.path(), &["file"]), Some(vec![]));
        assert_eq!(fs::read(&path).unwrap(), b"x");
        assert_eq!(used(&mark, directory.path(), &["file"]), Some(vec!["file"]));
    }

    #[test]
    fn what_cannot_be_looked_at_counts_as_used() {
        let directory = tempfile::tempdir().unwrap();
        let mark = Mark::set(directory.path(), ["missing"]);
        assert_eq!(used(&mark, directory.path(), &["missing", "other"]), Some(vec!["missing"]));
    }
}
