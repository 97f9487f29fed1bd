//! Questions to the node.

use super::Deadlines;
use super::deadlines::{Clocked, GRACE, milliseconds_until};
use super::fetch::{Fetcher, Sources};
use super::miss::Miss;
use crate::connection::{Connection, ConnectionError};
use crate::protocol::{Further, NodeStatus, Reply, Request};
use pollux_core::engine::MissReason;
use pollux_core::limits::TREE_BYTES_MAX;
use pollux_core::message::ListQuery;
use pollux_core::{
    CertifiedEnvelope, ChunkRef, Fallback, Frame, FrameDecoder, Key, Manifest, ManifestId, Tree,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The version of the protocol that knows [`Request::Overview`].
const OVERVIEW_SINCE: u16 = 3;

/// The newest manifest that matches, as the node verified it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub id: ManifestId,
    /// What it says.
    pub manifest: Manifest,
    /// The manifest with its receipts.
    pub certified: CertifiedEnvelope,
    /// Index of the fallback that matched; none: the key itself.
    pub fallback: Option<u8>,
    /// Peers vouched for it, the seeds being away.
    pub relayed: bool,
}

/// What the node answers to a question.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// There is something.
    Found(Box<Found>),
    /// There is nothing.
    Miss(MissReason),
}

/// A connection for a restore or a prefetch, on which no wait is longer than these deadlines.
pub(super) fn reach(
    socket: &Path,
    deadlines: Deadlines,
    interrupted: &Arc<AtomicBool>,
    clocked: &Clocked,
) -> Result<Connection, Miss> {
    let mut connection = Connection::open(socket, deadlines.answer, Arc::clone(interrupted))
        .map_err(|error| Miss::no_node(socket, &error))?;
    connection.bound_writes(deadlines.progress, clocked.end());
    Ok(connection)
}

/// The newest manifest; there being none is a miss.
pub(super) fn find(
    connection: &Connection,
    key: &Key,
    fallbacks: &[Fallback],
    until: Instant,
) -> Result<Found, Miss> {
    match resolve(connection, key, fallbacks, until)? {
        Resolution::Found(found) => Ok(*found),
        Resolution::Miss(reason) => Err(Miss::Node(reason)),
    }
}

/// Asks for the newest manifest.
///
/// # Errors
/// A connection that is of no more use, or a manifest that does not parse or is none of those asked for
/// ([`ConnectionError::OutOfTurn`]).
pub fn resolve(
    connection: &Connection,
    key: &Key,
    fallbacks: &[Fallback],
    until: Instant,
) -> Result<Resolution, ConnectionError> {
    let deadline_ms = milliseconds_until(until);
    connection.send(&Request::Resolve { key: key.clone(), fallbacks: fallbacks.to_vec(), deadline_ms })?;
    let reply = connection.reply(until + GRACE)?;
    if let Reply::Miss { reason } = reply {
        return Ok(Resolution::Miss(reason));
    }
    let Reply::Found { certified, fallback, relayed } = reply else {
        return Err(ConnectionError::OutOfTurn);
    };
    let (id, manifest) = open_manifest(&certified).ok_or(ConnectionError::OutOfTurn)?;
    let fits = match fallback {
        None => manifest.key == *key,
        Some(index) => fallbacks.get(usize::from(index)).is_some_and(|wide| wide.matches(&manifest.key)),
    };
    if !fits || manifest.pool != connection.pool() {
        return Err(ConnectionError::OutOfTurn);
    }
    let certified = *certified;
    Ok(Resolution::Found(Box::new(Found { id, manifest, certified, fallback, relayed })))
}

/// A manifest's name and what it says; the node has verified it.
#[must_use]
pub fn open_manifest(certified: &CertifiedEnvelope) -> Option<(ManifestId, Manifest)> {
    let manifest = certified.manifest.body::<Manifest>().ok()?;
    Some((certified.manifest.id(), manifest))
}

/// A page of manifests, whether there are more, and whether a seed answered.
///
/// # Errors
/// A connection that is of no more use.
pub fn list(
    connection: &Connection,
    what: ListQuery,
    patience: Duration,
) -> Result<(Vec<CertifiedEnvelope>, bool, bool), ConnectionError> {
    let Listed { rows, more, from_seed, .. } = listed(connection, what, Instant::now() + patience)?;
    Ok((rows, more, from_seed))
}

