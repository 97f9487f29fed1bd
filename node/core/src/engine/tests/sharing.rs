//! What a publisher's share of a seed's disk is worth: a seed refuses what is over it, and remembers what is taken.
use super::world::{Saved, World};
use crate::belief::fixture::{Pool, grant, later, signed, under};
use crate::engine::{Event, Input, JobReply, JobRequest, PublishFailure};
use crate::message::OfferRefusal;
use crate::{Envelope, Grant, LogEntry, Logged, Papers};
use core::time::Duration;

const CHUNK_BYTES: u64 = 70_000;
/// What a tree, frames' headers and the like take beside the chunks.
const BESIDE: u64 = 5_000;
/// Seconds that documents live which a test wants to outlive.
const LONG: u64 = 10 * 86_400;

/// One node in a pool whose publisher may take so many chunks of each seed.
fn sharing(seeds: u8, chunks: u64) -> (World, usize) {
    let mut pool = Pool::new(seeds);
    (pool.root.expires, pool.policy.expires) = (later(LONG), later(LONG));
    pool.policy.publishers[0].expires = later(LONG);
    pool.policy.publishers[0].byte_share = Some(chunks * CHUNK_BYTES + BESIDE);
    let mut world = World::of(pool, 1);
    let node = world.node();
    assert!(world.until(|world| ready(world, node)));
    world.run(Duration::from_millis(200));
    (world, node)
}

fn ready(world: &World, node: usize) -> bool {
    let seeds = u32::try_from(world.pool.seeds.len()).unwrap();
    let status = world.engine(node).status();
    status.joined && status.seeds_connected == seeds
}

/// Chunks that cannot be compressed, by their numbers.
fn save(world: &mut World, node: usize, key: &str, sequence: u64, chunks: impl Iterator<Item = u8>) -> Saved {
    let plain = |number: u8| {
        let mut plain = vec![0; usize::try_from(CHUNK_BYTES).unwrap()];
        blake3::Hasher::new().update(&[number]).finalize_xof().fill(&mut plain);
        plain
    };
    world.save_of(node, (key, sequence), &chunks.map(plain).collect::<Vec<_>>())
}

/// Another policy is in force, with this share.
fn change_share(world: &mut World, node: usize, version: u64, share: Option<u64>) {
    world.pool.policy.version = version;
    world.pool.policy.publishers[0].byte_share = share;
    let policy = Some(signed(&world.pool.policy, &world.pool.roots[..2]));
    let papers = Papers { policy, ..Papers::default() };
    world.job(node, 90 + version, JobRequest::Spread { papers, deadline: Duration::from_secs(9) });
    assert!(world.until(|world| world.engine(0).status().policy_version == version));
}

fn ended(world: &World, node: usize, job: u64) -> bool {
    matches!(world.last(node, job), Some(JobReply::Published { .. } | JobReply::PublishFailed(_)))
}

/// Publishes and says whether it was let in; else the share was full.
fn publish(world: &mut World, node: usize, job: u64, manifest: Envelope) -> bool {
    world.publish(node, job, manifest);
    assert!(world.until(|world| ended(world, node, job)));
    let_in(world, node, job)
}

fn let_in(world: &World, node: usize, job: u64) -> bool {
    match world.last(node, job) {
        Some(JobReply::Published { .. }) => true,
        Some(JobReply::PublishFailed(PublishFailure::Refused(OfferRefusal::ShareFull))) => false,
        other => panic!("{other:?}"),
    }
}

fn saves(world: &mut World, node: usize, job: u64, key: &str, chunks: impl Iterator<Item = u8>) -> bool {
    let saved = save(world, node, key, job, chunks);
    let signed = world.pool.sign(&saved.manifest);
    publish(world, node, job, signed)
}

