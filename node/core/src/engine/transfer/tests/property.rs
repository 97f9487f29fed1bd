//! Random peers, credits, failures and departures. The world checks every output; here, what must hold at the end.
use super::world::*;
use crate::ChunkRef;
use crate::engine::{Credit, FetchFailure, JobId, StoreFailure};
use crate::message::Decline;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Run(u64),
    Peer(u8, Manner, bool, core::ops::Range<u32>),
    Gone(u8),
    Has(u8, core::ops::Range<u32>),
    Job(u64, core::ops::Range<usize>),
    Pull(u64, core::ops::Range<usize>),
    LeaveJob(u64),
    LeavePull(u64),
    Credit(u64, u32),
    Refuse(Option<StoreFailure>),
    Lose(usize),
    Hold(usize),
    Ask(u8, usize),
    Close,
}

const COUNT: u32 = 40;

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![
        4 => (500_u64..50_000).prop_map(Manner::Honest),
        1 => (500_u64..2_000_000).prop_map(Manner::Honest),
        1 => (500_u64..50_000).prop_map(Manner::Junk),
        1 => Just(Manner::Silent),
        1 => Just(Manner::Fails(FetchFailure::Declined(Decline::Missing))),
        1 => Just(Manner::Fails(FetchFailure::Declined(Decline::Busy))),
        1 => Just(Manner::Fails(FetchFailure::Broken)),
        1 => Just(Manner::Fails(FetchFailure::TooLong)),
    ]
}

fn span() -> impl Strategy<Value = core::ops::Range<u32>> {
    (0..COUNT, 1..=COUNT).prop_map(|(from, length)| from..(from + length).min(COUNT + 5))
}

fn indices() -> impl Strategy<Value = core::ops::Range<usize>> {
    (0_usize..40, 1_usize..40).prop_map(|(from, length)| from..(from + length).min(40))
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..3_000_000).prop_map(Step::Run),
        5 => (1_u8..8, manners(), any::<bool>(), span()).prop_map(|(n, m, seed, has)| Step::Peer(n, m, seed, has)),
        1 => (1_u8..8).prop_map(Step::Gone),
        2 => (1_u8..8, span()).prop_map(|(n, has)| Step::Has(n, has)),
        4 => (0_u64..4, indices()).prop_map(|(n, which)| Step::Job(n, which)),
        2 => (0_u64..3, indices()).prop_map(|(n, which)| Step::Pull(n, which)),
        1 => (0_u64..4).prop_map(Step::LeaveJob),
        1 => (0_u64..3).prop_map(Step::LeavePull),
        5 => (0_u64..4, 1_u32..3000).prop_map(|(n, bytes)| Step::Credit(n, bytes)),
        1 => prop::option::of(Just(StoreFailure::Full)).prop_map(Step::Refuse),
        1 => (0_usize..40).prop_map(Step::Lose),
        1 => (0_usize..40).prop_map(Step::Hold),
        1 => (1_u8..9, 0_usize..40).prop_map(|(n, which)| Step::Ask(n, which)),
        1 => Just(Step::Close),
    ]
}

/// A world, and what its jobs asked for in the order in which each was told to.
struct Play {
    world: World,
    chunks: Vec<ChunkRef>,
    up: std::collections::BTreeSet<u8>,
    ask: u64,
}

impl Play {
    fn new(rng_seed: u64) -> Self {
        let (mut world, chunks) = World::with_swarm(rng_seed, COUNT - 1);
        // Swarm 2 lists half of the same chunks in another order.
        let half: Vec<ChunkRef> = chunks.iter().rev().step_by(2).copied().collect();
        world.transfer.open_swarm(manifest(2), &half, 0);
        Self { world, chunks, up: std::collections::BTreeSet::new(), ask: 0 }
    }

