//! Papers on their way: yanks and policies reach everybody who runs, and whoever boots later.
use super::world::{Saved, World};
use crate::belief::fixture::{Pool, key_pair, later, publisher_of, signed, yank, yank_envelope};
use crate::engine::{Event, JobReply, JobRequest, MissReason, PublishFailure};
use crate::message::{Control, ListQuery, PapersRefusal};
use crate::{Envelope, ManifestId, Papers, PapersDigest, Policy, Seed, Yanked};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

fn yanks(yanks: &[Envelope]) -> Papers {
    Papers { yanks: yanks.to_vec(), ..Papers::default() }
}

fn takes(manifest: ManifestId) -> Envelope {
    yank_envelope(&yank("y-1", Yanked::Manifest(manifest)))
}

/// What a job that spreads papers is told.
fn spread(world: &mut World, host: usize, papers: Papers) -> (u32, u32, u32, Option<String>) {
    let before = world.replies_of(host, 77).len();
    world.job(host, 77, JobRequest::Spread { papers, deadline: Duration::from_secs(5) });
    assert!(world.until(|world| world.replies_of(host, 77).len() > before), "it is told");
    match world.last(host, 77) {
        Some(JobReply::Spread { held, needed, of, refused }) => (held, needed, of, refused),
        other => panic!("{other:?}"),
    }
}

/// Spreads a yank of this manifest.
fn take_back(world: &mut World, host: usize, saved: &Saved) -> (u32, u32, u32, Option<String>) {
    let papers = yanks(&[takes(world.id(saved))]);
    spread(world, host, papers)
}

fn knows_yanks(world: &World, host: usize, count: u32) -> bool {
    world.hosts[host].engine.as_ref().is_some_and(|engine| engine.status().yanks == count)
}

fn version(world: &World, host: usize) -> u64 {
    world.hosts[host].engine.as_ref().map_or(0, |engine| engine.status().policy_version)
}

fn found(reply: &JobReply) -> Option<u64> {
    match reply {
        JobReply::Found { certified, .. } => Some(certified.manifest().sequence),
        _ => None,
    }
}

/// The next policy, changed and signed.
fn next_policy(pool: &Pool, change: impl FnOnce(&mut Policy)) -> (Policy, Papers) {
    let mut policy = Policy { version: pool.policy.version + 1, ..pool.policy.clone() };
    change(&mut policy);
    let envelope = signed(&policy, &pool.roots[..2]);
    (policy, Papers { policy: Some(envelope), ..Papers::default() })
}

#[test]
fn a_yank_reaches_everybody_who_runs() {
    for seeds in [1, 3, 4] {
        let (mut world, nodes) = World::with_nodes(seeds, 3);
        let good = world.published(nodes[0], KEY, 1, 3);
        let bad = world.published(nodes[0], KEY, 2, 5);
        assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(2));
        let told = take_back(&mut world, nodes[2], &bad);
        assert_eq!(told, (u32::from(seeds), world.pool.policy.write, u32::from(seeds), None));
        let all = |world: &World| (0..world.hosts.len()).all(|host| knows_yanks(world, host, 1));
        assert!(world.until(all), "seeds tell the rest");
        assert!(world.engine(nodes[1]).withdrawn(&world.id(&bad)).is_some_and(|why| why.contains("miner")));
        assert_eq!(world.engine(nodes[1]).withdrawn(&world.id(&good)), None);
        assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(1), "the one before");
    }
}

#[test]
fn a_node_that_boots_later_hears_of_it_before_its_first_answer() {
    for seeds in [1, 4] {
        let (mut world, nodes) = World::with_nodes(seeds, 1);
        world.published(nodes[0], KEY, 1, 3);
        let bad = world.published(nodes[0], KEY, 2, 3);
        take_back(&mut world, nodes[0], &bad);
        let late = world.node();
        let reply = world.resolve(late, 1, KEY, &[]);
        assert_eq!(found(&reply), Some(1), "{reply:?}");
    }
}

