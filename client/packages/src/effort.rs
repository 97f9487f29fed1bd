//! What reading a cache may take: bytes that are hashed, bytes that archives become when they are unpacked, and until when.
//!
//! Files may be long and take no room, and archives may become a thousand times their length. A cache is made by whoever
//! runs a job, so both have bounds for all of it together, and somebody who waits no longer is heard between two pieces.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes that an archive may become for each of its own: Cargo and pip unpack nothing that grows more.
pub(crate) const RATIO_MAX: u64 = 20;
/// What is read at once between two looks at the flag, at most.
const PIECE_BYTES: usize = 256 * 1024;

/// How much of a cache is read, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file that is hashed.
    pub file_bytes_max: u64,
    /// Bytes of all that is hashed.
    pub hashed_bytes_max: u64,
    /// Bytes of all that is read as metadata.
    pub read_bytes_max: u64,
    /// Bytes of all that is unpacked, beyond twenty for each byte of its archive.
    pub unpacked_bytes_max: u64,
}

impl Default for Limits {
    /// No package has 64 GiB, and no cache of CI jobs a TiB, nor metadata of 4 GiB; what grows more than twentyfold is small.
    fn default() -> Self {
        let (gib, tib) = (1 << 30, 1 << 40);
        Self {
            file_bytes_max: 64 * gib,
            hashed_bytes_max: tib,
            read_bytes_max: 4 * gib,
            unpacked_bytes_max: gib,
        }
    }
}

/// Why something is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Spent {
    #[error("the audit was interrupted")]
    Interrupted,
    #[error("too much to be hashed")]
    Hashed,
    #[error("too much to be read")]
    Read,
    #[error("too much when it is unpacked")]
    Unpacked,
}

impl From<Spent> for io::Error {
    fn from(spent: Spent) -> Self {
        // Not of the kind `Interrupted`: readers try again then.
        Self::other(spent)
    }
}

/// What is left.
pub(crate) struct Effort {
    file_bytes_max: u64,
    hashed: AtomicU64,
    read: AtomicU64,
    unpacked: AtomicU64,
    /// Some metadata was not read, for there was too much.
    has_unread: AtomicBool,
    stop: Arc<AtomicBool>,
}

impl Default for Effort {
    fn default() -> Self {
        Self::within(Limits::default())
    }
}

impl fmt::Debug for Effort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Effort").field("hashed", &self.hashed).field("unpacked", &self.unpacked).finish()
    }
}

/// Takes from what is left for all; `false` if that is not enough.
fn take(left: &AtomicU64, bytes: u64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
}

impl Effort {
    pub(crate) fn within(limits: Limits) -> Self {
        Self {
            file_bytes_max: limits.file_bytes_max,
            hashed: AtomicU64::new(limits.hashed_bytes_max),
            read: AtomicU64::new(limits.read_bytes_max),
            has_unread: AtomicBool::new(false),
            unpacked: AtomicU64::new(limits.unpacked_bytes_max),
            stop: Arc::default(),
        }
    }

    pub(crate) fn stop_when(&mut self, flag: Arc<AtomicBool>) {
        self.stop = flag;
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// So much metadata is to be read.
    pub(crate) fn read(&self, bytes: u64) -> Result<(), Spent> {
        if take(&self.read, bytes) {
            return Ok(());
        }
        self.has_unread.store(true, Ordering::Relaxed);
        Err(Spent::Read)
    }

    /// Whether there was too much metadata.
    pub(crate) fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }

    /// A reader whose bytes are hashed.
    pub(crate) fn hashing<R: Read>(&self, inner: R) -> Metered<R, Hashing<'_>> {
        Metered { inner, meter: Hashing { effort: self, left: self.file_bytes_max } }
    }

    /// For what is unpacked of an archive of so many bytes.
    pub(crate) const fn unpacking(&self, packed_bytes: u64) -> Unpacking<'_> {
        Unpacking { effort: self, own: packed_bytes.saturating_mul(RATIO_MAX), spent: None }
    }
}

/// Counts what is read.
pub(crate) trait Meter {
    /// So much was read.
    fn count(&mut self, bytes: u64) -> Result<(), Spent>;
}

/// Counts bytes of a file that is hashed.
pub(crate) struct Hashing<'a> {
    effort: &'a Effort,
    left: u64,
}

