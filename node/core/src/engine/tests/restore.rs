//! Resolve and fetch: hits, misses with their reasons, peers that share, seeds that are away.
use super::world::{Saved, World};
use crate::ManifestId;
use crate::engine::{FetchEnd, JobId, JobReply, JobRequest, Matched, MissReason};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

fn miss(reply: &JobReply) -> Option<MissReason> {
    if let JobReply::Miss(reason) = reply { Some(*reason) } else { None }
}

fn found(reply: &JobReply) -> Option<(ManifestId, Matched, bool)> {
    let JobReply::Found { certified, matched, relayed } = reply else { return None };
    Some((certified.id(), *matched, *relayed))
}

/// One seed, a publisher that has published, and nodes that have joined.
fn pool(nodes: usize, chunks: u32) -> (World, Vec<usize>, Saved) {
    let (mut world, nodes) = World::with_nodes(1, nodes);
    let saved = world.published(nodes[0], KEY, 1, chunks);
    world.run(Duration::from_millis(100));
    (world, nodes, saved)
}

#[test]
fn nothing_was_saved() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let reply = world.resolve(nodes[0], 1, KEY, &["core/main/npm"]);
    assert_eq!(miss(&reply), Some(MissReason::NothingSaved));
}

#[test]
fn a_question_at_boot_waits_for_the_seed() {
    let mut world = World::new(1);
    let node = world.node();
    let reply = world.resolve(node, 1, KEY, &[]);
    assert_eq!(miss(&reply), Some(MissReason::NothingSaved));
}

#[test]
fn nobody_is_there() {
    let mut world = World::new(1);
    world.kill(0);
    let node = world.node();
    let before = world.now().instant;
    let reply = world.resolve(node, 1, KEY, &[]);
    assert_eq!(miss(&reply), Some(MissReason::NotJoined));
    assert_eq!(world.now().instant.since(before), Duration::from_secs(3), "by the deadline");
}

#[test]
fn a_seed_that_comes_up_in_time_is_asked_too() {
    let mut world = World::new(1);
    world.kill(0);
    let node = world.node();
    world.ask(node, 1, KEY, &[]);
    world.run(Duration::from_millis(300));
    world.boot(0);
    assert!(world.until(|world| world.last(node, 1).is_some()));
    assert_eq!(miss(&world.last(node, 1).unwrap()), Some(MissReason::NothingSaved));
}

#[test]
fn a_job_does_not_wait_for_the_longest_backoff() {
    let mut world = World::new(1);
    world.kill(0);
    let node = world.node();
    world.run(Duration::from_secs(120));
    world.boot(0);
    let reply = world.resolve(node, 1, KEY, &[]);
    assert_eq!(miss(&reply), Some(MissReason::NothingSaved), "the seed is dialled at once");
    world.kill(0);
    world.run(Duration::from_secs(120));
    world.ask(node, 2, KEY, &[]);
    world.run(Duration::from_millis(1500));
    world.boot(0);
    assert!(world.until(|world| world.last(node, 2).is_some()));
    assert_eq!(miss(&world.last(node, 2).unwrap()), Some(MissReason::NothingSaved), "again and again");
}

#[test]
fn all_seeds_down() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.kill(0);
    world.run(Duration::from_millis(50));
    let reply = world.resolve(nodes[0], 1, KEY, &[]);
    assert_eq!(miss(&reply), Some(MissReason::SeedsSilent));
}

#[test]
fn save_then_restore() {
    let (mut world, nodes, saved) = pool(2, 6);
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert_eq!(found(&reply), Some((world.id(&saved), Matched::Exact, false)));
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert!(world.hosts[nodes[1]].holds_all(&saved.all()));
    let delivered = world.hosts[nodes[1]].delivered.len();
    assert_eq!(delivered, saved.all().len(), "each chunk once");
    assert!(world.until(|world| world.hosts[nodes[1]].disk.certified.contains_key(&world.id(&saved))));
}

#[test]
fn the_saver_is_killed_and_the_seed_suffices() {
    let (mut world, nodes, saved) = pool(2, 6);
    world.kill(nodes[0]);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert_eq!(world.sources(nodes[1], 1), (0, 0, 7));
}

