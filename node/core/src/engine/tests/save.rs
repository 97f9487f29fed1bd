//! Publishing: what is durable when it succeeds, and every way in which it does not.
use super::world::World;
use crate::belief::fixture::key_pair;
use crate::engine::{Event, JobReply, JobRequest, PublishFailure};
use crate::message::OfferRefusal;
use crate::{Disbelief, Envelope, ManifestId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

fn failure(world: &World, host: usize, job: u64) -> Option<PublishFailure> {
    if let Some(JobReply::PublishFailed(failure)) = world.last(host, job) { Some(failure) } else { None }
}

fn fails(world: &mut World, host: usize, job: u64) -> PublishFailure {
    assert!(world.until(|world| failure(world, host, job).is_some()), "{:?}", world.last(host, job));
    failure(world, host, job).unwrap()
}

#[test]
fn what_is_published_is_on_the_seed_with_its_receipt_and_certificate() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.published(nodes[0], KEY, 1, 10);
    let id: ManifestId = world.id(&saved);
    let seed = &world.hosts[0].disk;
    assert!(world.hosts[0].holds_all(&saved.all()));
    assert!(seed.certified.contains_key(&id) && seed.syncs > 0);
    assert_eq!(seed.votes.len(), 1);
    assert!(world.hosts[nodes[0]].disk.certified.contains_key(&id));
    let certified = |event: &Event| matches!(event, Event::Certified { manifest } if *manifest == id);
    assert!(world.hosts[0].events.iter().any(certified));
}

#[test]
fn progress_is_told() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.published(nodes[0], KEY, 1, 60);
    let progress: Vec<u32> =
        world
            .replies_of(nodes[0], 9_001)
            .iter()
            .filter_map(|reply| {
                if let JobReply::PublishProgress { have, of: 60 } = reply { Some(*have) } else { None }
            })
            .collect();
    assert!(!progress.is_empty());
    assert!(progress.is_sorted());
}

#[test]
fn chunks_that_the_seed_has_are_not_pulled_again() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.published(nodes[0], KEY, 1, 10);
    let before = world.hosts[nodes[0]].served;
    let saved = world.save(nodes[0], KEY, 1, 10);
    let mut manifest = saved.manifest;
    manifest.sequence = 2;
    let signed = world.pool.sign(&manifest);
    world.publish(nodes[0], 2, signed);
    assert!(world.until(|world| matches!(world.last(nodes[0], 2), Some(JobReply::Published { .. }))));
    assert_eq!(world.hosts[nodes[0]].served, before);
}

#[test]
fn untrusted_job_publishes() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], KEY, 1, 3);
    let forged = Envelope::sign(&saved.manifest, &key_pair(66));
    world.publish(nodes[0], 1, forged.clone());
    let failure = fails(&mut world, nodes[0], 1);
    assert_eq!(failure, PublishFailure::NotBelieved(Disbelief::NotAPublisher));
    // Its node lies too: the seed judges for itself.
    world.forge(nodes[0], 0, crate::message::Control::Offer { offer: 1, manifest: forged });
    world.run(Duration::from_secs(2));
    assert!(world.hosts[0].disk.votes.is_empty() && world.hosts[0].disk.chunks.is_empty());
}

#[test]
fn a_key_that_the_publisher_may_not_sign() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], "other/main/npm/1", 1, 3);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    let failure = fails(&mut world, nodes[0], 1);
    assert!(matches!(failure, PublishFailure::NotBelieved(Disbelief::KeyNotCovered { .. })), "{failure:?}");
}

#[test]
fn chunks_are_missing() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], KEY, 1, 5);
    for chunk in &saved.content[..2] {
        world.hosts[nodes[0]].disk.chunks.remove(&chunk.id);
    }
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed.clone());
    assert_eq!(fails(&mut world, nodes[0], 1), PublishFailure::Incomplete { missing: 2 });
    // The job stores what was lacking and tries again.
    world.save(nodes[0], KEY, 1, 5);
    world.publish(nodes[0], 1, signed);
    assert!(world.until(|world| matches!(world.last(nodes[0], 1), Some(JobReply::Published { .. }))));
}

#[test]
fn a_tree_that_is_not_what_the_manifest_says() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let mut saved = world.save(nodes[0], KEY, 1, 3);
    saved.manifest.tree.totals.files += 1;
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed.clone());
    assert_eq!(fails(&mut world, nodes[0], 1), PublishFailure::BadTree);
    world.forge(nodes[0], 0, crate::message::Control::Offer { offer: 7, manifest: signed });
    world.run(Duration::from_secs(5));
    assert!(world.hosts[0].disk.votes.is_empty(), "the seed opens the tree itself");
}

#[test]
fn no_seed_is_there() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.kill(0);
    world.run(Duration::from_millis(50));
    let saved = world.save(nodes[0], KEY, 1, 3);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    assert_eq!(fails(&mut world, nodes[0], 1), PublishFailure::SeedsSilent);
}

#[test]
fn a_seed_that_restarts_meanwhile_is_offered_again() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], KEY, 1, 50);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    world.run(Duration::from_millis(60));
    world.kill(0);
    world.run(Duration::from_millis(100));
    world.boot(0);
    assert!(world.until(|world| matches!(world.last(nodes[0], 1), Some(JobReply::Published { .. }))));
}

#[test]
fn a_taken_sequence_is_a_lost_race() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let first = world.published(nodes[0], KEY, 5, 3);
    for sequence in [5, 4] {
        let mut saved = world.save(nodes[1], KEY, sequence, 4);
        saved.manifest.sequence = sequence;
        let signed = world.pool.sign(&saved.manifest);
        world.publish(nodes[1], sequence, signed);
        let failure = fails(&mut world, nodes[1], sequence);
        let PublishFailure::LostRace { standing, highest } = failure else { panic!("{failure:?}") };
        assert_eq!(standing.unwrap().manifest.id(), world.id(&first));
        assert_eq!(highest, 5);
    }
    assert_eq!(world.hosts[0].disk.votes.len(), 1);
}

