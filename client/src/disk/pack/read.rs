//! Reading files in content order, and seeing whether they hold still.
use super::{feed::Feed, pipeline::ReadEnd};
use crate::disk::{
    DiskError, Scan,
    beneath::split,
    scan::{Found, FoundKind, Stamp},
};
use pollux_core::Run;
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Mode, OFlags, fstat, openat, statat},
    io::{Errno, read},
};

/// Feeds the bytes of all runs.
pub(super) fn read_runs(scan: &Scan, runs: &[Run], feed: Feed<'_, '_>) -> Result<(), ReadEnd> {
    let mut reader = Reader { place: Place::new(scan), feed };
    for run in runs {
        for found in run.files.iter().filter_map(|index| scan.found.get(*index)) {
            if let FoundKind::File(stamp) = &found.kind {
                reader.read_file(found, stamp)?;
            }
        }
        reader.feed.end_run();
    }
    reader.feed.finish()
}

/// Looks once more whether every file is the one that was listed and read.
pub(super) fn check_unchanged(scan: &Scan) -> Result<(), ReadEnd> {
    let mut place = Place::new(scan);
    for (found, stamp) in scan.files() {
        let dir = place.of(&found.path).map_err(|errno| read_end(scan, found, errno))?;
        let stat = statat(dir, split(&found.path).1, AtFlags::SYMLINK_NOFOLLOW);
        if Stamp::of(&stat.map_err(|errno| read_end(scan, found, errno))?) != *stamp {
            return Err(changed(scan, found));
        }
    }
    Ok(())
}

struct Reader<'a, 'f, 's> {
    place: Place<'a>,
    feed: Feed<'f, 's>,
}

impl<'a> Reader<'a, '_, '_> {
    fn read_file(&mut self, found: &'a Found, stamp: &Stamp) -> Result<(), ReadEnd> {
        let scan = self.place.scan;
        let failed = |errno| read_end(scan, found, errno);
        let file = self.open(found).map_err(failed)?;
        if Stamp::of(&fstat(&file).map_err(failed)?) != *stamp {
            return Err(changed(scan, found));
        }
        let mut left = stamp.bytes;
        while left > 0 {
            let room = self.feed.room()?;
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
            let got = match read(&file, room.get_mut(..want).unwrap_or_default()) {
                Err(Errno::INTR) => continue,
                got => got.map_err(failed)?,
            };
            self.feed.filled(got);
            if got == 0 {
                return Err(changed(scan, found));
            }
            left = left.saturating_sub(u64::try_from(got).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn open(&mut self, found: &'a Found) -> rustix::io::Result<OwnedFd> {
        // Without blocking: somebody may have put a named pipe there since.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(self.place.of(&found.path)?, split(&found.path).1, flags, Mode::empty())
    }
}

/// The directory that the last file lay in: the next one mostly lies there too.
struct Place<'a> {
    scan: &'a Scan,
    open: Option<(&'a str, OwnedFd)>,
}

impl<'a> Place<'a> {
    fn new(scan: &'a Scan) -> Self {
        Self { scan, open: None }
    }

    /// The directory of the entry with this path.
    fn of(&mut self, path: &'a str) -> rustix::io::Result<BorrowedFd<'_>> {
        let way = split(path).0;
        if self.open.as_ref().is_none_or(|(open, _)| *open != way) {
            self.open = Some((way, self.scan.base.open_dir(way)?));
        }
        self.open.as_ref().map(|(_, dir)| dir.as_fd()).ok_or(Errno::NOENT)
    }
}

fn changed(scan: &Scan, found: &Found) -> ReadEnd {
    ReadEnd::Changed(scan.options.base.join(&found.path))
}

/// What is not there any more, or is something else now, has changed.
fn read_end(scan: &Scan, found: &Found, errno: Errno) -> ReadEnd {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ISDIR => changed(scan, found),
        other => ReadEnd::Disk(DiskError::io(scan.options.base.join(&found.path), other)),
    }
}
