//! Whole runs.
use super::*;
mod bad;
mod canaries;
mod troubles;

use crate::scenario::{Arrival, CacheSpec, Exit, Group, Patience, Publish, Share, Sharing};
use crate::units::{ByteSize, Rate, Span};

fn small(nodes: u32) -> Scenario {
    let cache =
        CacheSpec { size: ByteSize(4 << 20), chunk_bytes: ByteSize(64 << 10), ..CacheSpec::default() };
    let group = Group { count: nodes, ..Group::default() };
    Scenario { caches: vec![cache], groups: vec![group], ..Scenario::default() }
}

fn with_group(nodes: u32, change: impl Fn(&mut Group)) -> Scenario {
    let mut scenario = small(nodes);
    scenario.groups.iter_mut().for_each(change);
    scenario
}

fn second_version(at: Span) -> Publish {
    Publish { cache: "cache".to_owned(), at, zone: String::new(), builds: 1 }
}

/// One that comes along, to be made smaller: what is expected of it is of its own size.
fn ready(name: &str) -> Scenario {
    let (expectations, coverage) = (Vec::new(), Vec::new());
    Scenario { expectations, coverage, ..Scenario::ready(name).unwrap() }
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
    assert!(completion.makespan_ratio >= 1.0);
    let traffic = report.traffic;
    let delivered = traffic.peer_bytes + traffic.seed_bytes + traffic.local_bytes;
    assert_eq!(delivered, 5 * traffic.copy_bytes, "each job gets each byte once");
    assert!(traffic.seed_copies >= 1.0, "everything comes from the seed at first");
    assert!(traffic.peer_bytes > 0, "nodes share");
}

#[test]
fn a_node_alone_takes_about_what_its_link_takes() {
    let mut scenario = small(1);
    (scenario.caches[0].size, scenario.caches[0].chunk_bytes) = (ByteSize(64 << 20), ByteSize(256 << 10));
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
    assert!(report.completion.unwrap().makespan_ratio < 1.2);
    assert_eq!(report.traffic.peer_bytes, 0);
}

#[test]
fn links_that_are_shared_exactly_give_about_the_same() {
    for rng_seed in 1..4 {
        let mut settled =
            with_group(16, |group| (group.up, group.down) = (Rate(12_500_000), Rate(12_500_000)));
        (settled.rng_seed, settled.seeds.up) = (rng_seed, Rate(12_500_000));
        let exact = Scenario { sharing: Sharing::Exact, ..settled.clone() };
        let [settled, exact] = [settled, exact].map(|scenario| report(&scenario));
        assert!(settled.verdict.ok && exact.verdict.ok, "{settled}{exact}");
        assert_ne!(settled.trace.digest, exact.trace.digest, "they are two");
        let [one, other] = [settled, exact].map(|report| report.completion.unwrap().makespan_us);
        assert!(one.abs_diff(other) * 100 < 3 * other, "{one} and {other}");
    }
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
    for arrival in [Arrival::Spread(Span(2_000_000)), Arrival::Poisson(Span(300_000))] {
        let report = report(&with_group(6, |group| group.arrival = arrival.clone()));
        assert!(report.verdict.ok, "{report}");
        let completion = report.completion.unwrap();
        assert!(completion.makespan_us > completion.max_us, "a node's time is counted from its own boot");
    }
}

#[test]
fn nodes_arrive_at_their_times() {
    let times = [0, 0, 700, 700, 5_000].map(|millis| Span(millis * 1_000));
    let mut scenario = with_group(5, |group| group.arrival = Arrival::Times(times.to_vec()));
    let began = |scenario: &Scenario| {
        let mut run =
            Run { world: World::new(scenario, Trace::new()), scenario, stopped: None, recorder: None };
        let report = run.story();
        assert!(report.verdict.ok, "{report}");
        let mut done: Vec<(NodeNo, u64)> =
            run.restores().map(|done| (done.node, micros(done.began, Instant::ZERO))).collect();
        done.sort_unstable();
        done.into_iter().map(|(_, began)| began).collect::<Vec<u64>>()
    };
    let first = began(&scenario);
    let since: Vec<Span> = first.iter().map(|began| Span(began - first[0])).collect();
    assert_eq!(since, times);
    scenario.groups[0].from = Span(300_000);
    assert_eq!(began(&scenario)[0] - first[0], 300_000, "from then on");
}

