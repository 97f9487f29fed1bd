//! Seeds that lie: their words are not believed, and restores go on where they can.
use super::world::World;
use crate::belief::fixture::later;
use crate::engine::{Event, JobReply, MissReason};
use crate::message::Control;
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

#[test]
fn an_old_answer_is_not_believed() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let query = crate::belief::fixture::query(KEY, &[]);
    let asked = world.pool.asked(0, &query);
    let old = world.pool.by_seed(0, &world.pool.answer(&asked, &[]));
    world.ask(nodes[0], 1, KEY, &[]);
    world.forge(0, nodes[0], Control::Answer { ask: 1, answer: old, beside: Vec::new() });
    world.run(Duration::from_secs(4));
    let doubted = |event: &Event| matches!(event, Event::Disbelieved { .. });
    assert!(world.hosts[nodes[0]].events.iter().any(doubted));
    let reply = world.last(nodes[0], 1).unwrap();
    assert!(matches!(reply, JobReply::Miss(MissReason::NotBelieved)), "{reply:?}");
}

#[test]
fn uncertified_manifest() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let manifest = world.pool.manifest(KEY, 1);
    let mut bare = world.pool.certified(&manifest);
    bare.receipts.clear();
    world.forge(nodes[0], 0, Control::Certify { certified: bare });
    world.run(Duration::from_secs(1));
    assert!(world.hosts[0].disk.certified.is_empty());
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(matches!(reply, JobReply::Miss(MissReason::NothingSaved)), "{reply:?}");
}

#[test]
fn old_manifest_replayed() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let old = world.published(nodes[0], KEY, 1, 2);
    let new = world.published(nodes[0], KEY, 2, 3);
    assert!(matches!(world.resolve(nodes[1], 1, KEY, &[]), JobReply::Found { .. }));
    // The seed is rolled back: it knows the old one only.
    world.kill(0);
    let newest = world.id(&new);
    world.hosts[0].disk.certified.remove(&newest);
    world.boot(0);
    world.until(|world| world.engine(0).status().peers == 2);
    let reply = world.resolve(nodes[1], 2, KEY, &[]);
    assert!(matches!(reply, JobReply::Miss(MissReason::NotBelieved)), "{reply:?}");
    let below = world.hosts[nodes[1]].events.iter().find_map(|event| match event {
        Event::BelowFloor { manifest, sequence, floor } => Some((*manifest, *sequence, *floor)),
        _ => None,
    });
    assert_eq!(below, Some((world.id(&old), 1, 2)), "and it is reported");
}

#[test]
fn a_manifest_that_expires_while_it_is_pulled_gets_no_receipt() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let mut saved = world.save(nodes[0], KEY, 1, 60);
    saved.manifest.expires = later(1);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    world.run(Duration::from_millis(100));
    world.wall_jump = Duration::from_secs(5);
    world.run(Duration::from_secs(5));
    assert!(world.hosts[0].disk.votes.is_empty());
    assert!(matches!(world.last(nodes[0], 1), Some(JobReply::PublishFailed(_))));
}

#[test]
fn a_relay_in_another_seeds_name_is_not_kept() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    let certified = world.pool.certified(&world.pool.manifest(KEY, 1));
    for seed in 0..4 {
        let relayed = world.pool.relayed(seed, "core/main/npm", std::slice::from_ref(&certified));
        let answer = world.pool.by_seed(seed, &relayed);
        world.forge(0, nodes[0], Control::Relay { answer, beside: vec![certified.clone()] });
    }
    for seed in 0..4 {
        world.kill(seed);
    }
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(matches!(reply, JobReply::Miss(MissReason::SeedsSilent)), "one seed is no quorum: {reply:?}");
}
