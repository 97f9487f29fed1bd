//! A report for tests: small, and of everything something.

use super::*;
use crate::scenario::{Behaviour, Cover, Figure, Group};
use crate::tally::Tally;

/// A run that missed one expectation.
pub(super) fn report() -> Report {
    let scenario = scenario();
    let ended = |(at_us, took_us)| Ended { at_us, took_us, bound_us: 1_250_000 };
    let ends = [(2_000_000, 1_500_000), (2_500_000, 2_500_000), (2_250_000, 2_000_000)].map(ended);
    let completion = Completion::new(&ends);
    let traffic = Traffic::new(&tally(), 1_900_000, 1_000_000, (4, 2_500_000));
    let fairness = Fairness::new(vec![100_000, 400_000, 900_000]);
    let figures = Figures::of_jobs(completion.as_ref(), 3).with_traffic(&traffic, 1, fairness.gini);
    let jobs = Jobs { completed: 3, of: 3, ..Jobs::default() };
    let reached = |cover| if cover == Cover::Left { 0 } else { 2 };
    Report {
        version: Report::VERSION,
        command: "pollux-sim run crowd --nodes 3".to_owned(),
        verdict: Verdict::new(&scenario, jobs, Broken::default(), |_| Some(&figures), reached),
        notes: vec![
            "`faults.0` (seeds: crash, at 90s) had not begun when the run ended at 2.500 s".to_owned(),
        ],
        publish_us: 177_000,
        bound: Bound {
            copy_bytes: 1_000_000,
            seed_us: 1,
            down_us: 2,
            crowd_us: 1_250_000,
            total_us: 1_250_000,
        },
        completion,
        percentiles_us: percentiles(&ends),
        groups: vec![group("crowd", completion), liars()],
        figures,
        traffic,
        crossings: vec![Crossing::new("east", "west", 1_250_000, 1_000_000)],
        bans: 1,
        fairness,
        series: series(),
        calibration: vec![calibration()],
        trace: TraceReport { facts: 7, digest: "c0ffee".to_owned() },
        events: 9,
        speed: Some(Speed { cpu_us: 500_000, events_per_second: 18, transfers_per_second: 6 }),
        scenario,
    }
}

/// A run of three groups, of which one completed in part, and one not at all.
pub(super) fn in_part() -> Report {
    let report = report();
    let scenario = scenario();
    let jobs = Jobs { completed: 3, of: 9, ..Jobs::default() };
    let broken = Broken {
        violations: 6,
        first: vec!["thin: 3 of 3 jobs gave up after `total_deadline` 2s (the first at 2.000 s)".to_owned()],
        ..Broken::default()
    };
    let half = GroupReport { jobs: 6, ..group("crowd", report.completion) };
    let verdict = Verdict::new(&scenario, jobs, broken, |_| None, |_| 2);
    Report { verdict, groups: vec![half, group("thin", None), liars()], ..report }
}

/// A run of which nothing came.
pub(super) fn nothing() -> Report {
    let jobs = Jobs { of: 3, stopped: Some("`time_max` (1ms) has passed".to_owned()), ..Jobs::default() };
    let broken =
        Broken { violations: 1, of_safety: 1, first: vec!["0.001 s, n1 of crowd: it is broken".to_owned()] };
    Report {
        verdict: Verdict::new(&scenario(), jobs, broken, |_| None, |_| 0),
        completion: None,
        percentiles_us: Vec::new(),
        figures: Figures::default(),
        groups: vec![group("crowd", None)],
        fairness: Fairness::new(Vec::new()),
        series: Series::default(),
        speed: None,
        ..report()
    }
}

fn scenario() -> Scenario {
    let text = "version = 1\nabout = \"Three instances.\"\ncoverage = [\"junk\", \"left\"]\n\
                [[expectations]]\nfigure = \"p50-ratio\"\nat_most = 1.5\n\
                [[expectations]]\nfigure = \"completed-share\"\ngroup = \"crowd\"\nat_least = \"100%\"\n";
    let behaviour = Behaviour::Junk;
    let groups = vec![
        Group { count: 3, ..Group::default() },
        Group { name: "liars".to_owned(), behaviour, ..Group::default() },
    ];
    Scenario { groups, ..Scenario::from_toml(text).unwrap() }
}

fn group(name: &str, completion: Option<Completion>) -> GroupReport {
    let percentiles_us = if completion.is_some() { vec![1_500_000, 2_500_000] } else { Vec::new() };
    let figures = Figures::of_jobs(completion.as_ref(), 3);
    let behaviour = Behaviour::Honest;
    GroupReport { name: name.to_owned(), behaviour, jobs: 3, completion, percentiles_us, figures }
}

fn liars() -> GroupReport {
    GroupReport { behaviour: Behaviour::Junk, ..group("liars", None) }
}

fn calibration() -> Calibration {
    let text = r#"{"nodes": 16, "size": "24MB", "rate": "50Mbit/s", "seed_rate": "50Mbit/s", "compared": [
        {"what": "makespan, s", "error_percent": 2.5, "bar_percent": 10.0},
        {"what": "from the seed, copies", "error_percent": -7.25, "bar_percent": 5.0}]}"#;
    Calibration::from_json(text).unwrap()
}

fn tally() -> Tally {
    Tally {
        frames: 12,
        frame_bytes: 3_000_000,
        duplicate_bytes: 30_000,
        late_bytes: 60_000,
        junk_bytes: 15_000,
        messages: 100,
        message_bytes: 9_000,
        peer_bytes: 1_200_000,
        seed_bytes: 1_800_000,
        ..Tally::default()
    }
}

fn series() -> Series {
    let sample = |bytes: u64, completed| Sample {
        peer_bytes: bytes * 2,
        seed_bytes: bytes * 3,
        late_bytes: bytes / 10,
        active_nodes: 3,
        active_seeds: 1,
        completed,
        ..Sample::default()
    };
    let samples = [sample(0, 0), sample(200_000, 0), sample(600_000, 3)];
    let mark = Mark { at_us: 1_000_000, what: "cache: version 2 is published".to_owned() };
    Series::new([0, 1_250_000, 2_500_000].into_iter().zip(&samples), vec![mark])
}

#[test]
fn it_is_of_the_first_class_that_holds() {
    assert_eq!((report().verdict.class, nothing().verdict.class), (Class::Expectation, Class::Safety));
    assert_eq!(report().figures.get(Figure::P50Ratio), Some(1.6));
}
