//! Pollux core.
#![allow(missing_docs, clippy::all, dead_code, reason = "skeleton")]
mod belief;
mod chunk;
mod document;
pub mod engine;
mod id;
mod key;
pub mod limits;
pub mod message;
mod time;
mod tree;
pub use belief::*;
pub use chunk::*;
pub use document::*;
pub use id::*;
pub use key::*;
pub use time::*;
pub use tree::*;
