//! The only place that reads clocks.

use pollux_core::{Instant, Now, Timestamp};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Both clocks of this machine. The wall clock can be shifted, so that tests may see what a wrong one does.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    wall_shift_seconds: i64,
}

impl Clock {
    /// The machine's clocks, the wall clock moved by so many seconds (0: as it is).
    #[must_use]
    pub fn new(wall_shift_seconds: i64) -> Self {
        Self { origin: std::time::Instant::now(), wall_shift_seconds }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Now {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now { instant: Instant::from_micros(micros), wall: self.wall() }
    }

    /// The wall clock.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let shift = Duration::from_secs(self.wall_shift_seconds.unsigned_abs());
        let shift = u64::try_from(shift.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(if self.wall_shift_seconds < 0 {
            millis.saturating_sub(shift)
        } else {
            millis.saturating_add(shift)
        })
    }

    /// How long to wait for a moment; `None` where it never comes.
    #[must_use]
    pub fn until(&self, moment: Instant) -> Option<Duration> {
        (moment != Instant::NEVER).then(|| moment.since(self.now().instant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_can_be_shifted_and_the_other_goes_on() {
        let plain = Clock::new(0).wall().as_millis();
        assert!(Clock::new(3600).wall().as_millis() >= plain + 3_600_000);
        assert!(Clock::new(-3600).wall().as_millis() < plain - 3_500_000);
        let clock = Clock::new(-3600);
        assert!(clock.now().instant <= clock.now().instant);
    }

    #[test]
    fn a_moment_that_never_comes_is_not_waited_for() {
        let clock = Clock::new(0);
        assert_eq!(clock.until(Instant::NEVER), None);
        assert_eq!(clock.until(Instant::ZERO), Some(Duration::ZERO));
    }
}
