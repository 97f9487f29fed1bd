//! Save: a directory under a key, signed here, durable at the seeds before it returns.
//!
//! What can be refused without any work is refused before any: first what the statement would say, then the directory,
//! then whether the seeds answer. Only then files are read.

use super::ask::{Found, Resolution, open_manifest, resolve};
use super::deadlines::{Clocked, GRACE, milliseconds_until};
use super::sink::{NodeSink, Sent, SinkError};
use super::{Deadlines, Observer, Stage};
use crate::clock::now;
use crate::connection::{Connection, ConnectionError};
use crate::disk::{DiskError, PackError, Packed, Scan, ScanOptions, Skipped, pack};
use crate::protocol::{PublishEnd, Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::limits::ANCESTORS_MAX;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Document, DocumentError, Envelope, Key, KeyPair, Manifest,
    ManifestId, Provenance, TreeRef, TreeTotals,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A vote that was split, or cut short by a crash, blocks its sequence for ever: so the next ones are tried.
const TRIES_MAX: u32 = 4;

/// Between two questions while only peers answer.
const RELAYED_PAUSE: Duration = Duration::from_millis(250);

/// What to save, and how.
#[derive(Debug)]
pub struct SaveRequest {
    /// The node's socket.
    pub socket: PathBuf,
    /// The key.
    pub key: Key,
    /// Which files.
    pub scan: ScanOptions,
    /// Signs the manifest; never leaves this process.
    pub signer: KeyPair,
    /// Where the save comes from.
    pub provenance: Provenance,
    /// What the directory was restored from, if it was.
    pub ancestry: Option<Ancestry>,
    /// How long the manifest is good for.
    pub life: Duration,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Once true, the save ends.
    pub interrupted: Arc<AtomicBool>,
}

/// The manifest that a directory was restored from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestry {
    /// Its name.
    pub id: ManifestId,
    /// Its own ancestors.
    pub ancestors: Vec<ManifestId>,
    /// Its generation.
    pub generation: u32,
    /// Its tree.
    pub tree: TreeRef,
}

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

