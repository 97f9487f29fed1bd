//! Where a run of bytes is cut into chunks.
//!
//! A run is a file, or several files one after another. It is cut where its content says so, so that an edit changes only
//! the chunks around it. **Cut points are a wire format**: two savers that cut differently share nothing. They are fixed by
//!
//! - FastCDC as its authors describe it in 2020, with the gear table of the `fastcdc` crate, unseeded: a chunk ends before
//!   the first byte at which the hash has none of a mask's bits; the hash begins at the smallest size;
//! - sizes 64 KiB (no cut before), 256 KiB (the aim) and 1 MiB (a cut at the latest);
//! - normalisation level 1: a cut needs the 19 bits of [`MASK_BELOW_AVERAGE`] up to the aim, and the 17 bits of
//!   [`MASK_ABOVE_AVERAGE`] behind it;
//! - bytes are tested in pairs: where the last byte before a limit has no partner, it is not tested.
//!
//! Every run is cut from its own start, so a file has the same chunks wherever it stands. The crate's version is pinned;
//! golden vectors and a comparison with the crate's own search in the tests hold all of this still.

use super::gear::{Gear, Searched};
use crate::ChunkId;
use crate::limits::{CHUNK_BYTES_AVERAGE, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A chunk's name and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkRef {
    /// The hash of the plain bytes.
    pub id: ChunkId,
    /// How many plain bytes: 1 to [`CHUNK_BYTES_MAX`] in a chunk that can exist, anything in a foreign message.
    pub bytes: u32,
}

/// Bits of the rolling hash that must be zero for a cut before [`CHUNK_BYTES_AVERAGE`].
const MASK_BELOW_AVERAGE: u64 = 0x0000_d917_0753_7000;
/// Bits of the rolling hash that must be zero for a cut behind [`CHUNK_BYTES_AVERAGE`].
const MASK_ABOVE_AVERAGE: u64 = 0x0000_d907_0353_7000;

const MIN: usize = widen(CHUNK_BYTES_MIN);
const AVERAGE: usize = widen(CHUNK_BYTES_AVERAGE);
const MAX: usize = widen(CHUNK_BYTES_MAX);
// Tested in pairs: with an odd size, the byte before it would be left out.
const _: () = assert!(MIN.is_multiple_of(2) && AVERAGE.is_multiple_of(2) && MAX.is_multiple_of(2));

#[expect(clippy::as_conversions, reason = "From is not const, and a usize has 32 bits at least")]
const fn widen(bytes: u32) -> usize {
    bytes as usize
}

/// Cuts one run after another.
///
/// The cuts depend on the run's bytes only, not on how they are handed over. At most [`CHUNK_BYTES_MAX`] bytes are held
/// between calls; chunks that lie whole in what is pushed are given out as slices of it, without a copy.
///
/// ```
/// # use pollux_core::Cutter;
/// let mut cutter = Cutter::new();
/// let mut lengths = Vec::new();
/// cutter.push(&[0; 700_000], |chunk| lengths.push(chunk.len()));
/// cutter.push(&[0; 700_000], |chunk| lengths.push(chunk.len()));
/// cutter.finish(|chunk| lengths.push(chunk.len()));
/// assert_eq!(lengths, [1_048_576, 351_424]);
/// ```
pub struct Cutter {
    gear: Gear,
    /// The run's bytes behind the last cut. Fewer than [`MAX`] between calls.
    carry: Vec<u8>,
    /// How many bytes to carry before the next search. A search begins at the chunk's start again, so it waits until
    /// the carry has doubled: however small the pushes, a byte is then looked at twice on average, not once per push.
    search_at: usize,
}

impl Cutter {
    /// A cutter at the start of a run.
    #[must_use]
    pub fn new() -> Self {
        Self { gear: Gear::new(), carry: Vec::new(), search_at: AVERAGE }
    }

