//! A seed tries whoever says that it has much, before it is named to others: with one chunk, now and then.
use super::bench::Bench;
use crate::belief::fixture::node;
use crate::engine::bounds::{BAN_TIME, PROOFS_AT_ONCE, PROOFS_EVERY};
use crate::engine::{Credit, FetchFailure, FetchId, Input, Output};
use crate::limits::FETCH_TIMEOUT;
use crate::message::{ChunkSet, Control, Decline};
use crate::{ChunkFault, ChunkRef, ManifestId, PeerId};
use core::time::Duration;

const COUNT: u32 = 11;

/// A seed with a manifest of eleven chunks, the tree's own among them, and so many members that have nothing yet.
struct Seed {
    bench: Bench,
    manifest: ManifestId,
    content: Vec<ChunkRef>,
}

fn seed(members: u8) -> Seed {
    let mut bench = Bench::seed(1);
    let (manifest, content) = bench.saved("core/main/npm/1", 1, 10);
    let manifest = bench.remembers(&manifest, &content);
    let mut seed = Seed { bench, manifest, content };
    for number in 1..=members {
        seed.enters(number, 0);
    }
    seed
}

impl Seed {
    fn enters(&mut self, number: u8, have: u32) -> PeerId {
        let peer = self.bench.member(number);
        self.says(peer, have);
        peer
    }

    fn says(&mut self, peer: PeerId, have: u32) {
        let (manifest, have) = (self.manifest, ChunkSet::range(0, have));
        self.bench.say(peer, Control::Enter { manifest, have });
    }

    /// Whether this one is named to a member that asks, once or in several tries.
    fn names(&mut self, peer: PeerId) -> bool {
        (0..20).any(|_| {
            self.bench.clear();
            self.says(node(1), 0);
            self.bench.sent(node(1)).iter().any(|message| match message {
                Control::Neighbours { peers, .. } => peers.iter().any(|named| named.peer == peer),
                _ => false,
            })
        })
    }

    /// Time for the next proofs: who is asked for what.
    fn asks(&mut self) -> Vec<(FetchId, PeerId, ChunkRef)> {
        self.bench.pass(PROOFS_EVERY);
        self.bench.open(Ok(self.content.clone()));
        self.bench.fetches()
    }

    fn gives(&mut self, (fetch, _, chunk): (FetchId, PeerId, ChunkRef), fault: Option<ChunkFault>) {
        self.bench.give(Input::FrameArrived { fetch, bytes: 10 });
        self.bench.give(Input::Credit(Credit::Checks(1)));
        let witness = self.bench.witnesses.borrow()[&chunk];
        self.bench.give(Input::Checked { fetch, result: fault.map_or(Ok(witness), Err) });
    }

    fn released(&mut self) -> usize {
        self.bench.take(|output| matches!(output, Output::Release { .. }).then_some(())).len()
    }
}

#[test]
fn who_comes_with_everything_is_named_once_it_has_given_a_chunk() {
    let mut seed = seed(60);
    let holder = seed.enters(100, COUNT);
    assert!(!seed.names(holder), "there are others");
    let asked = seed.asks();
    assert_eq!(asked.iter().map(|(_, peer, _)| *peer).collect::<Vec<_>>(), [holder]);
    seed.gives(asked[0], None);
    assert_eq!(seed.released(), 1, "nothing is kept of it");
    assert!(seed.names(holder));
    seed.says(holder, COUNT);
    assert_eq!(seed.asks(), [], "it is tried once");
}

#[test]
fn who_has_not_what_it_says_is_named_to_nobody_for_a_while() {
    for failure in [FetchFailure::Declined(Decline::Missing), FetchFailure::TooLong] {
        let mut seed = seed(3);
        let liar = seed.enters(100, COUNT);
        assert!(seed.names(liar), "there are not enough others");
        let fetch = seed.asks()[0].0;
        seed.bench.give(Input::FetchFailed { fetch, why: failure });
        assert_eq!(seed.released(), 1);
        seed.says(liar, COUNT);
        assert!(!seed.names(liar));
        seed.bench.give(Input::Disconnected { peer: liar });
        let again = seed.enters(100, COUNT);
        assert!(!seed.names(again), "it is remembered");
        // Its membership outlives that, and so do those of the others.
        seed.bench.pass(BAN_TIME);
        seed.says(liar, COUNT);
        assert!(seed.names(liar), "nobody is refused for good");
    }
}

