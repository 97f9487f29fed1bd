//! Runs in which machines, links and clocks fail.
use super::*;
use crate::scenario::{Cover, Disk, FaultKind, FaultSpec, Whom, YankSpec};
use pollux_core::engine::Input;

fn millis(millis: u64) -> Span {
    Span(millis * 1_000)
}

fn fault(at: u64, lasts: u64, whom: &str, what: FaultKind) -> FaultSpec {
    let whom = whom.parse().unwrap();
    FaultSpec { at: millis(at), lasts: Patience::For(millis(lasts)), whom, share: Share::ALL, what }
}

/// A crowd that is busy for a second or so.
fn slow_crowd(nodes: u32) -> Scenario {
    with_group(nodes, |group| (group.up, group.down) = (Rate(4_000_000), Rate(4_000_000)))
}

fn struck(faults: Vec<FaultSpec>) -> Report {
    report(&Scenario { faults, ..slow_crowd(8) })
}

fn makespan(report: &Report) -> u64 {
    report.completion.unwrap().makespan_us
}

#[test]
fn who_is_killed_starts_again_and_its_job_too() {
    for disk in [Disk::Kept, Disk::Wiped, Disk::Aged(millis(300))] {
        let crash = FaultSpec { share: Share(500), ..fault(700, 500, "crowd", FaultKind::Crash { disk }) };
        let report = struck(vec![crash]);
        assert!(report.verdict.ok, "{disk:?} {report}");
        assert_eq!(report.verdict.completed, 8, "{disk:?}");
        let anew = makespan(&report) > 1_200_000 + 1_049_000;
        assert_eq!(anew, disk == Disk::Wiped, "{disk:?}: {report}");
    }
}

#[test]
fn a_disk_that_was_kept_spares_what_was_fetched() {
    let fetched = |disk| {
        let report = struck(vec![fault(900, 100, "crowd", FaultKind::Crash { disk })]);
        report.traffic.peer_bytes + report.traffic.seed_bytes
    };
    let (kept, aged, wiped) = (fetched(Disk::Kept), fetched(Disk::Aged(millis(400))), fetched(Disk::Wiped));
    assert!(kept < aged && aged < wiped, "{kept} {aged} {wiped}");
}

#[test]
fn a_fault_is_marked_when_it_begins_and_when_it_ends() {
    let report = struck(vec![fault(300, 200, "crowd", FaultKind::Pause)]);
    let marks: Vec<(u64, &str)> =
        report.series.marks.iter().map(|one| (one.at_us, one.what.as_str())).collect();
    assert_eq!(marks, [(300_000, "crowd: pause"), (500_000, "crowd: pause ends")]);
}

#[test]
fn who_is_killed_for_good_has_no_job() {
    let crash = FaultSpec { lasts: Patience::Off, share: Share(250), ..fault(500, 1, "crowd", crash()) };
    let report =
        report(&Scenario { heals_at: Patience::For(millis(600)), faults: vec![crash], ..slow_crowd(8) });
    assert!(report.verdict.ok, "{report}");
    assert_eq!((report.verdict.completed, report.verdict.violations), (6, 0));
}

const fn crash() -> FaultKind {
    FaultKind::Crash { disk: Disk::Kept }
}

#[test]
fn seeds_may_go_and_come() {
    for (count, disk) in [(1, Disk::Kept), (4, Disk::Kept), (4, Disk::Aged(millis(100)))] {
        let mut scenario = slow_crowd(8);
        scenario.seeds.count = count;
        // One of four comes back with an old disk: no more than a pool of four withstands.
        let share = if disk == Disk::Kept { Share::ALL } else { Share(250) };
        scenario.faults = vec![FaultSpec { share, ..fault(600, 2_000, "seeds", FaultKind::Crash { disk }) }];
        let report = report(&scenario);
        assert!(report.verdict.ok, "{count} {disk:?} {report}");
    }
}

#[test]
fn who_stands_still_goes_on() {
    for (lasts, least) in [(2_000, 2_500_000), (45_000, 45_500_000)] {
        let report =
            struck(vec![FaultSpec { share: Share(250), ..fault(500, lasts, "crowd", FaultKind::Pause) }]);
        assert!(report.verdict.ok, "{report}");
        assert!(makespan(&report) >= least, "{report}");
    }
}

#[test]
fn who_is_cut_off_comes_back() {
    for one_way in [false, true] {
        let from = Whom::Everybody;
        let cut = fault(500, 3_000, "crowd", FaultKind::Cut { from, one_way });
        let report = struck(vec![FaultSpec { share: Share(250), ..cut }]);
        assert!(report.verdict.ok, "one way: {one_way}: {report}");
        assert!(makespan(&report) >= 3_000_000, "{report}");
    }
}

#[test]
fn who_is_cut_off_for_long_misses_and_others_do_not() {
    for one_way in [false, true] {
        let cut = fault(500, 40_000, "crowd", FaultKind::Cut { from: Whom::Everybody, one_way });
        let faults = vec![FaultSpec { share: Share(250), ..cut }];
        let late = Group {
            name: "late".to_owned(),
            count: 1,
            arrival: Arrival::Poisson(millis(60_000)),
            ..slow_crowd(1).groups[0].clone()
        };
        let mut scenario = Scenario { faults, heals_at: Patience::For(millis(40_500)), ..slow_crowd(8) };
        scenario.groups.push(late);
        let report = report(&scenario);
        assert!(report.verdict.ok, "one way: {one_way}: {report}");
        assert!((7..9).contains(&report.verdict.completed), "{report}");
    }
}

