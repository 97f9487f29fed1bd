//! Streams share links as the model says, and no link gives more than it has.
mod fairness;

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const MBYTE: u64 = 1_000_000;

/// A network with a clock: gives the frames that have left, with the time.
struct Run {
    network: Network,
    pending: BTreeMap<(Instant, usize), Wake>,
    serial: usize,
    now: Instant,
}

impl Run {
    fn new(links: &[(u64, u64)]) -> Self {
        Self::sharing(Sharing::Settled, links)
    }

    fn sharing(sharing: Sharing, links: &[(u64, u64)]) -> Self {
        let mut network = Network::new(&Scenario { sharing, ..Scenario::default() });
        for (up, down) in links {
            network.add(Link { up: *up, down: *down }, 0);
        }
        Self { network, pending: BTreeMap::new(), serial: 0, now: Instant::ZERO }
    }

    fn give(&mut self, from: u32, to: u32, ask: u64, bytes: u32) {
        let frame = FrameOut { ask: AskId(ask), bytes };
        self.network.give(self.now, (NodeNo(from), NodeNo(to)), frame);
        self.collect();
    }

    fn collect(&mut self) {
        for (at, wake) in self.network.take_wakes() {
            self.serial += 1;
            self.pending.insert((at, self.serial), wake);
        }
    }

    /// Lets links hear of each other until nothing changes.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            self.now = self.now.after(SETTLE);
            self.network.settle(self.now);
        }
        self.collect();
    }

    /// Lets happen what is to happen at once.
    fn share_now(&mut self) {
        while let Some(entry) = self.pending.first_entry()
            && entry.key().0 <= self.now
            && *entry.get() == Wake::Settle
        {
            entry.remove();
            self.network.settle(self.now);
            self.collect();
        }
    }

    /// The next frame that leaves: microseconds and its ask.
    fn next(&mut self) -> Option<(u64, u64)> {
        while let Some(((at, _), wake)) = self.pending.pop_first() {
            self.now = at;
            let left = match wake {
                Wake::Stream(no) => self.network.wake(at, no),
                Wake::Settle => {
                    self.network.settle(at);
                    None
                }
            };
            self.collect();
            if let Some(frame) = left {
                return Some((at.as_micros(), frame.ask.0));
            }
        }
        None
    }

    fn all(&mut self) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn rates(&self) -> BTreeMap<(u32, u32), u64> {
        let active = self.network.streams.iter().filter(|(_, stream)| stream.is_active());
        active.map(|(_, stream)| ((stream.from.0, stream.to.0), stream.rate)).collect()
    }
}

#[test]
fn a_stream_alone_has_the_slower_of_its_links() {
    let mut run = Run::new(&[(2 * MBYTE, 9), (9, MBYTE)]);
    run.give(0, 1, 1, 1_000_000);
    run.give(0, 1, 2, 500_000);
    assert_eq!(run.all(), [(1_000_000, 1), (1_500_000, 2)]);
}

#[test]
fn streams_that_leave_one_node_share_its_uplink() {
    let mut run = Run::new(&[(2 * MBYTE, 1), (1, 9 * MBYTE), (1, 9 * MBYTE)]);
    run.give(0, 1, 1, 1_000_000);
    run.give(0, 2, 2, 2_000_000);
    // Half each for a second; then the other has it all.
    assert_eq!(run.all(), [(1_000_000, 1), (1_500_000, 2)]);
}

#[test]
fn streams_that_enter_one_node_share_its_downlink() {
    let mut run = Run::new(&[(9 * MBYTE, 1), (9 * MBYTE, 1), (1, 2 * MBYTE)]);
    run.give(0, 2, 1, 1_000_000);
    run.give(1, 2, 2, 1_000_000);
    assert_eq!(run.all(), [(1_000_000, 2), (1_000_000, 1)]);
}