impl Meter for Hashing<'_> {
    fn count(&mut self, bytes: u64) -> Result<(), Spent> {
        if self.effort.is_stopped() {
            return Err(Spent::Interrupted);
        }
        self.left = self.left.checked_sub(bytes).ok_or(Spent::Hashed)?;
        if take(&self.effort.hashed, bytes) { Ok(()) } else { Err(Spent::Hashed) }
    }
}

/// Counts what is unpacked of one archive: first what its length allows it, then from what there is for all.
pub(crate) struct Unpacking<'a> {
    effort: &'a Effort,
    own: u64,
    spent: Option<Spent>,
}

impl<'a> Unpacking<'a> {
    /// A reader of what is unpacked.
    pub(crate) const fn read<R: Read>(&mut self, inner: R) -> Metered<R, &mut Self> {
        Metered { inner, meter: self }
    }

    /// Why nothing more is read. What reads archives may tell it in other words, or not at all.
    pub(crate) const fn spent(&self) -> Option<Spent> {
        self.spent
    }

    fn try_count(&mut self, bytes: u64) -> Result<(), Spent> {
        if self.effort.is_stopped() {
            return Err(Spent::Interrupted);
        }
        let own = bytes.min(self.own);
        self.own -= own;
        if take(&self.effort.unpacked, bytes - own) { Ok(()) } else { Err(Spent::Unpacked) }
    }
}

impl Meter for &mut Unpacking<'_> {
    fn count(&mut self, bytes: u64) -> Result<(), Spent> {
        let counted = self.try_count(bytes);
        self.spent = counted.err();
        counted
    }
}

/// A reader whose bytes are counted. Each piece is read first, so at most a piece more is read than may be.
pub(crate) struct Metered<R, M> {
    inner: R,
    meter: M,
}

impl<R: Read, M: Meter> Read for Metered<R, M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(PIECE_BYTES);
        let count = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.meter.count(u64::try_from(count).unwrap_or(u64::MAX))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { file_bytes_max: 100, hashed_bytes_max: 150, read_bytes_max: 70, unpacked_bytes_max: 50 };

    fn all(mut reader: impl Read) -> io::Result<u64> {
        io::copy(&mut reader, &mut io::sink())
    }

    #[test]
    fn a_file_and_all_files_are_hashed_within_bounds() {
        let effort = Effort::within(LIMITS);
        assert_eq!(all(effort.hashing(io::repeat(1).take(100))).unwrap(), 100);
        assert!(all(effort.hashing(io::repeat(1).take(51))).is_err(), "too much for all");
        let effort = Effort::within(LIMITS);
        let long = all(effort.hashing(io::repeat(1).take(101))).unwrap_err();
        assert_eq!(long.to_string(), "too much to be hashed");
    }

    #[test]
    fn all_metadata_is_read_within_a_bound() {
        let effort = Effort::within(LIMITS);
        assert_eq!((effort.read(70), effort.has_unread()), (Ok(()), false));
        assert_eq!((effort.read(1), effort.has_unread()), (Err(Spent::Read), true));
    }

    #[test]
    fn archives_share_what_they_grow_beyond_their_ratio() {
        let effort = Effort::within(LIMITS);
        assert_eq!(all(effort.unpacking(1).read(io::repeat(1).take(60))).unwrap(), 60, "40 of all");
        let mut second = effort.unpacking(1);
        assert!(all(second.read(io::repeat(1).take(31))).is_err(), "11 of 10 that are left");
        assert_eq!(second.spent(), Some(Spent::Unpacked));
        assert_eq!(all(effort.unpacking(10).read(io::repeat(1).take(200))).unwrap(), 200, "its own");
    }

    #[test]
    fn whoever_stops_is_heard_between_two_pieces() {
        /// Sets the flag while its third piece is read.
        struct Stopping(Arc<AtomicBool>, u64);
        impl Read for Stopping {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(buffer.len() <= PIECE_BYTES);
                self.1 += 1;
                self.0.store(self.1 == 3, Ordering::Relaxed);
                Ok(buffer.len())
            }
        }
        for is_unpacked in [false, true] {
            let mut effort = Effort::default();
            let flag = Arc::default();
            effort.stop_when(Arc::clone(&flag));
            let (mut endless, mut buffer) = (Stopping(flag, 0), vec![0; 10 * PIECE_BYTES]);
            let error = if is_unpacked {
                effort.unpacking(1 << 40).read(&mut endless).read_exact(&mut buffer)
            } else {
                effort.hashing(&mut endless).read_exact(&mut buffer)
            };
            assert_eq!(error.unwrap_err().to_string(), "the audit was interrupted");
            assert_eq!(endless.1, 3);
        }
    }
}