#[test]
fn links_and_delays_slow_a_run_down_while_they_last() {
    let well = makespan(&struck(Vec::new()));
    let link = FaultKind::Link { up: Rate(100_000), down: Rate(100_000) };
    for what in [link, FaultKind::Delay(millis(400))] {
        let report = struck(vec![fault(100, 2_000, "everybody", what.clone())]);
        assert!(report.verdict.ok, "{what:?} {report}");
        assert!(makespan(&report) > well + 400_000, "{what:?}: {well} and {report}");
    }
}

/// Four seeds, of which one is stale for so long from the beginning on; a second version; some who come at this time.
fn with_stale_seed(lasts: u64, late: u64) -> Scenario {
    let mut scenario = slow_crowd(2);
    scenario.seeds.count = 4;
    scenario.faults = vec![FaultSpec { share: Share(250), ..fault(0, lasts, "seeds", FaultKind::Stale) }];
    scenario.publishes = vec![second_version(millis(1_000))];
    let late = Group { name: "late".to_owned(), from: millis(late), ..scenario.groups[0].clone() };
    scenario.groups.push(late);
    scenario.coverage = vec![Cover::Lie];
    scenario
}

/// How many seeds know the second version as certified when all is over.
fn know_the_second(scenario: &Scenario) -> usize {
    let mut run = Run { world: World::new(scenario, Trace::new()), scenario, stopped: None, recorder: None };
    let report = run.story();
    assert!(report.verdict.ok, "{report}");
    let remembered = |seed| run.world.nodes.at(seed).memory.clone().recover();
    let certified = |seed| remembered(seed).iter().filter(|one| matches!(one, Input::Recovered(_))).count();
    run.nodes(|role| role == Role::Seed).into_iter().filter(|seed| certified(*seed) == 2).count()
}

#[test]
fn a_stale_seed_hears_of_nothing_new_until_it_is_over() {
    assert_eq!(know_the_second(&with_stale_seed(60_000, 30_000)), 3, "it is stale still");
    assert_eq!(know_the_second(&with_stale_seed(5_000, 30_000)), 4, "it has caught up");
}

#[test]
fn clocks_may_be_off_by_minutes() {
    let minutes = |count: u64| Span(count * 60 * 1_000_000);
    let some = |what| FaultSpec { share: Share(250), ..fault(0, 60_000, "crowd", what) };
    let report =
        struck(vec![some(FaultKind::ClockAhead(minutes(4))), some(FaultKind::ClockBehind(minutes(4)))]);
    assert!(report.verdict.ok, "{report}");
}

#[test]
fn a_clock_that_is_hours_off_stops_only_its_own_node() {
    let mut scenario = slow_crowd(8);
    let hours = FaultKind::ClockBehind(Span(5 * 3_600 * 1_000_000));
    scenario.faults = vec![FaultSpec { share: Share(125), ..fault(0, 20_000, "crowd", hours) }];
    let report = report(&scenario);
    assert!(report.completion.unwrap().p50_us < 3_000_000, "{report}");
}

#[test]
fn what_is_taken_back_is_not_restored_any_more() {
    let mut scenario = slow_crowd(4);
    scenario.seeds.count = 4;
    scenario.publishes =
        vec![Publish { cache: "cache".to_owned(), at: millis(100), zone: String::new(), builds: 1 }];
    scenario.yanks = vec![YankSpec { cache: "cache".to_owned(), version: 2, at: millis(4_000) }];
    let late = Group {
        name: "late".to_owned(),
        arrival: Arrival::Poisson(millis(8_000)),
        ..scenario.groups[0].clone()
    };
    scenario.groups.push(late);
    let report = report(&scenario);
    assert_eq!(report.verdict.violations, 0, "{report}");
    assert_eq!(report.groups[1].completion.unwrap().completed, 4, "{report}");
}

#[test]
fn one_of_two_builds_wins() {
    let mut scenario = slow_crowd(4);
    scenario.seeds.count = 4;
    scenario.publishes =
        vec![Publish { cache: "cache".to_owned(), at: millis(100), zone: String::new(), builds: 2 }];
    let report = report(&scenario);
    assert!(report.verdict.ok, "{report}");
}

#[test]
fn a_fault_that_had_not_begun_is_told() {
    let fault = |at| FaultSpec {
        at: Span(at),
        lasts: Patience::For(Span(1_000)),
        whom: Whom::Seeds,
        share: Share::ALL,
        what: FaultKind::Pause,
    };
    let report = report(&Scenario { faults: vec![fault(1_000), fault(90_000_000)], ..small(3) });
    assert!(report.verdict.ok, "{report}");
    let [note] = report.notes.as_slice() else { panic!("one note: {report}") };
    let begin = "`faults.1` (seeds: pause, at 90s) had not begun when the run ended at 0.";
    assert!(note.starts_with(begin), "{note}");
    assert!(report.to_string().contains(&format!("note        {note}\n")), "{report}");
}
