//! The network: what chunks share, as a fluid.
//!
//! Every node has an uplink and a downlink. A node gives to another on one ordered stream, one frame after the other,
//! as a bulk connection does; a stream is active while a frame is on it. At any moment a stream from `p` to `q` flows at
//!
//! ```text
//! rate = min(up(p) / active streams leaving p, down(q) / active streams entering q)      bytes/s, rounded down
//! ```
//!
//! which changes only when a stream becomes active or idle at one of its two ends. So the cost of a change is the
//! streams of two nodes, whatever the size of the crowd. Latency is added by whoever uses the network: the time in
//! which a frame's last byte left is computed here, when it arrives is that plus the latency.
//!
//! # Its error
//!
//! The shares are equal, not max-min fair: what a stream cannot use because its other end is busier stays unused.
//! The model never gives more than a link has. On random crowds of equal nodes with 2 to 32 streams each way it gives
//! 88 to 92 % of the throughput that max-min fairness would (a test holds it there); with one shared bottleneck, all
//! of it. Real flows are somewhere between. So results are on the slow side, and the fluid bound cannot be beaten.
//! Control messages take latency only and no rate; losses, slow start and CPU are not modelled.

mod end;
mod stream;

use crate::numbered::{NodeNo, Numbered, StreamNo};
use end::End;
use pollux_core::Instant;
use pollux_core::engine::AskId;
use std::collections::BTreeMap;
use stream::Stream;

/// Bytes each second, each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) up: u64,
    pub(crate) down: u64,
}

/// A chunk's frame on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameOut {
    /// Names it for the giver.
    pub(crate) ask: AskId,
    pub(crate) bytes: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Network {
    ends: Numbered<NodeNo, End>,
    streams: Numbered<StreamNo, Stream>,
    by_pair: BTreeMap<(NodeNo, NodeNo), StreamNo>,
    wakes: Vec<(Instant, StreamNo)>,
}

impl Network {
    /// Adds a node; nodes are numbered in the order in which they are added.
    pub(crate) fn add(&mut self, link: Link) -> NodeNo {
        self.ends.push(End::new(link))
    }

    /// Puts a frame on the stream from one node to another, behind what is on it.
    pub(crate) fn give(&mut self, now: Instant, (from, to): (NodeNo, NodeNo), frame: FrameOut) {
        let no = self.stream(from, to);
        let stream = self.streams.at_mut(no);
        stream.push(frame);
        if !stream.is_active() {
            stream.start(now);
            self.activate(now, no);
        }
    }

    /// Whom a stream leads from and to.
    pub(crate) fn pair(&self, no: StreamNo) -> (NodeNo, NodeNo) {
        let stream = self.streams.at(no);
        (stream.from, stream.to)
    }

    /// A wake-up that [`Self::take_wakes`] asked for: the frame that has just left, if one has.
    pub(crate) fn wake(&mut self, now: Instant, no: StreamNo) -> Option<FrameOut> {
        let stream = self.streams.at_mut(no);
        if stream.due != now {
            return None;
        }
        stream.due = Instant::NEVER;
        stream.advance(now);
        let left = stream.pop_finished();
        if stream.is_active() {
            self.schedule(now, no);
        } else {
            self.deactivate(now, no);
        }
        left
    }

    /// Drops what is on the stream from one node to another, with the frame that is under way.
    pub(crate) fn drop_stream(&mut self, now: Instant, from: NodeNo, to: NodeNo) {
        let Some(&no) = self.by_pair.get(&(from, to)) else { return };
        let stream = self.streams.at_mut(no);
        if stream.is_active() {
            stream.clear();
            self.deactivate(now, no);
        }
    }

    /// When [`Self::wake`] is to be called for which streams, since this was called last. A stream may be named more
    /// than once; all but the wake-up at its present due time are ignored.
    pub(crate) fn take_wakes(&mut self) -> impl Iterator<Item = (Instant, StreamNo)> {
        self.wakes.drain(..)
    }

    fn stream(&mut self, from: NodeNo, to: NodeNo) -> StreamNo {
        let streams = &mut self.streams;
        *self.by_pair.entry((from, to)).or_insert_with(|| streams.push(Stream::new(from, to)))
    }

    fn activate(&mut self, now: Instant, no: StreamNo) {
        let (from, to) = self.pair(no);
        self.ends.at_mut(from).leaving.insert(no);
        self.ends.at_mut(to).entering.insert(no);
        self.share(now, from, to);
    }

    fn deactivate(&mut self, now: Instant, no: StreamNo) {
        let (from, to) = self.pair(no);
        self.ends.at_mut(from).leaving.remove(no);
        self.ends.at_mut(to).entering.remove(no);
        self.share(now, from, to);
    }

    /// Gives every stream that leaves `from` or enters `to` its rate anew.
    fn share(&mut self, now: Instant, from: NodeNo, to: NodeNo) {
        let up = self.ends.at(from).up_share();
        for &no in self.ends.at(from).leaving.iter() {
            let other = self.streams.at(no).to;
            let rate = up.min(self.ends.at(other).down_share());
            set_rate(&mut self.streams, &mut self.wakes, now, (no, rate));
        }
        let down = self.ends.at(to).down_share();
        for &no in self.ends.at(to).entering.iter() {
            let other = self.streams.at(no).from;
            let rate = down.min(self.ends.at(other).up_share());
            set_rate(&mut self.streams, &mut self.wakes, now, (no, rate));
        }
    }

    fn schedule(&mut self, now: Instant, no: StreamNo) {
        let stream = self.streams.at_mut(no);
        let finish = stream.finish(now);
        if finish < stream.due {
            stream.due = finish;
            self.wakes.push((finish, no));
        }
    }
}

/// A stream that got slower keeps its wake-up, and is asked to wait on when that comes; one that got faster needs an
/// earlier one.
fn set_rate(
    streams: &mut Numbered<StreamNo, Stream>,
    wakes: &mut Vec<(Instant, StreamNo)>,
    now: Instant,
    (no, rate): (StreamNo, u64),
) {
    let stream = streams.at_mut(no);
    if stream.rate == rate {
        return;
    }
    stream.advance(now);
    stream.rate = rate;
    let finish = stream.finish(now);
    if finish < stream.due {
        stream.due = finish;
        wakes.push((finish, no));
    }
}

#[cfg(test)]
mod tests;
