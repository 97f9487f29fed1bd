//! Who is let go for what it does, for how long, and on whose word.
use super::bench::Bench;
use crate::engine::bounds::BAN_TIME;
use crate::engine::{DropReason, FetchId, Input, JobId, JobRequest};
use crate::message::{ChunkSet, Control};
use crate::{ChunkRef, ManifestId, PeerId};
use core::time::Duration;

const CHUNKS: u8 = 250;
const STEP: Duration = Duration::from_millis(50);

/// A node whose job waits for much, which some peers have.
struct Restore {
    bench: Bench,
    manifest: ManifestId,
    /// What the steady ones were asked for and have not sent.
    owed: Vec<(FetchId, PeerId, ChunkRef)>,
    /// Requests to those that say nothing.
    ignored: usize,
}

impl Restore {
    fn new() -> (Self, PeerId) {
        let mut bench = Bench::node(1);
        let seed = bench.admitted_by(0);
        let (saved, content) = bench.saved("core/main/npm/1", 1, CHUNKS);
        let certified = bench.certified(&saved);
        let manifest = certified.manifest.id();
        bench.give(Input::Recovered(certified));
        bench.look(|_| false);
        let mut restore = Self { bench, manifest, owed: Vec::new(), ignored: 0 };
        restore.enters(seed);
        let chunks = saved.tree.chunks.iter().chain(&content).copied().collect();
        restore.bench.job(1, JobRequest::Fetch { manifest, chunks });
        restore.bench.move_chunks(Ok(()));
        restore.bench.open(Ok(content));
        restore.bench.look(|_| false);
        (restore, seed)
    }

    fn enters(&mut self, peer: PeerId) {
        let have = ChunkSet::range(0, u32::from(CHUNKS) + 1);
        self.bench.say(peer, Control::Enter { manifest: self.manifest, have });
    }

    fn member(&mut self, number: u8) -> PeerId {
        let peer = self.bench.member(number);
        self.enters(peer);
        peer
    }

    /// Time passes; this one sends a chunk now and then, and nobody else anything.
    fn run(&mut self, steady: PeerId, time: Duration) {
        for _ in 0..time.as_millis() / STEP.as_millis() {
            let (owed, ignored): (Vec<_>, Vec<_>) =
                self.bench.fetches().into_iter().partition(|asked| asked.1 == steady);
            self.ignored += ignored.len();
            self.owed.extend(owed);
            if !self.owed.is_empty() {
                let (fetch, ..) = self.owed.remove(0);
                self.bench.give(Input::FrameArrived { fetch, bytes: 10 });
                self.bench.check_and_keep();
            }
            self.bench.pass(STEP);
        }
    }
}

#[test]
fn who_stalls_is_let_go_and_may_come_back_at_once() {
    let (mut restore, _) = Restore::new();
    let steady = restore.member(2);
    restore.run(steady, Duration::from_secs(1));
    let slow = restore.member(1);
    restore.run(steady, Duration::from_secs(3));
    assert!(restore.bench.dropped().is_empty(), "three stalls are needed");
    restore.run(steady, Duration::from_secs(6));
    assert_eq!(restore.bench.dropped(), [(slow, DropReason::Stalled)]);
    assert_eq!(restore.bench.engine.status().banned, 0);
    // It comes back, and is asked as if nothing had been; now it gives.
    restore.owed.clear();
    restore.ignored = 0;
    assert_eq!(restore.member(1), slow);
    restore.run(slow, Duration::from_secs(1));
    assert!(restore.bench.dropped().is_empty() && restore.bench.engine.status().peers == 2);
    assert!(!restore.owed.is_empty(), "it is asked for more and more");
}

#[test]
fn a_seed_that_stalls_stays_a_neighbour() {
    let (mut restore, seed) = Restore::new();
    let steady = restore.member(1);
    restore.run(steady, Duration::from_secs(11));
    assert!(restore.bench.dropped().is_empty());
    assert_eq!(restore.bench.engine.status().seeds_connected, 1);
    restore.bench.give(Input::JobLeft { job: JobId(1) });
    restore.enters(seed);
}

/// Junk costs a peer its place at once, and for a while; for good, nothing does.
#[test]
fn who_sent_junk_is_welcome_after_a_while() {
    let (mut restore, _) = Restore::new();
    let liar = restore.member(1);
    let (fetch, ..) = restore.bench.fetches().into_iter().find(|(_, peer, _)| *peer == liar).unwrap();
    restore.bench.give(Input::FrameArrived { fetch, bytes: 10 });
    restore.bench.give(Input::Credit(crate::engine::Credit::Checks(1)));
    restore.bench.give(Input::Checked { fetch, result: Err(crate::ChunkFault::WrongHash) });
    assert_eq!(restore.bench.dropped(), [(liar, DropReason::Junk)]);
    restore.bench.connect(liar, &Bench::address(1));
    assert_eq!(restore.bench.dropped(), [(liar, DropReason::Misbehaved)]);
    restore.bench.pass(BAN_TIME);
    restore.bench.clear();
    restore.member(1);
    assert_eq!((restore.bench.dropped().len(), restore.bench.engine.status().banned), (0, 0));
}
