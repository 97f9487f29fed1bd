//! Priorities of lines, where standard error is the journal of systemd.
//!
//! It takes a line for information unless the line begins with its priority as `<N>`, of which `journalctl -p` and whoever
//! alerts know nothing else. Every line has one of its own: so no text from elsewhere brings one along in a line of its own.
//! Elsewhere, as at a terminal or in a pipe, nothing is prefixed.

use rustix::fs::fstat;
use std::ffi::OsStr;
use std::io::{self, Stderr, Write};
use std::os::fd::AsFd;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Set by systemd to `DEVICE:INODE` of the stream that it connected to the journal.
const STREAM: &str = "JOURNAL_STREAM";
/// What the node ends for.
const ERROR: &str = "<3>";

/// Says why this program ends, on standard error: `text` may have several lines. Where standard error is gone, nothing is said.
pub fn complain(text: &str) {
    let prefix = is_journal().then_some(ERROR);
    let text = if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    // Nothing better can be done.
    Line { out: io::stderr(), prefix }.write_all(text.as_bytes()).unwrap_or_default();
}

/// Whether standard error goes to the journal. A program in between may have put its own there, and left the variable.
#[must_use]
pub fn is_journal() -> bool {
    std::env::var_os(STREAM).is_some_and(|stream| is_stream(io::stderr(), &stream))
}

fn is_stream(file: impl AsFd, stream: &OsStr) -> bool {
    fstat(file).is_ok_and(|stat| *stream == *format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Standard error, with priorities where it is the journal.
#[derive(Debug)]
pub(super) struct Lines {
    journal: bool,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self { journal: is_journal() }
    }

    fn line(&self, level: Level) -> Line<Stderr> {
        Line { out: io::stderr(), prefix: self.journal.then(|| prefix(level)) }
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Line<Stderr>;

    fn make_writer(&self) -> Self::Writer {
        self.line(Level::INFO)
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Self::Writer {
        self.line(*event.level())
    }
}

fn prefix(level: Level) -> &'static str {
    match level {
        Level::ERROR => ERROR,
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

/// Takes whole lines: what is written at once ends with its line.
#[derive(Debug)]
pub(super) struct Line<W> {
    out: W,
    prefix: Option<&'static str>,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let Some(prefix) = self.prefix else { return self.out.write(text) };
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let whole: Vec<u8> = lines.flat_map(|line| prefix.as_bytes().iter().chain(line)).copied().collect();
        // At once, so that the lines of threads do not mix.
        self.out.write_all(&whole)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn written(prefix: Option<&'static str>, text: &str) -> String {
        let mut line = Line { out: Vec::new(), prefix };
        line.write_all(text.as_bytes()).unwrap();
        String::from_utf8(line.out).unwrap()
    }

    #[test]
    fn every_line_has_the_priority_and_elsewhere_none_has() {
        assert_eq!(written(Some("<4>"), "odd peer=\n<0>x\n"), "<4>odd peer=\n<4><0>x\n");
        assert_eq!(written(Some("<3>"), ""), "");
        assert_eq!(written(None, "odd\nx\n"), "odd\nx\n");
    }

    #[test]
    fn levels_are_what_syslog_calls_them() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        assert_eq!(levels.map(prefix), ["<3>", "<4>", "<6>", "<7>", "<7>"]);
        let lines = |journal| Lines { journal };
        assert_eq!(lines(true).line(Level::WARN).prefix, Some("<4>"));
        assert_eq!(lines(false).line(Level::WARN).prefix, None);
        assert_eq!(lines(true).make_writer().prefix, Some("<6>"));
    }

    #[test]
    fn the_journal_is_that_stream_and_no_other() {
        let (file, other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let stat = file.metadata().unwrap();
        let stream = format!("{}:{}", stat.dev(), stat.ino());
        assert!(is_stream(&file, OsStr::new(&stream)));
        assert!(!is_stream(&other, OsStr::new(&stream)), "another file of the same device");
        for wrong in ["", ":", "8", &format!("{stream}0"), &format!("1{stream}")] {
            assert!(!is_stream(&file, OsStr::new(wrong)), "{wrong}");
        }
    }
}
