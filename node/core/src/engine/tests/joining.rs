//! A seed lets in, or does not; a node asks, and renews.
use super::bench::Bench;
use crate::belief::fixture::{NO_MANIFEST, Pool, key_pair, later, node, query};
use crate::engine::bounds::{
    JOIN_REFUSED_RETRY, JOIN_RETRY, PROBE_PATIENCE, STANDING_TIMEOUT, WELCOME_DIALS_MAX,
};
use crate::engine::{AskId, DropReason, Event, Input, Output};
use crate::limits::MEMBERSHIP_LIFE;
use crate::message::{ChunkSet, Control, Decline, PeerAddress, Refusal};
use crate::{ChunkId, Envelope, Nonce, PeerId, PeerRole, Token};
use core::time::Duration;

pub(super) fn join(bench: &Bench) -> Control {
    Control::Join { token: bench.pool.token(later(8_000)) }
}

/// A stranger connects from an address and asks to be let in.
pub(super) fn asks(bench: &mut Bench, number: u8, address: &str) -> PeerId {
    let peer = node(number);
    bench.connect(peer, address);
    bench.say(peer, bench.hello(None));
    bench.say(peer, join(bench));
    peer
}

pub(super) fn refusals(bench: &mut Bench, peer: PeerId) -> Vec<Refusal> {
    let sent = bench.sent(peer).into_iter();
    sent.filter_map(|message| if let Control::Refused { why } = message { Some(why) } else { None }).collect()
}

pub(super) fn welcomes(bench: &mut Bench, peer: PeerId) -> usize {
    bench.sent(peer).iter().filter(|message| matches!(message, Control::Welcome { .. })).count()
}

fn joins(bench: &mut Bench, seed: PeerId) -> usize {
    bench.sent(seed).iter().filter(|message| matches!(message, Control::Join { .. })).count()
}

/// A member that was asked whether it is there answers, and the time to do so goes by.
pub(super) fn is_alive(bench: &mut Bench, member: PeerId) {
    bench.pass(Duration::from_millis(10));
    bench.say(member, Control::Relayed { ask: 0, answers: Vec::new() });
    bench.pass(PROBE_PATIENCE);
}

#[test]
fn an_address_has_as_many_members_as_the_policy_lets_it_have() {
    let mut bench = Bench::seed(1);
    let first = asks(&mut bench, 1, "10.0.2.1:9");
    assert_eq!(welcomes(&mut bench, first), 1);
    let second = asks(&mut bench, 2, "10.0.2.1:10");
    is_alive(&mut bench, first);
    assert_eq!(refusals(&mut bench, second), [Refusal::AddressFull]);
    let elsewhere = asks(&mut bench, 3, "10.0.2.3:9");
    assert_eq!(welcomes(&mut bench, elsewhere), 1);
    bench.say(first, join(&bench));
    assert_eq!(welcomes(&mut bench, first), 1, "who belongs may renew");
    bench.give(Input::Disconnected { peer: first });
    bench.say(second, join(&bench));
    assert_eq!(welcomes(&mut bench, second), 1, "the place is free");
}

#[test]
fn the_policy_may_allow_more() {
    let mut pool = Pool::new(1);
    pool.policy.networks[0].memberships = 3;
    let key = crate::KeyPair::from_seed(*pool.seeds[0].seed());
    let mut bench = Bench::of(pool, key, PeerRole::Seed);
    for number in 1..=3 {
        let peer = asks(&mut bench, number, &format!("10.0.2.1:{number}"));
        assert_eq!(welcomes(&mut bench, peer), 1);
    }
    let fourth = asks(&mut bench, 4, "10.0.2.1:4");
    bench.pass(Duration::from_millis(10));
    for number in 1..=3 {
        bench.say(node(number), Control::Relayed { ask: 0, answers: Vec::new() });
    }
    bench.pass(PROBE_PATIENCE);
    assert_eq!(refusals(&mut bench, fourth), [Refusal::AddressFull]);
}

#[test]
fn of_two_that_join_at_once_from_one_address_one_is_let_in() {
    let mut bench = Bench::seed(1);
    bench.prompt = false;
    let peers = [asks(&mut bench, 1, "10.0.2.1:9"), asks(&mut bench, 2, "10.0.2.1:10")];
    bench.work();
    let welcomed: usize = peers
        .iter()
        .map(|peer| bench.sent(*peer))
        .map(|sent| sent.iter().filter(|message| matches!(message, Control::Welcome { .. })).count())
        .sum();
    assert_eq!((welcomed, bench.engine.status().peers), (1, 1));
}