    /// How long the first chunk of these bytes is, if its end can be told from them alone, whatever follows in the run. For
    /// who holds the run's bytes anyway: nothing is carried.
    #[must_use]
    pub fn first(&self, bytes: &[u8]) -> Option<usize> {
        split_chunk(&self.gear, bytes).map(|(chunk, _)| chunk.len())
    }

    /// Takes the next bytes of the run; `emit` gets each chunk's plain bytes as soon as its end is known.
    pub fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(&[u8])) {
        let Some(mut rest) = self.use_up_carry(bytes, &mut emit) else {
            return;
        };
        while let Some((chunk, behind)) = split_chunk(&self.gear, rest) {
            emit(chunk);
            rest = behind;
        }
        self.carry.extend_from_slice(rest);
        self.search_at = search_after(rest.len());
    }

    /// Ends the run: `emit` gets what is left of it, if anything (an empty run has no chunk). The next push begins another run.
    pub fn finish(&mut self, mut emit: impl FnMut(&[u8])) {
        let mut rest = self.carry.as_slice();
        while !rest.is_empty() {
            let (chunk, behind) = split_at(rest, cut_point(&self.gear, rest));
            emit(chunk);
            rest = behind;
        }
        self.carry.clear();
        self.search_at = AVERAGE;
    }

    /// Cuts what is carried, with as many of the new bytes as that takes. Gives the new bytes behind the last cut once
    /// nothing is carried any more, or `None` if all of them are.
    fn use_up_carry<'a>(&mut self, bytes: &'a [u8], emit: &mut impl FnMut(&[u8])) -> Option<&'a [u8]> {
        let mut rest = bytes;
        // How many of the carried bytes are older than this push.
        let mut older = self.carry.len();
        while !self.carry.is_empty() {
            let (taken, behind) = split_at(rest, self.search_at.saturating_sub(self.carry.len()));
            self.carry.extend_from_slice(taken);
            rest = behind;
            if self.carry.len() < self.search_at {
                return None;
            }
            let Some((chunk, _)) = split_chunk(&self.gear, &self.carry) else {
                self.search_at = search_after(self.carry.len());
                continue;
            };
            emit(chunk);
            let cut = chunk.len();
            if let Some(used) = cut.checked_sub(older) {
                self.carry.clear();
                rest = split_at(bytes, used).1;
            } else {
                older = older.saturating_sub(cut);
                self.carry.drain(..cut);
                self.search_at = AVERAGE;
            }
        }
        Some(rest)
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cutter").field("carried_bytes", &self.carry.len()).finish_non_exhaustive()
    }
}

/// When to search again after no cut was found in `bytes` bytes.
fn search_after(bytes: usize) -> usize {
    bytes.saturating_mul(2).clamp(AVERAGE, MAX)
}

/// The first chunk and what is behind it, if its end can be told from these bytes alone: a cut that is found among them
/// stays where it is whatever follows, and a chunk ends at [`MAX`] at the latest.
fn split_chunk<'a>(gear: &Gear, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let cut = cut_point(gear, bytes);
    (cut < bytes.len() || cut == MAX).then(|| split_at(bytes, cut))
}

/// Where the first chunk ends, if the run ends with these bytes.
fn cut_point(gear: &Gear, bytes: &[u8]) -> usize {
    let (bytes, _) = split_at(bytes, MAX);
    let (below, above) = split_at(bytes, AVERAGE);
    let Some(tested) = in_pairs(below).get(MIN..) else { return bytes.len() };
    let hash = match gear.search(tested, 0, MASK_BELOW_AVERAGE) {
        Searched::Found(at) => return MIN + at,
        Searched::Hash(hash) => hash,
    };
    match gear.search(in_pairs(above), hash, MASK_ABOVE_AVERAGE) {
        Searched::Found(at) => AVERAGE + at,
        Searched::Hash(_) => bytes.len(),
    }
}

/// Without the last one of an odd number.
fn in_pairs(bytes: &[u8]) -> &[u8] {
    split_at(bytes, bytes.len() & !1).0
}

/// `split_at` that takes all where there is not enough.
fn split_at(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

#[cfg(test)]
mod tests;
