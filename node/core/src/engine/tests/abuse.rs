//! Floods, nonsense and silence: bounded, answered by a ban or not at all, and never a panic.
use super::world::World;
use crate::belief::fixture::{NO_MANIFEST, node, query};
use crate::engine::JobReply;
use crate::engine::state::chance::Chance;
use crate::engine::{
    AskId, Credit, FetchFailure, FetchId, Input, JobId, Offence, Output, StoreFailure, TaskId, TreeFault,
    Verdict,
};
use crate::message::{ChunkSet, Control, PeerAddress};
use crate::{ChunkId, Disbelief, Nonce};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

#[test]
fn question_flood() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let (peer, now) = (world.hosts[nodes[0]].peer, world.now());
    let engine = world.hosts[0].engine.as_mut().unwrap();
    let mut signatures = 0;
    for ask in 0..200 {
        let (nonce, query) = (Nonce::from_bytes([1; 32]), query(KEY, &[]));
        let message = Box::new(Control::Ask { ask, nonce, query });
        engine.handle(now, Input::Message { peer, message });
        while let Some(output) = engine.poll(now) {
            signatures += u32::from(matches!(output, Output::Sign { .. }));
        }
    }
    assert_eq!(signatures, 8, "the rest is dropped");
    assert_eq!(world.engine(0).status().peers, 2, "and nobody is banned");
    // Somebody else is answered in the meantime.
    world.resolve(nodes[1], 1, KEY, &[]);
}

#[test]
fn a_flood_of_messages_is_banned() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    for _ in 0..3_000 {
        world.forge(nodes[0], nodes[1], Control::Leave { manifest: NO_MANIFEST });
    }
    assert_eq!(world.engine(nodes[1]).status().banned, 1);
    assert_eq!(world.engine(nodes[1]).status().peers, 0);
}

#[test]
fn slow_reader() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.published(nodes[0], KEY, 1, 2);
    world.hosts[nodes[1]].deaf = true;
    for ask in 0..2_000 {
        world.forge(nodes[1], nodes[0], Control::AskRelayed { ask, query: query(KEY, &[]) });
        if ask % 200 == 0 {
            world.run(Duration::from_secs(1));
        }
    }
    world.run(Duration::from_secs(1));
    let peer = world.hosts[nodes[1]].peer;
    assert!(!world.hosts[nodes[0]].linked.contains(&nodes[1]), "{peer} does not read and is let go");
}

#[test]
fn offers_are_bounded() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    for offer in 0..100 {
        let manifest = world.pool.sign(&world.pool.manifest(&format!("core/main/npm/{offer}"), 1));
        world.forge(nodes[0], 0, Control::Offer { offer, manifest });
    }
    world.run(Duration::from_secs(60));
    assert!(world.hosts[0].disk.votes.is_empty());
    // Their chunks are nowhere; the places are free again.
    world.published(nodes[0], KEY, 1, 2);
}

#[test]
fn announce_what_it_lacks() {
    let (mut world, nodes) = World::with_nodes(1, 3);
    let saved = world.published(nodes[0], KEY, 1, 10);
    let manifest = world.id(&saved);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    world.run(Duration::from_millis(5));
    world.forge(nodes[2], nodes[1], Control::Enter { manifest, have: ChunkSet::range(0, 11) });
    world.forge(nodes[2], nodes[1], Control::Have { manifest, chunks: ChunkSet::range(0, u32::MAX) });
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
}

#[test]
fn dial_metadata_address() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.published(nodes[0], KEY, 1, 1);
    let addresses = vec!["169.254.169.254:80".parse().unwrap(), "127.0.0.1:22".parse().unwrap()];
    let peers = vec![PeerAddress { peer: node(97), addresses }];
    let manifest = world.id(&saved);
    let before = world.digest();
    let peer = world.hosts[0].peer;
    let now = world.now();
    let engine = world.hosts[nodes[0]].engine.as_mut().unwrap();
    engine.handle(now, Input::Message { peer, message: Box::new(Control::Neighbours { manifest, peers }) });
    assert!(engine.poll(now).is_none(), "nothing is dialled");
    assert_eq!(before, world.digest());
}

#[test]
fn a_seed_is_not_told_by_a_member_what_only_seeds_say() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    world.forge(
        nodes[0],
        0,
        Control::Relay { answer: world.pool.token(crate::belief::fixture::WALL), beside: vec![] },
    );
    assert_eq!(world.engine(0).status().banned, 1);
}

