//! Each check is held against an engine that is broken in just that way.
use super::*;
use crate::scenario::{Disk, FaultKind, FaultSpec, Whom, YankSpec};
use crate::world::Sabotage;

/// What a broken engine is caught by.
fn caught(scenario: &Scenario, sabotage: Sabotage) -> String {
    assert!(report(scenario).verdict.ok, "all is well before: {}", report(scenario));
    let mut run = Run { world: World::new(scenario, Trace::new()), scenario, stopped: None, recorder: None };
    run.world.sabotage = Some(sabotage);
    run.story().verdict.first_violations.join("\n")
}

fn is_caught(scenario: &Scenario, sabotage: Sabotage, as_what: &str) {
    let said = caught(scenario, sabotage);
    assert!(said.contains(as_what), "not `{as_what}`, but: {said}");
}

/// A cache of which a second version is published by two builds, and nodes that come before and after.
fn versions() -> Scenario {
    let mut scenario = small(3);
    scenario.seeds.count = 4;
    scenario.publishes =
        vec![Publish { cache: "cache".to_owned(), at: Span(1_000_000), zone: String::new(), builds: 2 }];
    let late = Group { name: "late".to_owned(), from: Span(10_000_000), ..scenario.groups[0].clone() };
    scenario.groups.push(late);
    scenario
}

#[test]
fn bytes_that_were_not_checked_are_caught() {
    let mut scenario = small(4);
    scenario.groups.push(Group {
        name: "junk".to_owned(),
        behaviour: Behaviour::Junk,
        ..scenario.groups[0].clone()
    });
    is_caught(&scenario, Sabotage::BelievesJunk, "a chunk that was not checked is delivered");
}

#[test]
fn chunks_that_are_not_held_are_caught() {
    is_caught(&small(4), Sabotage::HoldsEverything, "a chunk that is not held is delivered");
}

#[test]
fn what_is_done_without_credit_is_caught() {
    is_caught(&small(4), Sabotage::TakesCredit, "without credit");
}

#[test]
fn what_was_not_asked_for_is_caught() {
    is_caught(&small(4), Sabotage::DeliversTwice, "a job got a chunk that it had not asked for");
}

#[test]
fn what_is_over_a_limit_is_caught() {
    is_caught(&small(4), Sabotage::AsksForAll, "chunks in one request: 100, and at most 16 are allowed");
}

#[test]
fn a_ban_of_the_honest_is_caught() {
    is_caught(&small(4), Sabotage::BansHonest, "an honest peer is distrusted: Banned");
}

#[test]
fn a_job_that_hangs_is_caught() {
    // Without its seed nobody goes on but by time-outs.
    let crash = FaultSpec {
        at: Span(1_000),
        lasts: Patience::For(Span(1_000_000)),
        whom: Whom::Seeds,
        share: Share::ALL,
        what: FaultKind::Crash { disk: Disk::Kept },
    };
    let scenario = Scenario { faults: vec![crash], events_max: 100_000, ..small(4) };
    is_caught(&scenario, Sabotage::Sleeps, "jobs were still waiting when the run ended");
}

#[test]
fn an_old_manifest_is_caught() {
    let mut scenario = versions();
    // Those who know the first one already.
    scenario.groups.truncate(1);
    scenario.groups[0].again_at = Patience::For(Span(10_000_000));
    is_caught(
        &scenario,
        Sabotage::FindsTheFirst(None),
        "it restored version 1 of a cache, and version 2 was certified",
    );
}

#[test]
fn a_manifest_that_was_taken_back_is_caught() {
    let mut scenario = versions();
    scenario.publishes[0].builds = 1;
    // When the operator has been told.
    scenario.groups[1].from = Span(310_000_000);
    scenario.yanks = vec![YankSpec { cache: "cache".to_owned(), version: 2, at: Span(3_000_000) }];
    is_caught(&scenario, Sabotage::IgnoresPapers, "it restored version 2 of a cache, which was taken back");
}

#[test]
fn two_manifests_of_one_sequence_are_caught() {
    is_caught(&versions(), Sabotage::CertifiesBoth, "two manifests of sequence 1 were certified");
}

#[test]
fn a_manifest_that_nobody_signed_is_caught() {
    is_caught(&versions(), Sabotage::CertifiesAnything, "a manifest that no publisher signed was certified");
}

#[test]
fn a_network_that_is_too_fast_is_caught() {
    let scenario = with_group(4, |group| group.down = Rate(1_000_000));
    let mut run = Run {
        world: World::new(&scenario, Trace::new()),
        scenario: &scenario,
        stopped: None,
        recorder: None,
    };
    run.world.quicken();
    let said = run.story().verdict.first_violations.join("\n");
    assert!(said.contains("sooner than its links allow"), "{said}");
}

#[test]
fn an_old_manifest_that_is_handed_on_is_caught_where_the_node_has_used_a_newer_one() {
    let scenario = versions();
    let run = |versions: [u64; 2]| {
        let mut run = Run {
            world: World::new(&scenario, Trace::new()),
            scenario: &scenario,
            stopped: None,
            recorder: None,
        };
        let member = |role| matches!(role, Role::Member { .. });
        let node = run.nodes(member)[0];
        let mut restores =
            versions.into_iter().zip([(0, false), (10, true)]).map(|(version, (began, relayed))| Done {
                node,
                cache: 0,
                version: run.world.content.version_of(0, version),
                manifest: None,
                relayed,
                lacked: 0,
                began: Instant::from_micros(began),
                ended: Instant::from_micros(began + 5),
                outcome: Outcome::Restored,
            });
        let (first, second) = (restores.next().unwrap(), restores.next().unwrap());
        run.world.done = vec![first];
        run.misuse(&second)
    };
    assert_eq!(run([2, 1]), Some(Violation::Stale { found: 1, newest: 2 }));
    assert_eq!([run([1, 1]), run([1, 2])], [None, None]);
}
