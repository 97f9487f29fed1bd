//! The one who appends.
use super::files::{FileKind, LogFile, Month, list};
use super::{Bounds, FILE_PART, Line};
use pollux_core::Timestamp;
use rustix::fs::{fdatasync, fsync};
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// Bytes read at a time to find the end of the last whole line.
const TAIL_BYTES: u64 = 64 * 1024;

/// A file that is appended to.
#[derive(Debug)]
struct Open {
    file: File,
    month: Month,
    /// Bytes of whole lines; what the file has beyond them is to be cut away first.
    bytes: u64,
}

impl Open {
    /// Whether somebody has removed it.
    fn is_gone(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.nlink() == 0)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    directory: PathBuf,
    bounds: Bounds,
    published: Option<Open>,
    refused: Option<Open>,
}

impl Writer {
    pub(super) const fn new(directory: PathBuf, bounds: Bounds) -> Self {
        Self { directory, bounds, published: None, refused: None }
    }

    /// Appends lines, each to the files of its kind, and makes them durable. Those that are durable are taken out; after an
    /// error the rest is left.
    pub(super) fn write(&mut self, lines: &mut VecDeque<Line>) -> io::Result<()> {
        while let Some(first) = lines.front() {
            let (kind, month) = (first.kind, Month::of(first.time));
            let now = first.time;
            let alike = lines.iter().take_while(|line| line.kind == kind && Month::of(line.time) == month);
            let (mut count, mut text) = (0, String::new());
            for line in alike {
                count += 1;
                text.push_str(&line.text);
            }
            self.open(kind, month, now)?;
            self.append(kind, text.as_bytes())?;
            lines.drain(..count);
        }
        Ok(())
    }

    /// Removes what was kept for long enough, and the oldest files of a kind that has too many bytes.
    pub(super) fn prune(&self, now: Timestamp) -> io::Result<()> {
        let files = match list(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        for kind in [FileKind::Published, FileKind::Refused] {
            let of_kind: Vec<LogFile> = files.iter().filter(|file| file.kind == kind).copied().collect();
            self.prune_kind(kind, &of_kind, now)?;
        }
        Ok(())
    }

    fn prune_kind(&self, kind: FileKind, files: &[LogFile], now: Timestamp) -> io::Result<()> {
        let bytes = |file: &LogFile| self.path(file).metadata().map_or(0, |found| found.len());
        let mut total: u64 = files.iter().map(bytes).sum();
        // The last one is being written.
        let older = files.split_last().map_or(&[][..], |(_, older)| older);
        // Where all of it would go at once, the clock is wrong, or nothing has happened for long and nothing needs the room.
        let clock_is_right = older.iter().any(|file| !file.is_over(now));
        for file in older {
            let over = clock_is_right && file.is_over(now);
            if !over && total <= self.bounds.of(kind) {
                break;
            }
            if !over {
                tracing::warn!(
                    file = file.name(),
                    "the log has too many bytes: its oldest file goes before its time"
                );
            }
            total = total.saturating_sub(bytes(file));
            std::fs::remove_file(self.path(file))?;
        }
        Ok(())
    }

    fn path(&self, file: &LogFile) -> PathBuf {
        self.directory.join(file.name())
    }

    const fn slot(&mut self, kind: FileKind) -> &mut Option<Open> {
        match kind {
            FileKind::Published => &mut self.published,
            FileKind::Refused => &mut self.refused,
        }
    }

    /// Sees that the open file of this kind is one that the next lines belong to.
    fn open(&mut self, kind: FileKind, month: Month, now: Timestamp) -> io::Result<()> {
        let most = self.bounds.of(kind) / FILE_PART;
        if self.slot(kind).as_ref().is_none_or(Open::is_gone) {
            *self.slot(kind) = self.open_newest(kind)?;
        }
        let fits = self.slot(kind).as_ref().is_some_and(|open| open.month == month && open.bytes < most);
        if !fits {
            *self.slot(kind) = Some(self.begin(kind, month)?);
            if let Err(error) = self.prune(now) {
                tracing::warn!(%error, "old files of the log cannot be removed");
            }
        }
        Ok(())
    }

    /// The newest file of a kind, as the last run has left it.
    fn open_newest(&self, kind: FileKind) -> io::Result<Option<Open>> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let files = list(&self.directory)?;
        let Some(newest) = files.iter().rfind(|file| file.kind == kind) else { return Ok(None) };
        let mut file = OpenOptions::new().read(true).write(true).open(self.path(newest))?;
        let bytes = whole_lines(&mut file)?;
        Ok(Some(Open { file, month: newest.month, bytes }))
    }

    fn begin(&self, kind: FileKind, month: Month) -> io::Result<Open> {
        let number = list(&self.directory)?.last().map_or(1, |last| last.number.saturating_add(1));
        let path = self.path(&LogFile { number, month, kind });
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        fsync(File::open(&self.directory)?)?;
        Ok(Open { file, month, bytes: 0 })
    }

    fn append(&mut self, kind: FileKind, text: &[u8]) -> io::Result<()> {
        let Some(open) = self.slot(kind) else { return Ok(()) };
        if open.file.metadata()?.len() != open.bytes {
            open.file.set_len(open.bytes)?;
        }
        open.file.write_all_at(text, open.bytes)?;
        fdatasync(&open.file)?;
        open.bytes = open.bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Bytes up to the end of the last whole line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(end.saturating_sub(start)).read_to_end(&mut tail)?;
        if let Some(place) = tail.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start.saturating_add(u64::try_from(place).unwrap_or(0)).saturating_add(1));
        }
        end = start;
    }
    Ok(0)
}
