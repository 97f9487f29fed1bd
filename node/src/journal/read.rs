//! Pages.
use super::files::{FileKind, LogFile, list};
use pollux_core::LogEntry;
use pollux_core::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX, LOG_PAGE_BYTES_MAX};
use pollux_core::message::{LogKinds, LogLine, LogPage, LogPlace, LogQuery};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes that are looked through for one page at most: some tens of milliseconds of work.
pub(super) const SCAN_BYTES_MAX: u64 = 4 << 20;

/// A line's bytes, its end included, and their place.
struct Found {
    offset: u64,
    bytes: Vec<u8>,
    /// Longer than a line may be: its bytes are not here.
    too_long: bool,
}

struct Scan<'a> {
    what: &'a LogQuery,
    page: LogPage,
    page_bytes: usize,
    left: u64,
}

/// A page of the log in this directory.
pub(super) fn page(directory: &Path, what: &LogQuery, after: LogPlace) -> LogPage {
    let mut scan = Scan { what, page: LogPage::default(), page_bytes: 0, left: SCAN_BYTES_MAX };
    let files = match list(directory) {
        Ok(files) => files,
        // Nothing was written yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return scan.page,
        Err(error) => {
            tracing::warn!(%error, "the log cannot be read");
            return scan.page;
        }
    };
    for file in files.iter().filter(|file| file.number >= after.file && wanted(file, what)) {
        let offset = if file.number == after.file { after.offset } else { 0 };
        match scan.file(&directory.join(file.name()), offset) {
            Ok(None) => {}
            Ok(Some(offset)) => {
                scan.page.next = Some(LogPlace { file: file.number, offset });
                break;
            }
            // It may have been removed, being old enough.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(file = file.name(), %error, "a file of the log cannot be read"),
        }
    }
    scan.page
}

/// Whether a file may have lines that answer.
fn wanted(file: &LogFile, what: &LogQuery) -> bool {
    let kind = match file.kind {
        FileKind::Published => what.kinds == LogKinds::All,
        FileKind::Refused => what.derived_from.is_none(),
    };
    kind && what.since.is_none_or(|since| since <= file.month.end())
}

impl Scan<'_> {
    /// Looks through a file; where to go on, if the page is full or enough was looked at.
    fn file(&mut self, path: &Path, offset: u64) -> io::Result<Option<u64>> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let start = offset.min(bytes);
        file.seek(SeekFrom::Start(start))?;
        let (mut reader, mut offset) = (BufReader::new(file.take(bytes.saturating_sub(start))), start);
        loop {
            if self.left == 0 {
                return Ok(Some(offset));
            }
            let Some(found) = next_line(&mut reader, &mut offset)? else { return Ok(None) };
            self.left = self.left.saturating_sub(offset.saturating_sub(found.offset));
            if !self.take(&found) {
                return Ok(Some(found.offset));
            }
        }
    }

    /// Keeps a line that answers; false if the page is full.
    fn take(&mut self, found: &Found) -> bool {
        let text = found.bytes.strip_suffix(b"\n").and_then(|text| std::str::from_utf8(text).ok());
        let answers = |text: &&str| {
            !found.too_long && LogEntry::from_line(text).is_some_and(|entry| entry.answers(self.what))
        };
        let Some(line) = text.filter(answers).and_then(|text| LogLine::new(text.to_owned())) else {
            return true;
        };
        let bytes = self.page_bytes.saturating_add(line.as_str().len());
        if self.page.lines.len() >= LOG_LINES_MAX || bytes > LOG_PAGE_BYTES_MAX {
            return false;
        }
        self.page_bytes = bytes;
        self.page.lines.push(line);
        true
    }
}

/// The next whole line, and moves the offset behind it. None at the end, also before a line that has no end (yet).
fn next_line(reader: &mut BufReader<io::Take<File>>, offset: &mut u64) -> io::Result<Option<Found>> {
    let most = u64::try_from(LOG_LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut found = Found { offset: *offset, bytes: Vec::new(), too_long: false };
    reader.by_ref().take(most).read_until(b'\n', &mut found.bytes)?;
    let mut read = u64::try_from(found.bytes.len()).unwrap_or(u64::MAX);
    if !found.bytes.ends_with(b"\n") {
        if read < most {
            return Ok(None);
        }
        found.too_long = true;
        read = read.saturating_add(u64::try_from(reader.skip_until(b'\n')?).unwrap_or(u64::MAX));
    }
    *offset = offset.saturating_add(read);
    Ok(Some(found))
}