/// Something that a member, or a seed, might say; well-formed, and mostly wrong.
fn babble(world: &World, chance: &mut Chance, manifest: crate::ManifestId) -> Control {
    let mut number = |bound: u64| u32::try_from(chance.below(bound)).unwrap();
    let (from, length) = (number(30), number(2_000));
    let have = ChunkSet::range(from, from + length);
    let manifest = if number(3) == 0 { NO_MANIFEST } else { manifest };
    let (ask, offer) = (number(20), number(20));
    let certified = world.pool.certified(&world.pool.manifest(KEY, u64::from(number(4) + 1)));
    let token = world.pool.token(crate::belief::fixture::WALL);
    let named = PeerAddress { peer: node(80), addresses: vec!["10.0.0.200:1".parse().unwrap()] };
    match number(23) {
        0 => Control::Enter { manifest, have },
        1 => Control::Have { manifest, chunks: have },
        2 => Control::Leave { manifest },
        3 => Control::AskRelayed { ask, query: query(KEY, &["core/main/npm"]) },
        4 => Control::Relayed { ask, answers: vec![(token, vec![certified])] },
        5 => Control::Answer { ask, answer: token, beside: vec![certified] },
        6 => Control::Relay { answer: token, beside: vec![certified] },
        7 => Control::Neighbours { manifest, peers: vec![named] },
        8 => Control::OfferProgress { offer, have: 1, of: 2 },
        9 => Control::OfferReceipt { offer, receipt: token },
        10 => Control::OfferRefused {
            offer,
            why: crate::message::OfferRefusal::Conflict,
            standing: Some(Box::new(certified)),
            highest: u64::MAX,
        },
        11 => Control::Certified { manifest },
        12 => Control::Listing { ask, rows: vec![certified], more: true },
        13 => Control::Ask { ask, nonce: Nonce::from_bytes([2; 32]), query: query(KEY, &[]) },
        14 => Control::Offer { offer, manifest: certified.manifest },
        15 => Control::Certify { certified },
        16 => Control::Join { token },
        17 => Control::Welcome { membership: token, peers: vec![named] },
        20 => Control::AskPart { manifest },
        22 => Control::AskNeighbours { manifest },
        21 => Control::Part { manifest, chunks: have },
        18 => Control::Refused { why: crate::message::Refusal::Full },
        _ => Control::List { ask, what: crate::message::ListQuery::Prefix("abcd".to_owned()) },
    }
}

#[test]
fn whatever_seeds_and_members_say_a_node_and_a_seed_go_on() {
    for rng_seed in 1..=6 {
        let mut chance = Chance::new(rng_seed);
        let (mut world, nodes) = World::with_nodes(1, 3);
        let saved = world.published(nodes[0], KEY, 9, 12);
        let manifest = world.id(&saved);
        world.resolve(nodes[1], 1, KEY, &[]);
        world.fetch_all(nodes[1], 1, &saved);
        for _ in 0..300 {
            let said = babble(&world, &mut chance, manifest);
            world.forge(0, nodes[1], said);
            let said = babble(&world, &mut chance, manifest);
            world.forge(nodes[2], 0, said);
            world.run(Duration::from_millis(3));
        }
        world.run(Duration::from_secs(40));
        assert!(world.joined(nodes[1]));
        assert!(matches!(world.resolve(nodes[1], 2, KEY, &[]), JobReply::Found { .. }));
        world.fetch_all(nodes[1], 2, &saved);
        assert!(world.until(|world| world.fetched(nodes[1], 2)), "{:?}", world.last(nodes[1], 2));
    }
}

/// Answers to tasks, peers, jobs and fetches that the engine knows nothing of.
fn nonsense(n: u64) -> Vec<Input> {
    let (peer, task, fetch, ask) = (node(99), TaskId(n), FetchId(n), AskId(n));
    let chunk = ChunkId::of(b"nothing");
    vec![
        Input::Timeout,
        Input::Disconnected { peer },
        Input::DialFailed { peer },
        Input::Message { peer, message: Box::new(Control::Leave { manifest: NO_MANIFEST }) },
        Input::Misbehaved { peer, offence: Offence::TooLong },
        Input::Credit(Credit::Send { peer, messages: u32::MAX }),
        Input::FrameArrived { fetch, bytes: u32::MAX },
        Input::FetchFailed { fetch, why: FetchFailure::Broken },
        Input::Checked { fetch, result: Err(crate::ChunkFault::WrongHash) },
        Input::Kept { fetch, result: Err(StoreFailure::Broken) },
        Input::Asked { peer, chunks: vec![(ask, chunk); 3] },
        Input::Served { ask, result: Ok(1) },
        Input::Verified { task, verdict: Box::new(Verdict::Token(Err(Disbelief::NotAPublisher))) },
        Input::Recorded { task, result: Ok(()) },
        Input::Synced { task, result: Err(StoreFailure::Full) },
        Input::Looked { task, held: vec![true; 3] },
        Input::TreeOpened { task, result: Err(TreeFault::Broken) },
        Input::JobLeft { job: JobId(n) },
        Input::ChunkLost { chunk },
    ]
}

#[test]
fn what_nobody_waits_for_is_ignored() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    for n in 0..300 {
        for input in nonsense(n) {
            world.input(nodes[0], input);
        }
    }
    assert!(world.joined(nodes[0]));
    let mut world = World::new(1);
    let node = world.node();
    for n in 0..100 {
        for input in nonsense(n) {
            world.input(node, input);
        }
    }
    assert!(world.until(|world| world.joined(node) || world.now().instant.as_micros() > 10_000_000));
}

#[test]
fn an_answer_of_the_wrong_length_is_no_panic() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.save(nodes[0], KEY, 1, 3);
    let signed = world.pool.sign(&saved.manifest);
    world.publish(nodes[0], 1, signed);
    for task in 0..200 {
        world.input(nodes[0], Input::Looked { task: TaskId(task), held: Vec::new() });
    }
    world.run(Duration::from_secs(1));
    assert!(world.last(nodes[0], 1).is_some());
}
