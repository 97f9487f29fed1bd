//! Work under way: each answer once, to the work of its kind, and a peer's load is what it caused and not had back.
use super::super::tasks::{AfterLook, AfterOpen, AfterRecord, AfterSync, AfterVerify, OfferId, Tasks};
use super::{id, peer};
use crate::engine::TaskId;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Kinds of work, by number.
const KINDS: u8 = 5;

fn start(tasks: &mut Tasks, kind: u8, who: Option<u16>) -> TaskId {
    let who = who.map(peer);
    match kind {
        0 => tasks.start_verify(who, AfterVerify::Recovered(id(0))),
        1 => tasks.start_record(who, AfterRecord::Nothing),
        2 => tasks.start_sync(who, AfterSync::Offer(OfferId(1))),
        3 => tasks.start_look(who, AfterLook { manifest: id(1), serial: 1, start: 0, count: 1 }),
        _ => tasks.start_open(who, AfterOpen { manifest: id(1), serial: 1 }),
    }
}

fn take(tasks: &mut Tasks, kind: u8, task: TaskId) -> bool {
    match kind {
        0 => tasks.take_verify(task).is_some(),
        1 => tasks.take_record(task).is_some(),
        2 => tasks.take_sync(task).is_some(),
        3 => tasks.take_look(task).is_some(),
        _ => tasks.take_open(task).is_some(),
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Start(u8, Option<u16>),
    /// An answer of this kind to the task with this number, which may be of another kind, answered, or none.
    Take(u8, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..KINDS, prop::option::of(0_u16..3)).prop_map(|(kind, who)| Step::Start(kind, who)),
        (0..KINDS, 0_u64..30).prop_map(|(kind, task)| Step::Take(kind, task)),
    ]
}

proptest! {
    #[test]
    fn answers_and_loads_match_what_was_begun(steps in prop::collection::vec(step(), 0..60)) {
        let (mut tasks, mut open) = (Tasks::default(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Start(kind, who) => {
                    let task = start(&mut tasks, kind, who);
                    prop_assert!(open.insert(task, (kind, who)).is_none(), "a number that is in use");
                }
                Step::Take(kind, task) => {
                    let task = TaskId(task);
                    let is_open = open.get(&task).is_some_and(|(of, _)| *of == kind);
                    prop_assert_eq!(take(&mut tasks, kind, task), is_open);
                    if is_open {
                        open.remove(&task);
                    }
                }
            }
            for who in 0..3 {
                let caused = open.values().filter(|(_, by)| *by == Some(who)).count();
                prop_assert_eq!(usize::try_from(tasks.load(&peer(who))).ok(), Some(caused));
            }
        }
    }
}
