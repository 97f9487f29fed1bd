//! Tests of what is known of swarms.
use super::*;
use crate::{PublicKey, TreeTotals};

fn chunk(n: u8) -> ChunkRef {
    ChunkRef { id: ChunkId::of(&[n]), bytes: 1 }
}

fn id(n: usize) -> ManifestId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::try_from(n).unwrap().to_le_bytes());
    ManifestId::from_bytes(bytes)
}

fn swarm(tree: usize) -> Swarm {
    let chunks = (0..tree).map(|n| chunk(u8::try_from(n % 251).unwrap())).collect();
    let tree = TreeRef { chunks, totals: TreeTotals::default(), roots: Vec::new() };
    Swarm::new(1, tree, Goal::Serve, Instant::ZERO)
}

fn look(start: usize, count: usize) -> AfterLook {
    AfterLook { manifest: id(1), serial: 1, start, count }
}

#[test]
fn a_large_part_is_looked_for_in_pieces() {
    let mut swarm = swarm(LOOK_CHUNKS_MAX + 5);
    let pieces = swarm.begin_looking();
    let lengths: Vec<(usize, usize)> = pieces.iter().map(|(start, chunks)| (*start, chunks.len())).collect();
    assert_eq!(lengths, [(0, LOOK_CHUNKS_MAX), (LOOK_CHUNKS_MAX, 5)]);
    assert_eq!(swarm.looked(look(LOOK_CHUNKS_MAX, 5), &[true, false, true, true, true]).len(), 4);
    assert_eq!((swarm.looks, swarm.missing), (1, 1));
    assert_eq!(swarm.looked(look(0, LOOK_CHUNKS_MAX), &vec![true; LOOK_CHUNKS_MAX]).len(), LOOK_CHUNKS_MAX);
    assert_eq!((swarm.looks, swarm.missing), (0, 1));
}

#[test]
fn what_an_answer_leaves_out_is_missing() {
    let mut swarm = swarm(4);
    swarm.begin_looking();
    assert_eq!(swarm.looked(look(0, 4), &[true]), [chunk(0).id]);
    assert_eq!(swarm.missing, 3);
    assert!(swarm.looked(look(90, 2), &[true, true]).is_empty(), "an answer to nothing that was asked");
}

#[test]
fn wants_wait_until_enough_is_known() {
    let mut swarm = swarm(1);
    let job = JobId(1);
    assert!(swarm.wait(job, vec![chunk(0), chunk(9)]));
    assert!(swarm.release().is_empty(), "the tree is being looked for");
    swarm.stage = Stage::PullingTree;
    assert_eq!(swarm.release(), [(job, vec![chunk(0)])], "tree chunks go first");
    assert!(swarm.release().is_empty());
    swarm.stage = Stage::Known;
    assert_eq!(swarm.release(), [(job, vec![chunk(9)])]);
    assert!(swarm.waiting.is_empty());
}

#[test]
fn wants_go_out_also_when_the_tree_cannot_be_had() {
    let mut swarm = swarm(1);
    swarm.wait(JobId(1), vec![chunk(9)]);
    swarm.stage = Stage::Faulty(TreeFault::Broken);
    assert_eq!(swarm.release().len(), 1);
}

#[test]
fn a_job_may_not_fill_the_memory() {
    let mut swarm = swarm(1);
    assert!(swarm.wait(JobId(1), vec![chunk(1); WAITING_CHUNKS_MAX]));
    assert!(!swarm.wait(JobId(1), vec![chunk(1)]));
}

#[test]
fn the_swarm_unused_longest_makes_room_and_busy_ones_stay() {
    let mut swarms = Swarms::default();
    assert_eq!(swarms.crowded(), Ok(None));
    for n in 0..SWARMS_MAX {
        let mut one = swarm(1);
        one.used = Instant::from_micros(u64::try_from(1_000 - n).unwrap());
        swarms.insert(id(n), one);
    }
    assert_eq!(swarms.crowded(), Ok(Some(id(SWARMS_MAX - 1))));
    for (_, swarm) in swarms.iter_mut() {
        swarm.jobs.insert(JobId(1));
    }
    assert_eq!(swarms.crowded(), Err(Crowded));
}

#[test]
fn a_pull_belongs_to_its_swarm_until_it_ends() {
    let mut swarms = Swarms::default();
    swarms.insert(id(1), swarm(1));
    swarms.begin_pull(id(1), PullId(7));
    assert_eq!(swarms.pulled(PullId(7)), Some(id(1)));
    assert_eq!(swarms.end_pull(PullId(7)), Some(id(1)));
    assert_eq!(swarms.end_pull(PullId(7)), None);
    swarms.begin_pull(id(1), PullId(8));
    swarms.remove(&id(1));
    assert_eq!(swarms.pulled(PullId(8)), None, "a closed swarm pulls nothing");
}

#[test]
fn a_peer_that_is_gone_has_not_heard_of_us() {
    let mut swarms = Swarms::default();
    let peer = PeerId::new(PublicKey::from_bytes([1; 32]));
    swarms.insert(id(1), swarm(1));
    swarms.get_mut(&id(1)).unwrap().entered.insert(peer);
    swarms.peer_gone(&peer);
    assert!(swarms.get(&id(1)).unwrap().entered.is_empty());
}

#[test]
fn a_peer_concerns_us_while_a_swarm_of_ours_names_it() {
    let mut swarms = Swarms::default();
    let peer = PeerId::new(PublicKey::from_bytes([1; 32]));
    swarms.insert(id(1), swarm(1));
    swarms.insert(id(2), swarm(1));
    assert!(!swarms.concern(&peer));
    swarms.get_mut(&id(2)).unwrap().neighbours.insert(peer);
    assert!(swarms.concern(&peer));
    swarms.remove(&id(2));
    assert!(!swarms.concern(&peer));
}

#[test]
fn only_looks_under_way_are_doubted() {
    let mut swarms = Swarms::default();
    swarms.insert(id(1), swarm(2));
    swarms.insert(id(2), swarm(2));
    assert_eq!(swarms.get_mut(&id(2)).unwrap().begin_looking().len(), 1);
    swarms.doubt_looks();
    assert!(!swarms.get(&id(1)).unwrap().doubtful && swarms.get(&id(2)).unwrap().doubtful);
}

#[test]
fn who_needs_a_swarm_keeps_it_open() {
    let mut one = swarm(1);
    assert!(!one.busy());
    one.publishing.insert(JobId(1));
    assert!(one.busy());
    one.publishing.clear();
    one.pull = Some(PullId(1));
    assert!(one.busy());
    one.pull = None;
    one.jobs.insert(JobId(2));
    assert!(one.busy());
}

#[test]
fn an_earlier_swarm_of_the_same_manifest_is_another() {
    let mut swarms = Swarms::default();
    swarms.insert(id(1), swarm(1));
    assert!(swarms.on(&id(1), 1).is_some() && swarms.on(&id(1), 2).is_none());
    assert!(swarms.on(&id(2), 1).is_none());
}

#[test]
fn an_empty_part_needs_no_look() {
    let mut empty = swarm(0);
    assert!(empty.begin_looking().is_empty());
    assert_eq!((empty.looks, empty.missing), (0, 0));
}
