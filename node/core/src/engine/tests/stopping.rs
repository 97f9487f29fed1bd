//! A node ends: it takes leave, hands over what only it has, and begins nothing.
use super::bench::Bench;
use super::world::World;
use crate::belief::fixture::node;
use crate::engine::{AskId, Credit, Input, Output};
use crate::message::{ChunkSet, Control, Decline};
use crate::{ChunkRef, ManifestId, PeerId};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

/// A node that holds a manifest of so many content chunks, known to a seed.
fn holder(chunks: u8) -> (Bench, PeerId, ManifestId, Vec<ChunkRef>) {
    let mut bench = Bench::node(1);
    let (manifest, content) = bench.saved(KEY, 1, chunks);
    let id = bench.remembers(&manifest, &content);
    let seed = bench.admitted_by(0);
    bench.give(Input::Credit(Credit::Reads(8)));
    let all = manifest.tree.chunks.iter().copied().chain(content).collect();
    (bench, seed, id, all)
}

/// What a peer hears of swarms.
fn hears(bench: &mut Bench, peer: PeerId) -> Vec<Control> {
    let of_swarms = |message: &Control| {
        matches!(message, Control::Leave { .. } | Control::Enter { .. } | Control::Have { .. })
    };
    bench.sent(peer).into_iter().filter(of_swarms).collect()
}

fn asks(bench: &mut Bench, peer: PeerId, ask: u64, chunk: ChunkRef) -> Result<(), Decline> {
    bench.give(Input::Asked { peer, chunks: vec![(AskId(ask), chunk.id)] });
    let answers = bench.take(|output| match output {
        Output::Serve { chunks } if chunks.iter().any(|(given, _)| *given == AskId(ask)) => Some(Ok(())),
        Output::Decline { ask: declined, why } if *declined == AskId(ask) => Some(Err(*why)),
        _ => None,
    });
    answers[0]
}

#[test]
fn who_ends_leaves_and_offers_what_nobody_else_has() {
    let (mut bench, seed, manifest, all) = holder(5);
    let (one, other) = (bench.member(1), bench.member(2));
    bench.say(one, Control::Enter { manifest, have: ChunkSet::range(0, 2) });
    bench.say(other, Control::Enter { manifest, have: ChunkSet::range(1, 4) });
    bench.clear();
    assert!(!bench.engine.is_handed_over(), "it does not end yet");
    bench.give(Input::Stopping);
    assert_eq!(hears(&mut bench, seed), [Control::Leave { manifest }]);
    for peer in [one, other] {
        let offered = Control::Enter { manifest, have: ChunkSet::range(4, 6) };
        assert_eq!(hears(&mut bench, peer), [Control::Leave { manifest }, offered]);
    }
    assert_eq!(asks(&mut bench, one, 1, all[2]), Err(Decline::Missing), "another has it");
    assert_eq!(asks(&mut bench, one, 2, all[4]), Ok(()));
    bench.give(Input::Served { ask: AskId(2), result: Ok(9) });
    assert_eq!(asks(&mut bench, other, 3, all[4]), Err(Decline::Missing), "it is given once");
    assert!(!bench.engine.is_handed_over());
    assert_eq!(asks(&mut bench, other, 4, all[5]), Ok(()));
    assert!(!bench.engine.is_handed_over(), "it is on its way");
    bench.give(Input::Served { ask: AskId(4), result: Ok(9) });
    assert!(bench.engine.is_handed_over());
    assert_eq!(asks(&mut bench, other, 5, all[5]), Err(Decline::Busy));
}

#[test]
fn who_has_nothing_that_others_lack_ends_once_what_was_asked_for_is_given() {
    let (mut bench, seed, manifest, all) = holder(5);
    bench.say(seed, Control::Enter { manifest, have: ChunkSet::range(0, 6) });
    let peer = bench.member(1);
    bench.say(peer, Control::Enter { manifest, have: ChunkSet::new() });
    assert_eq!(asks(&mut bench, peer, 1, all[3]), Ok(()));
    bench.clear();
    bench.give(Input::Stopping);
    assert_eq!(hears(&mut bench, peer), [Control::Leave { manifest }]);
    assert!(!bench.engine.is_handed_over());
    bench.give(Input::Served { ask: AskId(1), result: Ok(9) });
    assert!(bench.engine.is_handed_over());
}