#[test]
fn a_warm_store_asks_nobody() {
    let (mut world, nodes, saved) = pool(2, 6);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    world.until(|world| world.fetched(nodes[1], 1));
    world.run(Duration::from_secs(1));
    let before: u32 = world.hosts.iter().map(|host| host.served).sum();
    world.fetch_all(nodes[1], 2, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 2)));
    assert_eq!(world.sources(nodes[1], 2), (7, 0, 0));
    assert_eq!(before, world.hosts.iter().map(|host| host.served).sum::<u32>());
}

#[test]
fn a_fallback_answers_when_the_exact_key_does_not() {
    let (mut world, nodes, saved) = pool(2, 2);
    let reply = world.resolve(nodes[1], 1, "core/main/npm/2", &["core/main/pip", "core/main/npm"]);
    assert_eq!(found(&reply), Some((world.id(&saved), Matched::Fallback(1), false)));
}

#[test]
fn the_highest_sequence_answers() {
    let (mut world, nodes, _) = pool(2, 2);
    let newer = world.published(nodes[1], KEY, 2, 3);
    let reply = world.resolve(nodes[0], 1, KEY, &[]);
    assert_eq!(found(&reply), Some((world.id(&newer), Matched::Exact, false)));
}

#[test]
fn peers_share_while_fetching() {
    let (mut world, nodes, saved) = pool(4, 40);
    for node in &nodes[1..] {
        world.resolve(*node, 1, KEY, &[]);
        world.fetch_all(*node, 1, &saved);
    }
    assert!(world.until(|world| nodes[1..].iter().all(|node| world.fetched(*node, 1))));
    for node in &nodes[1..] {
        let (_, peers, seeds) = world.sources(*node, 1);
        assert!(peers > 0, "{peers} from peers, {seeds} from the seed");
    }
    let fetchers: u32 = nodes[1..].iter().map(|node| world.hosts[*node].served).sum();
    assert!(fetchers > 0, "chunks are served while the rest is still on its way");
}

#[test]
fn two_jobs_at_once_cost_one_copy() {
    let (mut world, nodes, saved) = pool(2, 12);
    let before: u32 = world.hosts.iter().map(|host| host.served).sum();
    for job in [1, 2] {
        world.ask(nodes[1], job, KEY, &[]);
    }
    assert!(world.until(|world| [1, 2].iter().all(|job| world.last(nodes[1], *job).is_some())));
    for job in [1, 2] {
        world.fetch_all(nodes[1], job, &saved);
    }
    assert!(world.until(|world| world.fetched(nodes[1], 1) && world.fetched(nodes[1], 2)));
    let given: u32 = world.hosts.iter().map(|host| host.served).sum::<u32>() - before;
    assert!(given <= 15, "{given} chunks for 13, a few of them hedged");
}

#[test]
fn a_job_that_leaves_is_forgotten() {
    let (mut world, nodes, saved) = pool(2, 30);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    world.run(Duration::from_millis(30));
    world.input(nodes[1], crate::engine::Input::JobLeft { job: JobId(1) });
    let delivered = world.hosts[nodes[1]].delivered.len();
    world.run(Duration::from_secs(5));
    assert_eq!(world.hosts[nodes[1]].delivered.len(), delivered);
    assert_eq!(world.engine(nodes[1]).status().jobs, 0);
    assert_eq!(world.engine(nodes[1]).status().fetches, 0);
}

#[test]
fn a_manifest_that_nobody_resolved_is_not_fetched() {
    let (mut world, nodes, saved) = pool(2, 3);
    world.fetch_all(nodes[1], 1, &saved);
    let unknown =
        |reply: &JobReply| matches!(reply, JobReply::FetchFailed { why: FetchEnd::UnknownManifest, .. });
    assert_eq!(world.replies_of(nodes[1], 1).iter().filter(|reply| unknown(reply)).count(), 4);
}

#[test]
fn an_empty_fetch_is_done_at_once() {
    let (mut world, nodes, saved) = pool(2, 3);
    world.resolve(nodes[1], 1, KEY, &[]);
    let manifest = world.id(&saved);
    world.job(nodes[1], 1, JobRequest::Fetch { manifest, chunks: Vec::new() });
    assert!(world.fetched(nodes[1], 1));
}

