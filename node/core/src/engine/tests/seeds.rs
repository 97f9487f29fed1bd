//! Pools of several seeds: quorums, seeds that are down, seeds that missed a publish.
use super::world::World;
use crate::engine::{JobReply, JobRequest, MissReason};
use crate::message::ListQuery;
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

#[test]
fn four_seeds_certify_and_answer() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    let saved = world.published(nodes[0], KEY, 1, 5);
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    let JobReply::Found { certified, relayed: false, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(certified.id(), world.id(&saved));
    assert!(certified.receipts().len() >= 3);
    let voted = world.hosts[..4].iter().filter(|seed| seed.disk.votes.len() == 1).count();
    assert!(voted >= 3, "{voted}");
}

#[test]
fn one_of_four_seeds_may_be_down() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.kill(3);
    world.run(Duration::from_secs(1));
    let saved = world.published(nodes[0], KEY, 1, 5);
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(matches!(reply, JobReply::Found { .. }), "{reply:?}");
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
}

#[test]
fn two_of_four_seeds_answer() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    world.kill(2);
    world.kill(3);
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(matches!(reply, JobReply::Miss(MissReason::SeedsSilent)), "{reply:?}");
}

#[test]
fn a_seed_that_missed_a_publish_keeps_the_certificate_and_pulls_the_chunks() {
    let (mut world, nodes) = World::with_nodes(4, 1);
    world.run(Duration::from_secs(1));
    world.cut(nodes[0], 3);
    world.run(Duration::from_secs(1));
    let saved = world.published(nodes[0], KEY, 1, 5);
    assert!(!world.hosts[3].disk.certified.contains_key(&world.id(&saved)));
    let certified = world.hosts[nodes[0]].disk.certified[&world.id(&saved)].clone();
    world.cut.clear();
    assert!(world.until(|world| world.engine(3).status().peers == 1));
    world.forge(nodes[0], 3, crate::message::Control::Certify { certified });
    assert!(world.until(|world| world.hosts[3].holds_all(&saved.all())));
    assert!(world.hosts[3].disk.votes.is_empty(), "it holds it, and has not voted");
}

#[test]
fn relayed_answers_of_enough_seeds() {
    let (mut world, nodes) = World::with_nodes(4, 2);
    world.run(Duration::from_secs(1));
    let saved = world.published(nodes[0], KEY, 1, 5);
    world.run(Duration::from_secs(35));
    for seed in 0..4 {
        world.kill(seed);
    }
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    let JobReply::Found { certified, relayed: true, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(certified.id(), world.id(&saved));
}

#[test]
fn a_listing_comes_from_a_seed_or_from_here() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.published(nodes[0], "core/main/npm/1", 1, 2);
    world.published(nodes[0], "core/main/npm/2", 2, 2);
    world.published(nodes[0], "core/main/pip/1", 3, 2);
    let list = |world: &mut World, host: usize, job: u64, pattern: Option<&str>| {
        let pattern = pattern.map(|pattern| pattern.parse().unwrap());
        let what = ListQuery::Pattern { pattern, after: None };
        world.job(host, job, JobRequest::List { what, deadline: Duration::from_secs(1) });
        assert!(world.until(|world| world.last(host, job).is_some()));
        match world.last(host, job) {
            Some(JobReply::Listing { rows, more: false, from_seed, .. }) => {
                let keys = rows.iter().map(|row| row.manifest().key.as_str().to_owned());
                (keys.collect::<Vec<_>>(), from_seed)
            }
            other => panic!("{other:?}"),
        }
    };
    let (keys, from_seed) = list(&mut world, nodes[1], 1, Some("core/main/npm/*"));
    assert_eq!((keys, from_seed), (vec!["core/main/npm/1".to_owned(), "core/main/npm/2".to_owned()], true));
    assert_eq!(list(&mut world, nodes[1], 2, None).0.len(), 3);
    world.kill(0);
    world.run(Duration::from_millis(50));
    assert_eq!(list(&mut world, nodes[1], 3, None), (Vec::new(), false));
    assert_eq!(list(&mut world, nodes[0], 4, None).0.len(), 3);
    world.boot(0);
    world.run(Duration::from_secs(1));
    assert_eq!(list(&mut world, 0, 5, None).0.len(), 3, "a seed lists for its own jobs");
}

#[test]
fn a_manifest_is_listed_by_its_id_and_by_the_beginning_of_it() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.published(nodes[0], KEY, 1, 2);
    let id = world.id(&saved);
    let queries = [ListQuery::Manifest(id), ListQuery::Prefix(id.short())];
    for (job, what) in (1..).zip(queries) {
        world.job(nodes[0], job, JobRequest::List { what, deadline: Duration::from_secs(1) });
        assert!(world.until(|world| world.last(nodes[0], job).is_some()));
        match world.last(nodes[0], job) {
            Some(JobReply::Listing { rows, .. }) => assert_eq!(rows[0].id(), id),
            other => panic!("{other:?}"),
        }
    }
}
