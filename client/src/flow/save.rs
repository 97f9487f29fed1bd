//! Save: a directory under a key, signed here, durable at the seeds before it returns. Or signed elsewhere: then it ends
//! with what is to be signed, and the chunks wait in the node.
//!
//! What can be refused without any work is refused before any: first what the statement would say, then the directory,
//! then what the policy allows, then whether the seeds answer. Only then files are read.

use super::ask::{Found, Resolution, open_manifest, resolve, taken_back};
use super::deadlines::Clocked;
use super::outcome::{Lost, SaveError, SaveOutcome, Saved, Unsigned, reason};
use super::policy::{check, policy};
use super::publish::{Published, publish_above};
use super::sink::{NodeSink, Sent};
use super::{Deadlines, Observer, Stage};
use crate::clock::now;
use crate::connection::{Connection, ConnectionError};
use crate::disk::{Packed, Scan, ScanOptions, Shelf, pack};
use pollux_core::engine::MissReason;
use pollux_core::limits::ANCESTORS_MAX;
use pollux_core::message::ListQuery;
use pollux_core::{
    ChunkId, ChunkRef, Document, Key, KeyPair, Manifest, ManifestId, Pattern, Provenance, TreeRef, TreeTotals,
};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// Where what was saved before is kept for the next time, so that only what changed is read. None, or where the signer is
    /// elsewhere: everything is read.
    pub index: Option<PathBuf>,
    /// Who signs the manifest.
    pub signer: Signer,
    /// Where the save comes from.
    pub provenance: Provenance,
    /// The hash of the list of packages in the directory, which is saved with it.
    pub packages: Option<ChunkId>,
    /// What the directory was restored from, if it was.
    pub ancestry: Option<Ancestry>,
    /// How long the manifest is good for.
    pub life: Duration,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Once true, the save ends.
    pub interrupted: Arc<AtomicBool>,
}

/// Who signs what is saved.
#[derive(Clone, Debug)]
pub enum Signer {
    /// This key; it never leaves this process.
    Key(Box<KeyPair>),
    /// Somebody else: the save ends with [`SaveOutcome::Unsigned`].
    Elsewhere,
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

impl SaveRequest {
    fn shelf(&self) -> Option<Shelf> {
        match (&self.index, &self.signer) {
            (Some(directory), Signer::Key(key)) => Some(Shelf::new(directory.clone(), KeyPair::clone(key))),
            (None, _) | (_, Signer::Elsewhere) => None,
        }
    }
}

/// Saves.
///
/// # Errors
/// Whatever keeps the save from being durable at the seeds; nothing is published then.
pub fn save(request: &SaveRequest, observer: &mut dyn Observer) -> Result<SaveOutcome, SaveError> {
    let clocked = Clocked::start(request.deadlines);
    try_save(request, clocked, observer).map_err(|error| reason(error, clocked, &request.interrupted))
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
    if let Some(policy) = policy(&connection, request.deadlines.answer)? {
        check(&policy, request, now())?;
    }
    let newest = newest(&connection, request)?;
    let (packed, sent) = hand_in(&connection, (&scan, request.shelf().as_ref()), clocked, observer)?;
    let skipped = || scan.skipped().to_vec();
    let done = |id, manifest, receipts| {
        Box::new(Saved { id, manifest, receipts, skipped: skipped(), sent, elapsed: clocked.elapsed() })
    };
    if let Some(same) = newest.as_deref().filter(|found| is_current(found, &packed)) {
        let receipts = same.certified.receipts.len();
        return Ok(SaveOutcome::Unchanged(done(same.id, same.manifest.clone(), receipts)));
    }
    let standing = newest.map_or(0, |found| found.manifest.sequence);
    let sequence = standing.max(taken(&connection, request)?).saturating_add(1);
    let manifest = statement(request, connection.pool(), packed.tree_ref, sequence);
    let Signer::Key(signer) = &request.signer else {
        manifest.check()?;
        let (skipped, elapsed) = (skipped(), clocked.elapsed());
        return Ok(SaveOutcome::Unsigned(Box::new(Unsigned { manifest, skipped, sent, elapsed })));
    };
    match publish_above(&connection, (signer, clocked), manifest, observer)? {
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
    (scan, shelf): (&Scan, Option<&Shelf>),
    clocked: Clocked,
    observer: &mut dyn Observer,
) -> Result<(Packed, Sent), SaveError> {
    observer.stage(Stage::Packing);
    observer.total(scan.bytes());
    let sink = NodeSink { connection, observer: Mutex::new(observer), clocked, sent: Mutex::default() };
    let packed = pack(scan, shelf, &sink)?;
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
            Resolution::Miss(MissReason::NothingSaved | MissReason::Yanked) => return Ok(None),
            Resolution::Miss(reason) => return Err(SaveError::NoSeeds(reason)),
        }
    }
}

/// The highest sequence of the key that a save has which was taken back: its place is not free again. Only asked where the
/// signer is elsewhere and cannot try the next place by itself.
fn taken(connection: &Connection, request: &SaveRequest) -> Result<u64, SaveError> {
    let Signer::Elsewhere = request.signer else { return Ok(0) };
    let Ok(pattern) = request.key.as_str().parse::<Pattern>() else { return Ok(0) };
    let what = ListQuery::Pattern { pattern: Some(pattern), after: None };
    let taken = taken_back(connection, what, request.deadlines.answer)?;
    let manifests = taken.iter().filter_map(open_manifest);
    Ok(manifests.map(|(_, manifest)| manifest.sequence).max().unwrap_or(0))
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
        packages: request.packages,
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
