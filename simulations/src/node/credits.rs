//! The driver's books: what an engine was granted and has spent. An engine that spends more breaks a promise.

use crate::numbered::NodeNo;
use pollux_core::engine::Credit;
use std::collections::BTreeMap;

/// Messages to a peer for which credit is granted together: a quarter of what it begins with.
const SENDS_GRANTED: u32 = 16;

/// Credits that are left. There is one job for each node.
#[derive(Debug, Default)]
pub(crate) struct Credits {
    pub(crate) checks: u64,
    pub(crate) writes: u64,
    pub(crate) reads: u64,
    pub(crate) deliver: u64,
    pub(crate) sends: BTreeMap<NodeNo, u64>,
    /// Messages sent since credit was granted for them last.
    sent: BTreeMap<NodeNo, u32>,
    /// Peers that are to be granted credit.
    due: Vec<NodeNo>,
    /// Bytes delivered since then.
    taken: u32,
}

/// An output without credit for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overdrawn;

/// Takes so much off, if it is there.
pub(crate) fn spend(left: &mut u64, amount: u64) -> Result<(), Overdrawn> {
    *left = left.checked_sub(amount).ok_or(Overdrawn)?;
    Ok(())
}

impl Credits {
    /// Notes a grant. `Send` is noted by [`Self::open`] and [`Self::take_sent`].
    pub(crate) fn grant(&mut self, credit: &Credit) {
        match credit {
            Credit::Send { .. } => {}
            Credit::Checks(count) => self.checks += u64::from(*count),
            Credit::Writes(count) => self.writes += u64::from(*count),
            Credit::Reads(count) => self.reads += u64::from(*count),
            Credit::Deliver { bytes, .. } => self.deliver += u64::from(*bytes),
        }
    }

    /// A connection is up, with room for so many messages.
    pub(crate) fn open(&mut self, peer: NodeNo, messages: u32) {
        self.sends.insert(peer, u64::from(messages));
    }

    /// It is gone.
    pub(crate) fn close(&mut self, peer: NodeNo) {
        self.sends.remove(&peer);
        self.sent.remove(&peer);
    }

    pub(crate) fn check(&mut self) -> Result<(), Overdrawn> {
        spend(&mut self.checks, 1)
    }

    pub(crate) fn write(&mut self) -> Result<(), Overdrawn> {
        spend(&mut self.writes, 1)
    }

    pub(crate) fn read(&mut self) -> Result<(), Overdrawn> {
        spend(&mut self.reads, 1)
    }

    /// A chunk is delivered; its job takes it at once.
    pub(crate) fn deliver(&mut self, bytes: u32) -> Result<(), Overdrawn> {
        self.taken = self.taken.saturating_add(bytes);
        spend(&mut self.deliver, u64::from(bytes))
    }

    /// A message is sent; it leaves at once. Credit is granted for several together.
    pub(crate) fn send(&mut self, peer: NodeNo) -> Result<(), Overdrawn> {
        let left = self.sends.get_mut(&peer).ok_or(Overdrawn)?;
        let sent = self.sent.entry(peer).or_default();
        *sent += 1;
        if *sent >= SENDS_GRANTED {
            self.due.push(peer);
        }
        spend(left, 1)
    }

    /// Bytes that the job took and was not granted credit for again.
    pub(crate) fn take_delivered(&mut self) -> Option<u32> {
        let taken = core::mem::take(&mut self.taken);
        (taken > 0).then_some(taken)
    }

    /// A peer to whom several messages left, and how many; it is granted so many more.
    pub(crate) fn take_sent(&mut self) -> Option<(NodeNo, u32)> {
        while let Some(peer) = self.due.pop() {
            let (Some(count), Some(left)) = (self.sent.remove(&peer), self.sends.get_mut(&peer)) else {
                continue;
            };
            *left += u64::from(count);
            return Some((peer, count));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::engine::JobId;

    #[test]
    fn nothing_is_spent_twice() {
        let mut credits = Credits::default();
        assert_eq!(credits.check(), Err(Overdrawn));
        credits.grant(&Credit::Checks(1));
        assert_eq!((credits.check(), credits.check()), (Ok(()), Err(Overdrawn)));
        credits.grant(&Credit::Deliver { job: JobId(1), bytes: 10 });
        assert_eq!((credits.deliver(6), credits.deliver(6)), (Ok(()), Err(Overdrawn)));
        assert_eq!(credits.take_delivered(), Some(12));
        assert_eq!(credits.take_delivered(), None);
    }

    #[test]
    fn messages_are_counted_for_each_peer() {
        let mut credits = Credits::default();
        let (one, other) = (NodeNo(1), NodeNo(2));
        assert_eq!(credits.send(one), Err(Overdrawn), "not connected");
        credits.open(one, 2);
        credits.open(other, 1);
        assert_eq!(
            (credits.send(one), credits.send(one), credits.send(one)),
            (Ok(()), Ok(()), Err(Overdrawn))
        );
        assert_eq!(credits.send(other), Ok(()));
        assert_eq!(credits.take_sent(), None, "not many yet");
        credits.close(other);
        assert_eq!(credits.send(other), Err(Overdrawn));
    }

    #[test]
    fn credit_is_granted_again_for_several_messages_together() {
        let mut credits = Credits::default();
        let (one, other) = (NodeNo(1), NodeNo(2));
        for peer in [one, other] {
            credits.open(peer, 64);
            assert!((0..20).all(|_| credits.send(peer).is_ok()));
        }
        credits.close(other);
        assert_eq!((credits.take_sent(), credits.take_sent()), (Some((one, 20)), None));
        assert!((0..64).all(|_| credits.send(one).is_ok()), "it has what it began with");
        assert_eq!(credits.send(one), Err(Overdrawn));
    }
}
