//! Repeatable chance: every draw is a hash of the rng seed, what it is for, and a number.

use core::time::Duration;

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

    /// A time that is this long on average, and as likely to end in the next moment whenever one looks: the time between two
    /// arrivals of many that know nothing of each other.
    pub(crate) fn exponential(&self, purpose: &str, number: u64, mean: Duration) -> Duration {
        /// Each step ends it with a chance of one in so many: geometric, which is exponential in small steps.
        const ONE_IN: u64 = 64;
        let draws = (0_u64..).flat_map(|draw| {
            let bits = self.number(purpose, number.wrapping_add(draw << 32));
            (0..60).step_by(6).map(move |shift| bits >> shift & (ONE_IN - 1))
        });
        let steps = draws.take_while(|draw| *draw != 0).count();
        mean.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)) / u32::try_from(ONE_IN).unwrap_or(1)
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
    fn arrivals_are_as_far_apart_as_they_are_on_average() {
        let lots = Lots::new(3);
        let mean = Duration::from_millis(64);
        let drawn: Vec<Duration> =
            (0..2000).map(|number| lots.exponential("arrival", number, mean)).collect();
        let average = drawn.iter().sum::<Duration>() / 2000;
        assert!((58..70).contains(&average.as_millis()), "{average:?}");
        let long = drawn.iter().filter(|one| **one > mean * 2).count();
        assert!((200..340).contains(&long), "{long} of 2000 are more than twice as long; e^-2 are 271");
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