#[test]
fn a_job_that_restores_what_is_taken_back_gets_no_more_of_it() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let bad = world.published(nodes[0], KEY, 1, 60);
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(1));
    world.fetch_all(nodes[1], 1, &bad);
    assert!(world.until(|world| world.hosts[nodes[1]].delivered.len() > 5));
    take_back(&mut world, nodes[0], &bad);
    let failed = |world: &World| {
        let all = world.replies_of(nodes[1], 1);
        all.iter()
            .any(|reply| matches!(reply, JobReply::FetchFailed { why: crate::engine::FetchEnd::Yanked, .. }))
    };
    assert!(world.until(failed), "{:?}", world.replies_of(nodes[1], 1));
    assert!(world.hosts[nodes[1]].delivered.len() < bad.all().len());
    world.fetch_all(nodes[1], 2, &bad);
    let refused = |world: &World| {
        let all = world.replies_of(nodes[1], 2);
        !all.is_empty()
            && all.iter().all(|reply| {
                matches!(reply, JobReply::FetchFailed { why: crate::engine::FetchEnd::Yanked, .. })
            })
    };
    assert!(world.until(refused));
}

#[test]
fn nobody_is_pointed_at_what_was_taken_back() {
    let (mut world, nodes) = World::with_nodes(1, 3);
    let bad = world.published(nodes[0], KEY, 1, 3);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &bad);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    take_back(&mut world, nodes[0], &bad);
    assert!(world.until(|world| nodes.iter().all(|node| knows_yanks(world, *node, 1))));
    assert!(nodes.iter().all(|node| !world.hosts[*node].disk.certified.contains_key(&world.id(&bad))));
    assert!(world.hosts[0].disk.certified.contains_key(&world.id(&bad)), "a seed keeps the place");
    let reply = world.resolve(nodes[2], 1, KEY, &[]);
    assert!(matches!(reply, JobReply::Miss(MissReason::Yanked)), "it is said why: {reply:?}");
    let again = world.published(nodes[0], KEY, 2, 4);
    assert_eq!(found(&world.resolve(nodes[2], 1, KEY, &[])), Some(2));
    world.fetch_all(nodes[2], 1, &again);
    assert!(world.until(|world| world.fetched(nodes[2], 1)));
}

#[test]
fn yanks_survive_a_restart() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let bad = world.published(nodes[0], KEY, 1, 3);
    take_back(&mut world, nodes[0], &bad);
    assert!(world.until(|world| knows_yanks(world, nodes[0], 1)));
    for host in [0, nodes[0]] {
        world.kill(host);
        world.boot(host);
        assert!(knows_yanks(&world, host, 1), "before anybody is met");
    }
    assert!(world.until(|world| world.joined(nodes[0])));
    assert_eq!(found(&world.resolve(nodes[0], 1, KEY, &[])), None);
    assert_eq!(world.engine(0).status().yanks, 1);
}

#[test]
fn a_seed_that_was_down_hears_from_the_others() {
    let (mut world, nodes) = World::with_nodes(3, 1);
    let bad = world.published(nodes[0], KEY, 1, 3);
    world.kill(2);
    let told = take_back(&mut world, nodes[0], &bad);
    assert_eq!(told, (2, 2, 3, None));
    world.boot(2);
    assert!(world.until(|world| knows_yanks(world, 2, 1)));
}

#[test]
fn what_is_not_signed_by_a_yank_key_is_refused_and_spreads_nowhere() {
    let (mut world, nodes) = World::with_nodes(3, 2);
    let saved = world.published(nodes[0], KEY, 1, 3);
    let forged = Envelope::sign(&yank("y-1", Yanked::Manifest(world.id(&saved))), &key_pair(200));
    let (held, _, _, refused) = spread(&mut world, nodes[1], yanks(&[forged]));
    assert_eq!((held, refused), (0, Some(PapersRefusal::NotBelieved.to_string())));
    let doubted =
        |seed: usize| world.hosts[seed].events.iter().any(|event| matches!(event, Event::Disbelieved { .. }));
    assert!((0..3).all(doubted));
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(1));
}