#[test]
fn tokens_are_refused_by_their_cause() {
    let foreign = |token: &Token| Envelope::sign(token, &key_pair(77));
    let bench = Bench::seed(1);
    let token = Token { pool: "fixture".into(), serial: "1".into(), expires: later(100) };
    let other = Token { pool: "other".into(), ..token.clone() };
    let cases = [
        (bench.pool.token(later(0)), Refusal::TokenExpired),
        (foreign(&token), Refusal::BadToken),
        (Envelope::sign(&other, &bench.pool.admission), Refusal::OtherPool),
        (bench.pool.sign(&bench.pool.manifest("core/a/b", 1)), Refusal::BadToken),
    ];
    for (token, why) in cases {
        let mut bench = Bench::seed(1);
        let peer = node(1);
        bench.connect(peer, "10.0.2.1:9");
        bench.say(peer, bench.hello(None));
        bench.say(peer, Control::Join { token });
        assert_eq!(refusals(&mut bench, peer), [why]);
        assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { from: Some(_), .. })));
        bench.say(peer, join(&bench));
        assert_eq!(welcomes(&mut bench, peer), 1, "it may try again");
    }
}

#[test]
fn a_join_before_a_hello_breaks_the_protocol() {
    let mut bench = Bench::seed(1);
    bench.connect(node(1), "10.0.2.1:9");
    bench.say(node(1), join(&bench));
    assert_eq!(bench.dropped(), [(node(1), DropReason::Misbehaved)]);
    assert_eq!(bench.engine.status().banned, 1);
}

#[test]
fn a_node_lets_nobody_in() {
    let mut bench = Bench::node(1);
    let peer = bench.member(1);
    bench.say(peer, join(&bench));
    assert_eq!(refusals(&mut bench, peer), [Refusal::NotASeed]);
}

#[test]
fn one_token_of_a_peer_is_judged_at_a_time() {
    let mut bench = Bench::seed(1);
    bench.prompt = false;
    let peer = asks(&mut bench, 1, "10.0.2.1:9");
    for _ in 0..20 {
        bench.say(peer, join(&bench));
    }
    let works = bench.take(|output| matches!(output, Output::Verify { .. }).then_some(()));
    assert_eq!(works.len(), 1);
}

#[test]
fn who_leaves_while_its_token_is_judged_is_not_let_in() {
    let mut bench = Bench::seed(1);
    bench.prompt = false;
    let peer = asks(&mut bench, 1, "10.0.2.1:9");
    bench.give(Input::Disconnected { peer });
    bench.connect(peer, "10.0.2.1:9");
    bench.work();
    assert_eq!((welcomes(&mut bench, peer), bench.engine.status().peers), (0, 0));
}

/// Without one there are no bytes and no answers, and soon there is no connection.
#[test]
fn no_membership() {
    for mut bench in [Bench::seed(1), Bench::node(1)] {
        bench.connect(node(1), "10.0.2.1:9");
        bench.connect(node(2), "10.0.2.2:9");
        bench.say(node(2), bench.hello(None));
        for (number, peer) in [(1, node(1)), (2, node(2))] {
            let chunk = ChunkId::of(b"held or not");
            bench.give(Input::Asked { peer, chunks: vec![(AskId(number), chunk)] });
        }
        let declined = |output: &Output| match output {
            Output::Decline { ask, why: Decline::NotAMember } => Some(*ask),
            _ => None,
        };
        assert_eq!(bench.take(declined), [AskId(1), AskId(2)]);
        bench.pass(STANDING_TIMEOUT - Duration::from_millis(1));
        assert!(bench.dropped().is_empty());
        bench.pass(Duration::from_millis(1));
        let gone = bench.dropped();
        assert!(gone.iter().all(|(_, why)| *why == DropReason::NotAMember), "{gone:?}");
        assert_eq!(gone.len(), 2);
        assert_eq!(bench.engine.peers.len(), 0);
    }
}