#[test]
fn who_does_not_answer_or_sends_something_else_has_not_proven_it() {
    let mut silent = seed(3);
    let liar = silent.enters(100, COUNT);
    assert_eq!(silent.asks().len(), 1);
    silent.bench.pass(FETCH_TIMEOUT);
    assert_eq!(silent.released(), 1);
    assert!(!silent.names(liar));
    let mut wrong = seed(3);
    let liar = wrong.enters(100, COUNT);
    let asked = wrong.asks()[0];
    wrong.gives(asked, Some(ChunkFault::WrongHash));
    assert_eq!(wrong.bench.engine.status().banned, 1, "junk is junk");
    assert!(!wrong.names(liar));
}

#[test]
fn who_is_busy_is_tried_again() {
    let mut seed = seed(60);
    let holder = seed.enters(100, COUNT);
    let fetch = seed.asks()[0].0;
    seed.bench.give(Input::FetchFailed { fetch, why: FetchFailure::Declined(Decline::Busy) });
    assert!(!seed.names(holder));
    seed.says(holder, COUNT);
    let asked = seed.asks();
    seed.gives(asked[0], None);
    assert!(seed.names(holder));
}

#[test]
fn who_grows_before_the_seeds_eyes_is_named_all_the_while_and_tried_once() {
    let mut seed = seed(60);
    let manifest = seed.manifest;
    let member = node(7);
    seed.bench.say(member, Control::Have { manifest, chunks: ChunkSet::range(0, 2) });
    assert_eq!(seed.asks(), [], "that is not much");
    seed.bench.say(member, Control::Have { manifest, chunks: ChunkSet::range(4, 9) });
    assert!(seed.names(member));
    let asked = seed.asks();
    assert_eq!(asked.len(), 1);
    assert!(seed.content[3..8].contains(&asked[0].2), "one of those that it spoke of last");
    seed.gives(asked[0], None);
    seed.bench.say(member, Control::Have { manifest, chunks: ChunkSet::range(9, COUNT) });
    assert_eq!(seed.asks(), []);
}

#[test]
fn a_few_are_tried_at_once_however_many_come() {
    let mut seed = seed(1);
    for number in 2..=100 {
        seed.enters(number, COUNT);
    }
    let mut tried = 0;
    for _ in 0..8 {
        let asked = seed.asks();
        assert!(asked.len() <= PROOFS_AT_ONCE);
        tried += asked.len();
        asked.into_iter().for_each(|asked| seed.gives(asked, None));
    }
    assert_eq!(tried, 8 * PROOFS_AT_ONCE);
    // Those that do not answer hold up the others only for as long as that takes.
    assert_eq!((seed.asks().len(), seed.asks().len()), (PROOFS_AT_ONCE, 0));
    seed.bench.pass(FETCH_TIMEOUT);
    assert_eq!(seed.asks().len(), PROOFS_AT_ONCE);
}

#[test]
fn a_member_that_goes_takes_its_proof_with_it() {
    let mut seed = seed(3);
    let holder = seed.enters(100, COUNT);
    let asked = seed.asks()[0];
    seed.bench.give(Input::Disconnected { peer: holder });
    assert_eq!(seed.released(), 1);
    seed.gives(asked, None);
    let again = seed.enters(100, COUNT);
    assert!(seed.names(again));
    seed.bench.pass(Duration::from_secs(1));
    seed.bench.give(Input::Disconnected { peer: again });
    assert_eq!(seed.asks(), [], "nobody is there to be asked");
}