    fn play(&mut self, step: Step) {
        let world = &mut self.world;
        match step {
            Step::Run(micros) => world.run(micros),
            Step::Peer(n, manner, seed, has) => {
                if self.up.insert(n) {
                    world.up(n, manner, seed);
                }
                world.has(n, 1, has);
            }
            Step::Gone(n) => {
                self.up.remove(&n);
                world.gone(n);
            }
            Step::Has(n, has) => world.has(n, 2, has),
            Step::Job(n, which) => {
                world.transfer.want(world.now, job(n), manifest(1), &self.chunks[which], None);
            }
            Step::Pull(n, which) => {
                let from = self.up.first().map(|&n| peer(n));
                world.transfer.want(world.now, pull(n), manifest(1), &self.chunks[which], from);
            }
            Step::LeaveJob(n) => {
                world.job_credit.remove(&JobId(n));
                world.leave(job(n));
            }
            Step::LeavePull(n) => world.leave(pull(n)),
            Step::Credit(n, bytes) => world.grant(Credit::Deliver { job: JobId(n), bytes }),
            Step::Refuse(why) => world.refuses = why,
            Step::Lose(which) => world.lose(self.chunks[which]),
            // A chunk that is just being kept would be written twice by a real upload too: not what is tested here.
            Step::Hold(which) if world.live.is_empty() => world.hold(&self.chunks[which..=which]),
            Step::Hold(_) => {}
            Step::Ask(n, which) => {
                self.ask += 1;
                world.ask(self.ask, n, self.chunks[which]);
            }
            Step::Close => world.transfer.close_swarm(manifest(2)),
        }
        self.world.drain();
    }

    /// Takes whatever comes until nothing is waited for.
    fn finish(&mut self) {
        for n in 0..4 {
            self.world.grant(Credit::Deliver { job: JobId(n), bytes: 1 << 20 });
        }
        self.world.settle();
    }
}

fn trace(rng_seed: u64, steps: &[Step]) -> Vec<String> {
    let mut play = Play::new(rng_seed);
    play.world.trace = Some(Vec::new());
    steps.iter().for_each(|step| play.play(step.clone()));
    play.finish();
    play.world.trace.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everything_ends_and_nothing_is_left(rng_seed in any::<u64>(), steps in prop::collection::vec(steps(), 1..40)) {
        let mut play = Play::new(rng_seed);
        steps.into_iter().for_each(|step| play.play(step));
        play.finish();
        let world = &play.world;
        prop_assert!(world.live.is_empty(), "a fetch leaked");
        prop_assert_eq!(world.transfer.fetches(), 0);
        prop_assert!(world.transfer.timers.next().is_none());
        prop_assert!(world.transfer.wanters.values().all(|wants| {
            wants.outstanding.is_empty() && wants.live == 0 && wants.coming_bytes + wants.buffered_bytes == 0 && wants.lanes.is_empty()
        }), "{:?}", world.transfer.wanters);
        prop_assert!(world.transfer.busy.is_empty() && world.transfer.swarms.wanted().count() == 0);
        prop_assert!(play.chunks.iter().filter_map(|chunk| world.transfer.table.find(chunk)).all(|no| world.transfer.table.demand(no).is_none()));
    }

    #[test]
    fn each_want_is_answered_exactly_once(rng_seed in any::<u64>(), which in indices(), steps in prop::collection::vec(steps(), 0..30)) {
        let mut play = Play::new(rng_seed);
        let wanted: Vec<ChunkRef> = play.chunks[which].to_vec();
        play.world.transfer.want(play.world.now, job(77), manifest(1), &wanted, None);
        play.world.grant(Credit::Deliver { job: JobId(77), bytes: 1 << 20 });
        steps.into_iter().for_each(|step| play.play(step));
        play.finish();
        let failed = play.world.failures(job(77)).into_iter().map(|failure| failure.0);
        let mut answered: Vec<ChunkRef> = play.world.given_to(77).into_iter().chain(failed).collect();
        answered.sort();
        let mut expected = wanted;
        expected.sort();
        prop_assert_eq!(answered, expected);
        let all = play.world.failures(job(77)).is_empty();
        prop_assert_eq!(play.world.done(job(77)), usize::from(all));
    }

    #[test]
    fn one_rng_seed_gives_one_trace(rng_seed in any::<u64>(), steps in prop::collection::vec(steps(), 1..20)) {
        prop_assert_eq!(trace(rng_seed, &steps), trace(rng_seed, &steps));
    }

    #[test]
    fn one_honest_holder_is_enough(rng_seed in any::<u64>(), manners in prop::collection::vec(manners(), 0..6)) {
        let mut play = Play::new(rng_seed);
        for (n, manner) in (1..).zip(manners) {
            play.play(Step::Peer(n, manner, false, 0..COUNT));
        }
        play.play(Step::Peer(100, Manner::Honest(5_000), false, 0..COUNT));
        let chunks = play.chunks.clone();
        play.world.want(job(1), &chunks);
        play.world.run(60 * SECOND);
        prop_assert_eq!(play.world.done(job(1)), 1);
        prop_assert_eq!(play.world.given_to(1).len(), chunks.len());
        prop_assert_eq!(play.world.junk_from(100), 0);
    }
}