#[test]
fn two_publishers_race() {
    [1, 3, 4].into_iter().for_each(race);
}

/// At most one is certified, whoever wins; whoever lost hears of it.
fn race(seeds: u8) {
    let (mut world, nodes) = World::with_nodes(seeds, 2);
    world.run(Duration::from_secs(1));
    for (index, node) in nodes.iter().enumerate() {
        let chunks = 20 + u32::try_from(index).unwrap();
        let saved = world.save(*node, KEY, 1, chunks);
        let signed = world.pool.sign(&saved.manifest);
        world.publish(*node, 1, signed);
    }
    let ended = |world: &World, node: usize| {
        matches!(world.last(node, 1), Some(JobReply::Published { .. } | JobReply::PublishFailed(_)))
    };
    assert!(world.until(|world| nodes.iter().all(|node| ended(world, *node))));
    let failures: Vec<_> = nodes.iter().filter_map(|node| failure(&world, *node, 1)).collect();
    assert!(!failures.is_empty() && (seeds > 1 || failures.len() == 1), "{failures:?}");
    assert!(failures.iter().all(|why| matches!(why, PublishFailure::LostRace { .. })), "{failures:?}");
    world.run(Duration::from_secs(10));
    let of_seeds = || world.hosts[..usize::from(seeds)].iter();
    let certified: std::collections::BTreeSet<_> =
        of_seeds().flat_map(|seed| seed.disk.certified.keys()).collect();
    assert_eq!(certified.len(), 2 - failures.len());
    assert!(of_seeds().all(|seed| seed.disk.votes.len() <= 1));
}

#[test]
fn sequence_jumps_to_the_end() {
    for seeds in [1, 3, 4] {
        let (mut world, nodes) = World::with_nodes(seeds, 1);
        world.run(Duration::from_secs(1));
        world.published(nodes[0], KEY, 1, 1);
        for (job, sequence) in [(1, u64::MAX / 2), (2, 1 + 65_537)] {
            let saved = world.save(nodes[0], KEY, sequence, 1);
            let signed = world.pool.sign(&saved.manifest);
            world.publish(nodes[0], job, signed);
            let failure = fails(&mut world, nodes[0], job);
            assert_eq!(failure, PublishFailure::Refused(OfferRefusal::SequenceTooFar));
        }
        world.published(nodes[0], KEY, 1 + 65_536, 1);
    }
}

#[test]
fn the_same_manifest_again_gets_the_same_receipt() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 4);
    world.save(nodes[1], KEY, 1, 4);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[1], 1, signed);
    assert!(world.until(|world| matches!(world.last(nodes[1], 1), Some(JobReply::Published { .. }))));
    assert_eq!(world.hosts[0].disk.votes.len(), 1);
}

#[test]
fn holder_dies_while_the_seed_pulls() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.save(nodes[0], KEY, 1, 60);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    assert!(world.until(|world| world.hosts[0].disk.chunks.len() > 10));
    world.kill(nodes[0]);
    world.run(Duration::from_secs(1));
    assert!(world.hosts[0].disk.votes.is_empty());
    // The place is free again for somebody else's manifest.
    world.published(nodes[1], KEY, 1, 5);
}

#[test]
fn a_second_holder_of_the_same_manifest_takes_over() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.save(nodes[0], KEY, 1, 60);
    world.save(nodes[1], KEY, 1, 60);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed.clone());
    world.publish(nodes[1], 1, signed);
    assert!(world.until(|world| world.hosts[0].disk.chunks.len() > 10));
    world.kill(nodes[0]);
    assert!(world.until(|world| matches!(world.last(nodes[1], 1), Some(JobReply::Published { .. }))));
}

#[test]
fn the_seeds_disk_is_full() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.hosts[0].disk.full = true;
    let saved = world.save(nodes[0], KEY, 1, 5);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    assert_eq!(fails(&mut world, nodes[0], 1), PublishFailure::Refused(OfferRefusal::Full));
}

#[test]
fn a_job_that_leaves_while_it_publishes_harms_nobody() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], KEY, 1, 30);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    world.run(Duration::from_millis(40));
    world.input(nodes[0], crate::engine::Input::JobLeft { job: crate::engine::JobId(1) });
    world.run(Duration::from_secs(5));
    assert!(world.replies_of(nodes[0], 1).iter().all(|reply| !matches!(reply, JobReply::Published { .. })));
    world.published(nodes[0], KEY, 2, 5);
}

#[test]
fn the_job_that_asks_hears_by_its_deadline() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], KEY, 1, 200);
    let manifest = world.pool.sign(&saved.manifest);
    let deadline = Duration::from_millis(200);
    world.job(nodes[0], 1, JobRequest::Publish { manifest, deadline });
    let before = world.now().instant;
    assert_eq!(fails(&mut world, nodes[0], 1), PublishFailure::Timeout);
    assert_eq!(world.now().instant.since(before), deadline);
}

#[test]
fn many_publishes_of_one_node_are_taken_in_turn() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    for job in 1..=8_u64 {
        let saved = world.save(nodes[0], &format!("core/main/npm/{job}"), 1, 5);
        let signed = world.pool.sign(&saved.manifest);
        world.publish(nodes[0], job, signed);
    }
    let published =
        |world: &World, job: u64| matches!(world.last(nodes[0], job), Some(JobReply::Published { .. }));
    assert!(world.until(|world| (1..=8).all(|job| published(world, job))), "busy seeds are asked again");
}
