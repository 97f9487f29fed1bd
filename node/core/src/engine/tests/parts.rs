//! Which chunks a seed names to whom, and when.
use super::bench::Bench;
use crate::engine::{AskId, Credit, Input};
use crate::message::{ChunkSet, Control};
use crate::{ChunkRef, ManifestId, PeerId};
use std::collections::BTreeSet;

const KEY: &str = "core/main/npm/1";
const CHUNKS: u32 = 41;

fn enter(bench: &mut Bench, manifest: ManifestId, number: u8) -> PeerId {
    let member = bench.member(number);
    bench.say(member, Control::Enter { manifest, have: ChunkSet::new() });
    member
}

/// What this member was told to take since this was last asked.
fn parts(bench: &mut Bench, member: PeerId) -> Vec<u32> {
    let said = bench.sent(member).into_iter();
    let named = said.filter_map(|said| match said {
        Control::Part { chunks, .. } => Some(chunks),
        _ => None,
    });
    let named: Vec<u32> = named.flat_map(|chunks| chunks.iter().collect::<Vec<_>>()).collect();
    bench.clear_sent(member);
    named
}

/// A seed with a cache, and a member that came first.
fn seed() -> (Bench, ManifestId, Vec<ChunkRef>, PeerId) {
    let mut bench = Bench::seed(1);
    let (manifest, content) = bench.saved(KEY, 1, 40);
    let id = bench.remembers(&manifest, &content);
    bench.give(Input::Credit(Credit::Reads(32)));
    let first = enter(&mut bench, id, 1);
    (bench, id, content, first)
}

/// Asks for parts in turn until each chunk was named.
fn name_all(bench: &mut Bench, manifest: ManifestId, members: &[PeerId]) {
    let mut named = BTreeSet::new();
    for &member in members.iter().cycle().take(100) {
        named.extend(parts(bench, member));
        if named.len() == usize::try_from(CHUNKS).unwrap() {
            return;
        }
        bench.say(member, Control::AskPart { manifest });
    }
    panic!("{named:?}");
}

/// A member asks for so many chunks, which are on their way from then on.
fn asks(bench: &mut Bench, peer: PeerId, content: &[ChunkRef]) -> Vec<AskId> {
    let asks: Vec<AskId> = (0..).map(AskId).take(content.len()).collect();
    let chunks = asks.iter().copied().zip(content.iter().map(|chunk| chunk.id)).collect();
    bench.give(Input::Asked { peer, chunks });
    asks
}

#[test]
fn a_crowd_is_named_little_at_first_and_nothing_twice() {
    let (mut bench, id, _, first) = seed();
    assert!(parts(&mut bench, first).is_empty(), "it is alone");
    let mut named = Vec::new();
    for number in 2..=17 {
        let member = enter(&mut bench, id, number);
        named.extend(parts(&mut bench, member));
    }
    let distinct: BTreeSet<u32> = named.iter().copied().collect();
    assert_eq!((distinct.len(), named.len() <= 41), (named.len(), true), "{named:?}");
}

#[test]
fn who_enters_again_is_named_no_more_than_it_asks_for() {
    let (mut bench, id, _, first) = seed();
    let second = enter(&mut bench, id, 2);
    assert!(!parts(&mut bench, second).is_empty());
    for (member, hears) in [(second, false), (first, true), (first, false)] {
        bench.say(member, Control::Enter { manifest: id, have: ChunkSet::new() });
        assert_eq!(!parts(&mut bench, member).is_empty(), hears, "who was alone hears of it now");
    }
    bench.say(second, Control::AskPart { manifest: id });
    assert!(!parts(&mut bench, second).is_empty());
}

#[test]
fn what_was_named_is_named_again_only_while_little_is_given() {
    let (mut bench, id, content, first) = seed();
    let others: Vec<PeerId> = (2..=4).map(|number| enter(&mut bench, id, number)).collect();
    name_all(&mut bench, id, &others);
    others.iter().for_each(|&member| bench.clear_sent(member));
    let asked = asks(&mut bench, first, &content[..24]);
    for &member in others.iter().rev() {
        bench.say(member, Control::AskPart { manifest: id });
    }
    let hears =
        |bench: &mut Bench| others.iter().map(|&one| !parts(bench, one).is_empty()).collect::<Vec<_>>();
    assert_eq!(hears(&mut bench), [false; 3], "enough is on its way");
    let mut served = asked.into_iter();
    for expected in [[false, false, true], [false, true, false], [true, false, false], [false; 3]] {
        bench.give(Input::Served { ask: served.next().unwrap(), result: Ok(1) });
        assert_eq!(hears(&mut bench), expected, "who waits longest");
    }
    bench.say(others[0], Control::AskPart { manifest: id });
    assert_eq!(hears(&mut bench), [true, false, false], "at once");
}
