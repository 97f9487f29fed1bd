//! Repeatable chance: each draw is a hash of the rng seed, what it is for, and a number.

use pollux_core::ChunkId;

/// Draws for one purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lots {
    rng_seed: u64,
    drawn: u64,
}

impl Lots {
    pub(crate) const fn new(rng_seed: u64) -> Self {
        Self { rng_seed, drawn: 0 }
    }

    /// Draws of their own for somebody.
    pub(crate) fn of(self, whose: &str, number: u64) -> Self {
        Self::new(draw(&format!("{} {whose} {number}", self.rng_seed)))
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.drawn += 1;
        let drawn = draw(&format!("{} {}", self.rng_seed, self.drawn));
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(drawn.checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }
}

fn draw(text: &str) -> u64 {
    ChunkId::of(text.as_bytes()).as_bytes().iter().take(8).fold(0, |all, &byte| all << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_begins_the_same() {
        let draws = |whose| {
            let mut lots = Lots::new(7).of(whose, 1);
            (0..20).map(|_| lots.below(100)).collect::<Vec<_>>()
        };
        assert_eq!(draws("fleet"), draws("fleet"));
        assert_ne!(draws("fleet"), draws("job"));
        assert!(draws("job").iter().all(|&drawn| drawn < 100));
        assert_eq!(Lots::new(7).below(0), 0);
    }
}
