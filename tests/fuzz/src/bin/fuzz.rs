//! The search: libFuzzer over the target that the environment names. `tests/fuzz/run` builds and starts it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pollux_fuzz::{TARGETS, Target};
use std::sync::OnceLock;

/// Names the target.
const VARIABLE: &str = "POLLUX_FUZZ_TARGET";

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let _read_or_refused = CHOSEN.get_or_init(chosen).check(bytes);
});

#[expect(clippy::panic, reason = "without a target there is nothing to do but to say so")]
fn chosen() -> Target {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    let names = TARGETS.map(|target| target.name).join(", ");
    Target::named(&name).unwrap_or_else(|| panic!("{VARIABLE} is one of: {names}"))
}
