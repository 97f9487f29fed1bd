//! The first steps of a node: pool file, identity, store and marker, read and checked.

use super::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::journal::Journal;
use crate::store::{self, Recovery, Store, StoreError, StoreOptions};
use crate::{identity, marker, papers};
use pollux_client::pool;
use pollux_core::{Disbelief, KeyPair, PeerId, PeerRole, PoolFile, Trust};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a pool file at most: three documents in base64.
const POOL_FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// What a node stands on, checked.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) pool: PoolFile,
    pub(super) trust: Arc<Trust>,
    pub(super) identity: KeyPair,
    pub(super) me: PeerId,
    pub(super) store: Store,
    pub(super) recovery: Recovery,
}

impl Ground {
    /// Reads and checks the pool file and the identity, and opens the store, which knows what has taken over since; makes
    /// the directories, and a key where there is none.
    pub(super) fn open(settings: &Settings, clock: Clock) -> Result<Self, StartError> {
        let pool = read_pool(&settings.pool)?;
        make_directory(&settings.runtime)?;
        let identity = identity::open(settings.identity.as_deref(), &settings.runtime)?;
        let me = PeerId::new(identity.public());
        make_directory(&settings.store)?;
        let (store, mut recovery) = open_store(settings)?;
        let trust = papers::open(&pool, &mut recovery.papers, clock.wall())
            .map_err(|source| disbelieved(settings, source))?;
        check_role(settings, &trust, me)?;
        marker::begin(settings, trust.policy(), &store, &mut recovery)?;
        Ok(Self { pool, trust: Arc::new(trust), identity, me, store, recovery })
    }
}

pub(super) fn open_pool(settings: &Settings, clock: Clock) -> Result<Trust, StartError> {
    let pool = read_pool(&settings.pool)?;
    Trust::open(&pool, clock.wall()).map_err(|source| disbelieved(settings, source))
}

fn disbelieved(settings: &Settings, source: Disbelief) -> StartError {
    StartError::Pool { path: settings.pool.clone(), source: Box::new(source) }
}

pub(super) fn check_role(settings: &Settings, trust: &Trust, me: PeerId) -> Result<(), StartError> {
    if settings.role == PeerRole::Seed && !trust.is_seed(&me) {
        return Err(StartError::NotASeed(me));
    }
    if settings.role == PeerRole::Node && trust.is_seed(&me) {
        return Err(StartError::IsASeed(me));
    }
    Ok(())
}

/// A command that an operator runs as root beside the daemon of another user would leave files that the daemon cannot use.
pub(crate) fn check_owner(directory: &Path) -> Result<(), StartError> {
    // Whatever is wrong with it beyond that, its use tells.
    let Ok(found) = std::fs::metadata(directory) else { return Ok(()) };
    let owner = found.uid();
    if rustix::process::geteuid().is_root() && owner != 0 {
        return Err(StartError::NotRoots { path: directory.to_owned(), owner });
    }
    Ok(())
}

fn read_pool(path: &Path) -> Result<PoolFile, StartError> {
    let io = |source| StartError::NoPoolFile { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(io)?.len() > POOL_FILE_BYTES_MAX {
        return Err(io(io::Error::new(io::ErrorKind::InvalidData, "too long for a pool file")));
    }
    let text = std::fs::read_to_string(path).map_err(io)?;
    PoolFile::from_json(&text).map_err(|source| {
        let path = path.to_owned();
        if pool::holds_several(&text) {
            return StartError::TwoPools { path };
        }
        StartError::PoolFile { path, source }
    })
}

pub(crate) fn open_store(settings: &Settings) -> Result<(Store, Recovery), StartError> {
    let options =
        StoreOptions { bytes_max: settings.store_bytes_max, free_bytes_min: settings.store_free_bytes_min };
    Store::open(&settings.store, options).map_err(|error| store_error(settings, error))
}

/// What the store refuses with; damaged records by the name of their file.
pub(crate) fn store_error(settings: &Settings, error: StoreError) -> StartError {
    if let StoreError::Records(why) = error {
        let path = settings.store.join(store::RECORDS);
        return StartError::Records { path, why, role: settings.role };
    }
    StartError::Store(error)
}

/// A seed's log, without what is too old. Whatever its disk says, the seed starts.
pub(super) fn open_journal(settings: &Settings, clock: Clock) -> Option<Journal> {
    let journal = (settings.role == PeerRole::Seed).then(|| Journal::new(&settings.store))?;
    journal.prune(clock.wall());
    Some(journal)
}

pub(super) fn make_directory(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::Io { path: path.to_owned(), source })
}
