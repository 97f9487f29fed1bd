//! What the benchmark says meanwhile.

use std::io::{self, Write};

/// A line; a reader that has gone away is no reason to stop before cleaning up.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// A new step.
pub(crate) fn step(text: &str) {
    say(&format!("\n==> {text}"));
}

/// Bytes as people say them.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 2] = [("GB", 1_000_000_000), ("MB", 1_000_000)];
    for (unit, one) in UNITS {
        if bytes >= one {
            let hundredths = bytes.saturating_mul(100) / one;
            return format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100);
        }
    }
    format!("{bytes} B")
}
