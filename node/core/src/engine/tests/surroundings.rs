//! What an engine says of its seeds and of its own place.
use super::bench::Bench;
use super::world::World;
use crate::PeerId;
use crate::belief::fixture::{key_pair, later, node};
use crate::limits::MEMBERSHIP_LIFE;
use crate::message::{Control, Refusal};
use core::time::Duration;

#[test]
fn every_seed_of_the_policy_is_told_of() {
    let (mut world, nodes) = World::with_nodes(3, 1);
    let me = nodes[0];
    let seen = world.engine(me).surroundings();
    assert_eq!(seen.seeds.len(), 3);
    for seed in &seen.seeds {
        assert!(seed.connected && seed.admits && !seed.is_self, "{seed:?}");
        assert_eq!((seed.addresses.len(), seed.software.is_empty()), (1, false));
        assert!(seed.clock_ahead_ms.is_some_and(|ahead| ahead.abs() < 2_000), "{seed:?}");
    }
    assert!(seen.membership_left.is_some_and(|left| left <= MEMBERSHIP_LIFE));
    assert_eq!(seen.unwelcome, None);
    let gone = seen.seeds[1].peer;
    let host = world.find(&gone).unwrap();
    world.kill(host);
    world.run(Duration::from_secs(5));
    let seen = world.engine(me).surroundings();
    let away: Vec<PeerId> = seen.seeds.iter().filter(|seed| !seed.connected).map(|seed| seed.peer).collect();
    assert_eq!(away, [gone]);
}

#[test]
fn a_seed_knows_itself_and_needs_no_membership() {
    let (mut world, _) = World::with_nodes(3, 0);
    world.run(Duration::from_secs(10));
    let seen = world.engine(0).surroundings();
    let own: Vec<_> = seen.seeds.iter().filter(|seed| seed.is_self).collect();
    assert!(
        matches!(&own[..], [own] if own.connected && own.agrees == Some(true) && !own.software.is_empty())
    );
    assert!(seen.seeds.iter().all(|seed| seed.connected && seed.agrees == Some(true)), "{seen:?}");
    assert_eq!((seen.membership_left, seen.unwelcome), (None, None));
}

#[test]
fn who_goes_by_other_papers_does_not_agree() {
    let mut bench = Bench::node(1);
    let seed = bench.admitted_by(0);
    assert_eq!(bench.engine.surroundings().seeds[0].agrees, None, "it has not said");
    let says = |version, papers| Control::PapersKnown { version, papers, next: None, ends: false };
    let own = bench.engine.trust().papers_digest();
    bench.say(seed, says(1, own));
    assert_eq!(bench.engine.surroundings().seeds[0].agrees, Some(true));
    let mut other = own;
    other.yanks = other.policy;
    bench.say(seed, says(4, other));
    let seen = bench.engine.surroundings();
    assert_eq!((seen.seeds[0].agrees, seen.seeds[0].policy_version), (Some(false), Some(4)));
}

/// The clock here is an hour off: the seed lets this node in, and this node does not believe it.
#[test]
fn a_welcome_that_is_refused_for_its_time_tells_of_the_clock() {
    let mut bench = Bench::node(1);
    let seed = bench.meets_seed(0);
    let mut membership = bench.pool.membership(0, PeerId::new(key_pair(100).public()));
    (membership.issued, membership.expires) = (later(3_600), later(3_600).after(MEMBERSHIP_LIFE));
    let envelope = bench.pool.by_seed(0, &membership);
    bench.say(seed, Control::Welcome { membership: envelope, peers: Vec::new() });
    let seen = bench.engine.surroundings();
    assert!(seen.unwelcome.as_ref().is_some_and(|why| why.contains("not valid yet")), "{seen:?}");
    assert!(seen.seeds[0].clock_ahead_ms.is_some_and(|ahead| ahead > 3_590_000), "{seen:?}");
    let good = bench.membership(PeerId::new(key_pair(100).public()), &Bench::address(0));
    bench.say(seed, Control::Welcome { membership: good, peers: Vec::new() });
    let seen = bench.engine.surroundings();
    assert_eq!(seen.unwelcome, None);
    assert!(seen.membership_left.is_some());
    assert!(seen.seeds[0].clock_ahead_ms.is_some_and(|ahead| ahead.abs() < 2_000), "{seen:?}");
}

#[test]
fn a_membership_of_somebody_else_says_nothing_of_the_clock() {
    let mut bench = Bench::node(1);
    let seed = bench.meets_seed(0);
    let membership = bench.membership(node(9), &Bench::address(9));
    bench.say(seed, Control::Welcome { membership, peers: Vec::new() });
    bench.say(seed, Control::Refused { why: Refusal::TokenExpired });
    let seen = bench.engine.surroundings();
    assert!(seen.unwelcome.is_some());
    assert_eq!(seen.seeds[0].clock_ahead_ms, None);
    assert_eq!(bench.engine.status().refused, Some(Refusal::TokenExpired));
}
