//! What a job does through its node: restore, save, ask. No output and no flags; those are the command's.
//!
//! ```text
//! restore   ask (resolve, the tree) → fetch (chunks) → write (threads) → the directory
//! save      the directory → sink (the node) → ask (what is newest) → sign → publish
//!           or, signed elsewhere: … → what is to be signed; later: publish
//! both      deadlines, miss
//! prefetch  ask → fetch; nothing is written but by the node
//! policy    what it says of a save, before there is one
//! papers    what the pool goes by: asked for, handed to the seeds
//! yank      what a yank would take, and what is left
//! packages  the list of packages that a save recorded
//! verify    a certified manifest in a file
//! ```

mod ask;
mod deadlines;
mod fetch;
mod log;
mod miss;
mod outcome;
mod packages;
mod papers;
mod policy;
mod prefetch;
mod publish;
mod restore;
mod save;
mod sink;
#[cfg(test)]
mod tests;
mod verify;
mod write;
mod yank;

pub use ask::{
    Found, Listed, Resolution, list, listed, open_manifest, overview, resolve, status, taken_back, tree_of,
};
pub use deadlines::Deadlines;
pub use fetch::{Sources, Traffic};
pub use log::{SeedLog, read_log};
pub use miss::{Miss, NO_NODE};
pub use outcome::{Lost, SaveError, SaveOutcome, Saved, Unsigned};
pub use packages::{Contents, contents_of, file_hashes};
pub use papers::{Spread, papers, spread, used};
pub use prefetch::{PrefetchOutcome, PrefetchRequest, Prefetched, prefetch};
pub use publish::{PublishRequest, publish};
pub use restore::{Hit, RestoreOutcome, RestoreRequest, restore};
pub use save::{Ancestry, SaveRequest, Signer, save};
pub use sink::{Sent, SinkError};
pub use verify::{CERTIFIED_JSON_BYTES_MAX, NoManifest, read_certified, signed_bytes};
pub use yank::{KnownSave, Loss, Question, Survey, log_since, survey};

/// Who watches a restore or a save. Every method may be left as it is.
pub trait Observer: Send {
    /// So many bytes will be moved.
    fn total(&mut self, _bytes: u64) {}
    /// So many more were.
    fn advance(&mut self, _bytes: u64) {}
    /// A new stage begins.
    fn stage(&mut self, _stage: Stage) {}
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The node asks the seeds.
    Asking,
    /// Files are being listed.
    Scanning,
    /// Files are read, hashed and compressed.
    Packing,
    /// Chunks come in and files are written.
    Restoring,
    /// The seeds pull.
    Publishing,
    /// Chunks come into the node's store.
    Fetching,
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Observer for Unwatched {}
