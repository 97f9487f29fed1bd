//! Neighbours of neighbours, while no seed is there.
use super::bench::Bench;
use crate::belief::fixture::node;
use crate::engine::bounds::{MEMBERS_ASKED_MAX, MINGLE_FIRST, NAMED_BY_MEMBER_MAX};
use crate::engine::{Input, JobRequest};
use crate::message::{ChunkSet, Control, PeerAddress};
use crate::{ManifestId, PeerId};

const KEY: &str = "core/main/npm/1";

/// A node with a job that waits for a manifest of which it holds nothing, and members that take part.
fn waiting(members: u8, seed_is_here: bool) -> (Bench, ManifestId, Vec<PeerId>) {
    let mut bench = Bench::node(1);
    if seed_is_here {
        bench.admitted_by(0);
    }
    let (manifest, _) = bench.saved(KEY, 1, 3);
    let certified = bench.certified(&manifest);
    let id = certified.manifest.id();
    bench.give(Input::Recovered(certified));
    bench.look(|_| false);
    let members: Vec<PeerId> = (1..=members).map(|number| bench.member(number)).collect();
    for &member in &members {
        bench.say(member, Control::Enter { manifest: id, have: ChunkSet::new() });
    }
    bench.job(1, JobRequest::Fetch { manifest: id, chunks: manifest.tree.chunks });
    bench.clear();
    (bench, id, members)
}

fn asked(bench: &mut Bench, members: &[PeerId]) -> Vec<PeerId> {
    let mut is_asked = |member: &PeerId| {
        bench.sent(*member).iter().any(|said| matches!(said, Control::AskNeighbours { .. }))
    };
    members.iter().copied().filter(|member| is_asked(member)).collect()
}

fn names(manifest: ManifestId, from: u8, count: u8) -> Control {
    let named = |number: u8| PeerAddress {
        peer: node(number),
        addresses: vec![Bench::address(number).parse().unwrap()],
    };
    Control::Neighbours { manifest, peers: (from..from + count).map(named).collect() }
}

#[test]
fn some_members_are_asked_who_else_takes_part_only_while_no_seed_is_here() {
    for (seed_is_here, expected) in [(false, MEMBERS_ASKED_MAX), (true, 0)] {
        let (mut bench, _, members) = waiting(5, seed_is_here);
        bench.pass(MINGLE_FIRST);
        assert_eq!(asked(&mut bench, &members).len(), expected, "a seed is here: {seed_is_here}");
    }
}

#[test]
fn few_of_those_that_a_member_names_are_dialled_and_only_once_it_was_asked() {
    let (mut bench, manifest, members) = waiting(1, false);
    bench.say(members[0], names(manifest, 100, 10));
    assert!(bench.dialled().is_empty(), "nobody asked");
    bench.pass(MINGLE_FIRST);
    bench.say(members[0], names(manifest, 100, 10));
    let dialled = bench.dialled();
    assert_eq!(dialled.len(), NAMED_BY_MEMBER_MAX);
    bench.say(members[0], names(manifest, 110, 10));
    assert!(bench.dialled().is_empty(), "it was asked once");
    // As long as it has those of its word, it gets no more of them.
    for (number, peer) in (100..).zip(&dialled) {
        bench.give(Input::Connected {
            peer: *peer,
            address: Bench::address(number).parse().unwrap(),
            dialled: true,
        });
    }
    bench.pass(MINGLE_FIRST * 2);
    assert_eq!(asked(&mut bench, &members), members);
    bench.say(members[0], names(manifest, 120, 4));
    assert!(bench.dialled().is_empty(), "{NAMED_BY_MEMBER_MAX} are here by its word");
}

#[test]
fn a_member_that_takes_part_hears_of_others_that_do() {
    let (mut bench, manifest, members) = waiting(9, true);
    let stranger = bench.member(20);
    bench.clear();
    let ask = Control::AskNeighbours { manifest };
    bench.say(stranger, ask.clone());
    assert!(bench.sent(stranger).is_empty(), "it takes no part");
    bench.say(members[0], ask);
    let said = bench.sent(members[0]);
    let [Control::Neighbours { manifest: named_of, peers }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((*named_of, peers.len()), (manifest, NAMED_BY_MEMBER_MAX));
    assert!(peers.iter().all(|named| members[1..].contains(&named.peer)), "{peers:?}");
}
