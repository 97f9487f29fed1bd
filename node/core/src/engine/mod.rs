//! The engine.
mod io;
mod transfer;
pub use io::*;
