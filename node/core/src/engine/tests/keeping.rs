//! What a store is needed for: a node forgets what was evicted and fetches it again; a seed refuses saves before its disk is
//! full, and lets go what need not be kept, but never a place.
use super::world::{Saved, World};
use crate::belief::fixture::{Pool, later};
use crate::engine::{Event, Fullness, Input, JobReply, PublishFailure};
use crate::message::OfferRefusal;
use core::time::Duration;

const KEY: &str = "core/main/npm/1";
const DAY: u64 = 86_400;

/// A pool whose documents outlive its manifests, with a node that has joined.
fn long_lived(seeds: u8) -> (World, usize) {
    let mut pool = Pool::new(seeds);
    (pool.root.expires, pool.policy.expires) = (later(200 * DAY), later(200 * DAY));
    pool.policy.publishers[0].expires = later(200 * DAY);
    pool.policy.manifest_life_max = 90 * DAY;
    let mut world = World::of(pool, 1);
    let node = world.node();
    let all = u32::from(seeds);
    assert!(world.until(|world| world.joined(node) && world.engine(node).status().seeds_connected == all));
    world.run(Duration::from_millis(200));
    (world, node)
}

/// Lets the publisher forget everything and leave: what comes back later comes from nobody.
fn alone(world: &mut World, node: usize) {
    world.kill(node);
    world.run(Duration::from_millis(100));
}

fn tidy(world: &mut World, host: usize) -> Vec<String> {
    let before = world.hosts[host].events.len();
    world.input(host, Input::Tidy);
    world.run(Duration::from_millis(50));
    let events = &world.hosts[host].events[before..];
    let gone = events.iter().filter_map(|event| match event {
        Event::LetGo { key: Some(key), newest, .. } => {
            Some(format!("{key}{}", if *newest { " newest" } else { "" }))
        }
        _ => None,
    });
    gone.collect()
}

/// What the driver sweeps then.
fn sweep(world: &mut World, host: usize, saved: &Saved) {
    for chunk in saved.all() {
        world.hosts[host].disk.chunks.remove(&chunk.id);
        world.input(host, Input::ChunkLost { chunk: chunk.id });
    }
    world.run(Duration::from_millis(200));
}

fn is_refused(world: &World, node: usize) -> bool {
    let full = PublishFailure::Refused(OfferRefusal::Full);
    matches!(world.last(node, 1), Some(JobReply::PublishFailed(why)) if why == full)
}

fn room(world: &mut World, host: usize, bytes: u64) {
    world.input(host, Input::Room { bytes, bytes_max: 1_000_000 });
}

fn has(world: &World, host: usize, saved: &Saved) -> bool {
    let id = world.id(saved);
    world.engine(host).catalogue.get(&id).is_some_and(|entry| entry.complete)
}

#[test]
fn what_a_node_evicted_is_served_no_more_and_comes_back_when_a_job_asks() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 6);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1) && has(world, nodes[1], &saved)));
    world.input(nodes[1], Input::JobLeft { job: crate::engine::JobId(1) });
    let held = world.engine(nodes[1]).held().unwrap();
    let held: Vec<_> = held.iter().map(|held| (held.manifest, held.busy, held.whole)).collect();
    assert_eq!(held, [(world.id(&saved), false, true)]);
    assert_eq!(world.hosts[nodes[1]].disk.uses.len(), 0, "it was recorded after it was used");
    sweep(&mut world, nodes[1], &saved);
    world.input(nodes[1], Input::Evicted { manifests: vec![world.id(&saved)] });
    world.run(Duration::from_millis(50));
    assert!(!world.engine(nodes[1]).held().unwrap()[0].whole);
    assert_eq!(
        world.engine(nodes[1]).catalogue.highest(&KEY.parse().unwrap()),
        Some(1),
        "it is known all the same"
    );
    assert!(world.hosts[nodes[1]].disk.certified.is_empty(), "nor after a restart");
    assert!(
        world.engine(0).tracker.members(&world.id(&saved)).all(|peer| peer != world.hosts[nodes[1]].peer)
    );
    assert!(matches!(world.resolve(nodes[1], 2, KEY, &[]), JobReply::Found { .. }));
    world.fetch_all(nodes[1], 2, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 2) && has(world, nodes[1], &saved)));
}

