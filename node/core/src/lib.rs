//! Every decision of Pollux, without IO: documents, belief, chunks, trees and the engine.
//!
//! Nothing here opens a file or a socket, reads a clock or draws a random number: time, bytes and randomness are
//! inputs. Modules stand in layers and import downward only:
//!
//! ```text
//! engine            what to do next: join, ask, fetch, serve, publish
//! log               what seeds write down, and who may read it
//! message           what peers say to each other
//! belief            the only makers of witness types
//! tree   document   what is stored and what is signed
//! chunk             how bytes are cut, framed and checked
//! key    id   time   zone   limits   bounded   numbered
//! ```
mod belief;
mod bounded;
mod chunk;
mod document;
pub mod engine;
mod id;
mod key;
pub mod limits;
mod log;
pub mod message;
pub mod numbered;
mod time;
mod tree;
mod zone;

#[cfg(test)]
mod tests;

pub use belief::*;
pub use chunk::*;
pub use document::*;
pub use id::*;
pub use key::*;
pub use log::*;
pub use time::*;
pub use tree::*;
pub use zone::*;