#[test]
fn a_yank_of_something_unknown_is_kept() {
    let (mut world, nodes) = World::with_nodes(3, 1);
    let saved = world.save(nodes[0], KEY, 1, 3);
    let told = take_back(&mut world, nodes[0], &saved);
    assert_eq!(told, (3, 2, 3, None));
    let manifest = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, manifest);
    assert!(world.until(|world| matches!(world.last(nodes[0], 1), Some(JobReply::PublishFailed(_)))));
}

#[test]
fn a_policy_takes_over_everywhere_and_for_good() {
    for seeds in [1, 3, 4] {
        let (mut world, nodes) = World::with_nodes(seeds, 2);
        let (mut policy, papers) = next_policy(&world.pool, |policy| {
            policy.publishers.push(publisher_of("late", key_pair(60).public(), &["other/**"], later(7_000)));
        });
        let saved = world.save(nodes[0], "other/main/npm/1", 1, 3);
        let manifest = Envelope::sign(&saved.manifest, &key_pair(60));
        world.publish(nodes[0], 1, manifest.clone());
        assert!(world.until(|world| matches!(world.last(nodes[0], 1), Some(JobReply::PublishFailed(_)))));
        let told = spread(&mut world, nodes[0], papers);
        assert_eq!(told, (u32::from(seeds), policy.write, u32::from(seeds), None));
        let all = |world: &World| (0..world.hosts.len()).all(|host| version(world, host) == 2);
        assert!(world.until(all));
        world.publish(nodes[0], 2, manifest);
        assert!(world.until(|world| matches!(world.last(nodes[0], 2), Some(JobReply::Published { .. }))));
        for host in 0..world.hosts.len() {
            world.kill(host);
            world.boot(host);
            assert_eq!(version(&world, host), 2, "from the disk");
        }
        policy.version = 1;
        let old = Papers { policy: Some(signed(&policy, &world.pool.roots[..2])), ..Papers::default() };
        assert!(world.until(|world| world.joined(nodes[1])));
        assert!(spread(&mut world, nodes[1], old).3.is_some(), "an older one is refused");
    }
}

#[test]
fn a_publisher_that_a_policy_leaves_out_is_believed_no_more() {
    let (mut world, nodes) = World::with_nodes(3, 2);
    world.published(nodes[0], KEY, 1, 3);
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(1));
    let (_, papers) = next_policy(&world.pool, |policy| policy.publishers.clear());
    spread(&mut world, nodes[0], papers);
    assert!(world.until(|world| version(world, nodes[1]) == 2));
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), None);
    // Another one takes it in again: what the seeds kept holds once more.
    let (_, papers) = next_policy(&world.pool, |policy| policy.version = 3);
    spread(&mut world, nodes[0], papers);
    assert!(world.until(|world| version(world, nodes[1]) == 3));
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(1));
}

#[test]
fn a_policy_that_one_seed_of_four_keeps_does_not_count() {
    let (mut world, nodes) = World::with_nodes(4, 1);
    for seed in 1..4 {
        world.cut(nodes[0], seed);
        world.cut(0, seed);
    }
    let (_, papers) = next_policy(&world.pool, |policy| policy.publishers.clear());
    let (held, needed, of, _) = spread(&mut world, nodes[0], papers);
    assert_eq!((held, needed, of), (1, 3, 4));
    world.run(Duration::from_secs(40));
    assert!((0..world.hosts.len()).all(|host| version(&world, host) == 1));
    // Once they hear each other, it does.
    world.cut.clear();
    assert!(world.until(|world| (0..world.hosts.len()).all(|host| version(world, host) == 2)));
}

