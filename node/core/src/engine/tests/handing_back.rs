//! A seed that has lost its disk is handed the papers that its nodes go by.
use super::bench::Bench;
use super::host::Disk;
use super::world::World;
use crate::belief::fixture::{signed, yank, yank_envelope};
use crate::engine::bounds::{BRINGS_EACH_MAX, PAPERS_GIVEN_MAX, PAPERS_INTERVAL};
use crate::engine::{Input, JobReply, JobRequest};
use crate::message::{Control, PapersRefusal};
use crate::{Digest, Envelope, Papers, PapersDigest, PeerId, Policy, Yanked};
use core::time::Duration;

fn yanks(count: usize) -> Vec<Envelope> {
    let one = |number| yank_envelope(&yank(&format!("y-{number}"), Yanked::Grant(format!("g-{number}"))));
    (0..count).map(one).collect()
}

fn spread(world: &mut World, host: usize, papers: Papers) {
    let before = world.replies_of(host, 77).len();
    world.job(host, 77, JobRequest::Spread { papers, deadline: Duration::from_secs(5) });
    assert!(world.until(|world| world.replies_of(host, 77).len() > before));
    let told = world.last(host, 77);
    assert!(matches!(told, Some(JobReply::Spread { refused: None, .. })), "{told:?}");
}

fn knows(world: &World, host: usize) -> (u64, u32) {
    let status = world.engine(host).status();
    (status.policy_version, status.yanks)
}

/// The disk of the seed is lost, and its operator accepts that.
fn loses_its_disk(world: &mut World, seed: usize) {
    world.kill(seed);
    world.hosts[seed].disk = Disk { marker: Some(0), ..Disk::default() };
    world.boot(seed);
    assert_eq!(knows(world, seed), (1, 0), "as in its pool file");
}

#[test]
fn a_lone_seed_that_lost_its_disk_gets_policy_and_yanks_back() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    // More than one message has, so that it is handed them in parts.
    let count = BRINGS_EACH_MAX * 2 + 5;
    spread(&mut world, nodes[0], Papers { yanks: yanks(count), ..Papers::default() });
    let next = Policy { version: 2, ..world.pool.policy.clone() };
    let policy = Some(signed(&next, &world.pool.roots[..2]));
    spread(&mut world, nodes[0], Papers { policy, ..Papers::default() });
    let count = u32::try_from(count).unwrap();
    assert!(world.until(|world| (0..3).all(|host| knows(world, host) == (2, count))));
    loses_its_disk(&mut world, 0);
    assert!(world.until(|world| knows(world, 0) == (2, count)), "{:?}", knows(&world, 0));
    let late = world.node();
    assert!(world.until(|world| knows(world, late) == (2, count)), "who boots later hears of them");
    // Nor does it need its nodes a second time.
    world.kill(0);
    world.boot(0);
    assert_eq!(knows(&world, 0), (2, count));
}

/// A node that hears other yanks of the seed than it has itself: both end up with all of them.
#[test]
fn a_seed_that_has_others_gets_the_rest() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let all = yanks(3);
    spread(&mut world, nodes[0], Papers { yanks: all[..2].to_vec(), ..Papers::default() });
    assert!(world.until(|world| knows(world, nodes[0]) == (1, 2)));
    world.kill(nodes[0]);
    loses_its_disk(&mut world, 0);
    spread(&mut world, 0, Papers { yanks: all[2..].to_vec(), ..Papers::default() });
    assert_eq!(knows(&world, 0), (1, 1));
    world.boot(nodes[0]);
    assert!(world.until(|world| knows(world, 0) == (1, 3) && knows(world, nodes[0]) == (1, 3)));
}

/// A node with so many yanks, whose seed says that it has none.
fn met(count: usize) -> (Bench, PeerId) {
    let mut bench = Bench::node(1);
    let trust = crate::Trust::clone(&bench.engine.config.trust).hear(&yanks(count), bench.now().wall);
    bench.engine.config.trust = std::sync::Arc::new(trust);
    let seed = bench.admitted_by(0);
    bench.clear();
    (bench, seed)
}