#[test]
fn a_job_in_the_middle_of_a_restore_goes_on() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 40);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    let some = |world: &World| world.hosts[nodes[1]].disk.chunks.len() > 10;
    assert!(world.until(some));
    assert!(world.engine(nodes[1]).held().unwrap()[0].busy);
    for chunk in saved.all() {
        if world.hosts[nodes[1]].disk.chunks.remove(&chunk.id).is_some() {
            world.input(nodes[1], Input::ChunkLost { chunk: chunk.id });
        }
    }
    world.input(nodes[1], Input::Evicted { manifests: vec![world.id(&saved)] });
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    let (local, peers, seeds) = world.sources(nodes[1], 1);
    assert!(local + peers + seeds >= saved.all().len());
}

#[test]
fn a_seed_warns_at_four_fifths_and_refuses_saves_at_95_percent() {
    for seeds in [1, 3] {
        let (mut world, node) = long_lived(seeds);
        let first = world.published(node, KEY, 1, 2);
        (0..usize::from(seeds)).for_each(|seed| room(&mut world, seed, 800_000));
        assert_eq!(world.engine(0).fullness(), Fullness::Nearly);
        let said = |event: &Event| matches!(event, Event::StoreFullness { fullness: Fullness::Nearly, .. });
        assert_eq!(world.hosts[0].events.iter().filter(|event| said(event)).count(), 1);
        world.published(node, KEY, 2, 3);
        (0..usize::from(seeds)).for_each(|seed| room(&mut world, seed, 950_000));
        let before = world.hosts[0].disk.chunks.len();
        let saved = world.save(node, "core/main/npm/2", 1, 4);
        let signed = world.pool.sign(&saved.manifest);
        world.publish(node, 1, signed.clone());
        assert!(world.until(|world| is_refused(world, node)), "{:?}", world.last(node, 1));
        assert_eq!(world.hosts[0].disk.chunks.len(), before, "nothing of it was pulled");
        assert!(has(&world, 0, &first));
        (0..usize::from(seeds)).for_each(|seed| room(&mut world, seed, 500_000));
        world.publish(node, 2, signed);
        assert!(world.until(|world| matches!(world.last(node, 2), Some(JobReply::Published { .. }))));
    }
}

#[test]
fn what_would_not_fit_is_refused_before_it_is_pulled() {
    let (mut world, node) = long_lived(1);
    room(&mut world, 0, 700_000);
    let plain: Vec<Vec<u8>> = (0..8).map(|number| vec![number; 50_000]).collect();
    let saved = world.save_of(node, (KEY, 1), &plain);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(node, 1, signed);
    assert!(world.until(|world| is_refused(world, node)));
    assert!(world.hosts[0].disk.chunks.len() <= 1, "its tree was looked at");
}

#[test]
fn what_other_seeds_have_certified_finds_room_in_a_full_seed() {
    let (mut world, node) = long_lived(3);
    world.kill(2);
    let saved = world.published(node, KEY, 1, 5);
    world.boot(2);
    room(&mut world, 2, 960_000);
    assert!(world.until(|world| has(world, 2, &saved)));
}

#[test]
fn what_has_expired_goes_and_its_certificate_stays() {
    let (mut world, node) = long_lived(1);
    let old = world.published(node, KEY, 1, 3);
    let new = world.published(node, KEY, 2, 4);
    world.run(Duration::from_millis(100));
    assert_eq!(tidy(&mut world, 0), Vec::<String>::new());
    alone(&mut world, node);
    world.wall_jump = Duration::from_secs(100 * DAY);
    assert_eq!(
        tidy(&mut world, 0),
        [format!("{KEY} newest"), KEY.to_owned()],
        "that it is the newest is said"
    );
    assert!(!has(&world, 0, &old) && !has(&world, 0, &new));
    let now = world.now();
    let needs = world.engine(0).needs(now).unwrap();
    assert!(needs.let_go.contains(&world.id(&old)) && needs.whole.is_empty());
    assert_eq!(world.hosts[0].disk.certified.len(), 2, "no certificate goes");
    assert_eq!(tidy(&mut world, 0), Vec::<String>::new(), "once");
}

#[test]
fn where_the_policy_has_expired_the_clock_may_be_wrong_and_nothing_goes() {
    let (mut world, node) = long_lived(1);
    let saved = world.published(node, KEY, 1, 3);
    world.wall_jump = Duration::from_secs(1000 * DAY);
    assert_eq!(tidy(&mut world, 0), Vec::<String>::new());
    let now = world.now();
    assert!(world.engine(0).needs(now).is_none());
    assert!(has(&world, 0, &saved));
}