#[test]
fn first_policy_replayed_to_who_boots_with_an_old_pool_file() {
    for seeds in [1, 4] {
        let (mut world, nodes) = World::with_nodes(seeds, 1);
        world.published(nodes[0], KEY, 1, 3);
        let (_, papers) = next_policy(&world.pool, |policy| policy.publishers.clear());
        spread(&mut world, nodes[0], papers);
        assert!(world.until(|world| version(world, 0) == 2));
        let late = world.node();
        let reply = world.resolve(late, 1, KEY, &[]);
        assert_eq!(found(&reply), None, "judged by the policy that the seeds go by");
        assert_eq!(version(&world, late), 2);
    }
}

#[test]
fn a_seed_is_added_to_a_lone_one_while_it_runs() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 3);
    let fresh = key_pair(70);
    let peer = crate::PeerId::new(fresh.public());
    let (policy, papers) = next_policy(&world.pool, |policy| {
        policy.seeds.push(Seed { peer, addresses: vec!["10.0.1.9:4001".to_owned()] });
        (policy.write, policy.read) = (2, 1);
    });
    assert_eq!(spread(&mut world, nodes[0], papers).0, 1, "the new one has not said so yet");
    assert!((0..world.hosts.len()).all(|host| version(&world, host) == 1));
    world.pool.policy = policy;
    world.pool.seeds.push(fresh.clone());
    let added = world.add(fresh, "10.0.1.9:4001", crate::PeerRole::Seed);
    world.hosts[added].disk.marker = None;
    world.kill(added);
    world.boot(added);
    let all = |world: &World| (0..world.hosts.len()).all(|host| version(world, host) == 2);
    assert!(world.until(all));
    assert!(world.until(|world| world.hosts[added].holds_all(&saved.all())), "it catches up");
    let next = world.published(nodes[0], KEY, 2, 5);
    assert!(world.until(|world| world.hosts[added].holds_all(&next.all())));
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(2));
}

#[test]
fn a_seed_that_lies_about_papers_delays_little() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.published(nodes[0], KEY, 1, 3);
    let junk = PapersDigest {
        policy: crate::Digest::from_bytes([9; 32]),
        ..world.engine(0).config.trust.papers_digest()
    };
    for _ in 0..3 {
        let claim = Control::PapersKnown { version: 9, papers: junk, next: None, ends: false };
        world.forge(0, nodes[0], claim);
        let before = world.now().instant;
        assert_eq!(found(&world.resolve(nodes[0], 1, KEY, &[])), Some(1));
        assert!(world.now().instant.since(before) < Duration::from_secs(2));
    }
    assert_eq!(version(&world, nodes[0]), 1);
}

#[test]
fn who_brings_too_much_at_once_is_told_to_wait() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let one = takes(crate::belief::fixture::NO_MANIFEST);
    let many = yanks(&vec![one; 65]);
    world.forge(nodes[0], 0, Control::KeepPapers { bring: 1, papers: many });
    world.run(Duration::from_secs(1));
    assert!(knows_yanks(&world, 0, 0));
    // A job's are brought in parts.
    let all: Vec<Envelope> = (0..150)
        .map(|number| yank_envelope(&yank(&format!("y-{number}"), Yanked::Grant(format!("g-{number}")))))
        .collect();
    assert_eq!(spread(&mut world, nodes[0], yanks(&all)), (1, 1, 1, None));
    assert!(knows_yanks(&world, 0, 150));
}

#[test]
fn members_do_not_say_which_papers_there_are() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let papers = yanks(&[takes(crate::belief::fixture::NO_MANIFEST)]);
    world.forge(nodes[0], nodes[1], Control::Papers { papers: papers.clone() });
    world.run(Duration::from_secs(1));
    assert!(!knows_yanks(&world, nodes[1], 1));
    // Nor does a seed that was not asked.
    world.forge(0, nodes[1], Control::Papers { papers });
    world.run(Duration::from_secs(1));
    assert!(!knows_yanks(&world, nodes[1], 1));
}

