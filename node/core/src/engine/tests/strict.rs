//! Pools where tokens let nobody in, and pools with several tokens.
use super::bench::Bench;
use super::joining::{asks, join, refusals, welcomes};
use crate::belief::fixture::{Pool, key_pair, later, node};
use crate::engine::{Input, Output};
use crate::limits::MEMBERSHIP_LIFE;
use crate::message::{Control, Refusal};
use crate::{Envelope, KeyPair, Membership, PeerId, PeerRole, Token};
use core::time::Duration;
use std::net::SocketAddr;

const HERE: &str = "10.0.2.1:9";

fn strict_pool() -> Pool {
    let mut pool = Pool::new(1);
    pool.policy.strict_admission = true;
    pool
}

fn seed_of(pool: Pool) -> Bench {
    let key = KeyPair::from_seed(*pool.seeds[0].seed());
    Bench::of(pool, key, PeerRole::Seed)
}

/// What an operator signs for a peer.
fn admitted(bench: &Bench, peer: PeerId) -> Envelope {
    let issued = bench.now().wall;
    let membership = Membership {
        address: HERE.parse::<SocketAddr>().unwrap().ip(),
        issuer: bench.pool.admission.public(),
        issued,
        expires: issued.after(MEMBERSHIP_LIFE),
        ..bench.pool.membership(0, peer)
    };
    Envelope::sign(&membership, &bench.pool.admission)
}

#[test]
fn a_token_alone_does_not_do_in_a_strict_pool() {
    let mut bench = seed_of(strict_pool());
    let peer = asks(&mut bench, 1, HERE);
    assert_eq!(refusals(&mut bench, peer), [Refusal::NotByToken]);
    assert_eq!(bench.engine.status().refusals["not-by-token"], 1);
    assert_eq!(bench.engine.status().peers, 0);
}

/// A node that has asked with its token, and is handed a membership while a seed judges that.
fn overtakes(work: impl Fn(&mut Bench)) {
    let mut bench = seed_of(strict_pool());
    bench.prompt = false;
    let peer = node(1);
    bench.connect(peer, HERE);
    let (bare, shown) = (bench.hello(None), bench.hello(Some(admitted(&bench, peer))));
    for message in [bare, join(&bench), shown, join(&bench)] {
        bench.say(peer, message);
    }
    work(&mut bench);
    let said = bench.sent(peer);
    let refused = said.iter().filter(|said| matches!(said, Control::Refused { why: Refusal::NotByToken }));
    let welcome = said.iter().filter(|said| matches!(said, Control::Welcome { .. }));
    assert_eq!((refused.count(), welcome.count()), (1, 1), "{said:?}");
}

#[test]
fn a_membership_that_is_shown_while_the_token_is_judged_lets_in() {
    overtakes(Bench::work);
    overtakes(|bench| {
        let token = bench.out.iter().position(|output| matches!(output, Output::Verify { .. })).unwrap();
        let token = bench.out.remove(token);
        assert!(bench.work_once(), "what it shows is judged first");
        bench.out.push(token);
        bench.work();
    });
}

#[test]
fn an_operator_lets_a_node_in_and_the_seed_renews_it() {
    let mut bench = seed_of(strict_pool());
    let peer = node(1);
    bench.connect(peer, HERE);
    let hello = bench.hello(Some(admitted(&bench, peer)));
    bench.say(peer, hello);
    assert_eq!(bench.engine.status().peers, 1);
    bench.say(peer, join(&bench));
    assert_eq!(welcomes(&mut bench, peer), 1);
    bench.pass(MEMBERSHIP_LIFE / 2);
    bench.say(peer, join(&bench));
    assert_eq!(welcomes(&mut bench, peer), 1);
    bench.pass(MEMBERSHIP_LIFE - Duration::from_secs(1));
    assert_eq!(bench.engine.status().peers, 1, "renewed without a token");
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.engine.status().peers, 0);
}

/// A strict pool's node, and what it was handed.
fn strict_node() -> (Bench, Envelope) {
    let bench = Bench::of(strict_pool(), key_pair(100), PeerRole::Node);
    let membership = admitted(&bench, PeerId::new(key_pair(100).public()));
    (bench, membership)
}

fn shows(bench: &mut Bench, peer: PeerId, membership: &Envelope) -> bool {
    let sent = bench.sent(peer);
    sent.iter()
        .any(|said| matches!(said, Control::Hello(hello) if hello.membership.as_ref() == Some(membership)))
}

#[test]
fn a_node_shows_the_membership_that_it_was_handed() {
    let (mut bench, membership) = strict_node();
    bench.give(Input::Admitted { membership: membership.clone() });
    assert!(bench.engine.status().joined);
    let seed = bench.pool.seed_id(0);
    bench.connect(seed, "10.0.1.1:9");
    assert!(shows(&mut bench, seed, &membership));
}

#[test]
fn a_membership_that_comes_later_is_shown_to_seeds_and_members_at_once() {
    let (mut bench, membership) = strict_node();
    let (seed, member) = (bench.meets_seed(0), bench.member(7));
    bench.say(seed, Control::Refused { why: Refusal::NotByToken });
    assert_eq!(bench.engine.status().refused, Some(Refusal::NotByToken));
    bench.clear();
    bench.give(Input::Admitted { membership: membership.clone() });
    assert!(shows(&mut bench, member, &membership));
    let said = bench.sent(seed);
    assert!(matches!(&said[..], [Control::Hello(_), Control::Join { .. }]), "{said:?}");
    assert_eq!(bench.engine.status().refused, None);
}

#[test]
fn a_seed_that_is_away_is_dialled_once_there_is_something_to_show() {
    let (mut bench, membership) = strict_node();
    let seed = bench.pool.seed_id(0);
    bench.give(Input::DialFailed { peer: seed });
    bench.pass(Duration::from_millis(1));
    bench.clear();
    bench.give(Input::Admitted { membership });
    assert_eq!(bench.dialled(), [seed]);
}

#[test]
fn a_membership_of_somebody_else_is_not_shown() {
    let (mut bench, _) = strict_node();
    let membership = admitted(&bench, node(9));
    bench.give(Input::Admitted { membership });
    assert!(!bench.engine.status().joined);
    let seed = bench.pool.seed_id(0);
    bench.connect(seed, "10.0.1.1:9");
    let shown = bench.sent(seed);
    assert!(matches!(&shown[..], [Control::Hello(hello)] if hello.membership.is_none()), "{shown:?}");
}

#[test]
fn a_seed_needs_no_membership() {
    let mut bench = seed_of(strict_pool());
    let membership = admitted(&bench, node(1));
    bench.give(Input::Admitted { membership });
    assert!(bench.take(|output| matches!(output, Output::Verify { .. }).then_some(())).is_empty());
}

#[test]
fn several_tokens_are_good_at_once() {
    let mut pool = Pool::new(1);
    let second = key_pair(55);
    pool.policy.admission.push(second.public());
    let mut bench = seed_of(pool);
    let token = |serial: &str, expires| Token { pool: "fixture".into(), serial: serial.into(), expires };
    let tokens = [
        Envelope::sign(&token("old", later(10)), &bench.pool.admission),
        Envelope::sign(&token("new", later(8_000)), &bench.pool.admission),
        Envelope::sign(&token("other key", later(8_000)), &second),
    ];
    for (number, token) in (1..).zip(tokens) {
        let peer = node(number);
        bench.connect(peer, &Bench::address(number));
        bench.say(peer, bench.hello(None));
        bench.say(peer, Control::Join { token });
        assert_eq!(welcomes(&mut bench, peer), 1, "token {number}");
    }
}
