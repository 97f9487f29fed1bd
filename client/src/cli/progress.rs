//! Progress of long work: a bar on a terminal, a line now and then in a log.

use super::output::count;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pollux_client::flow::{Observer, Stage};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two lines of a log.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows progress on standard error.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    log: Box<dyn Write + Send>,
    line_interval: Duration,
    last_line: Instant,
    stage: Stage,
    done: u64,
    total: u64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(style(Stage::Asking));
            bar
        });
        Self { bar, ..Self::in_log(Box::new(io::stderr()), LINE_INTERVAL) }
    }

    /// Nothing but a bar: for work beside a command whose own lines fill the log.
    pub(crate) fn at_terminal() -> Self {
        Self { log: Box::new(io::sink()), ..Self::new() }
    }

    fn in_log(log: Box<dyn Write + Send>, line_interval: Duration) -> Self {
        let (stage, last_line) = (Stage::Asking, Instant::now());
        Self { bar: None, log, line_interval, last_line, stage, done: 0, total: 0 }
    }

    /// Takes the bar away, so that the summary stands alone.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&mut self, text: &str) {
        self.last_line = Instant::now();
        // A log that is gone needs no lines.
        drop(writeln!(self.log, "pollux: {}{text}", name(self.stage)));
    }

    fn line_of_progress(&mut self) {
        let text = match self.stage {
            Stage::Publishing => format!(": {} of {}", self.done, count(self.total, "chunk")),
            Stage::Asking | Stage::Scanning | Stage::Packing | Stage::Restoring | Stage::Fetching => {
                format!(": {} of {}", HumanBytes(self.done), HumanBytes(self.total))
            }
        };
        self.line(&text);
    }
}

const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Asking => "asking",
        Stage::Scanning => "listing",
        Stage::Packing => "packing",
        Stage::Restoring => "restoring",
        Stage::Publishing => "publishing",
        Stage::Fetching => "fetching",
    }
}

fn style(stage: Stage) -> ProgressStyle {
    let template = match stage {
        Stage::Asking | Stage::Scanning => "{msg} {spinner}",
        Stage::Packing | Stage::Restoring | Stage::Fetching => {
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}"
        }
        Stage::Publishing => "{msg} {wide_bar} {pos}/{len} chunks {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Observer for Progress {
    fn total(&mut self, bytes: u64) {
        self.total = bytes;
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.last_line.elapsed() >= self.line_interval => self.line_of_progress(),
            None => {}
        }
    }

    fn stage(&mut self, stage: Stage) {
        (self.stage, self.done, self.total) = (stage, 0, 0);
        if let Some(bar) = &self.bar {
            bar.set_style(style(stage));
            bar.set_message(name(stage));
            bar.set_position(0);
        } else {
            self.line("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(line_interval: Duration) -> String {
        let log = Log::default();
        let mut progress = Progress::in_log(Box::new(log.clone()), line_interval);
        progress.stage(Stage::Asking);
        progress.stage(Stage::Restoring);
        progress.total(2048);
        progress.advance(1024);
        progress.advance(1024);
        progress.stage(Stage::Publishing);
        progress.total(3);
        progress.advance(1);
        progress.end();
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_log_has_a_line_for_each_stage_and_no_more_in_a_short_time() {
        let lines = told(Duration::from_secs(3600));
        assert_eq!(lines, "pollux: asking\npollux: restoring\npollux: publishing\n");
    }

    #[test]
    fn a_stage_that_takes_long_says_how_far_it_is() {
        let lines = told(Duration::ZERO);
        assert!(lines.contains("pollux: restoring: 1.00 KiB of 2.00 KiB\n"), "{lines}");
        assert!(lines.contains("pollux: restoring: 2.00 KiB of 2.00 KiB\n"), "{lines}");
        assert!(lines.ends_with("pollux: publishing: 1 of 3 chunks\n"), "{lines}");
    }
}
