//! Announcements, progress, completeness.
use super::world::*;
use crate::engine::transfer::{Audience, TransferOutput};
use crate::message::ChunkSet;

fn announced(world: &World) -> (usize, ChunkSet) {
    let mut all = ChunkSet::new();
    let sets = world.said.iter().filter_map(|said| {
        let TransferOutput::Announce { manifest: which, chunks, audience } = said else { return None };
        (*which == manifest(1) && *audience == Audience::Peers).then_some(chunks)
    });
    let count = sets.inspect(|set| all.extend(set)).count();
    (count, all)
}

fn completes(world: &World) -> usize {
    world.said.iter().filter(|said| matches!(said, TransferOutput::Complete { .. })).count()
}

#[test]
fn what_is_kept_is_announced_in_batches() {
    let (mut world, chunks) = World::with_swarm(1, 199);
    world.member(1, Manner::Honest(MS), 0..200);
    world.want(job(1), &chunks);
    world.settle();
    let (messages, all) = announced(&world);
    assert_eq!(all, ChunkSet::range(0, 200));
    assert!((8..=12).contains(&messages), "{messages} messages in 200 ms");
}

#[test]
fn what_is_not_kept_is_not_announced() {
    let (mut world, chunks) = World::with_swarm(2, 9);
    world.member(1, Manner::Honest(MS), 0..10);
    world.refuses = Some(crate::engine::StoreFailure::Full);
    world.want(job(1), &chunks);
    world.settle();
    assert_eq!(announced(&world).0, 0);
}

#[test]
fn news_is_not_older_than_its_batch() {
    let (mut world, chunks) = World::with_swarm(3, 0);
    world.member(1, Manner::Honest(MS), 0..1);
    world.want(job(1), &chunks);
    world.run(25 * MS);
    assert_eq!(announced(&world).0, 1);
}

#[test]
fn uploads_are_announced_and_losses_are_not() {
    let (mut world, chunks) = World::with_swarm(4, 9);
    world.hold(&chunks[..5]);
    world.lose(chunks[2]);
    world.settle();
    assert_eq!(announced(&world).1.iter().collect::<Vec<_>>(), [0, 1, 3, 4]);
}

#[test]
fn a_complete_swarm_is_said_once_and_again_after_a_loss() {
    let (mut world, chunks) = World::with_swarm(5, 9);
    world.member(1, Manner::Honest(MS), 0..10);
    world.hold(&chunks[..3]);
    world.want(pull(1), &chunks);
    world.settle();
    assert_eq!(completes(&world), 1);
    world.hold(&chunks);
    assert_eq!((completes(&world), world.transfer.is_whole(manifest(1))), (1, true));
    world.lose(chunks[4]);
    world.lose(chunks[4]);
    world.settle();
    let lost = world.said.iter().filter(|said| matches!(said, TransferOutput::Lost { .. })).count();
    assert_eq!(lost, 1, "what is not held cannot be lost");
    assert_eq!((world.transfer.held_of(manifest(1)).len(), world.transfer.is_whole(manifest(1))), (9, false));
    world.hold(&chunks[4..5]);
    assert_eq!((completes(&world), world.transfer.held_of(manifest(1)).len()), (2, 10));
}

#[test]
fn what_everybody_was_told_otherwise_is_no_news() {
    let (mut world, chunks) = World::with_swarm(8, 9);
    world.hold(&chunks[..5]);
    world.transfer.forget_news(manifest(1));
    world.hold(&chunks[5..7]);
    world.settle();
    assert_eq!(announced(&world).1.iter().collect::<Vec<_>>(), [5, 6]);
}

#[test]
fn a_swarm_without_known_content_is_not_complete() {
    let mut world = World::new(6);
    let chunks = world.chunks(0..3);
    world.hold(&chunks);
    world.transfer.open_swarm(manifest(1), &chunks[..1], 2);
    assert_eq!((completes(&world), world.transfer.held_of(manifest(1)).len()), (0, 1));
    world.transfer.set_content(manifest(1), &chunks[1..]);
    world.settle();
    assert_eq!((completes(&world), announced(&world).1), (1, ChunkSet::range(0, 3)));
}

#[test]
fn progress_of_a_pull_never_goes_back_and_ends_whole() {
    let (mut world, chunks) = World::with_swarm(7, 199);
    world.member(1, Manner::Honest(MS), 0..200);
    world.want(pull(1), &chunks[..50]);
    world.want(pull(1), &chunks);
    world.settle();
    let told: Vec<(u32, u32)> = world
        .said
        .iter()
        .filter_map(|said| {
            let &TransferOutput::Progress { have, of, .. } = said else { return None };
            Some((have, of))
        })
        .collect();
    assert!(told.windows(2).all(|two| two[0].0 <= two[1].0) && told.len() < 20);
    assert_eq!(told.last(), Some(&(200, 200)));
}
