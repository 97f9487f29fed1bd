//! The plots, in the order in which they stand on the page.
//!
//! ```text
//! jobs   completion, with the bound
//! flows  bytes by source, what seeds gave, links, waste
//! nodes  who is there, how evenly nodes gave
//! ```

mod flows;
mod jobs;
mod nodes;

use super::axis::Axis;
use super::plot::{Ink, Layer, Plot, Points};
use crate::report::numbers::float;
use crate::report::{Mark, Report, Series};

/// So many numbers of marks have room beside each other.
const MARKS_APART: f64 = 24.0;

/// All that the report has numbers for.
pub(super) fn plots(report: &Report) -> Vec<Plot> {
    let plots = [
        jobs::completion(report),
        flows::sources(report),
        flows::seed(report),
        nodes::activity(report),
        flows::links(report),
        flows::waste(report),
        nodes::lorenz(report),
        nodes::histogram(report),
    ];
    plots.into_iter().flatten().collect()
}

/// Columns over time. None where a run did not begin.
struct Times<'a> {
    series: &'a Series,
    axis: Axis,
    places: Vec<f64>,
}

impl<'a> Times<'a> {
    fn new(report: &'a Report) -> Option<Self> {
        let series = &report.series;
        let last = *series.at_us.last()?;
        let axis = Axis::of_time("since the beginning", float(last));
        Some(Self { series, axis, places: series.at_us.iter().map(|at| float(*at)).collect() })
    }

    fn points(&self, column: impl Iterator<Item = f64>) -> Points {
        self.places.iter().copied().zip(column).collect()
    }

    fn bytes(&self, column: &[u64]) -> Points {
        self.points(column.iter().map(|bytes| float(*bytes)))
    }

    fn counts(&self, column: &[u32]) -> Points {
        self.points(column.iter().map(|count| f64::from(*count)))
    }

    /// What happened from outside, by its number; numbers that would lie over each other are left out.
    fn marks(&self) -> Vec<Layer> {
        let apart = self.axis.end * self.axis.unit / MARKS_APART;
        let mut last = f64::NEG_INFINITY;
        let marks = (1..).zip(&self.series.marks).map(|(number, mark): (u32, &Mark)| {
            let at = float(mark.at_us);
            let text = if at - last >= apart { number.to_string() } else { String::new() };
            last = if text.is_empty() { last } else { at };
            Layer::Upright(Ink::Mark, at, text)
        });
        marks.collect()
    }

    /// A time, in the axis' unit.
    fn time(&self, place: usize) -> String {
        let at = self.places.get(place).copied().unwrap_or_default();
        format!("{:.3}", at / self.axis.unit)
    }
}

/// So that it fits into a plot.
fn shortened(text: &str) -> String {
    const LETTERS_MAX: usize = 28;
    let short: String = text.chars().take(LETTERS_MAX).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

/// The greatest of them; 0 of none.
fn greatest(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|(_, y)| *y).fold(0.0, f64::max)
}

/// A number of a column.
fn cell<T: Copy + Default>(column: &[T], place: usize) -> T {
    column.get(place).copied().unwrap_or_default()
}
