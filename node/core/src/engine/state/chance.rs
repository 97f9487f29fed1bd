//! Random choices, repeatable from the rng seed.
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random choices. Not for keys and nonces: those are inputs.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The generator of one part of the engine, independent of the others.
    pub(crate) fn stream(rng_seed: u64, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(rng_seed);
        rng.set_stream(stream);
        rng
    }

    /// The engine's own choices.
    pub(crate) fn new(rng_seed: u64) -> Self {
        Self(Self::stream(rng_seed, 0))
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.0.next_u64();
        drawn.checked_rem(bound).unwrap_or(0)
    }

    /// Puts items into an order of which each is as likely.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            let other = self.below(u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1));
            items.swap(place, usize::try_from(other).unwrap_or(place));
        }
    }

    /// Somewhere in the space of names.
    pub(crate) fn name(&mut self) -> [u8; 32] {
        let mut name = [0; 32];
        self.0.fill_bytes(&mut name);
        name
    }

    /// Between half of `longest` and all of it, so that many that wait do not wake together.
    pub(crate) fn jitter(&mut self, longest: Duration) -> Duration {
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        let half = micros.div_ceil(2);
        Duration::from_micros(half.saturating_add(self.below((micros - half).saturating_add(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rng_seed_draws_the_same() {
        let draw = |rng_seed| {
            let mut chance = Chance::new(rng_seed);
            (chance.below(1_000_000), chance.name())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn each_place_gets_each_item() {
        let mut chance = Chance::new(1);
        let mut first = [0; 4];
        for _ in 0..400 {
            let mut items = [0, 1, 2, 3];
            chance.shuffle(&mut items);
            first[items[0]] += 1;
            items.sort_unstable();
            assert_eq!(items, [0, 1, 2, 3]);
        }
        assert!(first.iter().all(|count| (60..140).contains(count)), "{first:?}");
    }

    #[test]
    fn jitter_stays_within_half_and_all() {
        let mut chance = Chance::new(1);
        for micros in [0, 1, 2, 3, 1_000, 30_000_000] {
            let longest = Duration::from_micros(micros);
            for _ in 0..50 {
                let drawn = chance.jitter(longest);
                assert!(drawn <= longest && drawn >= longest / 2, "{drawn:?} of {longest:?}");
            }
        }
    }

    #[test]
    fn below_zero_is_zero() {
        assert_eq!(Chance::new(1).below(0), 0);
    }
}
