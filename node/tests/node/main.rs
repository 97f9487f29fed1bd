//! Whole nodes, in this process and as the program: how they start, how they refuse to, and what jobs may do to them.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod check;
mod ground;
mod jobs;
mod marker;
mod program;
mod start;