#[test]
fn who_asks_without_a_membership_is_closed_at_once() {
    for mut bench in [Bench::seed(1), Bench::node(1)] {
        let messages = [
            Control::Ask { ask: 1, nonce: Nonce::from_bytes([1; 32]), query: query("core/main/npm/1", &[]) },
            Control::AskRelayed { ask: 1, query: query("core/main/npm/1", &[]) },
            Control::Enter { manifest: NO_MANIFEST, have: ChunkSet::new() },
        ];
        for (number, message) in (1..).zip(messages) {
            bench.connect(node(number), "10.0.2.1:9");
            bench.say(node(number), bench.hello(None));
            bench.clear_sent(node(number));
            bench.say(node(number), message);
            assert!(bench.sent(node(number)).is_empty(), "it is told nothing");
            assert_eq!(bench.dropped(), [(node(number), DropReason::NotAMember)]);
        }
    }
}

#[test]
fn a_membership_ends_unless_it_is_renewed() {
    let mut bench = Bench::node(1);
    let (peer, address) = (bench.member(1), Bench::address(1));
    bench.pass(MEMBERSHIP_LIFE / 2);
    let again = bench.hello(Some(bench.membership(peer, &address)));
    bench.say(peer, again);
    bench.pass(MEMBERSHIP_LIFE - Duration::from_millis(1));
    assert_eq!(bench.engine.status().peers, 1);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.dropped(), [(peer, DropReason::NotAMember)]);
}

#[test]
fn a_member_of_another_pool_is_let_go() {
    let mut bench = Bench::node(1);
    let peer = bench.member(1);
    let Control::Hello(mut hello) = bench.hello(None) else { panic!("a hello") };
    hello.pool = "other".to_owned();
    bench.say(peer, Control::Hello(hello));
    assert_eq!(bench.dropped(), [(peer, DropReason::OtherPool)]);
}

#[test]
fn an_expired_membership_is_none() {
    let mut bench = Bench::node(1);
    let (peer, address) = (node(1), Bench::address(1));
    let membership = bench.membership(peer, &address);
    bench.pass(MEMBERSHIP_LIFE + Duration::from_secs(1));
    bench.connect(peer, &address);
    bench.say(peer, bench.hello(Some(membership)));
    assert_eq!(bench.dropped(), [(peer, DropReason::NotAMember)]);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { .. })));
}

#[test]
fn a_membership_is_renewed_at_half_its_life() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    assert_eq!(joins(&mut bench, seed), 1);
    bench.pass(MEMBERSHIP_LIFE / 2 - Duration::from_millis(1));
    assert_eq!(joins(&mut bench, seed), 0);
    bench.pass(Duration::from_millis(1));
    assert_eq!(joins(&mut bench, seed), 1);
    bench.pass(JOIN_RETRY);
    assert_eq!(joins(&mut bench, seed), 1, "the seed did not answer");
}

#[test]
fn a_renewal_is_told_to_members() {
    let mut bench = Bench::node(1);
    let (seed, member) = (bench.admitted_by(0), bench.member(1));
    bench.pass(MEMBERSHIP_LIFE / 2);
    bench.clear();
    let membership = bench.membership(PeerId::new(key_pair(100).public()), &Bench::address(0));
    bench.say(seed, Control::Welcome { membership: membership.clone(), peers: Vec::new() });
    let told = bench.sent(member);
    assert!(matches!(&told[..], [Control::Hello(hello)] if hello.membership == Some(membership)), "{told:?}");
}

#[test]
fn a_refusal_is_asked_about_again_after_a_while() {
    for (why, wait) in [(Refusal::BadToken, JOIN_REFUSED_RETRY), (Refusal::AddressFull, JOIN_RETRY)] {
        let mut bench = Bench::node(1);
        let seed = bench.meets_seed(0);
        bench.say(seed, Control::Refused { why });
        let refused = |event: &Event| matches!(event, Event::JoinRefused { why: said, .. } if *said == why);
        assert!(bench.events().iter().any(refused));
        bench.clear();
        bench.pass(wait - Duration::from_millis(1));
        assert_eq!(joins(&mut bench, seed), 0);
        bench.pass(Duration::from_millis(1));
        assert_eq!(joins(&mut bench, seed), 1);
        assert!(!bench.engine.status().joined);
    }
}

#[test]
fn a_welcome_with_somebody_elses_membership_is_none() {
    let mut bench = Bench::node(1);
    let seed = bench.meets_seed(0);
    let membership = bench.membership(node(9), &Bench::address(9));
    bench.say(seed, Control::Welcome { membership, peers: Vec::new() });
    assert!(!bench.engine.status().joined);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Disbelieved { .. })));
}

