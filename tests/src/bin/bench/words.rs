//! What the benchmark says meanwhile.

pub(crate) use pollux_tests::{say, step};

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
