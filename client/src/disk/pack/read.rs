//! Reading files in content order, and seeing whether they hold still.
use super::{feed::Feed, pipeline::ReadEnd};
use crate::disk::{
    DiskError, Scan,
    beneath::split,
    index::Reuse,
    scan::{Found, Stamp},
};
use pollux_core::Run;
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Mode, OFlags, SeekFrom, fstat, openat, seek, statat},
    io::{Errno, read},
};

/// Feeds the bytes of all runs, and in their place the chunks that are known already.
pub(super) fn read_runs(scan: &Scan, runs: &[Run], reuse: &Reuse, feed: Feed<'_, '_>) -> Result<(), ReadEnd> {
    let mut reader = Reader { place: Place::new(scan), feed };
    for (number, run) in runs.iter().enumerate() {
        let mut at = 0;
        while at < run.bytes {
            at = match reuse.from(number, at) {
                Some((chunks, end)) => {
                    reader.feed.known(chunks, end);
                    end
                }
                None => reader.read_run(run, at, |cut| reuse.begins(number, cut))?,
            };
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
    /// Reads on from this place of a run, up to where the rest is known, or its end; and says where that is.
    fn read_run(&mut self, run: &Run, from: u64, is_known: impl Fn(u64) -> bool) -> Result<u64, ReadEnd> {
        let (scan, mut begin) = (self.place.scan, 0u64);
        for found in run.files.iter().filter_map(|index| scan.found.get(*index)) {
            let Some(stamp) = found.stamp() else { continue };
            let end = begin.saturating_add(stamp.bytes);
            // Of an empty file it is seen whether it can be read.
            let is_ahead = end > from || (stamp.bytes == 0 && end == from);
            if is_ahead && !self.read_file(found, stamp, from.saturating_sub(begin), &is_known)? {
                return Ok(self.feed.at());
            }
            begin = end;
        }
        Ok(run.bytes)
    }

    /// Feeds a file from this place on; false: the rest of the run is known.
    fn read_file(
        &mut self,
        found: &'a Found,
        stamp: &Stamp,
        from: u64,
        is_known: impl Fn(u64) -> bool,
    ) -> Result<bool, ReadEnd> {
        let scan = self.place.scan;
        let failed = |errno| read_end(scan, found, errno);
        let file = self.open(found).map_err(failed)?;
        if Stamp::of(&fstat(&file).map_err(failed)?) != *stamp {
            return Err(changed(scan, found));
        }
        if from > 0 {
            seek(&file, SeekFrom::Start(from)).map_err(failed)?;
        }
        let mut left = stamp.bytes.saturating_sub(from);
        while left > 0 {
            let Some(room) = self.feed.room(&is_known)? else { return Ok(false) };
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
        Ok(true)
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
