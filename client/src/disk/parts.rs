//! Files whose bytes lie in several chunks, while some of them are still missing.
//!
//! Pieces of small files wait in memory until the file is whole, so that it is written at once like any other. Their
//! bytes are bounded; over the bound, and for large files, pieces go to their place in the file on disk as they come.
use super::recent::Recent;
use pollux_core::{Placement, limits::RUN_OWN_FILE_BYTES};
use rustix::{fd::OwnedFd, fs::Stat};
use std::{collections::HashMap, sync::Arc};

/// Bytes that pieces of small files may take: more than straddle the chunks of a gigabyte, little for a process.
pub(super) const HELD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Unfinished files kept open: enough for the chunks that are under way, few of the 1024 that a process may have.
const OPEN_MAX: usize = 64;

/// All unfinished files, by the index of their entry.
#[derive(Debug)]
pub(super) struct Parts {
    held: HashMap<usize, Held>,
    held_bytes: u64,
    held_bytes_max: u64,
    begun: HashMap<usize, Begun>,
    open: Recent<OwnedFd>,
}

/// A small file that waits in memory.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    missing: u64,
}

/// A file that is written piece by piece.
#[derive(Clone, Copy, Debug)]
struct Begun {
    /// Device and inode, once it is on disk.
    made: Option<(u64, u64)>,
    missing: u64,
}

/// What became of a piece that was offered to be held.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The file goes to disk piece by piece.
    No,
    /// It waits for the others.
    Waits,
    /// It was the last; here is the file.
    Whole(Vec<u8>),
}

impl Parts {
    /// `held_bytes_max`: [`HELD_BYTES_MAX`], or less.
    pub(super) fn new(held_bytes_max: u64) -> Self {
        Self {
            held: HashMap::new(),
            held_bytes: 0,
            held_bytes_max,
            begun: HashMap::new(),
            open: Recent::new(OPEN_MAX),
        }
    }

    /// Keeps a piece in memory, if its file is small and there is room. What was decided for the first piece of a file
    /// holds for all of them.
    pub(super) fn hold(&mut self, place: &Placement, file_bytes: u64, piece: &[u8]) -> Hold {
        let entry = place.entry;
        if self.begun.contains_key(&entry) {
            return Hold::No;
        }
        if !self.held.contains_key(&entry) {
            let held_bytes = self.held_bytes.saturating_add(file_bytes);
            if file_bytes >= RUN_OWN_FILE_BYTES || held_bytes > self.held_bytes_max {
                self.begun.insert(entry, Begun { made: None, missing: file_bytes });
                return Hold::No;
            }
            let bytes = vec![0; usize::try_from(file_bytes).unwrap_or(0)];
            self.held.insert(entry, Held { bytes, missing: file_bytes });
            self.held_bytes = held_bytes;
        }
        self.fill(place, piece)
    }

    fn fill(&mut self, place: &Placement, piece: &[u8]) -> Hold {
        let Some(held) = self.held.get_mut(&place.entry) else {
            return Hold::No;
        };
        let at = usize::try_from(place.offset).unwrap_or(usize::MAX);
        if let Some(room) = held.bytes.get_mut(at..).and_then(|rest| rest.get_mut(..piece.len())) {
            room.copy_from_slice(piece);
            held.missing = held.missing.saturating_sub(count(piece));
        }
        if held.missing > 0 {
            return Hold::Waits;
        }
        let bytes = self.held.remove(&place.entry).map(|held| held.bytes).unwrap_or_default();
        self.held_bytes = self.held_bytes.saturating_sub(count(&bytes));
        Hold::Whole(bytes)
    }

    /// The descriptor of a file that was begun, if it is still open.
    pub(super) fn open(&mut self, entry: usize) -> Option<Arc<OwnedFd>> {
        self.open.get(entry)
    }

    /// Device and inode of a file that is on disk already.
    pub(super) fn made(&self, entry: usize) -> Option<(u64, u64)> {
        self.begun.get(&entry).and_then(|begun| begun.made)
    }

    /// A file was made on disk.
    pub(super) fn make(&mut self, entry: usize, stat: &Stat) {
        if let Some(begun) = self.begun.get_mut(&entry) {
            begun.made = Some((stat.st_dev, stat.st_ino));
        }
    }

    /// Whether no file waits for a piece.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.begun.is_empty()
    }

    /// Keeps a file open for its next piece.
    pub(super) fn keep_open(&mut self, entry: usize, file: OwnedFd) -> Arc<OwnedFd> {
        self.open.insert(entry, file)
    }

    /// A piece is on disk. True: it was the last one of its file.
    pub(super) fn wrote(&mut self, entry: usize, piece: &[u8]) -> bool {
        let Some(begun) = self.begun.get_mut(&entry) else {
            return false;
        };
        begun.missing = begun.missing.saturating_sub(count(piece));
        let whole = begun.missing == 0;
        if whole {
            self.begun.remove(&entry);
            self.open.remove(entry);
        }
        whole
    }
}

fn count(piece: &[u8]) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
}
