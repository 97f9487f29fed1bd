//! Whole runs.
use super::*;
use crate::scenario::Patience;
use crate::units::{ByteSize, Rate, Span};

fn small(nodes: u32) -> Scenario {
    Scenario { nodes, size: ByteSize(4 << 20), chunk_bytes: ByteSize(64 << 10), ..Scenario::default() }
}

fn report(scenario: &Scenario) -> Report {
    run(scenario, Trace::new()).unwrap()
}

#[test]
fn a_handful_of_nodes_restores() {
    let report = report(&small(5));
    assert!(report.verdict.ok, "{report}");
    let completion = report.completion.unwrap();
    assert_eq!(completion.completed, 5);
    assert!(completion.makespan_ratio >= 1.0, "{report}");
    let traffic = report.traffic;
    let delivered = traffic.peer_bytes + traffic.seed_bytes + traffic.local_bytes;
    assert_eq!(delivered, 5 * traffic.copy_bytes, "each job gets each byte once");
    assert!(traffic.seed_copies >= 1.0, "everything comes from the seed at first");
    assert!(traffic.peer_bytes > 0, "nodes share");
}

#[test]
fn a_node_alone_takes_about_what_its_link_takes() {
    let scenario = Scenario { size: ByteSize(64 << 20), chunk_bytes: ByteSize(256 << 10), ..small(1) };
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
    assert!(report.completion.unwrap().makespan_ratio < 1.2, "{report}");
    assert_eq!(report.traffic.peer_bytes, 0);
}

#[test]
fn the_same_rng_seed_gives_the_same_run() {
    let one = report(&small(4));
    assert_eq!(one, report(&small(4)));
    let other = report(&Scenario { rng_seed: 2, ..small(4) });
    assert_ne!(one.trace.digest, other.trace.digest);
    assert!(other.verdict.ok, "{other}");
}

#[test]
fn nodes_may_arrive_one_by_one() {
    let report = report(&Scenario { arrival: Arrival::Spread(Span(2_000_000)), ..small(6) });
    assert!(report.verdict.ok, "{report}");
    let completion = report.completion.unwrap();
    assert!(completion.makespan_us > completion.max_us, "a node's time is counted from its own boot");
}

#[test]
fn a_deadline_that_cannot_be_met_is_a_failed_run() {
    let total_deadline = Patience::For(Span(50_000));
    let report = report(&Scenario { total_deadline, seed_up: Rate(1_000_000), ..small(2) });
    assert!(!report.verdict.ok);
    assert_eq!(report.verdict.completed, 0);
    assert!(report.verdict.first_faults[0].contains("TooSlow"), "{report}");
}

#[test]
fn virtual_time_has_an_end() {
    let report = report(&Scenario { time_max: Span(1_100_000), ..small(3) });
    assert!(!report.verdict.ok);
    assert_eq!(report.verdict.stopped.as_deref(), Some("`time_max` (1100ms) has passed"), "{report}");
}

#[test]
fn a_scenario_out_of_bounds_is_not_run() {
    let refused = run(&small(0), Trace::new());
    assert!(matches!(refused, Err(RunError::Scenario(ScenarioError::OutOfBounds { field: "nodes", .. }))));
}

#[test]
fn what_is_wrong_with_a_job_is_noticed() {
    let at = Instant::from_micros;
    let bound = Bound { seed_us: 50, down_us: 20, crowd_us: 0, total_us: 50 };
    let judged = |began, ended: Option<(u64, Outcome)>| {
        let mut job = Job::new(at(began));
        job.ended = ended.map(|(time, outcome)| (at(time), outcome));
        fault_of(&job, at(1_000), &bound)
    };
    assert_eq!(judged(1_000, Some((1_050, Outcome::Restored))), None);
    assert_eq!(judged(1_000, Some((1_049, Outcome::Restored))), Some(Fault::TooFast { micros: 1 }));
    assert_eq!(judged(1_040, Some((1_059, Outcome::Restored))), Some(Fault::TooFast { micros: 1 }));
    assert_eq!(judged(1_000, Some((1_001, Outcome::Published))), None);
    assert!(matches!(judged(1_000, Some((1_090, Outcome::TooSlow))), Some(Fault::Incomplete(_))));
    assert!(matches!(judged(1_000, None), Some(Fault::Incomplete(_))));
}