/// The seed ends its answer with these words.
fn says(bench: &mut Bench, seed: PeerId, number: u8) {
    let mine = bench.engine.config.trust.papers_digest();
    let papers = PapersDigest { yanks: Digest::from_bytes([number; 32]), yanks_count: 0, ..mine };
    bench.say(seed, Control::PapersKnown { version: 1, papers, next: None, ends: true });
}

/// What it is handed: the number, and how many yanks.
fn handed(bench: &mut Bench, seed: PeerId) -> Vec<(u32, usize)> {
    let brought = |said| match said {
        Control::KeepPapers { bring, papers } => Some((bring, papers.yanks.len())),
        _ => None,
    };
    bench.sent(seed).into_iter().filter_map(brought).collect()
}

#[test]
fn a_seed_is_handed_papers_once_and_part_by_part() {
    let (mut bench, seed) = met(BRINGS_EACH_MAX + 1);
    says(&mut bench, seed, 1);
    let first = handed(&mut bench, seed);
    assert!(matches!(first[..], [(_, BRINGS_EACH_MAX)]), "{first:?}");
    says(&mut bench, seed, 2);
    assert_eq!(handed(&mut bench, seed), [], "one part at a time");
    bench.say(seed, Control::PapersKept { bring: first[0].0, refused: None });
    let second = handed(&mut bench, seed);
    assert!(matches!(second[..], [(_, 1)]), "{second:?}");
    bench.say(seed, Control::PapersKept { bring: second[0].0, refused: Some(PapersRefusal::NotBelieved) });
    says(&mut bench, seed, 1);
    assert_eq!(handed(&mut bench, seed), [], "it does not want them");
    bench.pass(PAPERS_INTERVAL);
    says(&mut bench, seed, 1);
    assert_eq!(handed(&mut bench, seed), [], "nor later");
}

#[test]
fn a_seed_that_is_busy_is_handed_them_later() {
    let (mut bench, seed) = met(1);
    says(&mut bench, seed, 1);
    let bring = handed(&mut bench, seed)[0].0;
    bench.say(seed, Control::PapersKept { bring, refused: Some(PapersRefusal::Busy) });
    assert_eq!(handed(&mut bench, seed), []);
    says(&mut bench, seed, 1);
    assert_eq!(handed(&mut bench, seed).len(), 1);
}

#[test]
fn a_seed_that_names_ever_other_yanks_is_not_sent_papers_without_end() {
    let (mut bench, seed) = met(1);
    let mut count = 0;
    for number in 1..50 {
        says(&mut bench, seed, number);
        for (bring, _) in handed(&mut bench, seed) {
            count += 1;
            bench.say(seed, Control::PapersKept { bring, refused: None });
        }
    }
    assert_eq!(count, PAPERS_GIVEN_MAX);
}

#[test]
fn who_hands_a_policy_over_again_has_the_yanks_told_again_too() {
    let (mut bench, seed) = met(1);
    says(&mut bench, seed, 1);
    let bring = handed(&mut bench, seed)[0].0;
    bench.say(seed, Control::PapersKept { bring, refused: Some(PapersRefusal::Full) });
    let policy = bench.engine.config.trust.papers().policy;
    let policy = policy.or_else(|| Some(signed(&bench.pool.policy, &bench.pool.roots[..2])));
    let papers = Papers { policy, ..Papers::default() };
    bench.job(1, JobRequest::Spread { papers, deadline: Duration::from_secs(5) });
    let bring = handed(&mut bench, seed)[0].0;
    bench.say(seed, Control::PapersKept { bring, refused: None });
    assert!(bench.sent(seed).iter().any(|said| matches!(said, Control::AskPapers { .. })));
    says(&mut bench, seed, 1);
    assert!(matches!(handed(&mut bench, seed)[..], [(_, 1)]));
}

#[test]
fn what_is_left_is_forgotten_with_the_connection() {
    let (mut bench, seed) = met(BRINGS_EACH_MAX + 1);
    says(&mut bench, seed, 1);
    let bring = handed(&mut bench, seed)[0].0;
    bench.give(Input::Disconnected { peer: seed });
    bench.admitted_by(0);
    bench.clear();
    bench.say(seed, Control::PapersKept { bring, refused: None });
    assert_eq!(handed(&mut bench, seed), []);
    says(&mut bench, seed, 1);
    assert!(matches!(handed(&mut bench, seed)[..], [(_, BRINGS_EACH_MAX)]));
}
