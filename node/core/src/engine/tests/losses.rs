//! Chunks that the store loses: nothing is claimed that is not there, and it comes back where somebody has it.
use super::bench::Bench;
use super::world::World;
use crate::engine::{Input, JobReply, Output, ServeFailure, TreeFault};
use crate::message::{ChunkSet, Control, OfferRefusal};
use crate::{ChunkRef, Nonce};
use core::time::Duration;

const KEY: &str = "core/main/npm/1";

/// Whether a seed says that it has every chunk of what it names.
fn says_complete(world: &mut World, host: usize, job: u64) -> bool {
    let reply = world.resolve(host, job, KEY, &[]);
    let JobReply::Found { certified, .. } = reply else { panic!("{reply:?}") };
    let known = world.engine(0).catalogue.get(&certified.id());
    known.is_some_and(|entry| entry.complete)
}

fn lose(world: &mut World, host: usize, chunk: ChunkRef) {
    world.hosts[host].disk.chunks.remove(&chunk.id);
    world.input(host, Input::ChunkLost { chunk: chunk.id });
}

#[test]
fn a_seed_that_lost_a_chunk_gets_it_back_from_a_member_that_has_everything() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 6);
    world.run(Duration::from_millis(200));
    assert!(says_complete(&mut world, nodes[1], 1));
    lose(&mut world, 0, saved.content[2]);
    world.run(Duration::from_millis(1));
    assert!(world.until(|world| world.hosts[0].holds_all(&saved.all())), "the publisher still has it");
    world.run(Duration::from_millis(100));
    assert!(says_complete(&mut world, nodes[1], 2));
    assert_eq!(world.engine(0).swarms.len(), 0, "and nothing is left to do");
}

#[test]
fn a_seed_that_lost_a_chunk_of_the_tree_gets_it_back_too() {
    let (mut world, nodes) = World::with_nodes(1, 1);
    let saved = world.published(nodes[0], KEY, 1, 3);
    world.run(Duration::from_millis(200));
    lose(&mut world, 0, saved.manifest.tree.chunks[0]);
    assert!(world.until(|world| world.hosts[0].holds_all(&saved.all())));
}

#[test]
fn a_seed_that_cannot_get_it_back_does_not_claim_to_have_it() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 6);
    world.run(Duration::from_millis(200));
    world.kill(nodes[0]);
    world.run(Duration::from_millis(50));
    lose(&mut world, 0, saved.content[2]);
    world.run(Duration::from_millis(200));
    assert!(!says_complete(&mut world, nodes[1], 1));
    // Who has it comes back: so does the chunk.
    world.boot(nodes[0]);
    assert!(world.until(|world| world.hosts[0].holds_all(&saved.all())));
    world.run(Duration::from_millis(100));
    assert!(says_complete(&mut world, nodes[1], 2));
}

#[test]
fn a_node_that_lost_a_chunk_fetches_it_when_a_job_wants_it() {
    let (mut world, nodes) = World::with_nodes(1, 2);
    let saved = world.published(nodes[0], KEY, 1, 6);
    let id = world.id(&saved);
    world.resolve(nodes[1], 1, KEY, &[]);
    world.fetch_all(nodes[1], 1, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 1)));
    world.run(Duration::from_millis(100));
    let complete = |world: &World| {
        let engine = world.engine(nodes[1]);
        (engine.catalogue.get(&id).unwrap().complete, engine.swarms.get(&id).unwrap().complete)
    };
    assert_eq!(complete(&world), (true, true));
    lose(&mut world, nodes[1], saved.content[4]);
    assert_eq!(complete(&world), (false, false));
    world.run(Duration::from_secs(5));
    assert!(!world.hosts[nodes[1]].holds_all(&saved.all()), "nobody wants it");
    world.fetch_all(nodes[1], 2, &saved);
    assert!(world.until(|world| world.fetched(nodes[1], 2)));
    let (local, peers, seeds) = world.sources(nodes[1], 2);
    assert_eq!((local, peers + seeds), (6, 1));
    world.run(Duration::from_millis(100));
    assert_eq!(complete(&world), (true, true), "it is whole again, and says so");
}

#[test]
fn what_a_seed_cannot_read_when_it_serves_is_lost_too() {
    let (mut bench, content) = seed_that_holds(4);
    let peer = bench.member(1);
    let manifest = bench.saved(KEY, 1, 4).0;
    let id = bench.pool.sign(&manifest).id();
    bench.give(Input::Credit(crate::engine::Credit::Reads(9)));
    let ask = crate::engine::AskId(1);
    bench.give(Input::Asked { peer, chunks: vec![(ask, content[1].id)] });
    assert_eq!(bench.take(|output| matches!(output, Output::Serve { .. }).then_some(())).len(), 1);
    bench.give(Input::Served { ask, result: Err(ServeFailure::Corrupt) });
    bench.look(|chunk| *chunk != content[1]);
    bench.open(Ok(content.clone()));
    bench.look(|chunk| *chunk != content[1]);
    assert!(!bench.engine.catalogue.get(&id).unwrap().complete);
    let ask = Control::Ask {
        ask: 1,
        nonce: Nonce::from_bytes([7; 32]),
        query: crate::belief::fixture::query(KEY, &[]),
    };
    bench.say(peer, ask);
    let complete = bench.sent(peer).into_iter().find_map(|message| match message {
        Control::Answer { answer, .. } => answer.body::<crate::FreshnessAnswer>().ok(),
        _ => None,
    });
    assert!(!complete.unwrap().candidates[0].complete, "the answer says so");
    bench.say(peer, Control::Enter { manifest: id, have: ChunkSet::new() });
    let claims = bench.sent(peer).iter().any(|message| matches!(message, Control::Enter { .. }));
    assert!(!claims, "nor does it claim to have everything");
}

