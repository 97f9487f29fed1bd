//! How long a job waits.

use std::time::{Duration, Instant};

/// Bounds of one restore or save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the first answer.
    pub answer: Duration,
    /// Without any progress.
    pub progress: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Deadlines {
    /// First answer within 3 s, 10 s without progress, 120 s in all: then a job is better off without its cache.
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(3),
            progress: Duration::from_secs(10),
            total: Duration::from_secs(120),
        }
    }
}

/// Deadlines with the moment from which they count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocked {
    pub(super) deadlines: Deadlines,
    began: Instant,
}

impl Clocked {
    pub(super) fn start(deadlines: Deadlines) -> Self {
        Self { deadlines, began: Instant::now() }
    }

    /// Until when the first answer is waited for.
    pub(super) fn answer(&self) -> Instant {
        self.end().min(self.began + self.deadlines.answer)
    }

    /// Until when the next sign of progress is waited for.
    pub(super) fn progress(&self) -> Instant {
        self.end().min(Instant::now() + self.deadlines.progress)
    }

    /// The end of all waiting.
    pub(super) fn end(&self) -> Instant {
        self.began + self.deadlines.total
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn over(&self) -> bool {
        self.elapsed() >= self.deadlines.total
    }
}

/// Milliseconds from now until a moment, as the protocol wants them.
pub(super) fn milliseconds_until(moment: Instant) -> u32 {
    let left = moment.saturating_duration_since(Instant::now());
    u32::try_from(left.as_millis()).unwrap_or(u32::MAX)
}

/// The node is told a deadline and is given this much longer to say that it has passed.
pub(super) const GRACE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_waited_for_past_the_end() {
        let total = Duration::from_secs(1);
        let deadlines = Deadlines { total, ..Deadlines::default() };
        let clocked = Clocked::start(deadlines);
        assert_eq!(clocked.answer(), clocked.end());
        assert_eq!(clocked.progress(), clocked.end());
        assert!(!clocked.over());
    }

    #[test]
    fn a_moment_that_has_passed_is_no_time_at_all() {
        assert_eq!(milliseconds_until(Instant::now()), 0);
    }
}
