//! What is waited for comes when it is due, in order, and what is disarmed never.
use super::super::slab::PeerNo;
use super::super::timers::{Timer, Timers};
use crate::Instant;
use crate::engine::FetchId;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug)]
enum Step {
    Arm(u64, Timer),
    Disarm(u64, Timer),
    Advance(u64),
}

fn timer() -> impl Strategy<Value = Timer> {
    prop_oneof![
        (0_u64..3).prop_map(|fetch| Timer::Fetch(FetchId(fetch))),
        (0_u32..3).prop_map(|peer| Timer::Peer(PeerNo::from(peer))),
        Just(Timer::News),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..60, timer()).prop_map(|(at, timer)| Step::Arm(at, timer)),
        2 => (0_u64..60, timer()).prop_map(|(at, timer)| Step::Disarm(at, timer)),
        2 => (0_u64..20).prop_map(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn comes_in_order_whatever_is_armed_and_disarmed(steps in prop::collection::vec(step(), 0..60)) {
        let (mut timers, mut model, mut now) = (Timers::default(), BTreeSet::new(), 0);
        for step in steps {
            match step {
                Step::Arm(at, timer) => {
                    timers.arm(Instant::from_micros(at), timer);
                    model.insert((at, timer));
                }
                Step::Disarm(at, timer) => {
                    timers.disarm(Instant::from_micros(at), timer);
                    model.remove(&(at, timer));
                }
                Step::Advance(by) => {
                    now += by;
                    let came: Vec<_> =
                        core::iter::from_fn(|| timers.take_due(Instant::from_micros(now))).take(100).collect();
                    let due: Vec<_> = model.extract_if(.., |(at, _)| *at <= now).map(|(_, timer)| timer).collect();
                    prop_assert_eq!(came, due);
                }
            }
            prop_assert_eq!(timers.next(), model.first().map(|(at, _)| Instant::from_micros(*at)));
        }
    }
}
