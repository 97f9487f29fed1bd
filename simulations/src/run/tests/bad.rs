//! Runs in which some lie.
use super::*;
use crate::report::Class;
use crate::scenario::{Cover, Disk, FaultKind, FaultSpec, Seeds, Whom};

/// Eight honest nodes and four others, a cache of two versions, and some who come later.
fn with_bad(behaviour: Behaviour) -> Scenario {
    let mut scenario = with_group(8, |group| (group.up, group.down) = (Rate(8_000_000), Rate(8_000_000)));
    scenario.caches[0].size = ByteSize(4 << 20);
    scenario.seeds.count = 4;
    let bad = Group { name: "bad".to_owned(), count: 4, behaviour, ..scenario.groups[0].clone() };
    scenario.groups.push(bad);
    let at = Span(300_000);
    scenario.publishes = vec![Publish { cache: "cache".to_owned(), at, zone: String::new(), builds: 2 }];
    let late = Group {
        name: "late".to_owned(),
        arrival: Arrival::Spread(Span(6_000_000)),
        ..scenario.groups[0].clone()
    };
    scenario.groups.push(late);
    scenario
}

/// A run of which it is known that somebody lied; a slow node tells no lie.
fn lied(scenario: &Scenario, behaviour: Behaviour) -> Report {
    let report = report(&Scenario { coverage: vec![Cover::Lie], ..scenario.clone() });
    let lies = report.verdict.class != Class::Coverage;
    assert_eq!(lies, behaviour != Behaviour::Slow, "{behaviour:?} {report}");
    report
}

fn stops_nobody(behaviour: Behaviour) {
    let report = lied(&with_bad(behaviour), behaviour);
    assert!(is_well(&report), "{behaviour:?} {report}");
    assert!(report.completion.unwrap().max_us < 10_000_000, "{behaviour:?} {report}");
}

/// Whether nothing is wrong but that nobody may have lied.
fn is_well(report: &Report) -> bool {
    matches!(report.verdict.class, Class::Ok | Class::Coverage) && report.verdict.violations == 0
}

fn bad_seed(behaviour: Behaviour) {
    let mut scenario = with_bad(Behaviour::Honest);
    scenario.seeds = Seeds { bad: 1, behaviour, ..scenario.seeds };
    let report = lied(&scenario, behaviour);
    assert!(is_well(&report), "{behaviour:?} {report}");
}

macro_rules! each {
    ($run:ident: $($name:ident $behaviour:ident,)*) => {$(
        #[test]
        fn $name() {
            $run(Behaviour::$behaviour);
        }
    )*};
}

each! {
    stops_nobody:
    junk_stops_nobody Junk,
    stalling_stops_nobody Stalling,
    false_haves_stop_nobody FalseHaves,
    slow_nodes_stop_nobody Slow,
    draining_stops_nobody Draining,
    framing_stops_nobody Framing,
    forging_stops_nobody Forging,
    garbage_stops_nobody Garbage,
}

each! {
    bad_seed:
    a_seed_that_sends_junk_is_withstood Junk,
    a_seed_that_stalls_is_withstood Stalling,
    a_seed_that_is_slow_is_withstood Slow,
    a_seed_that_sends_garbage_is_withstood Garbage,
    a_seed_that_is_stale_is_withstood Stale,
    a_seed_that_forks_is_withstood Forking,
}

#[test]
fn one_address_gives_one_membership() {
    let report = report(&with_bad(Behaviour::Sybil));
    let sybils = &report.groups[1];
    assert_eq!(sybils.completion.map(|done| done.completed), Some(1), "of four names: {report}");
}

/// Seeds hand their answers on every half minute. Version 2 is published after the first, and restored by those who come
/// then; when the seeds are away, they ask all others what is newest, of which some lie.
fn while_seeds_are_away(behaviour: Behaviour) -> Scenario {
    let seconds = |seconds: u64| Span(seconds * 1_000_000);
    let mut scenario = with_bad(behaviour);
    scenario.publishes[0].at = seconds(35);
    let late = &mut scenario.groups[2];
    (late.from, late.arrival, late.again_at) = (seconds(40), Arrival::AllAtOnce, Patience::For(seconds(75)));
    let what = FaultKind::Crash { disk: Disk::Kept };
    let lasts = Patience::For(seconds(45));
    scenario.faults = vec![FaultSpec { at: seconds(65), lasts, whom: Whom::Seeds, share: Share::ALL, what }];
    scenario
}

#[test]
fn an_old_answer_that_is_handed_on_takes_nobody_back() {
    stops_nobody_while_seeds_are_away(Behaviour::Replaying);
}

#[test]
fn a_forged_answer_that_is_handed_on_is_not_believed() {
    let report = stops_nobody_while_seeds_are_away(Behaviour::Forging);
    let disbelieved = report.verdict.coverage.iter().find(|one| one.what == Cover::Disbelieved);
    assert!(disbelieved.is_some_and(|one| one.count > 0), "{report}");
}

fn stops_nobody_while_seeds_are_away(behaviour: Behaviour) -> Report {
    let report = lied(&while_seeds_are_away(behaviour), behaviour);
    assert!(is_well(&report), "{behaviour:?} {report}");
    assert!(report.completion.unwrap().max_us < 10_000_000, "before the seeds are back: {report}");
    report
}
