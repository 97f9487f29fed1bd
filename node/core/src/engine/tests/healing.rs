//! Seeds that were down, fell behind, lost their disk or found an old one: they heal by themselves, and until then sign
//! nothing that could be wrong.
use super::host::Disk;
use super::world::World;
use crate::engine::{Event, JobReply, Output, PublishFailure, Silence};
use core::time::Duration;
use std::collections::BTreeSet;

const KEY: &str = "core/main/npm/1";

fn silent(world: &World, seed: usize) -> Option<Silence> {
    world.hosts[seed].engine.as_ref().and_then(|engine| engine.status().silent)
}

fn pool(seeds: u8, nodes: usize) -> (World, Vec<usize>) {
    let (mut world, nodes) = World::with_nodes(seeds, nodes);
    assert!(world.until(|world| (0..usize::from(seeds)).all(|seed| silent(world, seed).is_none())));
    (world, nodes)
}

/// The seed dies, and its disk becomes this one.
fn lose_disk(world: &mut World, seed: usize, disk: Disk) {
    world.kill(seed);
    world.hosts[seed].disk = disk;
    world.hosts[seed].events.clear();
}

fn signed_receipts(world: &World, seed: usize) -> usize {
    world.hosts[seed].events.iter().filter(|event| matches!(event, Event::Receipt { .. })).count()
}

#[test]
fn a_seed_that_was_down_catches_up_by_itself() {
    for seeds in [3, 4] {
        let (mut world, nodes) = pool(seeds, 2);
        world.kill(2);
        let saved = [
            world.published(nodes[0], "core/main/npm/1", 1, 5),
            world.published(nodes[0], "core/main/npm/1", 2, 9),
            world.published(nodes[0], "core/main/pip/1", 3, 3),
        ];
        world.kill(nodes[0]);
        world.boot(2);
        let whole = |world: &World| saved.iter().all(|saved| world.hosts[2].holds_all(&saved.all()));
        assert!(world.until(whole), "without the node that published");
        assert!(world.until(|world| world.hosts[2].disk.certified.len() == 3 && silent(world, 2).is_none()));
        assert!(world.hosts[2].disk.votes.is_empty(), "it holds them, and has not voted");
        // Another one goes, and it is needed.
        world.kill(0);
        world.run(Duration::from_secs(1));
        let reply = world.resolve(nodes[1], 1, KEY, &[]);
        assert!(matches!(reply, JobReply::Found { relayed: false, .. }), "{reply:?}");
        world.fetch_all(nodes[1], 1, &saved[1]);
        assert!(world.until(|world| world.fetched(nodes[1], 1)));
    }
}

#[test]
fn a_seed_that_was_cut_off_catches_up_while_it_runs() {
    let (mut world, nodes) = pool(3, 1);
    world.cut(nodes[0], 2);
    let saved = world.published(nodes[0], KEY, 1, 5);
    assert!(world.until(|world| world.hosts[2].holds_all(&saved.all())), "from the other seeds");
    assert_eq!(world.hosts[2].disk.votes.len(), 0);
}

#[test]
fn wiped_seed_does_not_vote() {
    let (mut world, nodes) = pool(3, 2);
    let old = world.published(nodes[0], KEY, 1, 5);
    world.run(Duration::from_secs(6));
    lose_disk(&mut world, 2, Disk::default());
    world.cut(1, 2);
    world.boot(2);
    world.run(Duration::from_secs(20));
    assert_eq!(silent(&world, 2), Some(Silence::NoMarker), "it has merged from one of two");
    world.published(nodes[0], KEY, 2, 7);
    world.run(Duration::from_secs(10));
    assert_eq!(signed_receipts(&world, 2), 0);
    assert!(world.hosts[2].disk.votes.is_empty());
    // Nor does it answer: with one other there are too few.
    world.kill(1);
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(!matches!(reply, JobReply::Found { relayed: false, .. }), "{reply:?}");
    world.cut.clear();
    world.boot(1);
    assert!(world.until(|world| silent(world, 2).is_none()));
    let merged = world.hosts[2].events.iter().filter(|event| matches!(event, Event::Merged { .. })).count();
    assert_eq!(merged, 2);
    assert!(world.hosts[2].disk.marker.is_some() && world.hosts[2].holds_all(&old.all()));
    world.published(nodes[0], KEY, 3, 7);
    assert!(world.until(|world| signed_receipts(world, 2) == 1), "and now it votes");
}