#[test]
fn a_stream_that_was_slowed_arrives_later() {
    let mut run = Run::new(&[(MBYTE, 1), (1, MBYTE), (1, MBYTE)]);
    run.give(0, 1, 1, 1_000_000);
    run.now = Instant::from_micros(500_000);
    run.give(0, 2, 2, 100_000);
    // 0.5 s alone, 0.2 s at half, the rest alone.
    assert_eq!(run.all(), [(700_000, 2), (1_100_000, 1)]);
}

#[test]
fn nothing_is_lost_between_frames() {
    // 3 bytes each microsecond: 100 bytes take 33.3, yet 300 frames of them take exactly 10,000.
    let mut run = Run::new(&[(3 * MBYTE, 1), (1, 3 * MBYTE)]);
    (0..300).for_each(|ask| run.give(0, 1, ask, 100));
    assert_eq!(run.all().last(), Some(&(10_000, 299)));
}

#[test]
fn what_is_dropped_frees_the_links() {
    let mut run = Run::new(&[(2 * MBYTE, 1), (1, 9 * MBYTE), (1, 9 * MBYTE)]);
    run.give(0, 1, 1, 1_000_000);
    run.give(0, 2, 2, 1_000_000);
    run.network.drop_stream(run.now, NodeNo(0), NodeNo(1));
    run.network.drop_stream(run.now, NodeNo(1), NodeNo(0));
    run.collect();
    assert_eq!(run.next(), Some((500_000, 2)));
    run.give(0, 1, 3, 1_000_000);
    assert_eq!(run.all(), [(1_000_000, 3)], "the stream can be used again");
}

proptest! {
    #[test]
    fn no_link_gives_more_than_it_has(
        exact in any::<bool>(),
        links in proptest::collection::vec((1_000..9_000_000u64, 1_000..9_000_000u64), 2..7),
        gifts in proptest::collection::vec((0..7u32, 0..7u32, 1..400_000u32, 0..300_000u64), 1..40),
    ) {
        let count = u32::try_from(links.len()).unwrap();
        let mut run = Run::sharing(if exact { Sharing::Exact } else { Sharing::Settled }, &links);
        let mut given = BTreeMap::new();
        for (ask, (from, to, bytes, pause)) in (0u64..).zip(gifts) {
            let (from, to) = (from % count, to % count);
            if from == to {
                continue;
            }
            let until = run.now.as_micros() + pause;
            let mut out = Vec::new();
            while run.pending.first_key_value().is_some_and(|((at, _), _)| at.as_micros() <= until) {
                out.extend(run.next());
            }
            run.now = run.now.max(Instant::from_micros(until));
            for (at, ask) in out {
                check_left(&links, &given, at, ask)?;
            }
            given.insert(ask, (from, to, bytes, run.now.as_micros()));
            run.give(from, to, ask, bytes);
            run.share_now();
            let rates = run.rates();
            for (node, (up, down)) in (0u32..).zip(&links) {
                let used: u64 = rates.iter().filter(|(pair, _)| pair.0 == node).map(|(_, rate)| rate).sum();
                prop_assert!(used <= *up);
                let used: u64 = rates.iter().filter(|(pair, _)| pair.1 == node).map(|(_, rate)| rate).sum();
                prop_assert!(used <= *down);
            }
        }
        for (at, ask) in run.all() {
            check_left(&links, &given, at, ask)?;
        }
        prop_assert!(run.rates().is_empty(), "everything ends");
    }
}

/// No frame leaves sooner than the slower of its links can carry it.
fn check_left(
    links: &[(u64, u64)],
    given: &BTreeMap<u64, (u32, u32, u32, u64)>,
    at: u64,
    ask: u64,
) -> Result<(), TestCaseError> {
    let (from, to, bytes, since) = given[&ask];
    let rate = links[usize::try_from(from).unwrap()].0.min(links[usize::try_from(to).unwrap()].1);
    let least = u64::from(bytes) * 1_000_000 / rate;
    // A frame behind another may gain the rest of a microsecond.
    prop_assert!(at + 1 >= since + least, "{at} {since} {least}");
    Ok(())
}
