//! Axes: from nothing to a round number, with ticks at 1, 2 or 5 times a power of ten, and units that keep numbers short.

/// Ticks at most, besides the one at nothing.
const TICKS_MAX: u16 = 6;
/// Powers of ten that steps may have.
const POWERS: core::ops::RangeInclusive<i32> = -9..=18;

/// An axis that begins at nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// What it says, with its unit.
    pub(super) label: String,
    /// What one unit of it is, of what is plotted.
    pub(super) unit: f64,
    /// Where it ends, in units.
    pub(super) end: f64,
    /// Places and texts of ticks, in units.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis up to this, or a little further.
    pub(super) fn new(label: String, unit: f64, most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most / unit } else { 1.0 };
        let (step, decimals) = step(most);
        let count = (1..=TICKS_MAX).find(|count| f64::from(*count) * step >= most).unwrap_or(TICKS_MAX);
        let tick = |number: u16| {
            let at = f64::from(number) * step;
            (at, format!("{at:.decimals$}"))
        };
        let end = f64::from(count) * step;
        Self { label, unit, end, ticks: (0..=count).map(tick).collect() }
    }

    /// Whole numbers.
    pub(super) fn of_count(what: &str, most: f64) -> Self {
        let mut axis = Self::new(what.to_owned(), 1.0, most);
        axis.ticks.retain(|(_, text)| !text.contains('.') || text.ends_with(".0"));
        for (_, text) in &mut axis.ticks {
            text.truncate(text.find('.').unwrap_or(text.len()));
        }
        axis
    }

    /// Times in microseconds.
    pub(super) fn of_time(what: &str, most_us: f64) -> Self {
        const UNITS: [(&str, f64); 4] = [("ms", 1e3), ("s", 1e6), ("min", 6e7), ("h", 3.6e9)];
        let (name, unit) = unit(&UNITS, most_us);
        Self::new(format!("{what}, {name}"), unit, most_us)
    }

    /// Bytes.
    pub(super) fn of_bytes(what: &str, most: f64) -> Self {
        const UNITS: [(&str, f64); 5] = [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)];
        let (name, unit) = unit(&UNITS, most);
        Self::new(format!("{what}, {name}"), unit, most)
    }

    /// Parts of something, all of it being 1.
    pub(super) fn of_share(what: &str, most: f64) -> Self {
        Self::new(format!("{what}, %"), 0.01, most)
    }

    /// Where something stands, from 0 to 1; what is beyond the end stands there.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value / self.unit / self.end).clamp(0.0, 1.0)
    }
}

/// The largest unit of which there are two at least; else the smallest.
fn unit<'a>(units: &[(&'a str, f64)], most: f64) -> (&'a str, f64) {
    let found = units.iter().rev().find(|(_, unit)| most >= 2.0 * unit);
    found.or(units.first()).copied().unwrap_or(("", 1.0))
}

/// The least step with which few reach this, and the decimals that its multiples have.
fn step(most: f64) -> (f64, usize) {
    let steps = POWERS.flat_map(|power| [1, 2, 5].map(|times| (round(times, power), power)));
    let fits = |(step, _): &(f64, i32)| step * f64::from(TICKS_MAX) >= most;
    let (step, power) = steps.into_iter().find(fits).unwrap_or((most, 0));
    (step, usize::try_from(-power).unwrap_or(0))
}

/// So many times a power of ten: read, since a product may be off by a last digit.
fn round(times: u8, power: i32) -> f64 {
    format!("{times}e{power}").parse().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ticks(most: f64) -> Vec<String> {
        Axis::new(String::new(), 1.0, most).ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(ticks(23.0), ["0", "5", "10", "15", "20", "25"]);
        assert_eq!(ticks(1_000.0).last().unwrap(), "1000");
        assert_eq!(ticks(0.07), ["0.00", "0.02", "0.04", "0.06", "0.08"]);
        assert_eq!(ticks(0.0), ticks(1.0), "an axis of nothing is one, too");
        assert_eq!(ticks(f64::NAN), ticks(1.0));
        let counts = Axis::of_count("nodes", 3.0).ticks;
        assert_eq!(counts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    }

    #[test]
    fn units_keep_numbers_short() {
        assert_eq!(Axis::of_time("t", 1.4e6).label, "t, ms");
        assert_eq!(Axis::of_time("t", 21.0e6).label, "t, s");
        assert_eq!(Axis::of_bytes("b", 2_500_000_000.0).label, "b, GB");
        assert_eq!(Axis::of_bytes("b", 0.0).label, "b, B");
        assert_eq!(Axis::of_share("s", 1.0).ticks.last().unwrap().1, "100");
        assert!((Axis::of_time("t", 20.0e6).place(10.0e6) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn every_axis_reaches_its_end_with_few_round_ticks(digits in 1.0..10.0_f64, power in -8..17_i32) {
            let most = digits * 10_f64.powi(power);
            let axis = Axis::new(String::new(), 1.0, most);
            prop_assert!(axis.end >= most && axis.end <= 2.5 * most, "{} of {most}", axis.end);
            prop_assert!((4..=7).contains(&axis.ticks.len()), "{}", axis.ticks.len());
            let texts: Vec<&String> = axis.ticks.iter().map(|(_, text)| text).collect();
            prop_assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "{texts:?}");
            for (at, text) in &axis.ticks {
                let read: f64 = text.parse().unwrap();
                prop_assert!((read - at).abs() <= 1e-9 * axis.end, "{text} is {at}");
            }
            let step = axis.ticks[1].0;
            let first = format!("{step:e}");
            prop_assert!(["1", "2", "5"].iter().any(|round| first.starts_with(round)), "{first}");
        }

        #[test]
        fn nothing_is_drawn_beyond_an_axis(most in any::<f64>(), value in any::<f64>()) {
            let place = Axis::new(String::new(), 1.0, most).place(value);
            prop_assert!(value.is_nan() || (0.0..=1.0).contains(&place));
        }
    }
}
