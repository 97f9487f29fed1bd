//! Wall time and CPU of this process since a moment.

use super::chunks::CHUNK_BYTES;
use super::line::{Gave, Took};
use crate::BenchError;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Started when the first byte is due.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    cpu: Duration,
}

impl Meter {
    /// From now on.
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu() }
    }

    /// What giving cost.
    pub(super) fn gave(&self) -> Gave {
        Gave { cpu: self.cpu_seconds() }
    }

    /// What taking cost.
    ///
    /// # Errors
    /// Not all came.
    pub(super) fn took(&self, bytes: u64, chunks: u64) -> Result<Took, BenchError> {
        let due = chunks.saturating_mul(CHUNK_BYTES.into());
        if bytes != due {
            return Err(BenchError::step("taking", format!("{bytes} bytes came in place of {due}")));
        }
        Ok(self.took_bytes(bytes))
    }

    /// The same, whatever was due.
    pub(super) fn took_bytes(&self, bytes: u64) -> Took {
        Took { bytes, seconds: self.began.elapsed().as_secs_f64(), cpu: self.cpu_seconds() }
    }

    fn cpu_seconds(&self) -> f64 {
        cpu().saturating_sub(self.cpu).as_secs_f64()
    }
}

/// User and system time of all threads, as `getrusage` has it, to the nanosecond.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)).saturating_add(Duration::from_nanos(part(time.tv_nsec)))
}
