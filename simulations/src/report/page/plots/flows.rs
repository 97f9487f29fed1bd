//! What flowed from whom, and how much of the links that took.

use super::super::axis::Axis;
use super::super::plot::{Ink, Key, Layer, Plot, Points};
use super::super::table::Table;
use super::{Times, cell, greatest};
use crate::report::Report;
use crate::report::numbers::{Percent, float};

/// Points of a curve that would be all noise otherwise: each is the mean of its neighbourhood.
const MEANS_MAX: usize = 64;

/// Bytes that jobs got, by source, one above the other.
pub(super) fn sources(report: &Report) -> Option<Plot> {
    let times = Times::new(report)?;
    let series = times.series;
    let (local, peers, seeds) =
        (times.bytes(&series.local_bytes), times.bytes(&series.peer_bytes), times.bytes(&series.seed_bytes));
    let nothing: Points = local.iter().map(|(x, _)| (*x, 0.0)).collect();
    let (one, two) = (above(&nothing, &seeds), above(&seeds, &peers));
    let three = above(&two, &local);
    let y = Axis::of_bytes("bytes that jobs got", greatest(&three));
    let unit = y.unit;
    let mut layers = vec![
        Layer::Area(Ink::First, nothing, one.clone()),
        Layer::Area(Ink::Second, one, two.clone()),
        Layer::Area(Ink::Third, two, three),
    ];
    layers.extend(times.marks());
    let traffic = &report.traffic;
    let all = traffic.seed_bytes + traffic.peer_bytes + traffic.local_bytes;
    let part = |bytes: u64| Percent::of(bytes, all);
    let amount = |bytes: u64| format!("{:.3}", float(bytes) / unit);
    Some(Plot {
        id: "sources",
        title: "Bytes by source",
        about: format!(
            "In the end {} came from seeds, {} from peers, {} from the nodes' own stores.",
            part(traffic.seed_bytes),
            part(traffic.peer_bytes),
            part(traffic.local_bytes)
        ),
        layers,
        legend: vec![
            (Key::Area(Ink::Third), "own store".to_owned()),
            (Key::Area(Ink::Second), "peers".to_owned()),
            (Key::Area(Ink::First), "seeds".to_owned()),
        ],
        table: Table::of_some(
            &[&times.axis.label, "seeds", "peers", "own store"],
            times.places.len(),
            |place| {
                let columns = [&series.seed_bytes, &series.peer_bytes, &series.local_bytes];
                let cells = columns.map(|column| amount(cell(column, place)));
                [times.time(place)].into_iter().chain(cells).collect()
            },
        ),
        x: times.axis,
        y,
    })
}

/// One curve on top of another.
fn above(lower: &[(f64, f64)], upper: &[(f64, f64)]) -> Points {
    lower.iter().zip(upper).map(|((x, below), (_, more))| (*x, below + more)).collect()
}

/// What left the seeds, in copies.
pub(super) fn seed(report: &Report) -> Option<Plot> {
    let times = Times::new(report)?;
    let copy = float(report.bound.copy_bytes.max(1));
    let copies = |bytes: u64| float(bytes) / copy;
    let given = &times.series.seed_given_bytes;
    let points = times.points(given.iter().map(|bytes| copies(*bytes)));
    let mut layers =
        vec![Layer::Across(Ink::Limit, 1.0, "one copy".to_owned()), Layer::Line(Ink::First, points.clone())];
    layers.extend(times.marks());
    Some(Plot {
        id: "seed",
        title: "What the seeds gave",
        about: format!(
            "All seeds together gave {:.2} copies of what anybody lacked; one copy is the least.",
            report.traffic.seed_copies
        ),
        y: Axis::new("copies".to_owned(), 1.0, greatest(&points).max(1.2)),
        layers,
        legend: Vec::new(),
        table: Table::of_some(&[&times.axis.label, "copies"], times.places.len(), |place| {
            vec![times.time(place), format!("{:.3}", copies(cell(given, place)))]
        }),
        x: times.axis,
    })
}

