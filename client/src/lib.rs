//! Pollux client library.
#![allow(missing_docs, dead_code, reason = "skeleton")]
pub mod protocol;