#[test]
fn a_deadline_that_cannot_be_met_is_a_failed_run() {
    let mut scenario = with_group(2, |group| group.total_deadline = Patience::For(Span(50_000)));
    scenario.seeds.up = Rate(1_000_000);
    let report = report(&scenario);
    assert!(!report.verdict.ok);
    assert_eq!(report.verdict.completed, 0);
    assert!(
        report.verdict.first_violations[0]
            .starts_with("crowd: 2 of 2 jobs gave up after `total_deadline` 50ms (the first at 0.050 s)"),
        "{report}"
    );
}

#[test]
fn virtual_time_has_an_end() {
    let report = report(&Scenario {
        time_max: Span(1_000_000),
        ..with_group(3, |group| group.down = Rate(1_000_000))
    });
    assert!(!report.verdict.ok);
    assert_eq!(
        report.verdict.stopped.as_deref(),
        Some("`time_max` (1s) has passed since the beginning"),
        "{report}"
    );
    let told_us = report.series.at_us.last().copied();
    assert!(told_us.is_some_and(|told| told > 500_000), "it counts from the beginning: {told_us:?}");
}

#[test]
fn a_scenario_out_of_bounds_is_not_run() {
    assert!(matches!(
        run(&small(0), Trace::new()),
        Err(RunError::Scenario(ScenarioError::OutOfBounds { .. }))
    ));
}

#[test]
fn several_seeds_sign_together() {
    let mut scenario = small(6);
    scenario.seeds.count = 4;
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
}

#[test]
fn jobs_restore_one_cache_after_the_other() {
    let mut scenario = small(4);
    scenario.caches.push(CacheSpec {
        name: "other".to_owned(),
        size: ByteSize(1 << 20),
        ..CacheSpec::default()
    });
    scenario.groups[0].restores.push("other".to_owned());
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
    assert_eq!((report.verdict.completed, report.verdict.of), (8, 8));
}

#[test]
fn who_holds_the_version_before_fetches_what_is_new() {
    let mut scenario = small(3);
    scenario.caches[0].shared = Share(750);
    scenario.publishes = vec![second_version(Span(0))];
    scenario.groups[0].holds = vec!["cache".to_owned()];
    scenario.groups[0].arrival = Arrival::Spread(Span(1));
    // Long after the second version is there.
    scenario.groups.push(Group {
        name: "late".to_owned(),
        arrival: Arrival::Poisson(Span(20_000_000)),
        ..scenario.groups[0].clone()
    });
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
    let (local, copy) = (report.traffic.local_bytes, 4 << 20);
    assert!(
        local > 4 * copy && local < 6 * copy,
        "six restores, three quarters of most from their own stores"
    );
}

#[test]
fn zones_share_what_leads_out_of_them() {
    let thin = |rate: Option<Rate>| {
        let mut scenario = ready("two-regions");
        scenario.caches[0].size = ByteSize(8 << 20);
        scenario.groups.iter_mut().for_each(|group| group.count = 4);
        scenario.paths.iter_mut().for_each(|path| path.rate = rate);
        let report = report(&scenario);
        assert!(report.verdict.ok, "{report}");
        report.groups[1].completion.unwrap().makespan_us
    };
    let (narrow, wide) = (thin(Some(Rate(1_000_000))), thin(None));
    assert!(narrow > 8_000_000 && wide < 2_000_000, "{narrow} and {wide}");
}

#[test]
fn a_thin_link_between_zones_carries_less_than_two_copies() {
    for rng_seed in 1..=3 {
        let mut scenario = Scenario { rng_seed, ..ready("two-regions") };
        (scenario.caches[0].size, scenario.caches[0].chunk_bytes) = (ByteSize(16 << 20), ByteSize(64 << 10));
        scenario.groups.iter_mut().for_each(|group| group.count = 12);
        scenario.paths.iter_mut().for_each(|path| path.rate = Some(Rate(5_000_000)));
        let report = report(&scenario);
        assert!(report.verdict.ok, "{report}");
        let copies = |from: &str| report.crossings.iter().find(|one| one.from == from).unwrap().copies;
        assert!((1.0..2.0).contains(&copies("east")), "{report}");
        assert!(copies("west") < 0.25, "the seeds are in the east\n{report}");
    }
}

