//! Which nodes there are, and what each gave.

use super::super::axis::Axis;
use super::super::plot::{Ink, Key, Layer, Plot};
use super::super::table::Table;
use super::{Times, cell, greatest};
use crate::report::Report;
use crate::report::numbers::{Percent, Seconds, counted, float};

/// Nodes that are there, jobs that have completed, violations.
pub(super) fn activity(report: &Report) -> Option<Plot> {
    let times = Times::new(report)?;
    let series = times.series;
    let (active, done) = (times.counts(&series.active_nodes), times.counts(&series.completed));
    let violations = times.bytes(&series.violations);
    let most = [&active, &done, &violations].map(|points| greatest(points)).into_iter().fold(0.0, f64::max);
    let mut layers = times.marks();
    let mut legend = vec![
        (Key::Line(Ink::First), "nodes that are there".to_owned()),
        (Key::Line(Ink::Second), "jobs that have completed".to_owned()),
    ];
    let most_active = series.active_nodes.iter().max().copied().unwrap_or_default();
    layers.extend([Layer::Steps(Ink::First, active), Layer::Steps(Ink::Second, done)]);
    if report.verdict.violations > 0 {
        layers.push(Layer::Steps(Ink::Fourth, violations));
        legend.push((Key::Line(Ink::Fourth), "violations".to_owned()));
    }
    if !series.marks.is_empty() {
        legend.push((Key::Line(Ink::Mark), "from outside".to_owned()));
    }
    Some(Plot {
        id: "nodes",
        title: "Nodes and violations",
        about: format!(
            "At most {most_active} nodes of groups were there at once; {} completed; {}.{}",
            counted(report.verdict.completed, "job"),
            counted(report.verdict.violations, "violation"),
            told_marks(report)
        ),
        y: Axis::of_count("nodes, jobs", most),
        layers,
        legend,
        table: Table::of_some(
            &[&times.axis.label, "nodes", "seeds", "jobs completed", "violations"],
            times.places.len(),
            |place| {
                let counts = [&series.active_nodes, &series.active_seeds, &series.completed];
                let cells = counts.map(|column| cell(column, place).to_string());
                let violations = cell(&series.violations, place).to_string();
                [times.time(place)].into_iter().chain(cells).chain([violations]).collect()
            },
        ),
        x: times.axis,
    })
}

fn told_marks(report: &Report) -> String {
    let marks = &report.series.marks;
    let told = (1..).zip(marks);
    let told =
        told.map(|(number, mark): (u32, _)| format!("({number}) {} {}", Seconds(mark.at_us), mark.what));
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!(" From outside: {}.", told.join("; ")) }
}

/// How evenly nodes gave.
pub(super) fn lorenz(report: &Report) -> Option<Plot> {
    let fairness = &report.fairness;
    let points = fairness.lorenz.len().checked_sub(1).filter(|points| *points > 0)?;
    let whole = f64::from(u32::try_from(points).unwrap_or(u32::MAX));
    let share = |place: u32| f64::from(place) / whole;
    let curve = (0_u32..).map(share).zip(fairness.lorenz.iter().copied()).collect();
    let even = vec![(0.0, 0.0), (1.0, 1.0)];
    Some(Plot {
        id: "lorenz",
        title: "Fairness",
        about: format!(
            "Nodes by what they gave, the least first. Gini {:.2}: 0 if all gave the same, 1 if one gave all.",
            fairness.gini
        ),
        x: Axis::of_share("of the nodes, those who gave least", 1.0),
        y: Axis::of_share("of all that nodes gave", 1.0),
        layers: vec![Layer::Line(Ink::Limit, even), Layer::Line(Ink::First, curve)],
        legend: vec![
            (Key::Line(Ink::First), "what they gave".to_owned()),
            (Key::Line(Ink::Limit), "if all gave the same".to_owned()),
        ],
        table: Table::of_some(&["nodes who gave least", "gave of all"], points + 1, |place| {
            let part = u32::try_from(place).unwrap_or(u32::MAX);
            vec![Percent(share(part)).to_string(), Percent(cell(&fairness.lorenz, place)).to_string()]
        }),
    })
}

/// Nodes by what they gave.
pub(super) fn histogram(report: &Report) -> Option<Plot> {
    let fairness = &report.fairness;
    let bars = u32::try_from(fairness.histogram.len()).ok().filter(|bars| *bars > 0)?;
    let copy = float(report.bound.copy_bytes.max(1));
    let (most, count) = (float(fairness.most_bytes) / copy, f64::from(bars));
    let edge = |place: u32| f64::from(place) * most / count;
    let bar = |(place, nodes): (u32, &u32)| (edge(place), edge(place + 1), f64::from(*nodes));
    let drawn: Vec<(f64, f64, f64)> = (0_u32..).zip(&fairness.histogram).map(bar).collect();
    let tallest = drawn.iter().map(|(_, _, nodes)| *nodes).fold(0.0, f64::max);
    let row = |place: usize| {
        let (from, to, nodes) = drawn.get(place).copied().unwrap_or_default();
        vec![format!("{from:.2} to {to:.2}"), format!("{nodes:.0}")]
    };
    Some(Plot {
        id: "uploads",
        title: "What nodes gave",
        about: format!(
            "{} nodes gave {:.2} copies on average, the most generous one {most:.2}.",
            fairness.nodes,
            float(fairness.given_bytes) / copy / float(fairness.nodes.max(1))
        ),
        x: Axis::new("copies that a node gave".to_owned(), 1.0, most),
        y: Axis::of_count("nodes", tallest),
        table: Table::new(&["copies", "nodes"], (0..drawn.len()).map(row).collect()),
        layers: vec![Layer::Bars(Ink::First, drawn)],
        legend: Vec::new(),
    })
}
