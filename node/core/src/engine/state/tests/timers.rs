//! Alarms ring once each, in order of time, however they were set, moved and taken away.
use super::super::timers::Timers;
use super::at;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Step {
    Set(u8, u64),
    Clear(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6, 0_u64..40).prop_map(|(name, ahead)| Step::Set(name, ahead)),
        1 => (0_u8..6).prop_map(Step::Clear),
        2 => (0_u64..30).prop_map(Step::Advance),
    ]
}

/// The alarms that ring up to `now`, by time and then by name.
fn ring(model: &mut BTreeMap<u8, u64>, now: u64) -> Vec<u8> {
    let mut due: Vec<(u64, u8)> = model.iter().map(|(name, at)| (*at, *name)).collect();
    due.retain(|(at, _)| *at <= now);
    due.sort_unstable();
    model.retain(|_, at| *at > now);
    due.into_iter().map(|(_, name)| name).collect()
}

proptest! {
    #[test]
    fn alarms_ring_once_and_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let (mut timers, mut model, mut now) = (Timers::new(), BTreeMap::new(), 0);
        for step in steps {
            match step {
                Step::Set(name, ahead) => {
                    timers.set(name, at(now + ahead));
                    model.insert(name, now + ahead);
                }
                Step::Clear(name) => {
                    timers.clear(name);
                    model.remove(&name);
                }
                Step::Advance(by) => {
                    now += by;
                    let rung: Vec<u8> = core::iter::from_fn(|| timers.pop_due(at(now))).take(10).collect();
                    prop_assert_eq!(rung, ring(&mut model, now));
                }
            }
            prop_assert_eq!(timers.next(), model.values().min().copied().map(at));
        }
    }
}

#[test]
fn an_alarm_that_rang_may_be_set_for_the_same_moment_again() {
    let mut timers = Timers::new();
    timers.set('a', at(5));
    assert_eq!(timers.pop_due(at(5)), Some('a'), "due at its very moment");
    assert_eq!(timers.pop_due(at(5)), None);
    timers.set('a', at(5));
    assert_eq!(timers.pop_due(at(5)), Some('a'));
}

#[test]
fn two_names_may_ring_at_one_moment() {
    let mut timers = Timers::new();
    timers.set('b', at(5));
    timers.set('a', at(5));
    timers.clear('b');
    assert_eq!(timers.next(), Some(at(5)));
    assert_eq!((timers.pop_due(at(5)), timers.pop_due(at(5))), (Some('a'), None));
}