#[test]
fn nodes_go_when_their_life_is_over() {
    for exit in [Exit::Killed, Exit::Vanished] {
        let mut scenario = with_group(6, |group| group.arrival = Arrival::Spread(Span(200_000)));
        let passing = Group {
            name: "passing".to_owned(),
            life: Patience::For(Span(120_000)),
            exit,
            ..scenario.groups[0].clone()
        };
        scenario.groups.push(passing);
        let report = report(&scenario);
        assert_eq!(report.verdict.violations, 0, "{report}");
        assert_eq!(report.groups[0].completion.unwrap().completed, 6, "{report}");
    }
}

#[test]
fn those_that_do_wrong_stop_nobody() {
    let mut scenario = ready("hostile-tenth");
    scenario.caches[0].size = ByteSize(16 << 20);
    scenario.groups[0].count = 12;
    scenario.groups[1..].iter_mut().for_each(|group| group.count = 2);
    scenario.groups.push(Group {
        name: "false-haves".to_owned(),
        behaviour: Behaviour::FalseHaves,
        count: 2,
        ..scenario.groups[1].clone()
    });
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
    assert_eq!((report.verdict.completed, report.verdict.of), (12, 12));
    assert!(report.traffic.junk_bytes > 0 && report.bans > 0, "{report}");
}

#[test]
fn series_run_from_the_beginning_to_the_end() {
    let mut scenario = with_group(6, |group| group.life = Patience::For(Span(700_000)));
    scenario.publishes = vec![second_version(Span(100_000))];
    let report = report(&scenario);
    let (series, traffic) = (&report.series, &report.traffic);
    assert_eq!(series.at_us.first(), Some(&0));
    assert!(series.at_us.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", series.at_us);
    assert!(series.at_us.last().unwrap() >= &report.completion.unwrap().makespan_us);
    let last = |column: &[u64]| *column.last().unwrap();
    assert_eq!(last(&series.peer_bytes), traffic.peer_bytes);
    assert_eq!(last(&series.seed_given_bytes), traffic.seed_given_bytes);
    assert_eq!((series.completed[0], series.completed.last()), (0, Some(&6)));
    assert_eq!(series.active_nodes.iter().max(), Some(&6));
    assert!(series.uplink_share.iter().chain(&series.seed_uplink_share).all(|share| *share <= 1.0));
    assert!(series.seed_uplink_share.iter().any(|share| *share > 0.5), "{:?}", series.seed_uplink_share);
    let marks: Vec<(u64, &str)> = series.marks.iter().map(|mark| (mark.at_us, mark.what.as_str())).collect();
    assert_eq!(marks, [(100_000, "cache: version 2 is published")]);
}

#[test]
fn every_series_of_bytes_ends_at_its_total() {
    let less = |name, bytes| {
        let mut scenario = ready(name);
        scenario.caches[0].size = ByteSize(bytes);
        scenario
    };
    let mut liars = less("hostile-tenth", 4 << 20);
    liars.groups.iter_mut().for_each(|group| group.count = group.count.div_ceil(10));
    let crowd = less("small-crowd", 16 << 20);
    assert!(report(&crowd).traffic.duplicate_bytes > 0, "it shows something");
    for scenario in [small(8), crowd, liars] {
        let report = report(&scenario);
        let value = serde_json::to_value(&report).unwrap();
        let series = value["series"].as_object().unwrap();
        let of_bytes: Vec<&String> = series.keys().filter(|name| name.ends_with("_bytes")).collect();
        assert_eq!(of_bytes.len(), 7, "{of_bytes:?}");
        for name in of_bytes {
            let last = series[name].as_array().unwrap().last().unwrap();
            assert_eq!(*last, value["traffic"][name], "{name} {report}");
        }
    }
}
