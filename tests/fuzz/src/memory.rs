//! What a decoder takes of the memory, measured by the allocator of every program that links this.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// For what does not depend on the input: an error's text, a map's first node.
const FIXED_BYTES: usize = 16 * 1024;

/// Runs a decoder and asserts that it never held more than `factor` bytes for each byte of the input, and `beside`.
///
/// Other threads are counted too, so that a test runs one decoder at a time. What C code allocates is not.
pub(crate) fn bounded<R>(input: &[u8], factor: usize, beside: usize, decode: impl FnOnce() -> R) -> R {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let result = decode();
    let taken = ALLOCATOR.peak_usage().saturating_sub(before);
    let most = input.len().saturating_mul(factor).saturating_add(beside).saturating_add(FIXED_BYTES);
    assert!(
        taken <= most,
        "{taken} bytes were taken for {} bytes of input, at most {most} may be",
        input.len()
    );
    result
}