/// The part of the links that was used.
pub(super) fn links(report: &Report) -> Option<Plot> {
    let times = Times::new(report)?;
    let series = times.series;
    let columns = [
        ("seeds' uplinks", means(&times, &series.seed_uplink_share)),
        ("nodes' downlinks", means(&times, &series.downlink_share)),
        ("nodes' uplinks", means(&times, &series.uplink_share)),
    ];
    let lines = Ink::SERIES.into_iter().zip(&columns);
    let mut layers: Vec<Layer> = lines.map(|(ink, (_, points))| Layer::Line(ink, points.clone())).collect();
    layers.extend(times.marks());
    let legend = Ink::SERIES.into_iter().map(Key::Line);
    let [seed, down, up] = columns.each_ref().map(|(_, points)| points);
    let percent = |points: &Points, place: usize| {
        Percent(points.get(place).map_or(0.0, |(_, share)| *share)).to_string()
    };
    let unit = times.axis.unit;
    Some(Plot {
        id: "links",
        title: "Use of links",
        about: format!(
            "The busiest moment of the seeds' uplinks used {}, of the nodes' downlinks {}, of their uplinks {}.",
            Percent(greatest(seed)),
            Percent(greatest(down)),
            Percent(greatest(up))
        ),
        y: Axis::of_share("of what all links of a kind can carry", 1.0),
        layers,
        legend: legend.zip(&columns).map(|(key, (name, _))| (key, (*name).to_owned())).collect(),
        table: Table::of_some(
            &[&times.axis.label, "seeds' uplinks", "nodes' downlinks", "nodes' uplinks"],
            seed.len(),
            |place| {
                let at = seed.get(place).map_or(0.0, |(at, _)| *at);
                vec![
                    format!("{:.3}", at / unit),
                    percent(seed, place),
                    percent(down, place),
                    percent(up, place),
                ]
            },
        ),
        x: times.axis,
    })
}

/// Means of so many neighbours that few are left, each where its neighbourhood ends.
fn means(times: &Times<'_>, column: &[f64]) -> Points {
    let points = times.points(column.iter().copied());
    let together = points.len().div_ceil(MEANS_MAX).max(1);
    let mean = |some: &[(f64, f64)]| {
        let count = u32::try_from(some.len()).unwrap_or(u32::MAX);
        let sum: f64 = some.iter().map(|(_, share)| share).sum();
        some.last().map(|(at, _)| (*at, sum / f64::from(count.max(1))))
    };
    // The first says nothing yet: it has no time before it.
    points.get(1..).unwrap_or_default().chunks(together).filter_map(mean).collect()
}

/// What arrived in vain.
pub(super) fn waste(report: &Report) -> Option<Plot> {
    let times = Times::new(report)?;
    let series = times.series;
    let names = ["twice", "too late", "junk"];
    let columns = [&series.duplicate_bytes, &series.late_bytes, &series.junk_bytes];
    let curves = columns.map(|column| times.bytes(column));
    let most = curves.iter().map(|points| greatest(points)).fold(0.0, f64::max);
    let y = Axis::of_bytes("bytes that arrived in vain", most);
    let unit = y.unit;
    let lines = Ink::SERIES.into_iter().zip(curves);
    let mut layers: Vec<Layer> = lines.map(|(ink, points)| Layer::Line(ink, points)).collect();
    layers.extend(times.marks());
    let (traffic, legend) = (&report.traffic, Ink::SERIES.into_iter().map(Key::Line));
    let part = |bytes: u64| Percent::of(bytes, traffic.arrived_bytes);
    Some(Plot {
        id: "waste",
        title: "Duplicates, late chunks, junk",
        about: format!(
            "Of what arrived, {} came twice, {} too late; junk was as much as {} of it.",
            part(traffic.duplicate_bytes),
            part(traffic.late_bytes),
            part(traffic.junk_bytes)
        ),
        layers,
        legend: legend.zip(names).map(|(key, name)| (key, name.to_owned())).collect(),
        table: Table::of_some(
            &[&times.axis.label, "twice", "too late", "junk"],
            times.places.len(),
            |place| {
                let cells = columns.map(|column| format!("{:.3}", float(cell(column, place)) / unit));
                [times.time(place)].into_iter().chain(cells).collect()
            },
        ),
        x: times.axis,
        y,
    })
}
