//! Who belongs: boot and join, renewal, strangers.
use super::world::World;
use crate::belief::fixture::{Pool, later};
use crate::engine::{DropReason, Event, Input, Offence, Output, Work};
use crate::limits::MEMBERSHIP_LIFE;
use crate::message::{Control, Hello, Refusal};
use crate::{Now, PeerRole};
use core::time::Duration;

fn hello(pool: &str) -> Control {
    Control::Hello(Hello {
        pool: pool.to_owned(),
        role: PeerRole::Node,
        software: "test".to_owned(),
        membership: None,
        listen_port: 1,
    })
}

#[test]
fn boot_and_join() {
    let mut world = World::new(1);
    let node = world.node();
    assert!(!world.joined(node));
    assert!(world.until(|world| world.joined(node)));
    assert!(world.now().instant.as_micros() < 100_000, "well under a second");
    let status = world.engine(node).status();
    assert_eq!((status.seeds_connected, status.seeds_total), (1, 1));
    assert!(world.hosts[node].events.iter().any(|event| matches!(event, Event::Joined { .. })));
    assert_eq!(world.engine(0).status().peers, 1);
}

#[test]
fn members_meet_through_the_seed() {
    let (world, nodes) = World::with_nodes(1, 4);
    for node in nodes {
        assert_eq!(world.engine(node).status().peers, 3);
    }
}

#[test]
fn a_membership_is_renewed_and_peers_stay() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    for _ in 0..4 {
        world.run(MEMBERSHIP_LIFE);
        for node in &nodes {
            assert!(world.joined(*node));
            assert_eq!(world.engine(*node).status().peers, 1, "the neighbour has heard of the renewal");
        }
        assert_eq!(world.engine(0).status().peers, 2);
    }
}

#[test]
fn a_member_that_does_not_renew_is_let_go() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.kill(0);
    world.run(MEMBERSHIP_LIFE + Duration::from_secs(5));
    assert!(!world.joined(nodes[0]));
    assert_eq!(world.engine(nodes[0]).status().peers, 0);
}

#[test]
fn a_clock_that_jumps_breaks_nothing() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.wall_jump = Duration::from_secs(600);
    world.run(MEMBERSHIP_LIFE);
    assert!(nodes.iter().all(|node| world.joined(*node)));
    assert_eq!(world.engine(nodes[0]).status().peers, 1);
}

#[test]
fn members_reconnect_when_the_seed_is_back() {
    let (mut world, nodes) = World::with_nodes(1, 3);
    world.kill(0);
    world.run(Duration::from_secs(20));
    assert_eq!(world.engine(nodes[0]).status().seeds_connected, 0);
    world.boot(0);
    assert!(world.until(|world| world.engine(0).status().peers == 3));
    assert_eq!(world.engine(nodes[0]).status().seeds_connected, 1);
}

#[test]
fn a_seed_that_is_down_is_dialled_less_and_less_often() {
    let mut world = World::new(1);
    world.kill(0);
    let node = world.node();
    world.run(Duration::from_secs(300));
    assert!(!world.joined(node));
    world.boot(0);
    let before = world.now().instant;
    assert!(world.until(|world| world.joined(node)));
    assert!(world.now().instant.since(before) <= Duration::from_secs(31));
}

#[test]
fn an_expired_token_lets_nobody_in() {
    let mut world = World::new(1);
    let node = world.node();
    world.hosts[node].file.token = world.pool.token(later(0));
    world.kill(node);
    world.boot(node);
    world.run(Duration::from_secs(2));
    assert!(!world.joined(node));
    let refused = |event: &Event| matches!(event, Event::JoinRefused { why: Refusal::TokenExpired, .. });
    assert!(world.hosts[node].events.iter().any(refused), "{:?}", world.hosts[node].events);
}

#[test]
fn a_token_of_another_pool_lets_nobody_in() {
    let mut world = World::new(1);
    let node = world.node();
    world.hosts[node].file.token = crate::Envelope::sign(
        &crate::Token { pool: "fixture".into(), serial: "1".into(), expires: later(100) },
        &crate::belief::fixture::key_pair(77),
    );
    world.kill(node);
    world.boot(node);
    world.run(Duration::from_secs(2));
    assert!(!world.joined(node));
    let refused = |event: &Event| matches!(event, Event::JoinRefused { why: Refusal::BadToken, .. });
    assert!(world.hosts[node].events.iter().any(refused));
}

#[test]
fn another_pool_is_let_go_at_once() {
    let mut world = World::new(1);
    let node = world.node();
    world.until(|world| world.joined(node));
    world.forge(node, 0, hello("other"));
    assert_eq!(world.engine(0).status().peers, 0);
}

/// Connects a stranger by hand, and gives back what the host did.
fn outputs(world: &mut World, host: usize, inputs: Vec<Input>) -> Vec<Output> {
    let now: Now = world.now();
    let engine = world.hosts[host].engine.as_mut().unwrap();
    let mut outputs = Vec::new();
    for input in inputs {
        engine.handle(now, input);
        while let Some(output) = engine.poll(now) {
            outputs.push(output);
        }
    }
    outputs
}

fn stranger(world: &World) -> (crate::PeerId, Input) {
    let peer = crate::belief::fixture::node(99);
    let address = "10.9.9.9:9".parse().unwrap();
    assert!(world.find(&peer).is_none());
    (peer, Input::Connected { peer, address, dialled: false })
}

/// The answer to what a host wants verified.
fn judged(did: Vec<Output>) -> Input {
    let verify = |output| match output {
        Output::Verify { task, work, trust } => {
            Some(Input::Verified { task, verdict: Box::new(work.run(&trust)) })
        }
        _ => None,
    };
    did.into_iter().find_map(verify).expect("something is verified")
}

