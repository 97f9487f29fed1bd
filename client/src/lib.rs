//! What jobs and people run: save and restore directories through a node's socket, and make and change pools.
//!
//! ```text
//! flow        what is done through a node: restore, save, ask, yank
//! connection  a connection to the node: frames in, frames out, each wait with a deadline
//! protocol    what both say to each other, byte by byte; the node uses it too
//! disk        directories: scanned, packed, written back
//! job         what a job's caches are called: presets, keys from the surroundings
//! pool        makes and changes pools: keys, policy, root, pool file
//! grants      makes grants: keys that may sign for some minutes
//! signing     signs what an instance stated, elsewhere
//! statement   the file of what is to be signed
//! provenance  where a save comes from, as people state it
//! text_file   small files that go from one machine to another
//! credential  what a service manager hands to a service
//! key_file    secret keys in files
//! health      what is wrong with a node by its own word, and what to do
//! ends        what of a pool ends some day, and what to do before
//! printable   text from elsewhere, made safe for terminals and logs
//! redact      reports without secrets and addresses
//! random      random bytes from the kernel
//! clock       the wall clock
//! ```
//!
//! Imports run downward: `flow` uses `connection`, `protocol` and `disk`, which know nothing of each other, but that
//! `connection` speaks `protocol`. `signing` uses `statement`, and no node: it runs where there is none. Nothing here
//! prints or reads flags: that is the command's, in `cli`.

pub mod clock;
pub mod connection;
pub mod credential;
pub mod disk;
pub mod ends;
pub mod flow;
pub mod grants;
pub mod health;
pub mod job;
pub mod key_file;
pub mod pool;
pub mod printable;
pub mod protocol;
pub mod provenance;
pub mod random;
pub mod redact;
pub mod signing;
pub mod statement;
#[cfg(test)]
mod testing;
pub mod text_file;