#[test]
fn a_save_over_the_share_is_refused_before_a_chunk_of_it_is_pulled() {
    for seeds in [1, 3] {
        let (mut world, node) = sharing(seeds, 4);
        assert!(saves(&mut world, node, 1, "core/a/1", 0..3));
        let before = world.hosts[0].disk.chunks.len();
        assert!(!saves(&mut world, node, 2, "core/b/1", 10..12));
        let tree = 1;
        assert!(world.hosts[0].disk.chunks.len() <= before + tree, "only its tree was looked at");
        let refused = |entry: &LogEntry| matches!(&entry.what, Logged::Refused(refused) if refused.why == OfferRefusal::ShareFull);
        assert!(world.hosts[0].disk.log.iter().any(refused), "the seed's log says it");
        assert!(saves(&mut world, node, 3, "core/c/1", 20..21), "what fits is let in");
    }
}

#[test]
fn a_save_of_a_cache_that_hardly_changed_fits() {
    let (mut world, node) = sharing(1, 4);
    assert!(saves(&mut world, node, 1, "core/a/1", 0..3));
    assert!(saves(&mut world, node, 2, "core/a/2", 0..4), "it takes a tree and a chunk more");
    assert!(saves(&mut world, node, 3, "core/b/1", 1..4));
    assert!(!saves(&mut world, node, 4, "core/a/3", 1..5));
}

#[test]
fn a_chunk_that_repeats_is_kept_once_and_counts_once() {
    let (mut world, node) = sharing(1, 2);
    assert!(saves(&mut world, node, 1, "core/a/1", [1, 2, 1, 2, 1].into_iter()));
    assert!(!saves(&mut world, node, 2, "core/a/2", 3..4));
}

#[test]
fn a_seed_counts_what_a_publisher_takes_also_after_a_restart() {
    for seeds in [1, 3] {
        let (mut world, node) = sharing(seeds, 4);
        assert!(saves(&mut world, node, 1, "core/a/1", 0..3));
        for _ in 0..2 {
            for seed in 0..usize::from(seeds) {
                world.kill(seed);
                world.boot(seed);
            }
            assert!(world.until(|world| ready(world, node)));
            world.run(Duration::from_secs(6));
        }
        assert!(!saves(&mut world, node, 2, "core/b/1", 10..12));
        assert!(saves(&mut world, node, 3, "core/b/2", 10..11), "nothing was counted twice");
    }
}

#[test]
fn what_expires_gives_its_bytes_back() {
    let (mut world, node) = sharing(1, 4);
    assert!(saves(&mut world, node, 1, "core/a/1", 0..3));
    assert!(!saves(&mut world, node, 2, "core/b/1", 10..12));
    assert_eq!(world.hosts[0].disk.shares.len(), 1);
    let saved = save(&mut world, node, "core/c/1", 3, 10..12);
    let mut manifest = saved.manifest;
    world.wall_jump = Duration::from_secs(86_400);
    (manifest.created, manifest.expires) = (later(86_400), later(2 * 86_400));
    for host in [0, node] {
        world.hosts[host].file.token = world.pool.token(later(LONG));
        world.kill(host);
        world.boot(host);
    }
    assert!(world.until(|world| ready(world, node)));
    let signed = world.pool.sign(&manifest);
    assert!(publish(&mut world, node, 3, signed));
    assert_eq!(world.hosts[0].disk.shares.len(), 1, "what is over is forgotten on the disk too");
}

#[test]
fn two_saves_at_once_do_not_pass_together() {
    let (mut world, node) = sharing(1, 4);
    let other = world.node();
    assert!(world.until(|world| ready(world, other)));
    for (job, node, key, chunks) in [(1, node, "core/a/1", 0..3), (2, other, "core/b/1", 10..13)] {
        let saved = save(&mut world, node, key, 1, chunks);
        let signed = world.pool.sign(&saved.manifest);
        world.publish(node, job, signed);
    }
    assert!(world.until(|world| ended(world, node, 1) && ended(world, other, 2)));
    let passed = [let_in(&world, node, 1), let_in(&world, other, 2)];
    assert_eq!(passed.iter().filter(|passed| **passed).count(), 1, "{passed:?}");
}

