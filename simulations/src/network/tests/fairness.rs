//! Rates are fair: settled within a few per cent, exact to the byte.
use super::*;

type Pair = (u32, u32);

/// The rates of max-min fairness, by filling: of all links the one with the least for each is settled first.
fn max_min(links: &[(u64, u64)], pairs: &[Pair]) -> BTreeMap<Pair, f64> {
    let mut rooms: BTreeMap<(bool, u32), f64> = BTreeMap::new();
    for (node, (up, down)) in (0u32..).zip(links) {
        rooms.insert((true, node), f64::from(u32::try_from(*up).unwrap()));
        rooms.insert((false, node), f64::from(u32::try_from(*down).unwrap()));
    }
    let (mut open, mut rates) = (pairs.to_vec(), BTreeMap::new());
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
            rates.insert((from, to), least);
        }
        open = rest;
    }
    rates
}

/// How much of the max-min throughput the model gives where each of 200 equal nodes has so many streams on average.
fn share_of_max_min(streams_each: u64) -> f64 {
    let lots = crate::lots::Lots::new(1);
    let links = vec![(100 * MBYTE, 100 * MBYTE); 200];
    let mut run = Run::new(&links);
    let draw = |name: &str, number| u32::try_from(lots.below(name, number, 200)).unwrap();
    let pairs: std::collections::BTreeSet<Pair> = (0..200 * streams_each)
        .map(|number| (draw("from", number), draw("to", number)))
        .filter(|(from, to)| from != to)
        .collect();
    for (from, to) in &pairs {
        run.give(*from, *to, 0, u32::MAX);
    }
    run.settle();
    let sum: u64 = run.rates().values().sum();
    let pairs: Vec<_> = pairs.into_iter().collect();
    let fair: f64 = max_min(&links, &pairs).values().sum();
    f64::from(u32::try_from(sum / 1000).unwrap()) * 1000.0 / fair
}

#[test]
fn the_error_against_max_min_is_what_the_module_says() {
    let shares = [2, 4, 8, 16, 32].map(share_of_max_min);
    assert!(shares.iter().all(|share| (0.97..=1.0).contains(share)), "{shares:.3?}");
}

#[test]
fn exactly_shared_a_stream_has_what_others_leave() {
    // The second node's downlink holds one up, so that the others have the rest of the uplink at once.
    let mut run = Run::sharing(Sharing::Exact, &[(9 * MBYTE, 1), (1, MBYTE), (1, 9 * MBYTE), (1, 9 * MBYTE)]);
    (1..4).for_each(|to| run.give(0, to, to.into(), 4_000_000));
    run.share_now();
    assert_eq!(run.rates(), BTreeMap::from([((0, 1), MBYTE), ((0, 2), 4 * MBYTE), ((0, 3), 4 * MBYTE)]));
    assert_eq!(run.all(), [(1_000_000, 2), (1_000_000, 3), (4_000_000, 1)]);
}

proptest! {
    #[test]
    fn exactly_shared_every_stream_has_its_rate_of_max_min(
        links in proptest::collection::vec((1_000..9_000_000u64, 1_000..9_000_000u64), 2..9),
        gifts in proptest::collection::btree_set((0..9u32, 0..9u32), 1..40),
        gone in any::<proptest::sample::Index>(),
    ) {
        let count = u32::try_from(links.len()).unwrap();
        let mut run = Run::sharing(Sharing::Exact, &links);
        let pairs = gifts.into_iter().map(|(from, to)| (from % count, to % count));
        let mut pairs: Vec<Pair> = pairs.filter(|(from, to)| from != to).collect();
        pairs.sort_unstable();
        pairs.dedup();
        for (from, to) in &pairs {
            run.give(*from, *to, 0, u32::MAX);
        }
        if !pairs.is_empty() {
            // One ends, and leaves its part to the others.
            let (from, to) = pairs.remove(gone.index(pairs.len()));
            run.network.drop_stream(run.now, NodeNo(from), NodeNo(to));
            run.collect();
        }
        run.share_now();
        let (rates, fair) = (run.rates(), max_min(&links, &pairs));
        prop_assert_eq!(rates.len(), pairs.len());
        for (pair, rate) in rates {
            let rate = f64::from(u32::try_from(rate).unwrap());
            // Each link rounds down once for each that it fills, and some are many links away.
            prop_assert!((rate - fair[&pair]).abs() < 64.0, "{pair:?}: {rate} and {}", fair[&pair]);
        }
    }
}
