//! A seed's log on disk: what the engine has it write down, kept for [`LOG_KEPT`] and read by whoever is in the pool.
//!
//! It lies in `log` under the store's directory (mode 0700), in files that only ever grow (mode 0600):
//!
//! ```text
//! NNNNNNNN-YYYY-MM-published.jsonl    publishes, yanks, policies
//! NNNNNNNN-YYYY-MM-refused.jsonl      refusals
//! ```
//!
//! Each line is JSON, a [`LogEntry`]; numbers grow with every file, whatever its kind. A file is followed by another one in
//! the next month (UTC), or once it is large. It goes when its month ended [`LOG_KEPT`] ago; or, the oldest first and with a
//! warning, when all of its kind have too many bytes. What members are refused has bytes of its own, so that nobody can push
//! out what was published.
//!
//! - A line is whole, or is cut away when something is written after it: a crash may leave a part of one.
//! - What was added before [`Journal::write`] is durable when that returns, unless the disk refuses; then there is a
//!   warning, lines wait in memory (up to a bound) and are tried again with the next. Nothing else waits for that.
//! - Reading takes no lock and looks at a bounded part of the log for each page.
mod files;
mod read;
#[cfg(test)]
mod tests;
mod write;

use files::FileKind;
use pollux_core::limits::LOG_KEPT;
use pollux_core::message::{LogPage, LogPlace, LogQuery};
use pollux_core::{LogEntry, Logged, Timestamp};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use write::Writer;

/// Bytes of all publishes, yanks and policies: 400 days of several thousand a day.
const PUBLISHED_BYTES_MAX: u64 = 1 << 30;
/// Bytes of all refusals: a hundred thousand of them.
const REFUSED_BYTES_MAX: u64 = 64 << 20;
/// A file is followed by another one at this part of the bytes of its kind, so that little goes at a time.
const FILE_PART: u64 = 16;
/// Bytes of lines that wait for a disk that refuses; further ones are lost.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// Bytes that the files of each kind may have.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    published: u64,
    refused: u64,
}

impl Bounds {
    const fn of(&self, kind: FileKind) -> u64 {
        match kind {
            FileKind::Published => self.published,
            FileKind::Refused => self.refused,
        }
    }
}

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    waiting: Mutex<Waiting>,
    writer: Mutex<Writer>,
}

/// A line on its way to the disk.
#[derive(Debug)]
struct Line {
    time: Timestamp,
    kind: FileKind,
    text: String,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    lost: u64,
}

impl Waiting {
    /// The newest is lost where there is no room.
    fn push(&mut self, line: Line) {
        if self.bytes.saturating_add(line.text.len()) > WAITING_BYTES_MAX {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        self.bytes = self.bytes.saturating_add(line.text.len());
        self.lines.push_back(line);
    }

    fn take(&mut self) -> (VecDeque<Line>, u64) {
        self.bytes = 0;
        (std::mem::take(&mut self.lines), std::mem::take(&mut self.lost))
    }

    /// Those that could not be written are the first again.
    fn give_back(&mut self, lines: VecDeque<Line>, lost: u64) {
        let newer = std::mem::take(self);
        self.lost = lost.saturating_add(newer.lost);
        lines.into_iter().chain(newer.lines).for_each(|line| self.push(line));
    }
}

impl Journal {
    /// The log under a store's directory. Nothing is read or made before the first [`Self::write`].
    #[must_use]
    pub fn new(store: &Path) -> Self {
        let bounds = Bounds { published: PUBLISHED_BYTES_MAX, refused: REFUSED_BYTES_MAX };
        Self::bounded(store, bounds)
    }

    fn bounded(store: &Path, bounds: Bounds) -> Self {
        let directory = store.join("log");
        let writer = Mutex::new(Writer::new(directory.clone(), bounds));
        Self { inner: Arc::new(Inner { directory, waiting: Mutex::default(), writer }) }
    }

    /// Adds a line, to be written by the next [`Self::write`]. Does not touch the disk.
    pub fn add(&self, entry: &LogEntry) {
        let Some(line) = entry.to_line() else {
            tracing::error!("a line of the log is too long");
            return;
        };
        let kind = match entry.what {
            Logged::Refused(_) | Logged::MoreRefused(_) => FileKind::Refused,
            Logged::Published(_) | Logged::Yanked(_) | Logged::Policy(_) => FileKind::Published,
        };
        let text = format!("{}\n", line.as_str());
        self.waiting().push(Line { time: entry.time, kind, text });
    }

    /// Makes durable what was added. Blocks on the disk; returns once everything that was added before this call was
    /// written, by whomever, or could not be. A disk that refuses is a warning, and the lines wait for the next call.
    pub fn write(&self) {
        let mut writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut lines, lost) = self.waiting().take();
        let written = writer.write(&mut lines);
        match written {
            Ok(()) if lost > 0 => {
                tracing::warn!(lines = lost, "lines of the log were lost: the disk refused them");
            }
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, waiting = lines.len(), "the log cannot be written; it is tried again");
                self.waiting().give_back(lines, lost);
            }
        }
    }

    /// Removes what was kept for long enough at this time. Blocks on the disk.
    pub fn prune(&self, now: Timestamp) {
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writer.prune(now) {
            tracing::warn!(%error, "old files of the log cannot be removed");
        }
    }

    /// A page: lines that answer a question, from a place on. Blocks on the disk. What cannot be read is passed over, with
    /// a warning.
    #[must_use]
    pub fn read(&self, what: &LogQuery, after: Option<LogPlace>) -> LogPage {
        read::page(&self.inner.directory, what, after.unwrap_or_default())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