/// Three seeds, of which the last is replaced by another; what the others and the new one know.
fn replaced(world: &mut World, node: usize, gone: usize) -> usize {
    let fresh = key_pair(71);
    let seed = Seed { peer: crate::PeerId::new(fresh.public()), addresses: vec!["10.0.1.9:4001".to_owned()] };
    let leaves = world.hosts[gone].peer;
    let (added, papers) = next_policy(&world.pool, |policy| {
        policy.seeds.push(seed);
        (policy.write, policy.read, policy.faulty) = (3, 3, 1);
    });
    assert_eq!(spread(world, node, papers).0, 3);
    world.pool.policy = added;
    world.pool.seeds.push(fresh.clone());
    let new = world.add(fresh, "10.0.1.9:4001", crate::PeerRole::Seed);
    world.kill(new);
    world.hosts[new].disk = super::host::Disk::default();
    world.boot(new);
    assert!(world.until(|world| (0..world.hosts.len()).all(|host| version(world, host) == 2)));
    let (removed, papers) = next_policy(&world.pool, |policy| {
        policy.seeds.retain(|seed| seed.peer != leaves);
        (policy.write, policy.read, policy.faulty) = (2, 2, 0);
    });
    spread(world, node, papers);
    world.pool.policy = removed;
    let stay: Vec<usize> = (0..world.hosts.len()).filter(|host| *host != gone).collect();
    assert!(world.until(|world| stay.iter().all(|host| version(world, *host) == 3)));
    new
}

#[test]
fn no_cache_turns_cold_when_a_seed_is_replaced() {
    let (mut world, nodes) = World::with_nodes(3, 2);
    let keys = ["core/main/npm/1", "core/main/pip/1", "core/main/go/1"];
    for (number, key) in keys.iter().enumerate() {
        world.published(nodes[0], key, u64::try_from(number).unwrap() + 1, 4);
    }
    let new = replaced(&mut world, nodes[0], 2);
    world.kill(2);
    let certified = |world: &World| {
        let trust = world.engine(nodes[1]).config.trust.clone();
        let counts = |seed: usize| {
            let all = world.hosts[seed].disk.certified.values();
            all.filter(|certified| trust.certify(certified, world.now().wall).is_ok()).count()
        };
        [0, 1, new].into_iter().all(|seed| counts(seed) == keys.len())
    };
    assert!(world.until(certified), "every seed that is left has a certificate that counts");
    for (number, key) in keys.iter().enumerate() {
        let reply = world.resolve(nodes[1], 1, key, &[]);
        assert_eq!(found(&reply), Some(u64::try_from(number).unwrap() + 1), "{reply:?}");
    }
    // And after a restart of everybody.
    for host in [0, 1, new] {
        world.kill(host);
        world.boot(host);
    }
    let whole = |world: &World| [0, 1, new].iter().all(|seed| world.engine(*seed).status().silent.is_none());
    assert!(world.until(|world| whole(world) && world.engine(nodes[1]).status().seeds_connected == 3));
    world.run(Duration::from_secs(1));
    assert_eq!(found(&world.resolve(nodes[1], 1, keys[0], &[])), Some(1));
    world.published(nodes[0], keys[0], 9, 6);
}

#[test]
fn nobody_loses_a_race_against_what_was_taken_back() {
    for seeds in [1, 4] {
        let (mut world, nodes) = World::with_nodes(seeds, 1);
        let bad = world.published(nodes[0], KEY, 2, 3);
        take_back(&mut world, nodes[0], &bad);
        assert!(world.until(|world| (0..world.hosts.len()).all(|host| knows_yanks(world, host, 1))));
        let next = world.save(nodes[0], KEY, 1, 5);
        let manifest = world.pool.sign(&next.manifest);
        world.publish(nodes[0], 1, manifest);
        let lost = |world: &World| match world.last(nodes[0], 1) {
            Some(JobReply::PublishFailed(PublishFailure::LostRace { standing, highest })) => {
                Some((standing.is_some(), highest))
            }
            _ => None,
        };
        assert!(world.until(|world| lost(world).is_some()), "{:?}", world.last(nodes[0], 1));
        assert_eq!(lost(&world), Some((false, 2)), "the next place is free");
        world.published(nodes[0], KEY, 3, 5);
    }
}

