//! The gear hash: one step for each byte, `hash = 2 · hash + table[byte]` in 64 bits.
//!
//! Each step waits for the one before, so one stretch of bytes keeps a processor half idle. But a byte is shifted out of
//! the hash after 64 steps: a hash is known anywhere from the 64 bytes before. So a long stretch is looked at in four
//! places at once, and only where one of them finds something it is gone through from its start, to find the first.

use core::fmt;
use fastcdc::v2020::get_gear_with_seed;

/// How many bytes decide a hash.
const WINDOW: usize = 64;
/// Bytes that each of four lanes looks at. Every lane but the first looks at [`WINDOW`] bytes before it too: 5 % more.
const LANE: usize = 1024;
const STRETCH: usize = 4 * LANE;

/// The table of the `fastcdc` crate, unseeded. It is part of the wire format, see `cut`.
#[derive(Clone)]
pub(super) struct Gear {
    table: [u64; 256],
}

/// How a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Searched {
    /// Position of the first byte at which all bits of the mask are zero.
    Found(usize),
    /// None: this is the hash behind the last byte.
    Hash(u64),
}

impl Gear {
    #[expect(
        clippy::expect_used,
        reason = "the crate's version is pinned, and its table has an entry for each byte"
    )]
    pub(super) fn new() -> Self {
        let (table, _) = get_gear_with_seed(0);
        Self { table: table.as_ref().try_into().expect("a table of 256 entries") }
    }

    /// The first byte at which the hash has no bit of the mask.
    pub(super) fn search(&self, bytes: &[u8], mut hash: u64, mask: u64) -> Searched {
        let mut stretches = bytes.chunks_exact(STRETCH);
        let mut before = 0;
        for stretch in &mut stretches {
            match self.stretch(stretch, hash, mask) {
                Some(behind) => hash = behind,
                None => match self.step_by_step(stretch, hash, mask) {
                    Searched::Found(at) => return Searched::Found(before + at),
                    Searched::Hash(behind) => hash = behind,
                },
            }
            before += STRETCH;
        }
        match self.step_by_step(stretches.remainder(), hash, mask) {
            Searched::Found(at) => Searched::Found(before + at),
            end @ Searched::Hash(_) => end,
        }
    }

    fn step_by_step(&self, bytes: &[u8], mut hash: u64, mask: u64) -> Searched {
        for (at, byte) in bytes.iter().enumerate() {
            hash = self.step(hash, *byte);
            if hash & mask == 0 {
                return Searched::Found(at);
            }
        }
        Searched::Hash(hash)
    }

    /// The hash behind [`STRETCH`] bytes, or `None` if there is something to be found in them.
    fn stretch(&self, bytes: &[u8], hash: u64, mask: u64) -> Option<u64> {
        let (first, rest) = bytes.split_first_chunk::<LANE>()?;
        let (second, rest) = rest.split_first_chunk::<LANE>()?;
        let (third, rest) = rest.split_first_chunk::<LANE>()?;
        let fourth = rest.first_chunk::<LANE>()?;
        let mut a = hash;
        let [mut b, mut c, mut d] = [first, second, third].map(|before| self.warm(before));
        for (((p, q), r), s) in first.iter().zip(second).zip(third).zip(fourth) {
            (a, b, c, d) = (self.step(a, *p), self.step(b, *q), self.step(c, *r), self.step(d, *s));
            if (a & mask == 0) | (b & mask == 0) | (c & mask == 0) | (d & mask == 0) {
                return None;
            }
        }
        Some(d)
    }

    /// The hash behind these bytes, whatever was before them.
    fn warm(&self, bytes: &[u8; LANE]) -> u64 {
        let last = bytes.last_chunk::<WINDOW>().map_or(&[][..], |last| last);
        last.iter().fold(0, |hash, byte| self.step(hash, *byte))
    }

    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "a byte is below 256, and this is done for each one that is saved"
    )]
    fn step(&self, hash: u64, byte: u8) -> u64 {
        (hash << 1).wrapping_add(self.table[usize::from(byte)])
    }
}

impl fmt::Debug for Gear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gear").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_bytes::{noise, text};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hash_is_decided_by_the_last_bytes_alone() {
        let gear = Gear::new();
        let bytes = noise("window", LANE);
        let lane: &[u8; LANE] = bytes.as_slice().try_into().unwrap();
        for before in [0, 1, u64::MAX] {
            assert_eq!(gear.step_by_step(lane, before, u64::MAX), Searched::Hash(gear.warm(lane)));
        }
    }

    #[test]
    fn the_first_of_several_is_found_in_whichever_lane() {
        let gear = Gear::new();
        let bytes = noise("lanes", 3 * STRETCH + 100);
        // Few enough bits that each lane has some, and so many that a whole stretch has none.
        for bits in [0, 1, 6, 9, 10, 11, 12, 14, 64] {
            let mask = u64::MAX.checked_shl(64 - bits).unwrap_or(0);
            for skip in [0, 1, 500, 1000, 2000, 3000, 4000] {
                let bytes = &bytes[skip..];
                assert_eq!(gear.search(bytes, 7, mask), gear.step_by_step(bytes, 7, mask), "{bits} {skip}");
            }
        }
    }

    proptest! {
        #[test]
        fn four_lanes_find_what_one_finds(bytes in 0..5 * STRETCH, hash: u64, bits in 8u32..20, low: bool) {
            let gear = Gear::new();
            let bytes = if low { text("gear", bytes) } else { noise("gear", bytes) };
            let mask = u64::MAX << (64 - bits) >> if low { 16 } else { 0 };
            prop_assert_eq!(gear.search(&bytes, hash, mask), gear.step_by_step(&bytes, hash, mask));
        }
    }
}
