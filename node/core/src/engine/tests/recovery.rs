//! Restarts: what was durable is served again.
use super::world::World;
use crate::engine::{JobReply, PublishFailure};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

#[test]
fn a_node_serves_again_after_a_restart() {
    let (mut world, nodes) = World::with_nodes(1, 3);
    let saved = world.published(nodes[0], KEY, 1, 8);
    world.kill(nodes[0]);
    world.run(Duration::from_secs(1));
    world.boot(nodes[0]);
    world.run(Duration::from_secs(1));
    assert_eq!(world.engine(nodes[0]).status().manifests, 1);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.hosts[0].served = 0;
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert!(world.sources(nodes[1], 1).1 > 0, "it took part again");
}

#[test]
fn a_seed_answers_and_remembers_its_votes_after_a_restart() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 3, 4);
    world.kill(0);
    world.kill(nodes[0]);
    world.boot(0);
    assert!(world.until(|world| world.engine(0).status().peers == 1));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(matches!(reply, JobReply::Found { relayed: false, .. }), "{reply:?}");
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)), "{:?}", world.last(nodes[1], 1));
    let rival = world.save(nodes[1], KEY, 3, 9);
    let signed = world.pool.sign(&rival.manifest);
    world.publish(nodes[1], 2, signed);
    world.until(|world| world.last(nodes[1], 2).is_some());
    world.run(Duration::from_secs(1));
    let lost = |reply: &JobReply| {
        matches!(reply, JobReply::PublishFailed(PublishFailure::LostRace { highest: 3, .. }))
    };
    assert!(world.last(nodes[1], 2).as_ref().is_some_and(lost));
}

#[test]
fn a_vote_without_its_certificate_is_remembered_too() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.save(nodes[0], KEY, 1, 4);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed.clone());
    assert!(world.until(|world| !world.hosts[0].disk.votes.is_empty()));
    world.kill(nodes[0]);
    world.kill(0);
    world.boot(0);
    world.until(|world| world.engine(0).status().peers == 1);
    let rival = world.save(nodes[1], KEY, 1, 9);
    let rival = world.pool.sign(&rival.manifest);
    world.publish(nodes[1], 2, rival);
    assert!(world.until(|world| matches!(
        world.last(nodes[1], 2),
        Some(JobReply::PublishFailed(PublishFailure::LostRace { highest: 1, .. }))
    )));
    // Whoever holds the chunks can finish it: the same receipt is given again.
    world.save(nodes[1], KEY, 1, 4);
    world.publish(nodes[1], 3, signed);
    assert!(world.until(|world| matches!(world.last(nodes[1], 3), Some(JobReply::Published { .. }))));
    assert_eq!(world.hosts[0].disk.votes.len(), 1);
}

#[test]
fn a_manifest_that_has_expired_is_forgotten_by_a_node() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.published(nodes[0], KEY, 1, 2);
    world.kill(nodes[0]);
    world.wall_jump = Duration::from_secs(4_000);
    world.boot(nodes[0]);
    world.run(Duration::from_secs(1));
    assert!(world.hosts[nodes[0]].disk.certified.is_empty());
    assert_eq!(world.engine(nodes[0]).status().manifests, 0);
}

#[test]
fn a_node_that_lost_chunks_fetches_them_again() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.published(nodes[0], KEY, 1, 6);
    world.kill(nodes[0]);
    for chunk in &saved.content[..3] {
        world.hosts[nodes[0]].disk.chunks.remove(&chunk.id);
    }
    world.boot(nodes[0]);
    world.until(|world| world.joined(nodes[0]));
    world.run(Duration::from_millis(100));
    world.resolve(nodes[0], 1, KEY, &[]);
    world.fetch_all(nodes[0], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[0], 1)));
    assert_eq!(world.sources(nodes[0], 1), (4, 0, 3));
}
