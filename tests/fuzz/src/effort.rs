//! How long a decoder works, by the processor's count: a machine that is busy with something else blames nobody.

use core::time::Duration;
use rustix::time::{ClockId, clock_gettime};

/// Whatever the input: watched, unoptimised, on a slow machine.
const FIXED: Duration = Duration::from_secs(2);
/// For each byte of the input. What takes the square of its length is found out with longer inputs.
const EACH_BYTE: Duration = Duration::from_micros(20);

/// Runs a check and asserts that it was quick for an input of so many bytes.
pub(crate) fn bounded<R>(bytes: usize, check: impl FnOnce() -> R) -> R {
    let before = worked();
    let result = check();
    let took = worked().saturating_sub(before);
    let most = FIXED + EACH_BYTE.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX));
    assert!(took <= most, "{took:?} for an input of {bytes} bytes");
    result
}

/// What this thread has had of the processor.
fn worked() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}
