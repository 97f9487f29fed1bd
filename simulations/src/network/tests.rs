//! Streams share links as the model says, and no link gives more than it has.
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
        let mut network = Network::new(&Scenario::default());
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

/// The rates of max-min fairness, by filling: of all links the one with the least for each is settled first.
fn max_min(links: &[(u64, u64)], pairs: &[(u32, u32)]) -> f64 {
    let mut rooms: BTreeMap<(bool, u32), f64> = BTreeMap::new();
    for (node, (up, down)) in (0u32..).zip(links) {
        rooms.insert((true, node), f64::from(u32::try_from(*up).unwrap()));
        rooms.insert((false, node), f64::from(u32::try_from(*down).unwrap()));
    }
    let (mut open, mut sum) = (pairs.to_vec(), 0.0);
    while !open.is_empty() {
        let users = |link: (bool, u32)| {
            open.iter().filter(|(from, to)| if link.0 { *from == link.1 } else { *to == link.1 }).count()
        };
        let share = |link: (bool, u32)| {
            let count = users(link);
            (count > 0).then(|| rooms[&link] / f64::from(u32::try_from(count).unwrap()))
        };
        let (least, link) = rooms
            .keys()
            .filter_map(|link| Some((share(*link)?, *link)))
            .min_by(|one, other| one.0.total_cmp(&other.0))
            .unwrap();
        let (settled, rest): (Vec<_>, Vec<_>) =
            open.iter().partition(|(from, to)| if link.0 { *from == link.1 } else { *to == link.1 });
        for (from, to) in settled {
            *rooms.get_mut(&(true, from)).unwrap() -= least;
            *rooms.get_mut(&(false, to)).unwrap() -= least;
            sum += least;
        }
        open = rest;
    }
    sum
}

/// How much of the max-min throughput the model gives where each of 200 equal nodes has so many streams on average.
fn share_of_max_min(streams_each: u64) -> f64 {
    let lots = crate::lots::Lots::new(1);
    let links = vec![(100 * MBYTE, 100 * MBYTE); 200];
    let mut run = Run::new(&links);
    let draw = |name: &str, number| u32::try_from(lots.below(name, number, 200)).unwrap();
    let pairs: std::collections::BTreeSet<(u32, u32)> = (0..200 * streams_each)
        .map(|number| (draw("from", number), draw("to", number)))
        .filter(|(from, to)| from != to)
        .collect();
    for (from, to) in &pairs {
        run.give(*from, *to, 0, u32::MAX);
    }
    run.settle();
    let sum: u64 = run.rates().values().sum();
    let pairs: Vec<_> = pairs.into_iter().collect();
    f64::from(u32::try_from(sum / 1000).unwrap()) * 1000.0 / max_min(&links, &pairs)
}

#[test]
fn the_error_against_max_min_is_what_the_module_says() {
    let shares = [2, 4, 8, 16, 32].map(share_of_max_min);
    assert!(shares.iter().all(|share| (0.97..=1.0).contains(share)), "{shares:.3?}");
}

proptest! {
    #[test]
    fn no_link_gives_more_than_it_has(
        links in proptest::collection::vec((1_000..9_000_000u64, 1_000..9_000_000u64), 2..7),
        gifts in proptest::collection::vec((0..7u32, 0..7u32, 1..400_000u32, 0..300_000u64), 1..40),
    ) {
        let count = u32::try_from(links.len()).unwrap();
        let mut run = Run::new(&links);
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
