//! A store's directory: claimed by one node, marked with the format of what is in it.
//!
//! ```text
//! FORMAT           "pollux store 1\n": the format's version, written before anything else
//! lock             held with flock while a node has the store open, with its process id in it; shared by checks that only look
//! segments/        NNNNNNNN.seg: chunks, see `record`
//! records.redb     manifests, votes and quarantined places, see `records`
//! log/             what a seed writes down for people, see `crate::journal`
//! ```
use super::{StoreError, disk::sync_directory};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::Path,
    process,
};

/// The newest format that this program reads, and the one it writes.
pub(super) const FORMAT: u32 = 1;
/// The oldest format that it reads. A store of each format from here on is kept beside the tests, as the release wrote it.
const FORMAT_OLDEST: u32 = 1;
const FORMAT_PREFIX: &str = "pollux store ";
/// Bytes read of a FORMAT file at most: it is one short line.
const FORMAT_BYTES_MAX: usize = 64;

const LOCK: &str = "lock";

/// A directory that this process has claimed, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: Option<File>,
}

/// Makes the directory if it is missing, locks it, and sees that its format is ours.
pub(super) fn claim(directory: &Path) -> Result<Claim, StoreError> {
    let failed = |source| refused(directory, source);
    fs::create_dir_all(directory).map_err(failed)?;
    let lock = File::options().write(true).create(true).truncate(false).open(directory.join(LOCK));
    let lock = lock.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(holder(directory)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    if let Found::Nothing = known_format(directory)? {
        write_format(directory).map_err(failed)?;
    }
    sign(&lock);
    Ok(Claim { _lock: Some(lock) })
}

/// The same for a store that is there, to be mended: nothing is made.
pub(super) fn claim_found(directory: &Path) -> Result<Claim, StoreError> {
    found(directory)?;
    claim(directory)
}

/// Keeps nodes out of a store that is there while it is looked at: nothing is made or written. Several may look at once.
pub(super) fn claim_to_look(directory: &Path) -> Result<Claim, StoreError> {
    found(directory)?;
    let lock = match File::open(directory.join(LOCK)) {
        Ok(lock) => lock,
        // A copy of a store: every node makes this file before all else.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Claim { _lock: None }),
        Err(error) => return Err(refused(directory, error)),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Claim { _lock: Some(lock) }),
        Err(TryLockError::WouldBlock) => Err(holder(directory)),
        Err(TryLockError::Error(error)) => Err(refused(directory, error)),
    }
}

fn refused(directory: &Path, source: io::Error) -> StoreError {
    StoreError::disk(format!("use the store directory {}", directory.display()), source)
}

/// Who has it: whoever has it to itself has written its process id there, and who only looks lets others look too.
fn holder(directory: &Path) -> StoreError {
    let path = directory.join(LOCK);
    let directory = directory.to_owned();
    if File::open(&path).is_ok_and(|lock| lock.try_lock_shared().is_ok()) {
        return StoreError::BeingChecked(directory);
    }
    let process = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
    StoreError::InUse { directory, process }
}

/// Writes this process's id. On a full disk there is none, and no other one either.
fn sign(lock: &File) {
    let text = format!("{}\n", process::id());
    let written = lock.set_len(0).and_then(|()| (&*lock).write_all(text.as_bytes()));
    if let Err(error) = written {
        tracing::debug!(%error, "the process id could not be written beside the store");
    }
}

/// Whether there is a store of a known format.
fn found(directory: &Path) -> Result<(), StoreError> {
    match known_format(directory)? {
        Found::Format(_) => Ok(()),
        Found::Nothing | Found::Unreadable => Err(StoreError::Absent(directory.to_owned())),
    }
}

/// What is there, if it is a store of a format that this program reads, or nothing.
fn known_format(directory: &Path) -> Result<Found, StoreError> {
    match read_format(directory).map_err(|source| refused(directory, source))? {
        Found::Format(found) if found > FORMAT => Err(StoreError::NewerFormat { found, known: FORMAT }),
        Found::Format(found) if found < FORMAT_OLDEST => {
            Err(StoreError::OlderFormat { found, oldest: FORMAT_OLDEST })
        }
        Found::Unreadable => Err(StoreError::NotAStore(directory.to_owned())),
        known @ (Found::Format(_) | Found::Nothing) => Ok(known),
    }
}

enum Found {
    Nothing,
    Format(u32),
    Unreadable,
}

fn read_format(directory: &Path) -> io::Result<Found> {
    let text = match fs::read(directory.join("FORMAT")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(without_format(directory)),
        Err(error) => return Err(error),
    };
    let text = text.get(..text.len().min(FORMAT_BYTES_MAX)).and_then(|text| std::str::from_utf8(text).ok());
    let version = text.and_then(|text| text.strip_prefix(FORMAT_PREFIX)).and_then(|rest| rest.lines().next());
    Ok(version.and_then(|version| version.trim().parse().ok()).map_or(Found::Unreadable, Found::Format))
}

/// The format is written first, so data without it means that somebody took it away.
fn without_format(directory: &Path) -> Found {
    if directory.join("segments").exists() || directory.join("records.redb").exists() {
        return Found::Unreadable;
    }
    Found::Nothing
}

fn write_format(directory: &Path) -> io::Result<()> {
    let beside = directory.join("FORMAT.new");
    let mut file = File::create(&beside)?;
    file.write_all(format!("{FORMAT_PREFIX}{FORMAT}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, directory.join("FORMAT"))?;
    sync_directory(directory)
}
