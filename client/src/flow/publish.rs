//! Publish: a signed manifest, from this node to the seeds, until it counts. The end of a save that is signed here, and
//! all of one that was signed elsewhere.

use super::ask::open_manifest;
use super::deadlines::{Clocked, GRACE, milliseconds_until};
use super::outcome::{Lost, SaveError, SaveOutcome, Saved, reason};
use super::sink::Sent;
use super::{Deadlines, Observer, Stage};
use crate::connection::{Connection, ConnectionError};
use crate::protocol::{PublishEnd, Reply, Request};
use pollux_core::{CertifiedEnvelope, Document, Envelope, KeyPair, Manifest};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A vote that was split, or cut short by a crash, blocks its sequence for ever: so the next ones are tried.
const TRIES_MAX: u32 = 4;

/// What to publish, and how.
#[derive(Debug)]
pub struct PublishRequest {
    /// The socket of the node that holds the chunks.
    pub socket: PathBuf,
    /// The signed manifest.
    pub manifest: Envelope,
    /// How long to wait; only the answer to the greeting and the time in all count here.
    pub deadlines: Deadlines,
    /// Once true, it ends.
    pub interrupted: Arc<AtomicBool>,
}

/// Publishes what was signed elsewhere. The node is its holder until it counts. To publish it again is fine.
///
/// # Errors
/// Whatever keeps it from being durable at the seeds. Its sequence is signed, so a vote that was lost to a save that does
/// not count is the end here ([`SaveError::Outvoted`]).
pub fn publish(request: &PublishRequest, observer: &mut dyn Observer) -> Result<SaveOutcome, SaveError> {
    let clocked = Clocked::start(request.deadlines);
    try_publish(request, clocked, observer).map_err(|error| reason(error, clocked, &request.interrupted))
}

fn try_publish(
    request: &PublishRequest,
    clocked: Clocked,
    observer: &mut dyn Observer,
) -> Result<SaveOutcome, SaveError> {
    let manifest: Manifest = request.manifest.body()?;
    let id = request.manifest.id();
    let interrupted = Arc::clone(&request.interrupted);
    let mut connection = Connection::open(&request.socket, request.deadlines.answer, interrupted)?;
    connection.bound_writes(request.deadlines.progress, clocked.end());
    if connection.pool() != manifest.pool {
        return Err(SaveError::OtherPool { manifest: manifest.pool, node: connection.pool().to_owned() });
    }
    let done = |manifest, certified: &CertifiedEnvelope| {
        let (receipts, elapsed) = (certified.receipts.len(), clocked.elapsed());
        let (skipped, sent) = (Vec::new(), Sent::default());
        SaveOutcome::Saved(Box::new(Saved { id, manifest, receipts, skipped, sent, elapsed }))
    };
    match publish_once(&connection, request.manifest.clone(), clocked, observer)? {
        Ok(certified) => Ok(done(manifest, &certified)),
        Err(PublishEnd::LostRace { standing: Some(standing), .. }) if standing.manifest.id() == id => {
            Ok(done(manifest, &standing))
        }
        Err(PublishEnd::LostRace { standing: Some(standing), .. }) => {
            let (id, manifest) = open_manifest(&standing).ok_or(ConnectionError::OutOfTurn)?;
            Ok(SaveOutcome::LostRace(Box::new(Lost { id, manifest, skipped: Vec::new() })))
        }
        Err(PublishEnd::LostRace { standing: None, .. }) => {
            Err(SaveError::Outvoted { sequence: manifest.sequence })
        }
        Err(why) => Err(SaveError::Publish(why)),
    }
}

/// How publishing ended.
pub(super) enum Published {
    Certified(Box<CertifiedEnvelope>, Box<Manifest>),
    LostRace(Box<CertifiedEnvelope>),
}

/// Signs and publishes. A lost race against a save that counts is the end; against a vote without one, the next
/// sequence is tried.
pub(super) fn publish_above(
    connection: &Connection,
    (signer, clocked): (&KeyPair, Clocked),
    mut manifest: Manifest,
    observer: &mut dyn Observer,
) -> Result<Published, SaveError> {
    for _ in 0..TRIES_MAX {
        manifest.check()?;
        if clocked.over() {
            return Err(SaveError::TooSlow);
        }
        match publish_once(connection, Envelope::sign(&manifest, signer), clocked, observer)? {
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
    observer.stage(Stage::Publishing);
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