fn listed(world: &mut World, host: usize) -> (Vec<u64>, Vec<u64>) {
    let before = world.replies_of(host, 66).len();
    let what = ListQuery::Pattern { pattern: Some("core/main/npm/*".parse().unwrap()), after: None };
    world.job(host, 66, JobRequest::List { what, deadline: Duration::from_secs(3) });
    assert!(world.until(|world| world.replies_of(host, 66).len() > before));
    let Some(JobReply::Listing { rows, taken, .. }) = world.last(host, 66) else { panic!("a listing") };
    let sequence = |one: &crate::CertifiedEnvelope| one.manifest.body::<crate::Manifest>().unwrap().sequence;
    let believed = rows.iter().map(|row| row.manifest().sequence).collect();
    (believed, taken.iter().map(sequence).collect())
}

#[test]
fn a_listing_names_what_is_left_and_what_was_taken_back_above_it() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.published(nodes[0], KEY, 1, 3);
    let bad = world.published(nodes[0], KEY, 2, 3);
    assert_eq!(listed(&mut world, nodes[1]), (vec![2], vec![]));
    take_back(&mut world, nodes[0], &bad);
    assert!(world.until(|world| nodes.iter().all(|node| knows_yanks(world, *node, 1))));
    for host in [0, nodes[1]] {
        assert_eq!(listed(&mut world, host), (vec![1], vec![2]));
    }
    world.kill(0);
    world.boot(0);
    assert!(world.until(|world| world.engine(nodes[1]).status().seeds_connected == 1));
    world.run(Duration::from_secs(1));
    assert_eq!(listed(&mut world, nodes[1]), (vec![1], vec![2]), "also after a restart of the seed");
    world.published(nodes[0], KEY, 3, 3);
    assert_eq!(listed(&mut world, nodes[1]), (vec![3], vec![]), "what is below is of no interest");
}

/// A node forgets what a policy leaves out; a job that used it did nothing wrong.
#[test]
fn jobs_are_told_of_yanks_only() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 3);
    assert_eq!(found(&world.resolve(nodes[1], 1, KEY, &[])), Some(1));
    let (_, papers) = next_policy(&world.pool, |policy| policy.publishers.clear());
    spread(&mut world, nodes[0], papers);
    assert!(world.until(|world| version(world, nodes[1]) == 2));
    world.run(Duration::from_secs(1));
    assert_eq!(world.engine(nodes[1]).withdrawn(&world.id(&saved)), None);
}

/// A seed that starts with a marker is silent until it has the word of the others, and has no say in what counts until then.
#[test]
fn a_seed_that_comes_with_a_marker_is_counted_too() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let fresh = key_pair(70);
    let peer = crate::PeerId::new(fresh.public());
    let (policy, papers) = next_policy(&world.pool, |policy| {
        policy.seeds.push(Seed { peer, addresses: vec!["10.0.1.9:4001".to_owned()] });
        (policy.write, policy.read) = (2, 1);
    });
    assert_eq!(spread(&mut world, nodes[0], papers).0, 1);
    world.pool.policy = policy;
    world.pool.seeds.push(fresh.clone());
    let added = world.add(fresh, "10.0.1.9:4001", crate::PeerRole::Seed);
    assert!(world.hosts[added].disk.marker.is_some());
    assert!(world.until(|world| (0..world.hosts.len()).all(|host| version(world, host) == 2)));
    assert_eq!(world.engine(nodes[0]).status().seeds_total, 2);
}
