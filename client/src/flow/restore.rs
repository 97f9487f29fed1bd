//! Restore: the newest trusted cache for a key, in a directory.
//!
//! Every wait for the node has a deadline: the first answer, the next sign of progress, the end of it all. What the disk
//! does cannot be cut short; between two chunks the clock and the interruption are looked at.

use super::ask::{Found, fetch_tree, find, reach};
use super::deadlines::Clocked;
use super::fetch::{Fetcher, Sources};
use super::policy::policy;
use super::write::{Stop, Watched, write_all};
use super::{Deadlines, Miss, Observer, Stage};
use crate::connection::Connection;
use crate::disk::{Restore, RestoreOptions, Restored};
use pollux_core::{Fallback, Key};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What to restore, and how.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The node's socket.
    pub socket: PathBuf,
    /// The key.
    pub key: Key,
    /// What will do instead, best first.
    pub fallbacks: Vec<Fallback>,
    /// The directory to restore into.
    pub base: PathBuf,
    /// How to write it, and what to do with what is there already.
    pub options: RestoreOptions,
    /// The job will save again what it makes of it: where that would be one generation too many, it is a miss.
    pub for_save: bool,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Threads that decode, hash and write: 1 or more.
    pub threads: usize,
    /// Once true, the restore ends and leaves the target as it was.
    pub interrupted: Arc<AtomicBool>,
}

/// What was restored.
#[derive(Debug)]
pub struct Hit {
    /// The manifest.
    pub found: Found,
    /// What was written.
    pub restored: Restored,
    /// What came from where.
    pub sources: Sources,
    /// How long it took.
    pub elapsed: Duration,
}

/// How a restore ends.
#[derive(Debug)]
pub enum RestoreOutcome {
    /// With the cache in its directory.
    Hit(Box<Hit>),
    /// Without one; the directory is as it was.
    Miss(Miss),
    /// The caller's flag ended it; the directory is as it was.
    Interrupted,
}

/// Restores. Never fails: what goes wrong is a miss.
pub fn restore(request: &RestoreRequest, observer: &mut dyn Observer) -> RestoreOutcome {
    match try_restore(request, observer) {
        Ok(hit) => RestoreOutcome::Hit(Box::new(hit)),
        Err(_) if request.interrupted.load(Ordering::Relaxed) => RestoreOutcome::Interrupted,
        Err(miss) => RestoreOutcome::Miss(miss),
    }
}

fn try_restore(request: &RestoreRequest, observer: &mut dyn Observer) -> Result<Hit, Miss> {
    let clocked = Clocked::start(request.deadlines);
    let connection = reach(&request.socket, request.deadlines, &request.interrupted, &clocked)?;
    observer.stage(Stage::Asking);
    let found = find(&connection, &request.key, &request.fallbacks, clocked.answer())?;
    if request.for_save {
        leave_room(&connection, &found, clocked)?;
    }
    let mut sources = Sources::default();
    observer.stage(Stage::Restoring);
    observer.total(found.manifest.tree.totals.bytes);
    let tree = fetch_tree(&connection, &clocked, (found.id, &found.manifest), &mut sources)?;
    let restore =
        Restore::begin(&request.base, tree, request.options).map_err(|error| Miss::of_disk(&error))?;
    let wanted = restore.wanted();
    let fetcher = Fetcher::new(&connection, &clocked, found.id, &wanted);
    let watched = Watched { observer, sources: &mut sources };
    let stop = Stop::new(clocked, &request.interrupted);
    write_all(&restore, fetcher, watched, &stop, request.threads)?;
    // The last moment to turn back: what follows makes the tree visible.
    stop.check()?;
    let restored = restore.finish().map_err(|error| Miss::of_disk(&error))?;
    Ok(Hit { found, restored, sources, elapsed: clocked.elapsed() })
}

/// One more generation must be allowed by the policy that the node goes by. A node of an older release does not tell:
/// then the seeds refuse the save.
fn leave_room(connection: &Connection, found: &Found, clocked: Clocked) -> Result<(), Miss> {
    let patience = clocked.answer().saturating_duration_since(Instant::now());
    let policy = policy(connection, patience)?;
    let (generation, most) =
        (found.manifest.generation, policy.map_or(u32::MAX, |policy| policy.generations_max));
    if generation < most { Ok(()) } else { Err(Miss::GenerationBound { generation, most }) }
}