/// How a save ends well.
#[derive(Debug)]
pub enum SaveOutcome {
    /// It counts.
    Saved(Box<Saved>),
    /// The newest save of this key has the same tree, and much of its life before it.
    Unchanged(Box<Saved>),
    /// Another one was faster.
    LostRace(Box<Lost>),
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
    Put(crate::protocol::PutFailure),
    /// The seeds are needed and silent.
    #[error("the seeds cannot be asked: {0}")]
    NoSeeds(MissReason),
    /// The time for all of it is over.
    #[error("the save was not done within the time allowed")]
    TooSlow,
    /// The seeds vote for other saves of this key, none of which counts yet.
    #[error("other saves of this key are under way, and none of them counts yet")]
    Contended,
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

/// Saves.
///
/// # Errors
/// Whatever keeps the save from being durable at the seeds; nothing is published then.
pub fn save(request: &SaveRequest, observer: &mut dyn Observer) -> Result<SaveOutcome, SaveError> {
    let clocked = Clocked::start(request.deadlines);
    try_save(request, clocked, observer).map_err(|error| {
        if request.interrupted.load(Ordering::Relaxed) {
            return ConnectionError::Interrupted.into();
        }
        let timed_out = matches!(error, SaveError::Connection(ConnectionError::TimedOut));
        if timed_out && clocked.over() { SaveError::TooSlow } else { error }
    })
}

fn try_save(
    request: &SaveRequest,
    clocked: Clocked,
    observer: &mut dyn Observer,
) -> Result<SaveOutcome, SaveError> {
    statement(request, "pool", stand_in(), 1).check()?;
    observer.stage(Stage::Scanning);
    let scan = Scan::new(&request.scan)?;
    let interrupted = Arc::clone(&request.interrupted);
    let mut connection = Connection::open(&request.socket, request.deadlines.answer, interrupted)?;
    connection.bound_writes(request.deadlines.progress, clocked.end());
    observer.stage(Stage::Asking);
    let newest = newest(&connection, request)?;
    let (packed, sent) = hand_in(&connection, &scan, clocked, observer)?;
    let skipped = || scan.skipped().to_vec();
    let done = |id, manifest, receipts| {
        Box::new(Saved { id, manifest, receipts, skipped: skipped(), sent, elapsed: clocked.elapsed() })
    };
    if let Some(same) = newest.as_deref().filter(|found| is_current(found, &packed)) {
        let receipts = same.certified.receipts.len();
        return Ok(SaveOutcome::Unchanged(done(same.id, same.manifest.clone(), receipts)));
    }
    observer.stage(Stage::Publishing);
    let sequence = newest.map_or(1, |found| found.manifest.sequence.saturating_add(1));
    let manifest = statement(request, connection.pool(), packed.tree_ref, sequence);
    match publish(&connection, (request, clocked), manifest, observer)? {
        Published::Certified(certified, manifest) => {
            Ok(SaveOutcome::Saved(done(certified.manifest.id(), *manifest, certified.receipts.len())))
        }
        Published::LostRace(standing) => {
            let (id, manifest) = open_manifest(&standing).ok_or(ConnectionError::OutOfTurn)?;
            Ok(SaveOutcome::LostRace(Box::new(Lost { id, manifest, skipped: skipped() })))
        }
    }
}

/// Packs the directory into the node, and waits until it is durable there.
fn hand_in(
    connection: &Connection,
    scan: &Scan,
    clocked: Clocked,
    observer: &mut dyn Observer,
) -> Result<(Packed, Sent), SaveError> {
    observer.stage(Stage::Packing);
    observer.total(scan.bytes());
    let sink = NodeSink { connection, observer: Mutex::new(observer), clocked, sent: Mutex::default() };
    let packed = pack(scan, &sink)?;
    sink.flush()?;
    Ok((packed, sink.sent.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// The newest certified manifest of exactly this key.
fn newest(connection: &Connection, request: &SaveRequest) -> Result<Option<Box<Found>>, SaveError> {
    // Listing a large directory takes longer than the seeds may.
    let until = Clocked::start(request.deadlines).answer();
    loop {
        match resolve(connection, &request.key, &[], until)? {
            // The word of peers will do for a reader; a seed that is coming back must be waited for.
            Resolution::Found(found) if found.relayed && Instant::now() + RELAYED_PAUSE < until => {
                std::thread::sleep(RELAYED_PAUSE);
            }
            Resolution::Found(found) if found.relayed => {
                return Err(SaveError::NoSeeds(MissReason::SeedsSilent));
            }
            Resolution::Found(found) => return Ok(Some(found)),
            Resolution::Miss(MissReason::NothingSaved) => return Ok(None),
            Resolution::Miss(reason) => return Err(SaveError::NoSeeds(reason)),
        }
    }
}

/// The same tree is not published again, unless more than half of its life is over.
fn is_current(found: &Found, packed: &Packed) -> bool {
    let Manifest { created, expires, .. } = found.manifest;
    let half = expires.since(created) / 2;
    found.manifest.tree == packed.tree_ref && now() < created.after(half)
}

fn statement(request: &SaveRequest, pool: &str, tree: TreeRef, sequence: u64) -> Manifest {
    let created = now();
    let (ancestors, generation) = descent(request.ancestry.as_ref(), &tree);
    Manifest {
        pool: pool.to_owned(),
        key: request.key.clone(),
        sequence,
        created,
        expires: created.after(request.life),
        tree,
        ancestors,
        generation,
        provenance: request.provenance.clone(),
        packages: None,
        grant: None,
    }
}

/// Any tree: what else a statement says can be checked before the real one is known.
fn stand_in() -> TreeRef {
    let chunks = vec![ChunkRef { id: ChunkId::of(&[]), bytes: 1 }];
    TreeRef { chunks, totals: TreeTotals::default(), roots: vec![String::new()] }
}

/// The ancestors and the generation of a tree: a tree made from nothing is generation 1, and a generation is counted
/// only where the tree changed.
fn descent(ancestry: Option<&Ancestry>, tree: &TreeRef) -> (Vec<ManifestId>, u32) {
    let Some(from) = ancestry else { return (Vec::new(), 1) };
    let changed = u32::from(from.tree != *tree);
    let mut ancestors = vec![from.id];
    ancestors.extend(from.ancestors.iter().filter(|id| **id != from.id));
    ancestors.truncate(ANCESTORS_MAX);
    (ancestors, from.generation.saturating_add(changed))
}

enum Published {
    Certified(Box<CertifiedEnvelope>, Box<Manifest>),
    LostRace(Box<CertifiedEnvelope>),
}

/// A lost race against a save that counts is the end; against a vote without one, the next sequence is tried.
fn publish(
    connection: &Connection,
    (request, clocked): (&SaveRequest, Clocked),
    mut manifest: Manifest,
    observer: &mut dyn Observer,
) -> Result<Published, SaveError> {
    for _ in 0..TRIES_MAX {
        manifest.check()?;
        if clocked.over() {
            return Err(SaveError::TooSlow);
        }
        let envelope = Envelope::sign(&manifest, &request.signer);
        match publish_once(connection, envelope, clocked, observer)? {
            Ok(certified) => return Ok(Published::Certified(certified, Box::new(manifest))),
            Err(PublishEnd::LostRace { standing: Some(standing), .. }) => {
                return Ok(Published::LostRace(standing));
            }
            Err(PublishEnd::LostRace { standing: None, highest }) => {
                manifest.sequence = highest.max(manifest.sequence).saturating_add(1);
            }
            Err(why) => return Err(SaveError::Publish(why)),
        }
    }
    Err(SaveError::Contended)
}

/// Waits as long as the time for all allows: a seed that pulls much has nothing to say for long.
fn publish_once(
    connection: &Connection,
    manifest: Envelope,
    clocked: Clocked,
    observer: &mut dyn Observer,
) -> Result<Result<Box<CertifiedEnvelope>, PublishEnd>, SaveError> {
    let until = clocked.end();
    connection.send(&Request::Publish { manifest, deadline_ms: milliseconds_until(until) })?;
    let mut pulled = 0;
    loop {
        let reply = connection.reply(until + GRACE)?;
        if let Reply::PublishProgress { have, of } = reply {
            if pulled == 0 {
                observer.total(of.into());
            }
            observer.advance(u64::from(have.saturating_sub(pulled)));
            pulled = pulled.max(have);
        } else if let Reply::Published { certified } = reply {
            return Ok(Ok(certified));
        } else if let Reply::PublishFailed { why } = reply {
            return Ok(Err(why));
        } else {
            return Err(ConnectionError::OutOfTurn.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(label: &[u8]) -> TreeRef {
        let chunks = vec![ChunkRef { id: ChunkId::of(label), bytes: 1 }];
        TreeRef { chunks, totals: TreeTotals::default(), roots: vec![String::new()] }
    }

    fn id(byte: u8) -> ManifestId {
        ManifestId::from_bytes([byte; 32])
    }

    fn ancestry(ancestors: Vec<ManifestId>) -> Ancestry {
        Ancestry { id: id(1), ancestors, generation: 4, tree: tree(b"old") }
    }

    #[test]
    fn a_tree_made_from_nothing_is_the_first_generation() {
        assert_eq!(descent(None, &tree(b"new")), (Vec::new(), 1));
    }

    #[test]
    fn a_generation_is_counted_where_the_tree_changed() {
        let from = ancestry(vec![id(2)]);
        assert_eq!(descent(Some(&from), &tree(b"new")), (vec![id(1), id(2)], 5));
        assert_eq!(descent(Some(&from), &tree(b"old")), (vec![id(1), id(2)], 4));
    }

    #[test]
    fn ancestors_are_bounded_and_the_nearest_stay() {
        let many = (2..=u8::MAX).map(id).collect();
        let (ancestors, _) = descent(Some(&ancestry(many)), &tree(b"new"));
        assert_eq!(ancestors.len(), ANCESTORS_MAX);
        assert_eq!(ancestors.first(), Some(&id(1)));
    }
}
