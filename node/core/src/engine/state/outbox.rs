//! What waits to go out, in order, and the credits that let messages go.
//!
//! A message counts against the bounds on bytes until it has left: its credit comes back then, in the order of the messages.
//! The first credits of a connection come while nothing is on its way.
use crate::PeerId;
use crate::engine::Output;
use crate::engine::bounds::{SEND_BYTES_ALL_MAX, SEND_BYTES_MAX, SEND_QUEUE_MAX};
use crate::message::Control;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Outputs in order; messages wait in one lane for each peer until the driver grants credit.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    ready: VecDeque<Output>,
    lanes: BTreeMap<PeerId, Lane>,
    clogged: BTreeSet<PeerId>,
    /// Of what waits, or is on its way, in all lanes.
    bytes: usize,
}

/// One peer's messages: the queue is empty whenever there is credit.
#[derive(Debug, Default)]
struct Lane {
    credit: u32,
    queue: VecDeque<(usize, Box<Control>)>,
    /// Bytes of each message that the driver was given and whose credit has not come back.
    away: VecDeque<usize>,
    /// Of what waits or is on its way.
    bytes: usize,
}

impl Outbox {
    /// Adds an output that needs no credit.
    pub(crate) fn push(&mut self, output: Output) {
        self.ready.push_back(output);
    }

    /// Opens the lane of a peer that has just connected: empty, without credit.
    pub(crate) fn open(&mut self, peer: PeerId) {
        self.close(&peer);
        self.lanes.insert(peer, Lane::default());
        self.clogged.remove(&peer);
    }

    /// Forgets a peer's lane and what waits in it.
    pub(crate) fn close(&mut self, peer: &PeerId) {
        let gone = self.lanes.remove(peer).map_or(0, |lane| lane.bytes);
        self.bytes = self.bytes.saturating_sub(gone);
        self.clogged.remove(peer);
    }

    /// Sends as soon as there is credit. Without a lane nothing is sent; a lane that is full marks its peer clogged.
    pub(crate) fn send(&mut self, peer: PeerId, message: Control) {
        let Some(lane) = self.lanes.get_mut(&peer) else { return };
        let (bytes, message) = (message.encoded_bytes(), Box::new(message));
        if lane.credit > 0 {
            lane.credit -= 1;
            lane.away.push_back(bytes);
            self.ready.push_back(Output::Send { peer, message });
        } else if lane.queue.len() < SEND_QUEUE_MAX && lane.bytes < SEND_BYTES_MAX {
            lane.queue.push_back((bytes, message));
        } else {
            self.clogged.insert(peer);
            return;
        }
        lane.bytes = lane.bytes.saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        self.clog_the_fullest();
    }

    /// When all lanes together are full, whoever has most of it does not read.
    fn clog_the_fullest(&mut self) {
        if self.bytes > SEND_BYTES_ALL_MAX {
            let fullest = self.lanes.iter().max_by_key(|(_, lane)| lane.bytes).map(|(peer, _)| *peer);
            self.clogged.extend(fullest);
        }
    }

    /// Lets so many more messages go to a peer.
    pub(crate) fn credit(&mut self, peer: PeerId, messages: u32) {
        let Some(lane) = self.lanes.get_mut(&peer) else { return };
        for _ in 0..messages {
            let Some(left) = lane.away.pop_front() else { break };
            lane.bytes = lane.bytes.saturating_sub(left);
            self.bytes = self.bytes.saturating_sub(left);
        }
        lane.credit = lane.credit.saturating_add(messages);
        while lane.credit > 0
            && let Some((bytes, message)) = lane.queue.pop_front()
        {
            lane.credit -= 1;
            lane.away.push_back(bytes);
            self.ready.push_back(Output::Send { peer, message });
        }
    }

    /// Messages that wait for credit, of all lanes.
    pub(crate) fn waiting(&self) -> u64 {
        let waiting: usize = self.lanes.values().map(|lane| lane.queue.len()).sum();
        u64::try_from(waiting).unwrap_or(u64::MAX)
    }

    /// The next output.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    /// A peer that does not read what is sent to it, once.
    pub(crate) fn take_clogged(&mut self) -> Option<PeerId> {
        self.clogged.pop_first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DropReason;
    use crate::{ManifestId, PublicKey};

    fn peer(n: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([n; 32]))
    }

    fn leave(n: u8) -> Control {
        Control::Leave { manifest: ManifestId::from_bytes([n; 32]) }
    }

    fn sent(outbox: &mut Outbox) -> Vec<Control> {
        let mut all = Vec::new();
        while let Some(output) = outbox.pop() {
            if let Output::Send { message, .. } = output {
                all.push(*message);
            }
        }
        all
    }

