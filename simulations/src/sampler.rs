//! Samples of something over time, as far apart as it takes for all of them to fit: when there is no more room, every
//! other one goes, and what follows is twice as far apart.

/// Samples at most: more than a plot can show, and few enough for a report.
const SAMPLES_MAX: usize = 256;
/// Between the first samples, in microseconds: the shortest runs take some hundreds of them.
const STEP_US: u64 = 1_000;

/// See the module. Sample `n` was taken at `n` steps.
#[derive(Clone, Debug)]
pub(crate) struct Sampler<T> {
    step_us: u64,
    samples: Vec<T>,
}

impl<T> Sampler<T> {
    pub(crate) const fn new() -> Self {
        Self { step_us: STEP_US, samples: Vec::new() }
    }

    /// When the next one is to be taken, in microseconds since the beginning.
    pub(crate) fn due_us(&self) -> u64 {
        place(self.samples.len()).saturating_mul(self.step_us)
    }

    /// Takes the one that is due.
    pub(crate) fn push(&mut self, sample: T) {
        self.samples.push(sample);
        if self.samples.len() >= SAMPLES_MAX {
            let mut place = 0_u64;
            self.samples.retain(|_| {
                place += 1;
                !place.is_multiple_of(2)
            });
            self.step_us = self.step_us.saturating_mul(2);
        }
    }

    /// All of them with their times, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (0_u64..).map(|number| number.saturating_mul(self.step_us)).zip(&self.samples)
    }
}

fn place(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn samples_stay_few_and_keep_their_times(count in 0..3_000_usize) {
            let mut sampler = Sampler::new();
            for _ in 0..count {
                let due = sampler.due_us();
                prop_assert!(sampler.iter().all(|(at, _)| at < due));
                sampler.push(due);
            }
            let kept: Vec<(u64, u64)> = sampler.iter().map(|(at, sample)| (at, *sample)).collect();
            prop_assert!(kept.iter().all(|(at, sample)| at == sample), "each has the time at which it was taken");
            prop_assert!(kept.len() < SAMPLES_MAX);
            prop_assert!(kept.len() >= count.min(SAMPLES_MAX / 2));
            prop_assert_eq!(kept.first().map(|(at, _)| *at), (count > 0).then_some(0));
        }
    }

    #[test]
    fn a_day_fits() {
        let mut sampler = Sampler::new();
        let mut taken = 0_u32;
        while sampler.due_us() < 24 * 3_600 * 1_000_000 {
            sampler.push(());
            taken += 1;
        }
        assert!(taken < 5_000, "{taken} were taken");
    }
}