#[test]
fn the_tree_comes_first_and_the_rest_on_a_second_request() {
    let (mut world, nodes, saved) = pool(2, 5);
    world.resolve(nodes[1], 1, KEY, &[]);
    let manifest = world.id(&saved);
    let chunks = saved.manifest.tree.chunks.clone();
    world.job(nodes[1], 1, JobRequest::Fetch { manifest, chunks });
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    world.job(nodes[1], 1, JobRequest::Fetch { manifest, chunks: saved.content });
    assert!(world.until(|world| world.hosts[nodes[1]].delivered.len() == 6));
    world.run(Duration::from_millis(10));
    assert!(world.fetched(nodes[1], 1));
}

#[test]
fn a_peer_that_is_slow_to_believe_us_hears_us_all_the_same() {
    let (mut world, nodes, saved) = pool(2, 30);
    world.cut(nodes[0], nodes[1]);
    world.run(Duration::from_millis(50));
    world.cut.clear();
    world.hosts[nodes[0]].slow = Duration::from_millis(40);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert!(world.sources(nodes[1], 1).1 > 0, "{:?}", world.sources(nodes[1], 1));
}

#[test]
fn lying_peer() {
    let (mut world, nodes, saved) = pool(3, 20);
    world.hosts[nodes[0]].lies = true;
    world.resolve(nodes[2], 1, KEY, &[]);
    world.fetch_all(nodes[2], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[2], 1)));
    assert!(world.hosts[nodes[2]].holds_all(&saved.all()));
    assert!(world.engine(nodes[2]).status().banned <= 1);
}

#[test]
fn a_full_disk_still_serves_the_job() {
    let (mut world, nodes, saved) = pool(2, 8);
    world.hosts[nodes[1]].disk.full = true;
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert_eq!(world.hosts[nodes[1]].delivered.len(), 9);
}

#[test]
fn seed_is_down_and_a_peer_has_a_recent_answer() {
    let (mut world, nodes, saved) = pool(3, 8);
    world.kill(0);
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[1], 1, KEY, &["core/main/npm"]);
    assert_eq!(found(&reply), Some((world.id(&saved), Matched::Exact, true)));
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    assert_eq!(world.sources(nodes[1], 1), (0, 9, 0), "all of it from the peer");
}

#[test]
fn relayed_answer_too_old() {
    let (mut world, nodes, _) = pool(2, 3);
    world.kill(0);
    world.run(Duration::from_secs(601));
    let reply = world.resolve(nodes[1], 1, KEY, &[]);
    assert!(matches!(miss(&reply), Some(MissReason::SeedsSilent | MissReason::NotBelieved)), "{reply:?}");
}

#[test]
fn a_publisher_that_serves_hears_of_what_is_newer_than_its_own() {
    let (mut world, nodes, _) = pool(3, 3);
    let newer = world.published(nodes[1], "core/main/npm/2", 1, 3);
    world.run(Duration::from_millis(100));
    world.kill(nodes[1]);
    world.kill(0);
    world.run(Duration::from_millis(100));
    let reply = world.resolve(nodes[2], 1, "core/main/npm/9", &["core/main/npm"]);
    assert_eq!(found(&reply), Some((world.id(&newer), Matched::Fallback(0), true)));
}

#[test]
fn a_seed_answers_its_own_jobs() {
    let (mut world, _, saved) = pool(1, 3);
    let reply = world.resolve(0, 1, KEY, &[]);
    assert_eq!(found(&reply), Some((world.id(&saved), Matched::Exact, false)));
}

#[test]
fn a_holder_that_comes_late_is_found() {
    let (mut world, nodes, saved) = pool(2, 4);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.kill(0);
    world.kill(nodes[0]);
    world.run(Duration::from_millis(50));
    world.fetch_all(nodes[1], 1, &saved);
    world.run(Duration::from_secs(1));
    assert!(!world.fetched(nodes[1], 1));
    world.boot(0);
    assert!(world.until(|world| world.fetched(nodes[1], 1)), "{:?}", world.last(nodes[1], 1));
}