#[test]
fn what_a_peer_could_not_be_given_waits_for_another() {
    let (mut bench, _, manifest, all) = holder(1);
    let (one, other) = (bench.member(1), bench.member(2));
    bench.say(one, Control::Enter { manifest, have: ChunkSet::range(0, 1) });
    bench.say(other, Control::Enter { manifest, have: ChunkSet::new() });
    bench.give(Input::Stopping);
    assert_eq!(asks(&mut bench, one, 1, all[1]), Ok(()));
    bench.give(Input::Served { ask: AskId(1), result: Err(crate::engine::ServeFailure::PeerGone) });
    bench.give(Input::Disconnected { peer: one });
    assert!(!bench.engine.is_handed_over());
    assert_eq!(asks(&mut bench, other, 2, all[1]), Ok(()));
    bench.give(Input::Served { ask: AskId(2), result: Ok(9) });
    assert!(bench.engine.is_handed_over());
}

#[test]
fn what_others_turn_out_to_have_is_not_waited_for() {
    let (mut bench, _, manifest, _) = holder(3);
    let peer = bench.member(1);
    bench.say(peer, Control::Enter { manifest, have: ChunkSet::new() });
    bench.give(Input::Stopping);
    bench.say(peer, Control::Have { manifest, chunks: ChunkSet::range(0, 3) });
    assert!(!bench.engine.is_handed_over());
    bench.say(peer, Control::Have { manifest, chunks: ChunkSet::range(3, 4) });
    assert!(bench.engine.is_handed_over());
}

#[test]
fn who_ends_takes_part_in_nothing_new() {
    let (mut bench, seed, manifest, _) = holder(3);
    bench.give(Input::Stopping);
    bench.give(Input::Stopping);
    bench.clear();
    let peer = bench.member(1);
    bench.say(peer, Control::Enter { manifest, have: ChunkSet::new() });
    assert_eq!((hears(&mut bench, peer), hears(&mut bench, seed)), (Vec::new(), Vec::new()));
    assert!(bench.engine.is_handed_over() && bench.peek().iter().all(|output| !is_serving(output)));
    assert_eq!(bench.engine.status().peers, 1, "{:?}", node(1));
}

fn is_serving(output: &Output) -> bool {
    matches!(output, Output::Serve { .. })
}

/// The seed has died, and the only holder ends before two readers have half of it: together they have everything.
#[test]
fn a_holder_that_ends_leaves_everything_behind() {
    let (mut world, nodes) = World::with_nodes(1, 3);
    let [holder, one, other] = nodes[..] else { panic!("three nodes") };
    let saved = world.published(holder, KEY, 1, 150);
    for reader in [one, other] {
        world.resolve(reader, 1, KEY, &[]);
        world.fetch_all(reader, 1, &saved);
    }
    world.run(Duration::from_millis(80));
    world.kill(0);
    world.run(Duration::from_millis(20));
    let here = |world: &World, host: usize| world.hosts[host].disk.chunks.len();
    assert!(here(&world, one) + here(&world, other) < 120, "they have little");
    world.input(holder, Input::Stopping);
    let begun = world.now().instant;
    assert!(world.until(|world| world.engine(holder).is_handed_over()));
    assert!(world.now().instant.since(begun) < Duration::from_secs(2));
    // What it sent last is still on its way when it closes its connections.
    world.run(Duration::from_millis(20));
    world.kill(holder);
    assert!(world.until(|world| world.fetched(one, 1) && world.fetched(other, 1)));
    assert!(world.hosts[one].holds_all(&saved.all()) && world.hosts[other].holds_all(&saved.all()));
}
