//! Addresses are used again: a member that does not answer makes room for a newcomer, and one that is alive stays.
use super::bench::Bench;
use super::joining::{asks, is_alive, join, refusals, welcomes};
use crate::belief::fixture::{Pool, node};
use crate::engine::bounds::{PROBE_PATIENCE, STANDING_TIMEOUT};
use crate::engine::{DropReason, Input};
use crate::message::{Control, Refusal};
use crate::{KeyPair, PeerId, PeerRole};
use core::time::Duration;

const HERE: &str = "10.0.2.1:9";

/// A seed with one member, of whom nothing was heard for a while.
fn with_member() -> (Bench, PeerId) {
    let mut bench = Bench::seed(1);
    let member = asks(&mut bench, 1, HERE);
    assert_eq!(welcomes(&mut bench, member), 1);
    bench.pass(Duration::from_secs(60));
    (bench, member)
}

fn is_asked(bench: &mut Bench, member: PeerId) -> bool {
    bench.sent(member).iter().any(|message| matches!(message, Control::AskRelayed { ask: 0, .. }))
}

#[test]
fn address_is_reused() {
    let (mut bench, gone) = with_member();
    let newcomer = asks(&mut bench, 2, HERE);
    assert!(is_asked(&mut bench, gone));
    bench.pass(PROBE_PATIENCE - Duration::from_millis(1));
    assert_eq!((welcomes(&mut bench, newcomer), bench.dropped().len()), (0, 0));
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.dropped(), [(gone, DropReason::Superseded)]);
    assert_eq!(welcomes(&mut bench, newcomer), 1);
    assert_eq!(bench.engine.status().peers, 1);
    assert!(PROBE_PATIENCE < STANDING_TIMEOUT, "the newcomer is still there");
}

#[test]
fn a_member_that_answers_stays() {
    let (mut bench, member) = with_member();
    let newcomer = asks(&mut bench, 2, HERE);
    is_alive(&mut bench, member);
    assert_eq!(refusals(&mut bench, newcomer), [Refusal::AddressFull]);
    assert_eq!((bench.dropped().len(), bench.engine.status().peers), (0, 1));
    assert_eq!(bench.engine.status().refusals["address-full"], 1);
    // It may ask again, and the member is asked again.
    bench.clear();
    bench.say(newcomer, join(&bench));
    assert!(is_asked(&mut bench, member));
}

#[test]
fn what_was_said_before_the_question_is_no_answer() {
    let (mut bench, member) = with_member();
    bench.say(member, Control::Relayed { ask: 0, answers: Vec::new() });
    let newcomer = asks(&mut bench, 2, HERE);
    bench.pass(PROBE_PATIENCE);
    assert_eq!(welcomes(&mut bench, newcomer), 1);
}

#[test]
fn a_member_whose_connection_breaks_makes_room_at_once() {
    let (mut bench, member) = with_member();
    let newcomer = asks(&mut bench, 2, HERE);
    bench.give(Input::Disconnected { peer: member });
    assert_eq!(welcomes(&mut bench, newcomer), 1);
    bench.pass(PROBE_PATIENCE);
    assert_eq!((bench.dropped().len(), bench.engine.status().peers), (0, 1));
}

#[test]
fn two_newcomers_do_not_wait_for_one_place() {
    let (mut bench, _) = with_member();
    let first = asks(&mut bench, 2, HERE);
    let second = asks(&mut bench, 3, HERE);
    assert_eq!(refusals(&mut bench, second), [Refusal::AddressFull]);
    bench.pass(PROBE_PATIENCE);
    assert_eq!(welcomes(&mut bench, first), 1);
}

#[test]
fn a_newcomer_that_repeats_itself_costs_one_question() {
    let mut pool = Pool::new(1);
    pool.policy.networks[0].memberships = 3;
    let key = KeyPair::from_seed(*pool.seeds[0].seed());
    let mut bench = Bench::of(pool, key, PeerRole::Seed);
    let members: Vec<PeerId> = (1..=3).map(|number| asks(&mut bench, number, HERE)).collect();
    bench.pass(Duration::from_secs(1));
    bench.clear();
    let newcomer = asks(&mut bench, 4, HERE);
    for _ in 0..10 {
        let hello = bench.hello(Some(bench.membership(newcomer, HERE)));
        bench.say(newcomer, hello);
        bench.say(newcomer, join(&bench));
    }
    let asked = members.iter().filter(|member| is_asked(&mut bench, **member)).count();
    assert_eq!(asked, 1);
}

/// Else whoever keeps quiet for a moment, and comes back with the membership that it was given, would be one too many.
#[test]
fn a_membership_makes_no_place_where_there_is_none() {
    let (mut bench, member) = with_member();
    let other = node(2);
    bench.connect(other, HERE);
    let hello = bench.hello(Some(bench.membership(other, HERE)));
    bench.say(other, hello);
    assert_eq!(bench.engine.status().peers, 1);
    is_alive(&mut bench, member);
    assert_eq!(refusals(&mut bench, other), [Refusal::AddressFull]);
    assert_eq!(bench.engine.status().peers, 1);
    bench.give(Input::Disconnected { peer: member });
    let hello = bench.hello(Some(bench.membership(other, HERE)));
    bench.say(other, hello);
    assert_eq!(bench.engine.status().peers, 1);
    bench.say(other, join(&bench));
    assert_eq!(welcomes(&mut bench, other), 1);
}

#[test]
fn a_newcomer_that_left_gets_nothing() {
    let (mut bench, member) = with_member();
    let newcomer = asks(&mut bench, 2, HERE);
    bench.give(Input::Disconnected { peer: newcomer });
    bench.pass(PROBE_PATIENCE);
    assert_eq!(bench.dropped(), [(member, DropReason::Superseded)]);
    assert_eq!((welcomes(&mut bench, newcomer), bench.engine.status().peers), (0, 0));
}

/// A node says both one after the other.
#[test]
fn a_join_that_comes_while_a_hello_is_judged_is_answered_after_it() {
    let mut bench = Bench::seed(1);
    bench.prompt = false;
    let peer = node(1);
    bench.connect(peer, HERE);
    let hello = bench.hello(Some(bench.membership(peer, HERE)));
    bench.say(peer, hello);
    bench.say(peer, join(&bench));
    bench.work();
    bench.work();
    bench.work();
    assert_eq!(welcomes(&mut bench, peer), 1);
}
