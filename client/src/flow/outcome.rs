//! How a save or a publish ends, well or not.

use super::deadlines::Clocked;
use super::sink::{Sent, SinkError};
use crate::connection::ConnectionError;
use crate::disk::{DiskError, PackError, Skipped};
use crate::protocol::{PublishEnd, PutFailure};
use pollux_core::engine::MissReason;
use pollux_core::{DocumentError, Manifest, ManifestId};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What was saved.
#[derive(Debug)]
pub struct Saved {
    /// The manifest's name.
    pub id: ManifestId,
    /// What it says.
    pub manifest: Manifest,
    /// Receipts that it has.
    pub receipts: usize,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// What the node lacked.
    pub sent: Sent,
    /// How long it took.
    pub elapsed: Duration,
}

/// Another save of this key was faster; it stands, and this one is not published.
#[derive(Debug)]
pub struct Lost {
    /// The name of the manifest that stands.
    pub id: ManifestId,
    /// What it says.
    pub manifest: Manifest,
    /// What was left out of the directory.
    pub skipped: Vec<Skipped>,
}

/// What is to be signed elsewhere; the node holds its chunks, for a while.
#[derive(Debug)]
pub struct Unsigned {
    /// The manifest that nobody has signed.
    pub manifest: Manifest,
    /// What was left out of the directory.
    pub skipped: Vec<Skipped>,
    /// What the node lacked.
    pub sent: Sent,
    /// How long it took.
    pub elapsed: Duration,
}

/// How a save ends well.
#[derive(Debug)]
pub enum SaveOutcome {
    /// It counts.
    Saved(Box<Saved>),
    /// The newest save of this key has the same tree, and much of its life before it.
    Unchanged(Box<Saved>),
    /// Another one was faster.
    LostRace(Box<Lost>),
    /// It waits for its signature.
    Unsigned(Box<Unsigned>),
}

/// How a save fails.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// What the manifest would say breaks a rule; nothing was done yet.
    #[error("the manifest would not be believed: {0}")]
    Statement(#[from] DocumentError),
    /// The directory.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file that would not hold still.
    #[error("{} keeps changing while it is saved", .0.display())]
    Changing(PathBuf),
    /// The node cannot be reached or used.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The node does not take chunks.
    #[error("{0}")]
    Put(PutFailure),
    /// The seeds are needed and silent.
    #[error("the seeds cannot be asked: {0}")]
    NoSeeds(MissReason),
    /// The time for all of it is over.
    #[error("the save was not done within the time allowed")]
    TooSlow,
    /// The seeds vote for other saves of this key, none of which counts yet.
    #[error("other saves of this key are under way, and none of them counts yet")]
    Contended,
    /// Seeds voted for another save at the sequence that is signed; that one does not count yet.
    #[error(
        "the sequence {sequence} in this manifest is taken by another save, which does not count yet; \
         the signature covers it, so it cannot be tried again above"
    )]
    Outvoted {
        /// What was signed.
        sequence: u64,
    },
    /// The manifest is another pool's.
    #[error("the manifest is of the pool `{manifest}`, and the node of `{node}`")]
    OtherPool {
        /// The manifest's pool.
        manifest: String,
        /// The node's pool.
        node: String,
    },
    /// The seeds or the node refuse.
    #[error("{0}")]
    Publish(PublishEnd),
}

impl From<SinkError> for SaveError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Connection(error) => error.into(),
            SinkError::Put(why) => Self::Put(why),
        }
    }
}

impl From<PackError<SinkError>> for SaveError {
    fn from(error: PackError<SinkError>) -> Self {
        match error {
            PackError::Disk(error) => error.into(),
            PackError::Changing(path) => Self::Changing(path),
            PackError::Sink(error) => error.into(),
        }
    }
}

/// Why it really failed: a connection that breaks after a signal, or at the end of the time, is only how it shows.
pub(super) fn reason(error: SaveError, clocked: Clocked, interrupted: &AtomicBool) -> SaveError {
    if interrupted.load(Ordering::Relaxed) {
        return ConnectionError::Interrupted.into();
    }
    let timed_out = matches!(error, SaveError::Connection(ConnectionError::TimedOut));
    if timed_out && clocked.over() { SaveError::TooSlow } else { error }
}
