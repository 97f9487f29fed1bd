//! The hunt for what nobody thought of: scenarios whose faults are drawn from an rng seed, one after the other.
//!
//! Each has a time in which everything may happen, and in which safety is all that is asked. Then it heals: faults end,
//! a part of the nodes is gone for good, and those that are left, and some who come new, must get what is newest.
//!
//! ```text
//! draw      faults, publishes, yanks and liars, from an rng seed
//! shrink    the least of a scenario that still fails
//! ```

mod draw;
mod shrink;

pub use draw::draw;
pub use shrink::{Shrunk, shrink};

use crate::report::Report;

/// What is wrong with a run, so far as two runs can be said to fail in the same way; none: nothing is.
///
/// Of the first violation its words without its numbers, or what the run was ended by, or the class of what is wrong.
#[must_use]
pub fn failure(report: &Report) -> Option<String> {
    let verdict = &report.verdict;
    if verdict.ok {
        return None;
    }
    let violation = verdict
        .first_violations
        .first()
        .map(|line| line.split_once(": ").map_or(line.as_str(), |(_, what)| what));
    let class = format!("{:?}", verdict.class);
    let words = violation.or(verdict.stopped.as_deref()).unwrap_or(&class);
    let words: String = words.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    // What is distrusted has names in it that change with everything else.
    Some(words.split(['{', '(']).next().unwrap_or_default().trim().to_owned())
}
