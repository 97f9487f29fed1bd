//! What packages a package manager's cache holds, and whether they are what they should be.
//!
//! A cache is read as its program lays it out; nothing of the program is run, and nothing in the cache is believed: every
//! file is read within bounds, no symlink is followed, and what is not understood is said. Knows no pool, key, node or chunk.
//!
//! ```text
//! audit      reads caches, hashes what they hold, compares with what metadata and lock files declare
//! wanted     what lock files want, and how much of it is here
//! list       what a save records: the packages, as JSON; compare two lists
//! cyclonedx  the same for other tools
//! layout     how each program lays out its cache: a file each
//! lock       lock files: what they name, with digests; a file each
//! program    the programs, by name
//! reading    what a layout's reader finds
//! javascript what npm, Yarn and pnpm share: names, addresses, integrity
//! python     what pip and uv share: names, versions, what archives say of themselves
//! files      the files below a directory, bounded
//! effort     what reading them may take, and until when
//! digest     digests as metadata writes them
//! purl       names of packages (Package URL)
//! strict_zip zip archives of which there is one reading
//! words      what may be said of foreign text
//! ```
//!
//! Imports run downward.

pub mod audit;
pub mod cyclonedx;
pub mod digest;
pub mod effort;
pub mod files;
mod javascript;
mod layout;
pub mod list;
pub mod lock;
pub mod program;
pub mod purl;
mod python;
pub mod reading;
mod strict_zip;
mod wanted;
mod words;

pub use program::Program;