/// What was taken back and matches: of each key the newest, if nothing newer is believed; or what was named by its id.
///
/// # Errors
/// A connection that is of no more use.
pub fn taken_back(
    connection: &Connection,
    what: ListQuery,
    patience: Duration,
) -> Result<Vec<CertifiedEnvelope>, ConnectionError> {
    Ok(listed(connection, what, Instant::now() + patience)?.taken)
}

/// A page of a listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Manifests.
    pub rows: Vec<CertifiedEnvelope>,
    /// What was taken back and matches: of each key the newest, if nothing newer is believed; or what was named by its id.
    pub taken: Vec<CertifiedEnvelope>,
    /// There are more.
    pub more: bool,
    /// A seed answered.
    pub from_seed: bool,
}

/// A page of manifests, with what was taken back.
///
/// # Errors
/// A connection that is of no more use.
pub fn listed(connection: &Connection, what: ListQuery, until: Instant) -> Result<Listed, ConnectionError> {
    connection.send(&Request::List { what, deadline_ms: milliseconds_until(until) })?;
    let Reply::Listing { rows, more, from_seed, taken } = connection.reply(until + GRACE)? else {
        return Err(ConnectionError::OutOfTurn);
    };
    Ok(Listed { rows, taken, more, from_seed })
}

/// How the node is.
///
/// # Errors
/// A connection that is of no more use.
pub fn status(connection: &Connection, patience: Duration) -> Result<NodeStatus, ConnectionError> {
    connection.send(&Request::Status)?;
    let Reply::Status(status) = connection.reply(Instant::now() + patience)? else {
        return Err(ConnectionError::OutOfTurn);
    };
    Ok(*status)
}

/// Asks how the node is and how it stands with its pool. One that speaks the version before tells less, and `more` is missing.
///
/// # Errors
/// A connection that is of no more use.
pub fn overview(
    connection: &Connection,
    patience: Duration,
) -> Result<(NodeStatus, Option<Further>), ConnectionError> {
    if connection.version() < OVERVIEW_SINCE {
        return Ok((status(connection, patience)?, None));
    }
    connection.send(&Request::Overview)?;
    let Reply::Overview(overview) = connection.reply(Instant::now() + patience)? else {
        return Err(ConnectionError::OutOfTurn);
    };
    Ok((overview.status, Some(overview.more)))
}

/// Fetches a manifest's tree and checks it against what the manifest declares.
///
/// # Errors
/// The miss that it would be in a restore.
pub fn tree_of(
    connection: &Connection,
    id: ManifestId,
    manifest: &Manifest,
    patience: Duration,
) -> Result<Tree, Miss> {
    let deadlines = Deadlines { answer: patience, progress: patience, total: patience };
    let clocked = Clocked::start(deadlines);
    fetch_tree(connection, &clocked, (id, manifest), &mut Sources::default())
}

pub(super) fn fetch_tree(
    connection: &Connection,
    clocked: &Clocked,
    (id, manifest): (ManifestId, &Manifest),
    sources: &mut Sources,
) -> Result<Tree, Miss> {
    let wrong = |error: &dyn std::error::Error| Miss::NotBelieved(error.to_string());
    let listed = &manifest.tree.chunks;
    let distinct: BTreeSet<ChunkRef> = listed.iter().copied().collect();
    let distinct: Vec<ChunkRef> = distinct.into_iter().collect();
    let mut frames: BTreeMap<ChunkRef, Frame> = BTreeMap::new();
    Fetcher::new(connection, clocked, id, &distinct).run(sources, |chunk, frame| {
        frames.insert(chunk, frame);
        Ok(())
    })?;
    let encoded = join(listed, &frames)?;
    let tree = Tree::decode(&encoded).map_err(|error| wrong(&error))?;
    tree.check_against(&manifest.tree.totals, &manifest.tree.roots).map_err(|error| wrong(&error))?;
    Ok(tree)
}

/// The plain bytes of the listed chunks, one after another; each is hashed.
fn join(listed: &[ChunkRef], frames: &BTreeMap<ChunkRef, Frame>) -> Result<Vec<u8>, Miss> {
    let bytes: u64 = listed.iter().map(|chunk| u64::from(chunk.bytes)).sum();
    if bytes > TREE_BYTES_MAX {
        return Err(Miss::NotBelieved("a tree over the bound".to_owned()));
    }
    let mut decoder = FrameDecoder::new();
    let mut encoded = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    for chunk in listed {
        let frame = frames.get(chunk).ok_or(Miss::Node(MissReason::NoHolder))?;
        let plain = decoder.open(frame, *chunk).map_err(|fault| Miss::NotBelieved(fault.to_string()))?;
        encoded.extend_from_slice(plain);
    }
    Ok(encoded)
}
