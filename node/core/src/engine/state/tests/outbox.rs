//! Nothing goes out without credit, nothing overtakes, and nothing waits without bound.
use super::super::outbox::Outbox;
use super::{id, peer};
use crate::engine::bounds::SEND_QUEUE_MAX;
use crate::engine::{DropReason, Output};
use crate::message::Control;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy, Debug)]
enum Step {
    Open(u16),
    Close(u16),
    Send(u16),
    Credit(u16, u32),
    Other,
    Pop,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_u16..3;
    prop_oneof![
        1 => who.clone().prop_map(Step::Open),
        1 => who.clone().prop_map(Step::Close),
        8 => who.clone().prop_map(Step::Send),
        3 => (who, 0_u32..4).prop_map(|(peer, messages)| Step::Credit(peer, messages)),
        1 => Just(Step::Other),
        4 => Just(Step::Pop),
    ]
}

fn message(number: u16) -> Control {
    Control::Leave { manifest: id(number) }
}

/// What an output is: a numbered message to somebody, or something else.
type Seen = Option<(u16, u16)>;

#[derive(Default)]
struct Model {
    outbox: Outbox,
    lanes: BTreeMap<u16, (u32, VecDeque<u16>)>,
    ready: VecDeque<Seen>,
    messages: u16,
}

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Open(who) => {
                self.outbox.open(peer(who));
                self.lanes.insert(who, (0, VecDeque::new()));
            }
            Step::Close(who) => {
                self.outbox.close(&peer(who));
                self.lanes.remove(&who);
            }
            Step::Send(who) => self.send(who),
            Step::Credit(who, messages) => self.credit(who, messages),
            Step::Other => {
                self.outbox.push(Output::Disconnect { peer: peer(0), why: DropReason::Junk });
                self.ready.push_back(None);
            }
            Step::Pop => self.pop(),
        }
    }

    fn send(&mut self, who: u16) {
        self.messages += 1;
        self.outbox.send(peer(who), message(self.messages));
        if let Some((_, waiting)) = self.lanes.get_mut(&who) {
            waiting.push_back(self.messages);
        }
        self.flow(who);
    }

    fn credit(&mut self, who: u16, messages: u32) {
        self.outbox.credit(peer(who), messages);
        if let Some((credit, _)) = self.lanes.get_mut(&who) {
            *credit += messages;
        }
        self.flow(who);
    }

    /// Everything that has credit is ready, in the order in which it was sent.
    fn flow(&mut self, who: u16) {
        let Some((credit, waiting)) = self.lanes.get_mut(&who) else { return };
        while *credit > 0 && !waiting.is_empty() {
            *credit -= 1;
            self.ready.extend(waiting.pop_front().map(|number| Some((who, number))));
        }
    }

    fn pop(&mut self) {
        let seen = self.outbox.pop();
        match (seen, self.ready.pop_front()) {
            (None, None) | (Some(Output::Disconnect { .. }), Some(None)) => {}
            (Some(Output::Send { peer: to, message: what }), Some(Some((who, number)))) => {
                assert_eq!((to, *what), (peer(who), message(number)));
            }
            (seen, expected) => panic!("{seen:?} where {expected:?} was to come"),
        }
    }
}

proptest! {
    #[test]
    fn messages_go_in_order_and_only_with_credit(steps in prop::collection::vec(step(), 0..80)) {
        let mut model = Model::default();
        steps.into_iter().for_each(|step| model.run(step));
        while !model.ready.is_empty() {
            model.pop();
        }
        model.pop();
        prop_assert_eq!(model.outbox.take_clogged(), None, "so few messages clog nobody");
    }
}

#[test]
fn a_full_queue_is_no_clog_and_one_more_message_is() {
    let mut outbox = Outbox::default();
    outbox.open(peer(1));
    (0..SEND_QUEUE_MAX).for_each(|_| outbox.send(peer(1), message(1)));
    assert_eq!(outbox.take_clogged(), None);
    outbox.send(peer(1), message(2));
    assert_eq!(outbox.take_clogged(), Some(peer(1)));
}

#[test]
fn a_new_connection_is_not_blamed_for_the_last_ones_silence() {
    for close_first in [false, true] {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        (0..=SEND_QUEUE_MAX).for_each(|_| outbox.send(peer(1), message(1)));
        if close_first {
            outbox.close(&peer(1));
        } else {
            outbox.open(peer(1));
        }
        assert_eq!(outbox.take_clogged(), None, "closed first: {close_first}");
    }
}

#[test]
fn credit_does_not_overflow() {
    let mut outbox = Outbox::default();
    outbox.open(peer(1));
    outbox.credit(peer(1), u32::MAX);
    outbox.credit(peer(1), 1);
    outbox.send(peer(1), message(1));
    assert!(outbox.pop().is_some());
}