#[test]
fn a_wiped_seed_gets_its_own_vote_back_and_keeps_to_it() {
    let (mut world, nodes) = pool(3, 2);
    for seed in [0, 1] {
        world.cut(nodes[0], seed);
    }
    let saved = world.save(nodes[0], KEY, 1, 4);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    assert!(world.until(|world| world.hosts[2].disk.votes.len() == 1));
    let spread = |world: &World| (0..2).all(|seed| world.hosts[seed].disk.ballots.len() == 1);
    assert!(world.until(spread), "the others hear of a vote that is not certified");
    world.kill(nodes[0]);
    lose_disk(&mut world, 2, Disk::default());
    world.boot(2);
    assert!(world.until(|world| silent(world, 2).is_none()));
    let votes: BTreeSet<_> = world.hosts[2].disk.votes.iter().map(|(manifest, _)| manifest.id()).collect();
    assert_eq!(votes, BTreeSet::from([world.id(&saved)]));
    let rival = world.save(nodes[1], KEY, 1, 9);
    let signed = world.pool.sign(&rival.manifest);
    world.publish(nodes[1], 1, signed);
    assert!(world.until(|world| matches!(
        world.last(nodes[1], 1),
        Some(JobReply::PublishFailed(PublishFailure::LostRace { highest: 1, .. }))
    )));
    assert_eq!(signed_receipts(&world, 2), 0);
}

#[test]
fn a_disk_that_was_rolled_back_is_noticed_and_heals() {
    for seeds in [3, 4] {
        let (mut world, nodes) = pool(seeds, 1);
        let old_disk = world.hosts[2].disk.clone();
        let saved = world.published(nodes[0], KEY, 1, 5);
        assert!(world.until(|world| world.hosts[2].disk.certified.len() == 1));
        world.run(Duration::from_secs(11));
        let before = world.hosts[2].disk.marker;
        lose_disk(&mut world, 2, old_disk);
        world.boot(2);
        let noticed = |event: &Event| matches!(event, Event::Silent { why: Silence::RolledBack });
        assert!(world.until(|world| world.hosts[2].events.iter().any(noticed)), "{seeds}");
        assert_eq!(signed_receipts(&world, 2), 0);
        assert!(world.until(|world| silent(world, 2).is_none()));
        assert!(world.hosts[2].disk.marker > before, "and others will not take it for an old one again");
        assert!(world.until(|world| world.hosts[2].holds_all(&saved.all())));
        // Once more from its own, right disk.
        world.kill(2);
        world.boot(2);
        assert!(world.until(|world| silent(world, 2).is_none()));
    }
}

#[test]
fn a_whole_pool_restarts_at_once() {
    for seeds in [3_u8, 4] {
        let (mut world, nodes) = pool(seeds, 2);
        world.published(nodes[0], KEY, 1, 5);
        world.run(Duration::from_secs(11));
        let all = 0..usize::from(seeds);
        all.clone().for_each(|seed| world.kill(seed));
        all.clone().for_each(|seed| world.boot(seed));
        assert!(world.until(|world| all.clone().all(|seed| silent(world, seed).is_none())));
        world.run(Duration::from_secs(1));
        let reply = world.resolve(nodes[1], 1, KEY, &[]);
        assert!(matches!(reply, JobReply::Found { relayed: false, .. }), "{reply:?}");
        let reported = |event: &Event| matches!(event, Event::Silent { why: Silence::RolledBack });
        assert!(!world.hosts.iter().any(|host| host.events.iter().any(reported)), "nobody was rolled back");
    }
}

