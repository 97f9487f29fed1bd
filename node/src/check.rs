//! `pollux-node check`: what an operator runs on a store that no node has open, and what it prints.

use crate::clock::Clock;
use crate::config::Settings;
use crate::run::{StartError, check_owner, store_error};
use crate::store::{self, CheckMode, CheckProgress, CheckReport};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a terminal's line changes.
const TERMINAL_EVERY: Duration = Duration::from_millis(200);
/// How often there is a line elsewhere.
const LINE_EVERY: Duration = Duration::from_secs(5);
const MEGABYTE: u64 = 1_000_000;

/// Checks the store that the settings name; says on standard error how far it is.
///
/// # Errors
/// A store that is in use, not there, of another format, or whose records cannot be opened; what the disk says.
pub fn run(settings: &Settings, clock: Clock, mode: CheckMode) -> Result<CheckReport, StartError> {
    if mode == CheckMode::Repair {
        check_owner(&settings.store)?;
    }
    let mut meter = Meter::new();
    let report = store::check(&settings.store, mode, clock.wall(), &mut |progress| meter.tell(progress));
    meter.end();
    report.map_err(|error| store_error(settings, error))
}

/// What to do about a store that is not sound.
#[must_use]
pub const fn advice(report: &CheckReport, mode: CheckMode) -> &'static str {
    if report.faults > report.repaired {
        return match mode {
            CheckMode::Look => {
                "`pollux-node check --repair` quarantines damaged records and writes footers anew; look after the disk"
            }
            CheckMode::Repair => {
                "a segment of which nothing can be read stays: a node goes on without it, and it may be deleted"
            }
        };
    }
    if report.incomplete > 0 {
        return "start it: what is missing is fetched again";
    }
    "the records hold manifests that cannot be read: a node goes on without them"
}

/// Writes the report for people.
///
/// # Errors
/// What the writer says.
pub fn print(out: &mut impl Write, store: &Path, report: &CheckReport) -> io::Result<()> {
    writeln!(out, "{}: {}", store.display(), verdict(report))?;
    writeln!(out, "  segments   {} ({} bytes)", report.segments, report.bytes)?;
    writeln!(out, "  chunks     {} whole, in {} records", report.chunks, report.records)?;
    let needed = report.manifests.saturating_sub(report.not_needed);
    writeln!(out, "  manifests  {} certified, {needed} needed", report.manifests)?;
    if report.quarantined > 0 {
        writeln!(out, "  passed over: {} damaged records that were quarantined before", report.quarantined)?;
    }
    if report.torn_bytes > 0 {
        let torn = report.torn_bytes;
        writeln!(
            out,
            "  {torn} bytes behind the last record, as after a crash: the next start cuts them off"
        )?;
    }
    print_faults(out, report)?;
    print_incomplete(out, report)
}

/// In a few words.
fn verdict(report: &CheckReport) -> &'static str {
    if report.faults == 0 && report.sound {
        return "sound";
    }
    match (report.sound, report.faults > report.repaired) {
        (true, _) => "repaired",
        (false, true) => "something is wrong",
        (false, false) => "something is missing",
    }
}

fn print_faults(out: &mut impl Write, report: &CheckReport) -> io::Result<()> {
    for fault in &report.listed_faults {
        write!(out, "  segment {:08} at {}: {}", fault.segment, fault.offset, fault.what)?;
        if let Some(chunk) = fault.chunk {
            write!(out, ", chunk {chunk}")?;
        }
        writeln!(out, "{}", if fault.repaired { " (repaired)" } else { "" })?;
    }
    print_more(out, report.faults, report.listed_faults.len())
}

fn print_incomplete(out: &mut impl Write, report: &CheckReport) -> io::Result<()> {
    if report.unreadable_manifests > 0 {
        writeln!(out, "  {} manifests in the records cannot be read", report.unreadable_manifests)?;
    }
    for one in &report.listed_incomplete {
        writeln!(out, "  {} sequence {}: {} (manifest {})", one.key, one.sequence, one.lacks, one.manifest)?;
    }
    print_more(out, report.incomplete, report.listed_incomplete.len())?;
    if report.incomplete > 0 {
        let words = "a node fetches them again when a job asks for them, a seed gets them back from members and other seeds \
                     that have them: start it";
        writeln!(out, "  missing chunks: {words}")?;
    }
    Ok(())
}

fn print_more(out: &mut impl Write, all: u64, listed: usize) -> io::Result<()> {
    match all.saturating_sub(u64::try_from(listed).unwrap_or(u64::MAX)) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

/// Tells people how far it is: one line that changes on a terminal, a line now and then elsewhere.
#[derive(Debug)]
struct Meter {
    terminal: bool,
    told: Instant,
    shown: bool,
}

impl Meter {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), told: Instant::now(), shown: false }
    }

    fn tell(&mut self, progress: CheckProgress) {
        let every = if self.terminal { TERMINAL_EVERY } else { LINE_EVERY };
        if self.told.elapsed() < every {
            return;
        }
        self.told = Instant::now();
        self.shown = true;
        let text = words(progress);
        self.write(&if self.terminal { format!("\r\x1b[K{text}") } else { format!("{text}\n") });
    }

    /// Leaves nothing on a terminal's line.
    fn end(&self) {
        if self.terminal && self.shown {
            self.write("\r\x1b[K");
        }
    }

    fn write(&self, text: &str) {
        // Nobody reads it then.
        io::stderr().write_all(text.as_bytes()).unwrap_or_default();
    }
}

fn words(progress: CheckProgress) -> String {
    let CheckProgress { bytes, bytes_total, manifests } = progress;
    if manifests > 0 {
        return format!("looked for the chunks of {manifests} manifests");
    }
    format!("checked {} of {} MB", bytes / MEGABYTE, bytes_total / MEGABYTE)
}

#[cfg(test)]
mod tests;
