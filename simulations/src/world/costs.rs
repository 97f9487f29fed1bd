//! What a driver's work takes, in virtual time.

use core::time::Duration;

/// Fixed times, of the order that was measured on two cores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    /// Decoding and hashing a frame: 256 KiB at 2 GB/s.
    pub(super) check: Duration,
    /// Appending a chunk to the page cache.
    pub(super) keep: Duration,
    /// Looking chunks up: the index is in memory.
    pub(super) look: Duration,
    /// Reading and decoding a tree.
    pub(super) open_tree: Duration,
    /// A few signatures verified.
    pub(super) verify: Duration,
    /// One signature.
    pub(super) sign: Duration,
    /// A transaction, synced.
    pub(super) record: Duration,
    /// Segments synced.
    pub(super) sync: Duration,
    /// The CPU of a handshake, both ends.
    pub(super) handshake: Duration,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            check: Duration::from_micros(130),
            keep: Duration::from_micros(130),
            look: Duration::from_micros(10),
            open_tree: Duration::from_millis(1),
            verify: Duration::from_micros(200),
            sign: Duration::from_micros(30),
            record: Duration::from_millis(4),
            sync: Duration::from_millis(5),
            handshake: Duration::from_millis(1),
        }
    }
}