#[test]
fn a_seed_that_restarts_alone_waits_for_the_word_of_others() {
    let (mut world, _) = pool(3, 0);
    (0..3).for_each(|seed| world.kill(seed));
    world.boot(0);
    world.run(Duration::from_secs(60));
    assert_eq!(silent(&world, 0), Some(Silence::Unsure));
    world.boot(1);
    assert!(world.until(|world| silent(world, 0).is_none() && silent(world, 1).is_none()));
}

#[test]
fn too_many_lost_disks_need_an_operator() {
    let (mut world, nodes) = pool(3, 1);
    world.published(nodes[0], KEY, 1, 5);
    for seed in [1, 2] {
        lose_disk(&mut world, seed, Disk::default());
        world.boot(seed);
    }
    world.run(Duration::from_secs(60));
    assert_eq!(
        [1, 2].map(|seed| silent(&world, seed)),
        [Some(Silence::NoMarker); 2],
        "blind men lead nobody"
    );
    // The operator accepts the loss: the marker has a higher epoch than anybody has seen.
    world.kill(1);
    world.hosts[1].disk.marker = Some(1 << 40);
    world.boot(1);
    assert!(world.until(|world| silent(world, 1).is_none() && silent(world, 2).is_none()));
}

#[test]
fn a_new_seed_merges_before_it_signs() {
    let (mut world, nodes) = pool(4, 1);
    lose_disk(&mut world, 3, Disk::default());
    let saved = world.published(nodes[0], KEY, 1, 5);
    world.boot(3);
    assert!(world.until(|world| silent(world, 3).is_none()));
    assert!(world.until(|world| world.hosts[3].holds_all(&saved.all())));
}

#[test]
fn a_lone_seed_is_never_silent() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    assert_eq!(silent(&world, 0), None);
    world.published(nodes[0], KEY, 1, 2);
    let told = |event: &Event| matches!(event, Event::Silent { .. } | Event::Whole { .. });
    assert!(!world.hosts[0].events.iter().any(told));
}

#[test]
fn a_seed_that_learns_late_that_it_was_rolled_back_falls_silent() {
    let (mut world, nodes) = pool(3, 1);
    // One of the others was down and has seen nothing of what came since.
    world.kill(1);
    let old_disk = world.hosts[2].disk.clone();
    world.published(nodes[0], KEY, 1, 5);
    world.run(Duration::from_secs(11));
    lose_disk(&mut world, 2, old_disk);
    world.kill(0);
    world.boot(1);
    world.boot(2);
    assert!(world.until(|world| silent(world, 2).is_none()), "it has the word of the one");
    world.boot(0);
    assert!(world.until(|world| silent(world, 2) == Some(Silence::RolledBack)));
    assert!(world.until(|world| silent(world, 2).is_none() && world.hosts[2].disk.certified.len() == 1));
}

/// What a silent seed is asked to sign, it does not.
#[test]
fn a_silent_seed_signs_memberships_only() {
    let mut bench = super::bench::Bench::new_seed(3);
    let member = bench.member(1);
    let manifest = bench.pool.sign(&bench.pool.manifest(KEY, 1));
    bench.prompt = false;
    let (nonce, query) = (crate::Nonce::from_bytes([1; 32]), crate::belief::fixture::query(KEY, &[]));
    bench.say(member, crate::message::Control::Ask { ask: 1, nonce, query });
    bench.say(member, crate::message::Control::Offer { offer: 1, manifest });
    bench.pass(Duration::from_secs(120));
    assert!(!bench.peek().iter().any(|output| matches!(output, Output::Sign { .. })));
    let refused = bench.sent(member).into_iter().any(|said| match said {
        crate::message::Control::OfferRefused { why, .. } => why == crate::message::OfferRefusal::Busy,
        _ => false,
    });
    assert!(refused, "to be offered again");
}