    #[test]
    fn who_does_not_read_long_messages_is_clogged_by_their_bytes() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        let long = || {
            let yank = crate::Envelope {
                payload_type: String::new(),
                payload: vec![0; 300_000],
                signatures: Vec::new(),
            };
            Control::Papers { papers: crate::Papers { yanks: vec![yank], ..crate::Papers::default() } }
        };
        let sent_until_clogged = |outbox: &mut Outbox| {
            (0..SEND_QUEUE_MAX).position(|_| {
                outbox.send(peer(1), long());
                outbox.take_clogged().is_some()
            })
        };
        let fit = sent_until_clogged(&mut outbox).expect("long before there are many");
        assert!((SEND_BYTES_MAX / 300_000..SEND_BYTES_MAX / 300_000 + 2).contains(&fit), "{fit}");
        outbox.credit(peer(1), 50);
        assert_eq!(sent_until_clogged(&mut outbox), Some(0), "what is on its way takes memory as well");
        outbox.credit(peer(1), 50);
        assert_eq!(sent_until_clogged(&mut outbox), Some(50), "what has left makes room");
    }

    #[test]
    fn the_fullest_goes_when_all_together_wait_for_too_much() {
        let mut outbox = Outbox::default();
        let yank = crate::Envelope {
            payload_type: String::new(),
            payload: vec![0; 300_000],
            signatures: Vec::new(),
        };
        let long =
            Control::Papers { papers: crate::Papers { yanks: vec![yank; 10], ..crate::Papers::default() } };
        outbox.open(peer(200));
        for _ in 0..8 {
            outbox.send(peer(200), long.clone());
        }
        let others = u8::try_from(SEND_BYTES_ALL_MAX / 18_000_000 + 2).unwrap();
        for other in 0..others {
            outbox.open(peer(other));
            (0..6).for_each(|_| outbox.send(peer(other), long.clone()));
        }
        assert_eq!(outbox.take_clogged(), Some(peer(200)));
        let waiting = outbox.bytes;
        outbox.close(&peer(200));
        assert!(outbox.bytes < waiting);
        (0..others).for_each(|other| outbox.close(&peer(other)));
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn what_is_on_its_way_counts_until_its_credit_comes_back() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        outbox.credit(peer(1), 2);
        (1..=3).for_each(|n| outbox.send(peer(1), leave(n)));
        assert_eq!(sent(&mut outbox), [leave(1), leave(2)]);
        let one = leave(1).encoded_bytes();
        assert_eq!(outbox.bytes, 3 * one);
        outbox.credit(peer(1), 1);
        assert_eq!((sent(&mut outbox), outbox.bytes), (vec![leave(3)], 2 * one));
        outbox.credit(peer(1), 2);
        assert_eq!(outbox.bytes, 0);
        outbox.send(peer(1), leave(4));
        outbox.close(&peer(1));
        assert_eq!(outbox.bytes, 0, "nor does it outlive its connection");
    }

    #[test]
    fn nothing_is_sent_without_credit() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        outbox.send(peer(1), leave(1));
        outbox.send(peer(1), leave(2));
        assert!(sent(&mut outbox).is_empty());
        outbox.credit(peer(1), 1);
        assert_eq!(sent(&mut outbox), [leave(1)]);
        outbox.credit(peer(1), 5);
        assert_eq!(sent(&mut outbox), [leave(2)]);
        outbox.send(peer(1), leave(3));
        assert_eq!(sent(&mut outbox), [leave(3)], "credit that is left over is kept");
    }

    #[test]
    fn one_peer_without_credit_holds_up_no_other() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        outbox.open(peer(2));
        outbox.send(peer(1), leave(1));
        outbox.credit(peer(2), 1);
        outbox.send(peer(2), leave(2));
        assert_eq!(sent(&mut outbox), [leave(2)]);
    }

    #[test]
    fn a_peer_that_never_reads_is_reported_once_and_its_queue_stays_bounded() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        for _ in 0..SEND_QUEUE_MAX + 10 {
            outbox.send(peer(1), leave(1));
        }
        assert_eq!(outbox.take_clogged(), Some(peer(1)));
        assert_eq!(outbox.take_clogged(), None);
        outbox.credit(peer(1), u32::MAX);
        assert_eq!(sent(&mut outbox).len(), SEND_QUEUE_MAX);
    }

    #[test]
    fn what_waits_for_a_peer_that_is_gone_is_dropped() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        outbox.send(peer(1), leave(1));
        outbox.close(&peer(1));
        outbox.credit(peer(1), 9);
        outbox.send(peer(1), leave(2));
        assert!(sent(&mut outbox).is_empty());
        outbox.open(peer(1));
        outbox.send(peer(1), leave(3));
        assert!(sent(&mut outbox).is_empty(), "a new connection begins without credit");
    }

    #[test]
    fn other_outputs_keep_their_order() {
        let mut outbox = Outbox::default();
        outbox.open(peer(1));
        outbox.credit(peer(1), 1);
        outbox.send(peer(1), leave(1));
        outbox.push(Output::Disconnect { peer: peer(1), why: DropReason::Junk });
        assert!(matches!(outbox.pop(), Some(Output::Send { .. })));
        assert!(matches!(outbox.pop(), Some(Output::Disconnect { .. })));
    }
}
