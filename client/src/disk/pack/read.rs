//! Reading files in content order, and seeing whether they hold still.
use super::pipeline::{Feed, ReadEnd};
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
use std::thread;

/// Bytes gathered before they are cut: some chunks at once, since what lies behind the last cut in them is looked at twice;
/// few enough to stay in the processor's caches from the reading to the hashing.
const GATHER_BYTES: usize = 1024 * 1024;

/// Feeds the bytes of all runs, then looks once more whether every file is the one that was listed and read.
pub(super) fn read_runs(scan: &Scan, runs: &[Run], feed: &mut Feed<'_>) -> Result<(), ReadEnd> {
    let mut reader = Reader { place: Place::new(scan), feed, buffer: vec![0; GATHER_BYTES], filled: 0 };
    for run in runs {
        for found in run.files.iter().filter_map(|index| scan.found.get(*index)) {
            if let FoundKind::File(stamp) = &found.kind {
                reader.read_file(found, stamp)?;
            }
        }
        reader.end_run()?;
    }
    check_unchanged(scan)
}

/// Half of the files each: nothing else keeps the processors busy by then.
fn check_unchanged(scan: &Scan) -> Result<(), ReadEnd> {
    let (first, second) = scan.found.split_at(scan.found.len() / 2);
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || check_files(scan, second));
        check_files(scan, first)?;
        match other.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(checked)) => checked,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread was to be had.
            Err(_) => check_files(scan, second),
        }
    })
}

fn check_files(scan: &Scan, found: &[Found]) -> Result<(), ReadEnd> {
    let mut place = Place::new(scan);
    for found in found {
        let FoundKind::File(stamp) = &found.kind else { continue };
        let dir = place.of(&found.path).map_err(|errno| read_end(scan, found, errno))?;
        let stat = statat(dir, split(&found.path).1, AtFlags::SYMLINK_NOFOLLOW);
        if Stamp::of(&stat.map_err(|errno| read_end(scan, found, errno))?) != *stamp {
            return Err(changed(scan, found));
        }
    }
    Ok(())
}

struct Reader<'a, 'f> {
    place: Place<'a>,
    feed: &'a mut Feed<'f>,
    buffer: Vec<u8>,
    /// How much of the buffer waits to be cut.
    filled: usize,
}

impl<'a> Reader<'a, '_> {
    fn read_file(&mut self, found: &'a Found, stamp: &Stamp) -> Result<(), ReadEnd> {
        let scan = self.place.scan;
        let failed = |errno| read_end(scan, found, errno);
        let file = self.open(found).map_err(failed)?;
        if Stamp::of(&fstat(&file).map_err(failed)?) != *stamp {
            return Err(changed(scan, found));
        }
        let mut left = stamp.bytes;
        while left > 0 {
            let got = match self.read_some(&file, left) {
                Err(Errno::INTR) => continue,
                got => got.map_err(failed)?,
            };
            if got == 0 {
                return Err(changed(scan, found));
            }
            left = left.saturating_sub(u64::try_from(got).unwrap_or(u64::MAX));
            if self.filled == self.buffer.len() {
                self.cut()?;
            }
        }
        Ok(())
    }

    fn open(&mut self, found: &'a Found) -> rustix::io::Result<OwnedFd> {
        // Without blocking: somebody may have put a named pipe there since.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(self.place.of(&found.path)?, split(&found.path).1, flags, Mode::empty())
    }

    /// Reads so many bytes at most into what is left of the buffer, which is never full here.
    fn read_some(&mut self, file: &OwnedFd, most: u64) -> rustix::io::Result<usize> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let want = usize::try_from(most).unwrap_or(usize::MAX).min(room.len());
        let got = read(file, room.get_mut(..want).unwrap_or_default())?;
        self.filled += got;
        Ok(got)
    }

    fn cut(&mut self) -> Result<(), ReadEnd> {
        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        self.filled = 0;
        self.feed.push(filled)
    }

    fn end_run(&mut self) -> Result<(), ReadEnd> {
        self.cut()?;
        self.feed.end_run()
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
