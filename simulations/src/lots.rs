//! Repeatable chance: every draw is a hash of the rng seed, what it is for, and a number.

/// Draws for one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lots {
    rng_seed: u64,
}

impl Lots {
    pub(crate) const fn new(rng_seed: u64) -> Self {
        Self { rng_seed }
    }

    /// 32 bytes for this purpose and number; the same whenever asked.
    pub(crate) fn bytes(&self, purpose: &str, number: u64) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("pollux-sim 2026 lots");
        hasher.update(&self.rng_seed.to_le_bytes());
        hasher.update(&number.to_le_bytes());
        hasher.update(purpose.as_bytes());
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn number(&self, purpose: &str, number: u64) -> u64 {
        let bytes = self.bytes(purpose, number);
        bytes.iter().take(8).fold(0, |all, &byte| all << 8 | u64::from(byte))
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&self, purpose: &str, number: u64, bound: u64) -> u64 {
        let drawn = (u128::from(self.number(purpose, number)) * u128::from(bound)) >> 64;
        u64::try_from(drawn).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_all_that_names_it() {
        let lots = Lots::new(1);
        assert_eq!(lots.bytes("nonce", 1), lots.bytes("nonce", 1));
        let others = [lots.bytes("nonce", 2), lots.bytes("engine", 1), Lots::new(2).bytes("nonce", 1)];
        assert!(others.iter().all(|other| *other != lots.bytes("nonce", 1)));
    }

    #[test]
    fn draws_stay_below_their_bound_and_spread() {
        let lots = Lots::new(7);
        let drawn: Vec<u64> = (0..1000).map(|number| lots.below("arrival", number, 10)).collect();
        for value in 0..10 {
            let count = drawn.iter().filter(|drawn| **drawn == value).count();
            assert!((60..140).contains(&count), "{value} was drawn {count} times");
        }
        assert!(drawn.iter().all(|drawn| *drawn < 10));
        assert_eq!(lots.below("arrival", 1, 0), 0);
    }
}
