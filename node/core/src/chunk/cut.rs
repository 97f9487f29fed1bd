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

/// Finds where chunks end. What it finds depends on the run's bytes only, not on how they were read.
///
/// ```
/// # use pollux_core::Cutter;
/// let run = vec![0; 1_400_000];
/// let lengths: Vec<usize> = Cutter::new().cut(&run).map(<[u8]>::len).collect();
/// assert_eq!(lengths, [1_048_576, 351_424]);
/// ```
#[derive(Clone, Debug)]
pub struct Cutter {
    gear: Gear,
}

impl Cutter {
    /// A cutter.
    #[must_use]
    pub fn new() -> Self {
        Self { gear: Gear::new() }
    }

    /// How long the first chunk of these bytes is, if its end can be told from them alone, whatever follows in the run:
    /// a cut that is found among them stays where it is, and a chunk ends at [`CHUNK_BYTES_MAX`] at the latest.
    #[must_use]
    pub fn first(&self, bytes: &[u8]) -> Option<usize> {
        let cut = cut_point(&self.gear, bytes);
        (cut < bytes.len() || cut == MAX).then_some(cut)
    }

    /// The chunks of a run that lies whole in memory; an empty run has none.
    pub fn cut<'a>(&self, run: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = run;
        core::iter::from_fn(move || {
            let (chunk, behind) = split_at(rest, self.first(rest).unwrap_or(rest.len()));
            rest = behind;
            (!chunk.is_empty()).then_some(chunk)
        })
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
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
