//! How long jobs took.

use super::super::axis::Axis;
use super::super::plot::{Ink, Key, Layer, Plot, Points};
use super::super::table::Table;
use super::{cell, shortened};
use crate::report::numbers::{Seconds, float, ratio};
use crate::report::{Completion, GroupReport, Report};

/// Groups with a curve of their own at most.
const GROUPS_MAX: usize = 3;

/// One curve: whose, its times, and which part of the jobs completed.
struct Curve<'a> {
    name: String,
    percentiles_us: &'a [u64],
    share: f64,
}

/// Which share of all jobs had completed after a time, with the bound. Where some missed, a curve ends below all.
pub(super) fn completion(report: &Report) -> Option<Plot> {
    let took = report.completion?;
    let curves = curves(report);
    let (bound, max) = (float(report.bound.total_us), float(took.max_us));
    let lines = Ink::SERIES.into_iter().zip(&curves).map(|(ink, curve)| (ink, points(curve)));
    let mut layers: Vec<Layer> = lines.map(|(ink, points)| Layer::Line(ink, points)).collect();
    // All of them lie over their parts.
    layers.reverse();
    layers.push(Layer::Upright(Ink::Limit, bound, "bound".to_owned()));
    let keys = Ink::SERIES.into_iter().map(Key::Line);
    let legend = keys.zip(&curves).map(|(key, curve)| (key, curve.name.clone()));
    let legend = legend.chain([(Key::Line(Ink::Limit), "what no crowd can beat".to_owned())]).collect();
    let longest = curves.iter().filter_map(|curve| curve.percentiles_us.last()).map(|last| float(*last));
    let percentiles = &report.percentiles_us;
    Some(Plot {
        id: "completion",
        title: "Completion",
        about: about(report, &took),
        x: Axis::of_time("since the node's own boot", longest.fold(max.max(bound), f64::max)),
        y: Axis::of_share("all jobs", 1.0),
        layers,
        legend,
        table: Table::of_some(
            &["share of the jobs that completed", "no longer than"],
            percentiles.len(),
            |place| vec![format!("{place} %"), Seconds(cell(percentiles, place)).to_string()],
        ),
    })
}

/// Of all honest jobs, and of the first groups of which somebody completed.
fn curves(report: &Report) -> Vec<Curve<'_>> {
    let share = ratio(report.verdict.completed, report.verdict.of);
    let mut curves =
        vec![Curve { name: "all honest jobs".to_owned(), percentiles_us: &report.percentiles_us, share }];
    if report.groups.len() > 1 {
        let groups = report.groups.iter().filter(|group| !group.percentiles_us.is_empty());
        curves.extend(groups.take(GROUPS_MAX).map(|one| Curve {
            name: shortened(&one.label()),
            percentiles_us: &one.percentiles_us,
            share: ratio(one.completed(), one.jobs),
        }));
    }
    curves
}

fn about(report: &Report, took: &Completion) -> String {
    let (completed, of) = (report.verdict.completed, report.verdict.of);
    let whose = if u64::from(completed) < of {
        format!("{completed} of {of} jobs completed. Of those that completed, half")
    } else {
        "Half of the jobs".to_owned()
    };
    let nobody: Vec<String> =
        report.groups.iter().filter(|group| group.completion.is_none()).map(GroupReport::label).collect();
    let nobody = if nobody.is_empty() {
        String::new()
    } else {
        format!(" Nobody completed of: {}.", nobody.join(", "))
    };
    format!(
        "{whose} took no longer than {}, 99 of a hundred no longer than {}, the slowest {}; the bound is {}.{nobody}",
        Seconds(took.p50_us),
        Seconds(took.p99_us),
        Seconds(took.max_us),
        Seconds(report.bound.total_us)
    )
}

/// From nobody to as many as completed.
fn points(curve: &Curve<'_>) -> Points {
    (0_u32..)
        .map(|hundredths| f64::from(hundredths) / 100.0 * curve.share)
        .zip(curve.percentiles_us)
        .map(|(y, at)| (float(*at), y))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn ends(report: &Report) -> Vec<f64> {
        curves(report).iter().filter_map(|curve| points(curve).last().map(|(_, y)| *y)).collect()
    }

    #[test]
    fn a_curve_ends_at_the_part_that_completed() {
        let mut whole = fixture::report();
        for group in &mut whole.groups {
            group.percentiles_us = whole.percentiles_us.clone();
        }
        whole.groups.truncate(1);
        assert_eq!(ends(&whole), [1.0]);
        let mut part = fixture::in_part();
        part.groups[0].percentiles_us = part.percentiles_us.clone();
        assert_eq!(ends(&part), [0.3333, 0.5], "three of nine in all, three of six of the group");
    }

    #[test]
    fn who_did_not_complete_is_named() {
        let plot = completion(&fixture::in_part()).unwrap();
        let begin = "3 of 9 jobs completed. Of those that completed, half took no longer than 2.000 s";
        assert!(plot.about.starts_with(begin), "{}", plot.about);
        let end = "Nobody completed of: thin, liars (junk, not counted).";
        assert!(plot.about.ends_with(end), "{}", plot.about);
    }
}
