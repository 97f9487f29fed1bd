//! How long jobs took.

use super::super::axis::Axis;
use super::super::plot::{Ink, Key, Layer, Plot, Points};
use super::super::table::Table;
use super::{cell, shortened};
use crate::report::numbers::{Seconds, float};
use crate::report::{GroupReport, Report};

/// Groups with a curve of their own at most.
const GROUPS_MAX: usize = 3;

/// Which share of the jobs took no longer than a time, with the bound.
pub(super) fn completion(report: &Report) -> Option<Plot> {
    let took = report.completion?;
    let mut curves = vec![("all honest jobs".to_owned(), &report.percentiles_us)];
    let groups = report.groups.iter().filter(|group| !group.percentiles_us.is_empty());
    if report.groups.len() > 1 {
        let group = |group: &GroupReport| shortened(&group.name);
        curves.extend(groups.take(GROUPS_MAX).map(|one| (group(one), &one.percentiles_us)));
    }
    let (bound, max) = (float(report.bound.total_us), float(took.max_us));
    let lines = Ink::SERIES.into_iter().zip(&curves).map(|(ink, (_, curve))| (ink, points(curve)));
    let mut layers: Vec<Layer> = lines.map(|(ink, points)| Layer::Line(ink, points)).collect();
    // All of them lie over their parts.
    layers.reverse();
    layers.push(Layer::Upright(Ink::Limit, bound, "bound".to_owned()));
    let keys = Ink::SERIES.into_iter().map(Key::Line);
    let legend = keys.zip(&curves).map(|(key, (name, _))| (key, name.clone()));
    let legend = legend.chain([(Key::Line(Ink::Limit), "what no crowd can beat".to_owned())]).collect();
    let longest = curves.iter().filter_map(|(_, curve)| curve.last()).map(|last| float(*last));
    Some(Plot {
        id: "completion",
        title: "Completion",
        about: format!(
            "Half of the jobs took no longer than {}, 99 of a hundred no longer than {}, the slowest {}; the bound is {}.",
            Seconds(took.p50_us),
            Seconds(took.p99_us),
            Seconds(took.max_us),
            Seconds(report.bound.total_us)
        ),
        x: Axis::of_time("since the node's own boot", longest.fold(max.max(bound), f64::max)),
        y: Axis::of_share("jobs that have completed", 1.0),
        layers,
        legend,
        table: Table::of_some(&["share of jobs", "no longer than"], report.percentiles_us.len(), |place| {
            vec![format!("{place} %"), Seconds(cell(&report.percentiles_us, place)).to_string()]
        }),
    })
}

/// From nobody to all.
fn points(percentiles: &[u64]) -> Points {
    (0_u32..)
        .map(|hundredths| f64::from(hundredths) / 100.0)
        .zip(percentiles)
        .map(|(y, at)| (float(*at), y))
        .collect()
}
