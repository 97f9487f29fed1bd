//! A store's directory: claimed by one node, marked with the format of what is in it.
//!
//! ```text
//! FORMAT           "pollux store 1\n": the format's version, written before anything else
//! lock             held with flock while a node has the store open
//! segments/        NNNNNNNN.seg: chunks, see `record`
//! records.redb     manifests, votes and quarantined places, see `records`
//! log/             what a seed writes down for people, see `crate::journal`
//! ```
use super::{StoreError, disk::sync_directory};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::Path,
};

/// The newest format that this program reads, and the one it writes.
pub(super) const FORMAT: u32 = 1;
/// The oldest format that it reads. A store of each format from here on is kept beside the tests, as the release wrote it.
const FORMAT_OLDEST: u32 = 1;
const FORMAT_PREFIX: &str = "pollux store ";
/// Bytes read of a FORMAT file at most: it is one short line.
const FORMAT_BYTES_MAX: usize = 64;

/// A directory that this process has claimed, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: File,
}

/// Makes the directory if it is missing, locks it, and sees that its format is ours.
pub(super) fn claim(directory: &Path) -> Result<Claim, StoreError> {
    let failed =
        |source| StoreError::disk(format!("use the store directory {}", directory.display()), source);
    fs::create_dir_all(directory).map_err(failed)?;
    let lock = File::options().write(true).create(true).truncate(false).open(directory.join("lock"));
    let lock = lock.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    match read_format(directory).map_err(failed)? {
        Found::Format(found) if found > FORMAT => {
            return Err(StoreError::NewerFormat { found, known: FORMAT });
        }
        Found::Format(found) if found < FORMAT_OLDEST => {
            return Err(StoreError::OlderFormat { found, oldest: FORMAT_OLDEST });
        }
        Found::Format(_) => {}
        Found::Nothing => write_format(directory).map_err(failed)?,
        Found::Unreadable => return Err(StoreError::NotAStore(directory.to_owned())),
    }
    Ok(Claim { _lock: lock })
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
