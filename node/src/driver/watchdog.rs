//! Tells the service manager that the driver still turns, so that a node whose driver hangs is started again.

use pollux_core::Instant;
use std::time::Duration;

/// So often within the time after which the service manager would give up: one that is late by as much again is still in time.
const PER_PERIOD: u32 = 3;

/// When to tell it next; never, where nobody waits for it.
#[derive(Debug)]
pub(super) struct Watchdog {
    interval: Option<Duration>,
    next: Instant,
}

impl Watchdog {
    /// As the service manager asked for, if one started this process and watches it.
    pub(super) fn new(now: Instant) -> Self {
        Self::every(sd_notify::watchdog_enabled().filter(|period| !period.is_zero()), now)
    }

    fn every(period: Option<Duration>, now: Instant) -> Self {
        Self { interval: period.map(|period| period / PER_PERIOD), next: now }
    }

    /// How long nothing needs to be told.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.interval.map(|_| self.next.since(now))
    }

    /// Tells it where it is time to. Each turn of the driver ends here.
    pub(super) fn turn(&mut self, now: Instant) {
        if self.is_due(now)
            && let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog])
        {
            tracing::debug!(%error, "the service manager was not told");
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let Some(interval) = self.interval.filter(|_| now >= self.next) else { return false };
        self.next = now.after(interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_where_nobody_waits() {
        let now = Instant::from_micros(7);
        let mut watchdog = Watchdog::every(None, now);
        assert_eq!((watchdog.wait(now), watchdog.is_due(now)), (None, false));
    }

    #[test]
    fn it_is_told_at_once_and_thrice_in_each_period() {
        let now = Instant::from_micros(7);
        let mut watchdog = Watchdog::every(Some(Duration::from_secs(30)), now);
        assert_eq!(watchdog.wait(now), Some(Duration::ZERO));
        let told =
            (0..300).filter(|tenth| watchdog.is_due(now.after(Duration::from_millis(tenth * 100)))).count();
        assert_eq!(told, 3);
        assert_eq!(watchdog.wait(now.after(Duration::from_secs(25))), Some(Duration::from_secs(5)));
    }
}
