//! How many seeds must agree.

use pollux_core::Policy;

/// The three numbers of a policy that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Seeds whose receipts certify a manifest.
    pub write: u32,
    /// Seeds whose answers a reader needs.
    pub read: u32,
    /// Seeds that may lie without being believed.
    pub faulty: u32,
}

impl Quorum {
    /// What so many seeds allow: as many liars as there can be (one of four, two of seven), and the smallest quorums of
    /// which any two share an honest seed. 1 seed: 1, 1, 0. 2 and 3: 2, 2, 0. 4: 3, 3, 1. 5: 4, 4, 1. 7: 5, 5, 2.
    #[must_use]
    pub fn of(seeds: usize) -> Self {
        let seeds = u32::try_from(seeds).unwrap_or(u32::MAX);
        let faulty = seeds.saturating_sub(1) / 3;
        let both = seeds.saturating_add(faulty) / 2 + 1;
        Self { write: both, read: both, faulty }
    }

    /// A policy's.
    #[must_use]
    pub const fn in_force(policy: &Policy) -> Self {
        Self { write: policy.write, read: policy.read, faulty: policy.faulty }
    }

    pub(super) const fn put(self, policy: &mut Policy) {
        (policy.write, policy.read, policy.faulty) = (self.write, self.read, self.faulty);
    }
}

/// Numbers that an operator wants to be otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuorumWish {
    /// Instead of [`Quorum::write`].
    pub write: Option<u32>,
    /// Instead of [`Quorum::read`].
    pub read: Option<u32>,
    /// Instead of [`Quorum::faulty`].
    pub faulty: Option<u32>,
}

impl QuorumWish {
    /// What so many seeds allow, but for what is wished. Whether it intersects is checked with the policy.
    pub(super) fn over(self, seeds: usize) -> Quorum {
        let Quorum { write, read, faulty } = Quorum::of(seeds);
        Quorum {
            write: self.write.unwrap_or(write),
            read: self.read.unwrap_or(read),
            faulty: self.faulty.unwrap_or(faulty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorums_by_number() {
        let table = [
            (1, 1, 0),
            (2, 2, 0),
            (3, 2, 0),
            (4, 3, 1),
            (5, 4, 1),
            (6, 4, 1),
            (7, 5, 2),
            (10, 7, 3),
            (16, 11, 5),
        ];
        for (seeds, both, faulty) in table {
            let quorum = Quorum { write: both, read: both, faulty };
            assert_eq!(Quorum::of(seeds), quorum, "{seeds}");
        }
    }

    #[test]
    fn they_intersect_and_are_the_smallest_that_do() {
        for seeds in 1..=16_u32 {
            let Quorum { write, read, faulty } = Quorum::of(usize::try_from(seeds).unwrap());
            assert!(read + write > seeds + faulty && 2 * write > seeds + faulty && write <= seeds - faulty);
            assert!(2 * (write - 1) <= seeds + faulty);
        }
    }
}