#[test]
fn what_is_caught_up_with_counts_and_is_not_refused() {
    let (mut world, node) = sharing(3, 4);
    let away = 2;
    world.kill(away);
    for (job, chunks) in [(1, 0..2), (2, 10..12)] {
        assert!(saves(&mut world, node, job, &format!("core/a/{job}"), chunks));
    }
    change_share(&mut world, node, 2, Some(CHUNK_BYTES));
    world.hosts[away].file = world.pool.file();
    world.boot(away);
    let taken = |world: &World| world.hosts[away].disk.shares.values().sum::<u64>();
    assert!(world.until(|world| world.hosts[away].disk.chunks.len() >= 6 && taken(world) > 0));
    world.run(Duration::from_secs(1));
    assert!((4 * CHUNK_BYTES..=4 * CHUNK_BYTES + BESIDE).contains(&taken(&world)), "{}", taken(&world));
    world.kill(0);
    assert!(!saves(&mut world, node, 3, "core/b/1", 20..21), "it refuses like those that took part");
}

#[test]
fn a_smaller_share_takes_nothing_away_and_a_policy_without_one_bounds_nothing() {
    let (mut world, node) = sharing(1, 2);
    assert!(saves(&mut world, node, 1, "core/a/1", 0..2));
    for (version, share, chunk, fits) in [(2, Some(CHUNK_BYTES), 10, false), (3, None, 20, true)] {
        change_share(&mut world, node, version, share);
        assert!(saves(&mut world, node, version * 10, "core/a/2", 0..2), "nothing new is in it");
        assert_eq!(saves(&mut world, node, version * 10 + 1, "core/b/1", chunk..chunk + 1), fits);
    }
}

#[test]
fn a_publisher_that_has_used_most_of_its_share_is_told_of_once() {
    let (mut world, node) = sharing(1, 10);
    let told = |world: &World| {
        let events = world.hosts[0].events.iter();
        events.filter(|event| matches!(event, Event::ShareNearlyUsed { .. })).cloned().collect::<Vec<_>>()
    };
    assert!(saves(&mut world, node, 1, "core/a/1", 0..8));
    assert_eq!(told(&world).len(), 0);
    assert!(saves(&mut world, node, 2, "core/a/2", 0..10));
    let said = told(&world);
    let [Event::ShareNearlyUsed { publisher, bytes, share }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((publisher, *share), (&world.pool.policy.publishers[0].name, 10 * CHUNK_BYTES + BESIDE));
    assert!(bytes * 5 >= share * 4 && bytes * 5 < share * 5, "{bytes} of {share}");
}

#[test]
fn what_a_grant_signs_counts_for_the_grant_alone() {
    let (mut world, node) = sharing(1, 2);
    let saved = save(&mut world, node, "core/main/npm/1", 1, 0..6);
    let wide = Grant { bytes_max: 10_000_000, ..grant() };
    assert!(publish(&mut world, node, 1, under(&wide, &saved.manifest)));
    assert!(world.hosts[0].disk.shares.is_empty());
    assert!(saves(&mut world, node, 2, "core/a/1", 10..12));
}

#[test]
fn what_was_lost_and_pulled_again_is_counted_once() {
    let (mut world, node) = sharing(3, 4);
    assert!(saves(&mut world, node, 1, "core/a/1", 0..3));
    world.run(Duration::from_secs(1));
    let lost = *world.hosts[0].disk.chunks.keys().next().unwrap();
    let before = world.hosts[0].disk.shares.clone();
    world.hosts[0].disk.chunks.remove(&lost);
    world.input(0, Input::ChunkLost { chunk: lost });
    assert!(world.until(|world| world.hosts[0].disk.chunks.contains_key(&lost)));
    world.run(Duration::from_secs(1));
    assert_eq!(world.hosts[0].disk.shares, before);
}

#[test]
fn what_was_pulled_for_an_offer_that_failed_counts() {
    let (mut world, node) = sharing(1, 4);
    let saved = save(&mut world, node, "core/a/1", 1, 0..3);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(node, 1, signed);
    assert!(world.until(|world| world.hosts[0].disk.chunks.len() >= 3));
    world.kill(node);
    world.run(Duration::from_secs(60));
    let kept = u64::try_from(world.hosts[0].disk.chunks.len() - 1).unwrap();
    let taken: u64 = world.hosts[0].disk.shares.values().sum();
    assert!(world.hosts[0].disk.votes.is_empty());
    assert!(taken >= kept * CHUNK_BYTES, "{taken} bytes for {kept} chunks");
}