/// A seed that remembers a manifest, and holds it.
fn seed_that_holds(chunks: u8) -> (Bench, Vec<ChunkRef>) {
    let mut bench = Bench::seed(1);
    let (manifest, content) = bench.saved(KEY, 1, chunks);
    bench.remembers(&manifest, &content);
    bench.clear();
    (bench, content)
}

#[test]
fn many_losses_at_once_are_looked_for_together() {
    let (mut bench, content) = seed_that_holds(4);
    for chunk in &content {
        bench.give(Input::ChunkLost { chunk: chunk.id });
    }
    let mut looks = 0;
    loop {
        let more = bench.look(|_| true) + bench.open(Ok(content.clone()));
        looks += more;
        if more == 0 {
            break;
        }
    }
    assert_eq!(looks, 4, "the tree, the tree again, the tree opened, the content");
    assert_eq!(bench.engine.swarms.len(), 0);
}

#[test]
fn a_member_that_says_falsely_that_it_has_everything_costs_a_pull_at_a_time() {
    let (mut bench, content) = seed_that_holds(3);
    let id = bench.pool.sign(&bench.saved(KEY, 1, 3).0).id();
    bench.give(Input::ChunkLost { chunk: content[0].id });
    while bench.look(|chunk| *chunk != content[0]) + bench.open(Ok(content.clone())) > 0 {}
    let peer = bench.member(1);
    for _ in 0..50 {
        bench.say(peer, Control::Enter { manifest: id, have: ChunkSet::range(0, 4) });
        while bench.look(|chunk| *chunk != content[0]) + bench.open(Ok(content.clone())) > 0 {}
    }
    let fetches = bench.fetches().into_iter().map(|(_, _, chunk)| chunk).collect::<Vec<_>>();
    assert_eq!(fetches, [content[0]]);
    assert_eq!(bench.engine.swarms.len(), 1);
}

#[test]
fn a_chunk_that_is_lost_while_the_rest_is_pulled_is_pulled_again() {
    let mut bench = Bench::seed(1);
    let (manifest, content) = bench.saved(KEY, 1, 2);
    let holder = bench.member(1);
    bench.give(Input::Credit(crate::engine::Credit::Checks(9)));
    bench.give(Input::Credit(crate::engine::Credit::Writes(9)));
    bench.say(holder, Control::Offer { offer: 1, manifest: bench.pool.sign(&manifest) });
    // The store says that it holds the first content chunk, and loses it while the other is on its way.
    bench.look(|_| true);
    bench.open(Ok(content.clone()));
    bench.look(|chunk| *chunk == content[0]);
    bench.give(Input::ChunkLost { chunk: content[0].id });
    assert_eq!(bench.sync(Ok(())), 0, "no vote yet");
    let fetched = bench.fetches().into_iter().map(|(_, _, chunk)| chunk).collect::<Vec<_>>();
    assert_eq!(fetched, [content[1]]);
    bench.give(Input::ChunkLost { chunk: content[1].id });
    assert!(!bench.engine.swarms.get(&bench.pool.sign(&manifest).id()).unwrap().complete);
}

#[test]
fn a_tree_whose_chunk_is_lost_before_it_is_read_is_no_bad_tree() {
    let mut bench = Bench::seed(1);
    let (manifest, _) = bench.saved(KEY, 1, 2);
    let holder = bench.member(1);
    bench.say(holder, Control::Offer { offer: 1, manifest: bench.pool.sign(&manifest) });
    bench.look(|_| true);
    bench.open(Err(TreeFault::Missing));
    let refused = bench.sent(holder).into_iter().find_map(|message| match message {
        Control::OfferRefused { why, .. } => Some(why),
        _ => None,
    });
    assert_eq!(refused, Some(OfferRefusal::Busy), "it is to be offered again");
}

#[test]
fn what_was_looked_for_while_the_store_lost_something_is_looked_for_again() {
    let mut bench = Bench::node(1);
    let (manifest, content) = bench.saved(KEY, 1, 3);
    let certified = bench.certified(&manifest);
    let id = certified.manifest.id();
    bench.give(Input::Recovered(certified));
    bench.look(|_| true);
    bench.open(Ok(content.clone()));
    bench.give(Input::ChunkLost { chunk: content[2].id });
    assert_eq!(bench.look(|_| true), 1, "an answer from before the loss");
    assert!(!bench.engine.catalogue.get(&id).unwrap().complete);
    assert_eq!(bench.look(|chunk| *chunk != content[2]), 1);
    assert!(!bench.engine.catalogue.get(&id).unwrap().complete);
    assert_eq!(bench.engine.transfer.held_of(id).len(), 4 - 1);
}