#[test]
fn what_was_let_go_stays_so_after_a_restart_and_its_place_is_never_given_away() {
    let (mut world, node) = long_lived(1);
    let old = long(&mut world, node, 1);
    (2..=4).for_each(|sequence| drop(long(&mut world, node, sequence)));
    alone(&mut world, node);
    world.wall_jump = Duration::from_secs(40 * DAY);
    room(&mut world, 0, 850_000);
    assert_eq!(tidy(&mut world, 0), [KEY]);
    sweep(&mut world, 0, &old);
    world.hosts[0].file.token = world.pool.token(later(190 * DAY));
    world.kill(0);
    world.boot(0);
    world.run(Duration::from_secs(1));
    let now = world.now();
    assert_eq!(world.engine(0).needs(now).unwrap().let_go.len(), 1);
    assert_eq!(world.engine(0).swarms.len(), 0, "nobody looks for it");
    let key = KEY.parse().unwrap();
    assert_eq!((world.engine(0).catalogue.highest(&key), world.engine(0).votes.highest(&key)), (Some(4), 4));
    assert!(world.engine(0).catalogue.at(&key, 1).is_some(), "it keeps its place");
}

/// Publishes something that lives long.
fn long(world: &mut World, node: usize, sequence: u64) -> Saved {
    let mut saved = world.save(node, KEY, sequence, 2);
    saved.manifest.expires = later(80 * DAY);
    let (job, signed) = (8_000 + sequence, world.pool.sign(&saved.manifest));
    world.publish(node, job, signed);
    let done = world.until(|world| matches!(world.last(node, job), Some(JobReply::Published { .. })));
    assert!(done, "{:?}", world.replies_of(node, job));
    saved
}

#[test]
fn three_of_a_lineage_and_what_was_used_stay_however_full_a_seed_is() {
    let (mut world, node) = long_lived(1);
    let saves: Vec<Saved> = (1..=6).map(|sequence| long(&mut world, node, sequence)).collect();
    alone(&mut world, node);
    room(&mut world, 0, 960_000);
    assert_eq!(tidy(&mut world, 0), Vec::<String>::new(), "all are young");
    let used = world.id(&saves[1]);
    world.hosts[0].engine.as_mut().unwrap().uses.note(used, later(20 * DAY), true);
    world.wall_jump = Duration::from_secs(40 * DAY);
    room(&mut world, 0, 500_000);
    assert_eq!(tidy(&mut world, 0), Vec::<String>::new(), "there is room");
    room(&mut world, 0, 960_000);
    assert_eq!(tidy(&mut world, 0).len(), 2);
    let whole: Vec<bool> = saves.iter().map(|saved| has(&world, 0, saved)).collect();
    assert_eq!(whole, [false, true, false, true, true, true]);
}

#[test]
fn of_a_key_that_is_pinned_the_newest_stays_and_no_other() {
    let (mut world, node) = long_lived(1);
    let saves: Vec<Saved> = (1..=2).map(|sequence| long(&mut world, node, sequence)).collect();
    let ids = [world.id(&saves[0]), world.id(&saves[1])];
    let engine = world.hosts[node].engine.as_mut().unwrap();
    let pinned = ["a/**", KEY].map(|pin| pin.parse().unwrap()).to_vec();
    for (pins, expected) in [(vec![], [false, false]), (pinned, [false, true])] {
        engine.config.pins = pins;
        let held = engine.held().unwrap();
        let is_pinned = |id| held.iter().any(|held| held.manifest == id && held.pinned);
        assert_eq!(ids.map(is_pinned), expected);
    }
}

#[test]
fn who_restores_something_uses_it_and_a_seed_remembers() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 3);
    world.run(Duration::from_millis(200));
    assert!(world.hosts[0].disk.uses.is_empty(), "the publisher has it all, and restores nothing");
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert!(world.until(|world| world.hosts[0].disk.uses.contains_key(&world.id(&saved))));
    let last = world.engine(0).uses.last(&world.id(&saved));
    assert!(last.is_some());
    world.kill(0);
    world.boot(0);
    world.run(Duration::from_millis(50));
    assert_eq!(world.engine(0).uses.last(&world.id(&saved)), last);
}

#[test]
fn a_node_that_serves_no_peer_saves_all_the_same() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.hosts[nodes[0]].engine.as_mut().unwrap().serve_no_peer();
    let saved = world.published(nodes[0], KEY, 1, 12);
    world.resolve(nodes[1], 1, KEY, &[]);
    let served = world.hosts[nodes[0]].served;
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert_eq!(world.hosts[nodes[0]].served, served);
    let (_, peers, seeds) = world.sources(nodes[1], 1);
    assert!(peers == 0 && seeds > 0);
    let chunk = saved.content[0].id;
    world.forge_ask(nodes[1], nodes[0], chunk);
    world.run(Duration::from_millis(100));
    assert_eq!(world.hosts[nodes[0]].served, served, "nor who asks all the same");
}
