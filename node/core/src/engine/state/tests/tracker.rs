//! A seed's view of swarms beside plain sets of pairs.
use super::super::chance::Chance;
use super::super::tracker::Tracker;
use super::{id, peer};
use crate::engine::bounds::SWARMS_PER_MEMBER_MAX;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(u16, u16, u32),
    Gain(u16, u16, u32),
    Leave(u16, u16),
    Gone(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let (swarm, who, count) = (0_u16..4, 0_u16..5, 0_u32..9);
    prop_oneof![
        4 => (swarm.clone(), who.clone(), count.clone()).prop_map(|(swarm, who, n)| Step::Enter(swarm, who, n)),
        3 => (swarm.clone(), who.clone(), count).prop_map(|(swarm, who, n)| Step::Gain(swarm, who, n)),
        2 => (swarm, who.clone()).prop_map(|(swarm, who)| Step::Leave(swarm, who)),
        1 => who.prop_map(Step::Gone),
    ]
}

fn run(tracker: &mut Tracker, model: &mut BTreeMap<(u16, u16), u32>, step: Step) {
    match step {
        Step::Enter(swarm, who, have) => {
            assert!(tracker.enter(id(swarm), peer(who), have));
            model.insert((swarm, who), have);
        }
        Step::Gain(swarm, who, more) => {
            let have = model.get_mut(&(swarm, who)).map(|have| {
                *have += more;
                *have
            });
            assert_eq!(tracker.gain(&id(swarm), &peer(who), more), have);
        }
        Step::Leave(swarm, who) => {
            tracker.leave(&id(swarm), &peer(who));
            model.remove(&(swarm, who));
        }
        Step::Gone(who) => {
            tracker.gone(&peer(who));
            model.retain(|(_, member), _| *member != who);
        }
    }
}

fn check(tracker: &Tracker, model: &BTreeMap<(u16, u16), u32>) {
    let open: BTreeSet<_> = model.keys().map(|(swarm, _)| id(*swarm)).collect();
    assert!(tracker.manifests().eq(open.iter()), "a swarm without members is forgotten");
    for swarm in 0..4 {
        let of_swarm = || model.iter().filter(move |((of, _), _)| *of == swarm);
        assert!(tracker.members(&id(swarm)).eq(of_swarm().map(|((_, who), _)| peer(*who))));
        for count in [0, 1, 5, 20] {
            let holders = of_swarm().filter(|(_, have)| **have >= count).map(|((_, who), _)| peer(*who));
            assert_eq!(tracker.holders(&id(swarm), count), holders.collect::<Vec<_>>());
        }
    }
}

proptest! {
    #[test]
    fn members_are_those_that_entered_and_did_not_leave(steps in prop::collection::vec(step(), 0..60)) {
        let (mut tracker, mut model) = (Tracker::default(), BTreeMap::new());
        for step in steps {
            run(&mut tracker, &mut model, step);
            check(&tracker, &model);
        }
    }

    #[test]
    fn a_sample_is_as_large_as_it_can_be(members in 0_u16..40, count in 0_usize..20, except in 0_u16..50, seed: u64) {
        let mut tracker = Tracker::default();
        (0..members).for_each(|who| assert!(tracker.enter(id(1), peer(who * 1_000), 0)));
        let except = peer(except * 1_000);
        let picked = tracker.sample(&mut Chance::new(seed), &id(1), count, &except);
        let others: BTreeSet<_> = tracker.members(&id(1)).filter(|member| *member != except).collect();
        prop_assert!(picked.is_subset(&others));
        prop_assert_eq!(picked.len(), others.len().min(count));
    }
}

#[test]
fn a_member_in_too_many_swarms_may_still_speak_of_those_it_is_in() {
    let mut tracker = Tracker::default();
    let most = u16::try_from(SWARMS_PER_MEMBER_MAX).unwrap();
    (0..most).for_each(|swarm| assert!(tracker.enter(id(swarm), peer(1), 0)));
    assert!(!tracker.enter(id(most), peer(1), 0));
    assert_eq!(tracker.members(&id(most)).count(), 0, "what was refused is not counted");
    assert!(tracker.enter(id(3), peer(1), 7));
    assert_eq!(tracker.holders(&id(3), 7), [peer(1)]);
    assert!(tracker.enter(id(most), peer(2), 0), "others have room of their own");
    tracker.leave(&id(3), &peer(1));
    assert!(tracker.enter(id(most), peer(1), 0), "one left, one entered");
}

#[test]
fn a_count_of_chunks_does_not_overflow() {
    let mut tracker = Tracker::default();
    tracker.enter(id(1), peer(1), u32::MAX - 1);
    assert_eq!(tracker.gain(&id(1), &peer(1), 5), Some(u32::MAX));
}