#[test]
fn a_welcome_names_neighbours_and_some_are_dialled() {
    let mut bench = Bench::node(1);
    let seed = bench.meets_seed(0);
    let membership = bench.membership(PeerId::new(key_pair(100).public()), &Bench::address(0));
    let named = |number: u8, address: &str| PeerAddress {
        peer: node(number),
        addresses: vec![address.parse().unwrap()],
    };
    let mut peers = vec![named(0, "10.0.2.9:9"), named(50, "192.168.1.1:9"), named(51, "127.0.0.1:9")];
    peers.extend((1..30).map(|number| named(number, &Bench::address(number))));
    bench.clear();
    bench.say(seed, Control::Welcome { membership, peers });
    let dialled = bench.dialled();
    assert_eq!(dialled.len(), WELCOME_DIALS_MAX - 3, "not itself, nor where the policy does not allow");
    assert!(!dialled.contains(&node(50)) && !dialled.contains(&node(51)));
}

#[test]
fn a_ban_ends() {
    let mut bench = Bench::node(1);
    let peer = bench.member(1);
    bench.give(Input::Misbehaved { peer, offence: crate::engine::Offence::TooLong });
    assert_eq!(bench.dropped(), [(peer, DropReason::Misbehaved)]);
    bench.connect(peer, &Bench::address(1));
    assert_eq!(bench.dropped(), [(peer, DropReason::Misbehaved)]);
    bench.pass(crate::engine::bounds::BAN_TIME);
    bench.member(1);
    assert_eq!((bench.dropped().len(), bench.engine.status().peers), (0, 1));
}

#[test]
fn a_seed_that_misbehaves_is_let_go_and_may_come_back() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    bench.give(Input::Misbehaved { peer: seed, offence: crate::engine::Offence::TooLong });
    assert_eq!(bench.dropped(), [(seed, DropReason::Misbehaved)]);
    bench.clear();
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.dialled(), [seed]);
    bench.admitted_by(0);
    assert_eq!(bench.engine.status().seeds_connected, 1);
}

#[test]
fn a_node_does_not_talk_to_itself() {
    let mut bench = Bench::node(1);
    let me = PeerId::new(key_pair(100).public());
    bench.connect(me, "10.0.2.1:9");
    assert_eq!(bench.dropped(), [(me, DropReason::Misbehaved)]);
}

#[test]
fn a_dial_of_which_nothing_is_heard_has_failed() {
    let mut bench = Bench::node(1);
    let seed = bench.pool.seed_id(0);
    assert_eq!(bench.dialled(), [seed]);
    bench.pass(crate::engine::bounds::DIAL_TIMEOUT - Duration::from_millis(1));
    assert!(bench.dialled().is_empty());
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.dialled(), [seed]);
}

#[test]
fn seeds_meet_once() {
    let bench = Bench::seed(4);
    let dialled = bench.engine.dials.neighbours_under_way();
    assert_eq!(dialled, 0);
    let mut dials: Vec<(PeerId, PeerId)> = Vec::new();
    for seed in 0..4 {
        let pool = Pool::new(4);
        let me = pool.seed_id(seed);
        let key = crate::KeyPair::from_seed(*pool.seeds[seed].seed());
        let mut bench = Bench::of(pool, key, PeerRole::Seed);
        dials.extend(bench.dialled().into_iter().map(|peer| (me.min(peer), me.max(peer))));
    }
    let pairs = dials.len();
    dials.sort();
    dials.dedup();
    assert_eq!((pairs, dials.len()), (6, 6), "each pair of them once");
}

#[test]
fn who_is_judged_may_say_a_few_things_that_are_heard_after() {
    let mut bench = Bench::node(1);
    let (manifest, content) = bench.saved("core/main/npm/1", 1, 2);
    let id = bench.remembers(&manifest, &content);
    bench.prompt = false;
    let peer = bench.member(1);
    for _ in 0..100 {
        bench.say(peer, Control::Enter { manifest: id, have: ChunkSet::new() });
    }
    let held = bench.engine.peers.get(&peer).unwrap().held.len();
    assert_eq!(held, crate::engine::bounds::HELD_MAX);
    bench.clear_sent(peer);
    bench.work();
    let told = bench.sent(peer);
    assert!(told.iter().any(|message| matches!(message, Control::Enter { .. })), "{told:?}");
}
