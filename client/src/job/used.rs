//! Which files of a cache a job has read or written, by the file system's own times.
//!
//! A file that was restored has an access time from before its status changed for the last time, so that its first read is
//! noted also where the file system notes few (`relatime`). Where it notes none (`noatime`) nothing is known, and everything
//! counts as used.

use rustix::fs::{StatVfsMountFlags, statvfs};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment from which on files count as used.
#[derive(Clone, Copy, Debug)]
pub struct Mark(Duration);

impl Mark {
    /// Now: after a restore, before the job.
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Those of some files below a directory that were read, written or made since; `None` where that is not known.
    #[must_use]
    pub fn used<'a>(
        self,
        base: &Path,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Option<BTreeSet<&'a str>> {
        let flags = statvfs(base).ok()?.f_flag;
        if flags.contains(StatVfsMountFlags::NOATIME) {
            return None;
        }
        let is_used =
            |path: &&str| fs::symlink_metadata(base.join(path)).is_ok_and(|metadata| self.touched(&metadata));
        Some(files.into_iter().filter(is_used).collect())
    }

    fn touched(self, metadata: &fs::Metadata) -> bool {
        let read = time(metadata.atime(), metadata.atime_nsec());
        let changed = time(metadata.ctime(), metadata.ctime_nsec());
        read >= self.0 || changed >= self.0
    }
}

fn time(seconds: i64, nanoseconds: i64) -> Duration {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    Duration::new(seconds, u32::try_from(nanoseconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::FileTimes;

    #[test]
    fn what_was_touched_since_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["old", "made"] {
            fs::write(path(name), "x").unwrap();
        }
        let metadata = fs::metadata(path("old")).unwrap();
        let before =
            Mark(time(metadata.ctime(), metadata.ctime_nsec()).saturating_sub(Duration::from_secs(1)));
        let later = Mark(Mark::now().0 + Duration::from_secs(60));
        let all = ["old", "made", "gone"];
        assert_eq!(before.used(directory.path(), all).unwrap(), BTreeSet::from(["old", "made"]));
        assert!(later.used(directory.path(), all).unwrap().is_empty());
        // As a read would set it.
        let read = FileTimes::new().set_accessed(SystemTime::now() + Duration::from_secs(120));
        fs::File::open(path("old")).unwrap().set_times(read).unwrap();
        assert_eq!(later.used(directory.path(), all).unwrap(), BTreeSet::from(["old"]));
    }
}
