//! The fake driver keeps its contract when things break off.
use super::*;
use crate::job::Outcome;
use crate::numbered::ChunkNo;
use crate::scenario::{CacheSpec, Group};
use crate::units::ByteSize;
use pollux_core::engine::{FetchId, JobId, Output, TaskId};

const SEED: NodeNo = NodeNo(0);
const SAVER: NodeNo = NodeNo(1);

/// A world in which the cache is published, the saver is gone, and nodes 2 and on have just booted.
fn crowd(nodes: u32) -> World {
    let cache =
        CacheSpec { size: ByteSize(8 << 20), chunk_bytes: ByteSize(64 << 10), ..CacheSpec::default() };
    let group = Group { count: nodes, ..Group::default() };
    let small = Scenario { caches: vec![cache], groups: vec![group], ..Scenario::default() };
    let mut world = World::new(&small, Trace::new());
    world.boot(SEED);
    world.boot_later(SAVER, Instant::ZERO);
    assert!(until(&mut world, |world| world.jobs_open == 0), "it is published");
    world.kill(SAVER);
    let now = world.now();
    (2..nodes + 2).for_each(|no| world.boot_later(NodeNo(no), now));
    world
}

/// Lets a minute pass, or less if this holds before.
fn until(world: &mut World, holds: impl Fn(&World) -> bool) -> bool {
    let end = world.after(Duration::from_secs(60));
    while !holds(world) {
        if !world.step(end) {
            return false;
        }
    }
    true
}

fn restored(world: &World, no: u32) -> bool {
    world.done.iter().any(|done| done.node == NodeNo(no) && done.outcome == Outcome::Restored)
}

#[test]
fn a_node_that_is_killed_half_way_takes_nobody_with_it() {
    let mut world = crowd(6);
    let busy = |world: &World| world.nodes.at(NodeNo(2)).asks.values().any(|ask| ask.served);
    assert!(until(&mut world, busy), "others fetch from it");
    let peers: Vec<NodeNo> = world.nodes.at(NodeNo(2)).links.keys().copied().collect();
    world.kill(NodeNo(2));
    assert!(until(&mut world, |world| (3..8).all(|no| restored(world, no))), "{:?}", world.violation_lines());
    for peer in peers {
        assert!(!world.nodes.at(peer).links.contains_key(&NodeNo(2)), "n{} has heard of it", peer.0);
    }
    assert_eq!(world.violations.count(), 0, "{:?}", world.violation_lines());
}

#[test]
fn both_ends_of_a_connection_agree() {
    let mut world = crowd(5);
    assert!(until(&mut world, |world| (2..7).all(|no| restored(world, no))));
    for (no, node) in world.nodes.iter() {
        for (peer, link) in &node.links {
            assert!(world.nodes.at(*peer).is_linked(no, link.number), "n{} and n{}", no.0, peer.0);
        }
    }
}

#[test]
fn an_output_without_credit_is_a_violation() {
    let mut world = crowd(1);
    let (fetch, chunk) = (FetchId(77), world.content.chunk(ChunkNo(0)));
    world.carry_out(SEED, Output::Check { fetch, chunk });
    assert!(world.violation_lines()[0].ends_with("an output names a frame that there is not"));
    let count = world.violations.count();
    world.nodes.at_mut(SEED).credits.writes = 0;
    world.carry_out(SEED, Output::Keep { fetch });
    let lines = world.violation_lines();
    assert_eq!(world.violations.count(), count + 2, "{lines:?}");
    assert!(lines[1].ends_with("a chunk that was not checked is kept"), "{lines:?}");
    assert!(lines[2].ends_with("an output of kind `keep` without credit"), "{lines:?}");
}

#[test]
fn a_chunk_for_a_job_that_did_not_ask_is_a_violation() {
    let mut world = crowd(1);
    let chunk = world.content.chunk(ChunkNo(0));
    let job = JobId(1);
    let source = pollux_core::engine::Source::Local;
    world.carry_out(SEED, Output::Deliver { job, chunk, source, fetch: None });
    let lines = world.violation_lines();
    assert!(
        lines.iter().any(|line| line.ends_with("a job got a chunk that it had not asked for")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.ends_with("kind `deliver` without credit")), "{lines:?}");
}

#[test]
fn work_is_answered_once_and_later() {
    let mut world = crowd(1);
    let before = world.now();
    world.carry_out(SEED, Output::Sync { task: TaskId(1 << 40) });
    let due = world.after(world.costs.sync);
    assert!(until(&mut world, |world| world.now() >= due));
    assert!(world.now() > before);
    assert_eq!(world.violations.count(), 0);
}
