//! Runs in which some lie.
use super::*;
use crate::scenario::Seeds;

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

fn stops_nobody(behaviour: Behaviour) -> Report {
    let report = report(&with_bad(behaviour));
    assert!(report.verdict.ok, "{behaviour:?} {report}");
    assert!(report.completion.unwrap().max_us < 20_000_000, "{behaviour:?} {report}");
    report
}

fn bad_seed(behaviour: Behaviour) -> Report {
    let mut scenario = with_bad(Behaviour::Honest);
    scenario.seeds = Seeds { bad: 1, behaviour, ..scenario.seeds };
    let report = report(&scenario);
    assert!(report.verdict.ok, "{behaviour:?} {report}");
    report
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
    replaying_stops_nobody Replaying,
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
