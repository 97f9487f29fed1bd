//! One seed of four lies: nothing forged, old or split is accepted, and restores go on.
use super::world::World;
use crate::belief::fixture::WALL;
use crate::engine::{Event, JobReply, PublishFailure};
use crate::message::Control;
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
/// The liar.
const LIAR: usize = 3;

fn found(reply: &JobReply) -> Option<u64> {
    match reply {
        JobReply::Found { certified, relayed: false, .. } => Some(certified.manifest().sequence),
        _ => None,
    }
}

#[test]
fn frozen_seed() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    world.published(nodes[0], KEY, 1, 3);
    for other in [0, 1, 2, nodes[0]] {
        world.cut(other, LIAR);
    }
    world.published(nodes[0], KEY, 2, 4);
    assert_eq!(world.hosts[LIAR].disk.certified.len(), 1, "it knows the old one only, and answers freshly");
    // It is one of the three that are left.
    world.kill(2);
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert_eq!(found(&reply), Some(2), "{reply:?}");
}

/// The liar votes for two manifests at one place, and tells everybody what suits.
#[test]
fn one_byzantine_seed_forks() {
    let (mut world, nodes) = World::with_nodes(4, 3);
    world.run(Duration::from_secs(1));
    let before = world.hosts[LIAR].disk.clone();
    for other in [0, 1, LIAR, nodes[0]] {
        world.cut(other, 2);
    }
    let one = world.published(nodes[0], KEY, 1, 3);
    world.kill(LIAR);
    world.hosts[LIAR].disk = before;
    for other in [0, 1] {
        world.cut(other, LIAR);
    }
    world.boot(LIAR);
    for other in [0, 1].map(|other| world.hosts[other].peer) {
        // It does not wait for anybody's word.
        world.hosts[LIAR].engine.as_mut().unwrap().hear_word(other, 1_000, 0);
    }
    world.run(Duration::from_secs(1));
    let other = world.save(nodes[1], KEY, 1, 7);
    let signed = world.pool.sign(&other.manifest);
    world.publish(nodes[1], 1, signed);
    assert!(world.until(|world| matches!(
        world.last(nodes[1], 1),
        Some(JobReply::PublishFailed(PublishFailure::LostRace { .. }))
    )));
    world.run(Duration::from_secs(1));
    let votes = |world: &World, seed: usize| world.hosts[seed].disk.votes.len();
    assert_eq!((votes(&world, 2), votes(&world, LIAR)), (1, 1), "both voted for the second one");
    assert!(world.hosts[..4].iter().all(|seed| !seed.disk.certified.contains_key(&world.id(&other))));
    let reply = world.resolve(nodes[2], 1, KEY, &[]);
    let JobReply::Found { certified, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(certified.id(), world.id(&one));
}

#[test]
fn one_byzantine_seed_sends_garbage() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    let saved = world.published(nodes[0], KEY, 1, 6);
    world.run(Duration::from_secs(1));
    world.hosts[LIAR].lies = true;
    world.ask(nodes[1], 1, KEY, &[]);
    let answer = world.pool.token(WALL);
    for ask in 1..=4 {
        world.forge(LIAR, nodes[1], Control::Answer { ask, answer: answer.clone(), beside: Vec::new() });
    }
    assert!(world.until(|world| world.last(nodes[1], 1).is_some()));
    assert_eq!(found(&world.last(nodes[1], 1).unwrap()), Some(1));
    let doubted = |event: &Event| matches!(event, Event::Disbelieved { from: Some(_), .. });
    assert!(world.hosts[nodes[1]].events.iter().any(doubted), "and it is reported");
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
}

/// It names what is not there, without end; the others still catch up with each other.
#[test]
fn names_made_up_by_one_seed_cost_little() {
    let (mut world, nodes) = World::with_nodes(4, 1);
    world.run(Duration::from_secs(1));
    world.kill(2);
    world.published(nodes[0], KEY, 1, 3);
    world.boot(2);
    for next in 1..200 {
        let names = vec![crate::message::RecordName::Certified {
            manifest: crate::belief::fixture::NO_MANIFEST,
            complete: true,
        }];
        world.forge(
            LIAR,
            2,
            Control::Known { epoch: u64::MAX, seen: u64::MAX, life: next, next, more: true, names },
        );
        world.run(Duration::from_millis(50));
    }
    assert!(world.until(|world| world.hosts[2].disk.certified.len() == 1));
    assert!(world.engine(2).status().silent.is_none());
}