#[test]
fn a_seed_lets_nobody_in_before_its_memory_is_verified() {
    let mut world = World::new(1);
    let certified = world.pool.certified(&world.pool.manifest("core/main/npm/1", 1));
    let (peer, connected) = stranger(&world);
    let say = |message: Control| Input::Message { peer, message: Box::new(message) };
    let join = say(Control::Join { token: world.pool.token(later(100)) });
    let inputs = vec![Input::Recovered(certified), connected, say(hello("fixture")), join];
    let did = outputs(&mut world, 0, inputs);
    let works = |did: &[Output]| did.iter().filter(|output| matches!(output, Output::Verify { .. })).count();
    assert_eq!(works(&did), 1, "only what it remembers");
    let answer = judged(did);
    let did = outputs(&mut world, 0, vec![answer]);
    let token = |output: &Output| matches!(output, Output::Verify { work, .. } if matches!(**work, Work::Token { .. }));
    assert!(did.iter().any(token), "{did:?}");
}

#[test]
fn a_stranger_gets_nothing() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.published(nodes[0], "core/main/npm/1", 1, 3);
    for host in [0, nodes[0]] {
        let (peer, connected) = stranger(&world);
        let enter = Control::Enter { manifest: world.id(&saved), have: crate::message::ChunkSet::new() };
        let say = |message: Control| Input::Message { peer, message: Box::new(message) };
        let asked = Input::Asked { peer, chunks: vec![(crate::engine::AskId(1), saved.content[0].id)] };
        let did = outputs(&mut world, host, vec![connected, say(hello("fixture")), asked, say(enter)]);
        let served = did.iter().any(|output| matches!(output, Output::Serve { .. }));
        let closed =
            did.iter().any(|output| matches!(output, Output::Disconnect { why: DropReason::NotAMember, .. }));
        assert!(!served && closed, "{did:?}");
    }
}

#[test]
fn a_stranger_that_says_nothing_is_closed() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let (peer, connected) = stranger(&world);
    outputs(&mut world, nodes[0], vec![connected]);
    let before = world.engine(nodes[0]).next_timeout();
    assert!(before <= world.now().instant.after(Duration::from_secs(5)));
    world.run(Duration::from_secs(6));
    let did = outputs(&mut world, nodes[0], vec![Input::Disconnected { peer }]);
    assert!(did.is_empty(), "it is forgotten: {did:?}");
}

#[test]
fn membership_of_another_peer() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let membership = world.pool.membership(0, world.hosts[nodes[0]].peer);
    let envelope = world.pool.by_seed(0, &membership);
    let (peer, connected) = stranger(&world);
    let Control::Hello(mut hello) = hello("fixture") else { unreachable!() };
    hello.membership = Some(envelope);
    let say = Input::Message { peer, message: Box::new(Control::Hello(hello)) };
    let did = outputs(&mut world, nodes[0], vec![connected, say]);
    let answer = judged(did);
    let did = outputs(&mut world, nodes[0], vec![answer]);
    assert!(did.iter().any(|output| matches!(output, Output::Disconnect { .. })), "{did:?}");
}

#[test]
fn address_mismatch() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let (peer, connected) = stranger(&world);
    let envelope = world.pool.by_seed(0, &world.pool.membership(0, peer));
    let Control::Hello(mut hello) = hello("fixture") else { unreachable!() };
    hello.membership = Some(envelope);
    let say = Input::Message { peer, message: Box::new(Control::Hello(hello)) };
    let did = outputs(&mut world, nodes[0], vec![connected, say]);
    let answer = judged(did);
    let did = outputs(&mut world, nodes[0], vec![answer]);
    let closed = |output: &Output| matches!(output, Output::Disconnect { why: DropReason::NotAMember, .. });
    assert!(did.iter().any(closed), "the membership names 10.0.0.7, and it is at 10.9.9.9: {did:?}");
}

#[test]
fn who_speaks_out_of_role_is_banned() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    world.forge(nodes[1], nodes[0], Control::Certified { manifest: crate::belief::fixture::NO_MANIFEST });
    assert_eq!(world.engine(nodes[0]).status().banned, 1);
    assert_eq!(world.engine(nodes[0]).status().peers, 0);
    let offended = |event: &Event| matches!(event, Event::Offended { offence: Offence::BadMessage, .. });
    assert!(world.hosts[nodes[0]].events.iter().any(offended));
    let peer = world.hosts[nodes[1]].peer;
    let address = world.hosts[nodes[1]].address;
    let did = outputs(&mut world, nodes[0], vec![Input::Connected { peer, address, dialled: false }]);
    assert!(matches!(did[..], [Output::Disconnect { .. }]), "{did:?}");
}

#[test]
fn the_same_rng_seed_gives_the_same_trace() {
    let digest = |rng_seed| {
        let mut world = World::of(Pool::new(1), rng_seed);
        let nodes: Vec<usize> = (0..4).map(|_| world.node()).collect();
        world.run(Duration::from_secs(1));
        let saved = world.published(nodes[0], "core/main/npm/1", 1, 5);
        for node in &nodes[1..] {
            world.resolve(*node, 1, "core/main/npm/1", &[]);
            world.fetch_all(*node, 1, &saved);
        }
        world.run(Duration::from_secs(5));
        world.digest()
    };
    assert_eq!(digest(1), digest(1), "the same rng seed gives the same trace");
    assert_ne!(digest(1), digest(2));
}
