//! Directories on disk: scanned and packed into chunks, and written back beneath a target that nobody can escape.
//!
//! ```text
//! save      scan (roots, exclude), index → pack (read → pipeline) → the caller's sink
//! restore   restore (target → staging → layout (duplicates), claims, write (parts, recent, clone) → swap, remove)
//! both      beneath, names, mounts, error
//! ```
//!
//! Nothing here knows of sockets, keys or manifests. Nothing is synced to the disk: what is restored is a copy.
mod beneath;
mod claims;
mod clone;
mod duplicates;
mod error;
mod exclude;
mod index;
mod layout;
mod mounts;
mod names;
mod pack;
mod parts;
mod place;
mod recent;
mod remove;
mod restore;
mod room;
mod roots;
mod scan;
mod staging;
mod swap;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod write;

pub use clone::Cloned;
pub use error::DiskError;
pub use exclude::Exclude;
pub use index::Shelf;
pub use pack::{ChunkSink, PackError, Packed, pack};
pub use place::Place;
pub use restore::{Repeats, Restore, RestoreOptions, Restored, TargetMode, Times};
pub use room::Room;
pub use roots::is_within;
pub use scan::{Audited, Scan, ScanOptions, Skipped};
