//! The network: what chunks share, as a fluid.
//!
//! A node gives to another on one ordered stream, one frame after the other, as a bulk connection does; a stream is
//! active while a frame is on it. It crosses the uplink of the one and the downlink of the other, and links of zones
//! between them. What flows on it is what max-min fairness gives: on the link that holds it up, no stream has more than
//! it has. Latency is added by whoever uses the network: the time in which a frame's last byte left is computed here,
//! when it arrives is that plus the latency.
//!
//! # How it is found
//!
//! Each link has a level: what each stream has there that could use more. A stream's rate is the least level on its
//! way. When a stream becomes active or idle, the links that it crosses are shared anew, by filling up with what their
//! streams can use elsewhere. Other links, whose streams have changed with that by more than a small part of what the
//! link carries, are shared anew [`SETTLE`] later, all at once, and so on from there until nothing changes. No rate
//! is raised beyond what is free on every link of its way, so that no link ever gives more than it has, and nothing
//! beats the fluid bound.
//!
//! # Its error
//!
//! Between a change far away and the moment when it is heard of, a few times [`SETTLE`], a stream has less than its
//! fair share. A test holds settled crowds of equal nodes to within a few per cent of exact max-min fairness.
//! A scenario of few nodes may say `sharing = "exact"`: then all links are shared anew at the very moment of each change, by
//! filling (`exact`). That is the check of all this. Each change costs more the more streams there are: a crowd of 120 takes
//! 1.6 times the CPU, one of 16 about the same.
//!
//! Control messages take latency only and no rate; losses, slow start and CPU are not modelled. A rate is what TCP carries,
//! which is 0.956 of a link with frames of 1,500 bytes.
//!
//! `calibrate` of the tests measures the error against real daemons, and what it found comes along with every report. Of
//! sixteen nodes the times are 3 to 15 per cent too short, p50 least; bytes from peers are within 1.5, from the seed within
//! 14. What the model lacks: a real link carries 11 per cent more than this one, acknowledgements, what is sent again, and the
//! part of a reply that had set off when it was taken back; and TCP shares one queue unevenly. Shares by what arrives were
//! tried, and are farther off: five copies from a seed at four times the rate, where real daemons took 2.4 to 2.8 then and
//! max-min fairness 1.9.

mod exact;
mod link;
mod stream;
mod way;
mod zones;

use crate::numbered::{LinkNo, NodeNo, Numbered, StreamNo};
use crate::scenario::{Scenario, Sharing};
use core::time::Duration;
use link::Shared;
use pollux_core::Instant;
use pollux_core::engine::AskId;
use std::collections::BTreeMap;
use stream::Stream;
use way::Way;
use zones::Zones;

/// How soon links hear of what has changed elsewhere: a few round trips, as real flows need to notice.
const SETTLE: Duration = Duration::from_millis(2);
/// What may change on a link unheard, as a part of what it carries: this one.
const UNHEARD_PART: u64 = 32;

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

/// What is to be done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    /// A stream's frame may have left.
    Stream(StreamNo),
    /// Links hear of what has changed elsewhere.
    Settle,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Network {
    links: Numbered<LinkNo, Shared>,
    streams: Numbered<StreamNo, Stream>,
    by_pair: BTreeMap<(NodeNo, NodeNo), StreamNo>,
    wakes: Vec<(Instant, Wake)>,
    /** links to be shared anew */
    waiting: Vec<LinkNo>,
    settles: bool,
    /** scratch: what the streams of a link can use elsewhere */
    demands: Vec<u64>,
    nodes: Numbered<NodeNo, Ends>,
    zones: Zones,
    sharing: Sharing,
}

/// A node's own links, and where it is.
#[derive(Clone, Copy, Debug)]
struct Ends {
    up: LinkNo,
    down: LinkNo,
    zone: usize,
}

impl Network {
    /// The network of a scenario, without nodes.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut links = Numbered::default();
        let zones = Zones::new(scenario, &mut links);
        Self {
            links,
            streams: Numbered::default(),
            by_pair: BTreeMap::new(),
            wakes: Vec::new(),
            waiting: Vec::new(),
            settles: false,
            demands: Vec::new(),
            nodes: Numbered::default(),
            zones,
            sharing: scenario.sharing,
        }
    }

    /// Adds a node of a zone; nodes are numbered in the order in which they are added.
    pub(crate) fn add(&mut self, link: Link, zone: usize) -> NodeNo {
        let up = self.links.push(Shared::new(link.up));
        let down = self.links.push(Shared::new(link.down));
        self.nodes.push(Ends { up, down, zone })
    }

    /// Gives a node other links.
    pub(crate) fn change(&mut self, now: Instant, no: NodeNo, link: Link) {
        let Ends { up, down, .. } = *self.nodes.at(no);
        for (no, capacity) in [(up, link.up), (down, link.down)] {
            self.links.at_mut(no).capacity = capacity;
            self.share(now, no);
        }
        self.settle_later(now);
    }

    /// A node's own links.
    pub(crate) fn link(&self, no: NodeNo) -> Link {
        let ends = self.nodes.at(no);
        Link { up: self.links.at(ends.up).capacity, down: self.links.at(ends.down).capacity }
    }

    /// One way from one node to another.
    pub(crate) fn latency(&self, from: NodeNo, to: NodeNo) -> Duration {
        self.zones.latency(self.nodes.at(from).zone, self.nodes.at(to).zone)
    }

    /// Puts a frame on the stream from one node to another, behind what is on it.
    pub(crate) fn give(&mut self, now: Instant, (from, to): (NodeNo, NodeNo), frame: FrameOut) {
        let no = self.stream(from, to);
        let stream = self.streams.at_mut(no);
        stream.push(frame);
        if !stream.is_active() {
            stream.start(now);
            for link in self.way(no).iter() {
                self.links.at_mut(link).insert(no);
            }
            self.share_way(now, no);
        }
    }

    /// Takes a frame that has not set off from the stream from one node to another; whether it did.
    pub(crate) fn take_unbegun(&mut self, way: (NodeNo, NodeNo), ask: AskId) -> bool {
        self.by_pair.get(&way).is_some_and(|no| self.streams.at_mut(*no).take_unbegun(ask))
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

    /// Links hear of what has changed elsewhere.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.settles = false;
        if self.sharing == Sharing::Exact {
            return self.fill(now);
        }
        for link in core::mem::take(&mut self.waiting) {
            if self.links.at(link).waits {
                self.share(now, link);
            }
        }
        self.settle_later(now);
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

    /// When [`Self::wake`] and [`Self::settle`] are to be called, since this was called last. A stream may be named more
    /// than once; all but the wake-up at its present due time are ignored.
    pub(crate) fn take_wakes(&mut self) -> impl Iterator<Item = (Instant, Wake)> {
        self.wakes.drain(..)
    }

    fn stream(&mut self, from: NodeNo, to: NodeNo) -> StreamNo {
        if let Some(known) = self.by_pair.get(&(from, to)) {
            return *known;
        }
        let (one, other) = (*self.nodes.at(from), *self.nodes.at(to));
        let way = self.zones.way(one.zone, other.zone).into_iter();
        let way = [one.up].into_iter().chain(way).chain([other.down]).collect();
        let no = self.streams.push(Stream::new(from, to, way));
        self.by_pair.insert((from, to), no);
        no
    }

    /// The links that a stream crosses.
    fn way(&self, no: StreamNo) -> Way {
        self.streams.at(no).way
    }

    fn deactivate(&mut self, now: Instant, no: StreamNo) {
        let before = core::mem::take(&mut self.streams.at_mut(no).rate);
        for link in self.way(no).iter() {
            let link = self.links.at_mut(link);
            link.remove(no);
            link.change(before, 0);
        }
        self.share_way(now, no);
    }

    fn share_way(&mut self, now: Instant, no: StreamNo) {
        for link in self.way(no).iter() {
            self.share(now, link);
        }
        self.settle_later(now);
    }

    fn settle_later(&mut self, now: Instant) {
        if !self.settles && !self.waiting.is_empty() {
            self.settles = true;
            let wait = match self.sharing {
                Sharing::Settled => SETTLE,
                Sharing::Exact => Duration::ZERO,
            };
            self.wakes.push((now.after(wait), Wake::Settle));
        }
    }

    /// Shares all links anew, exactly.
    fn fill(&mut self, now: Instant) {
        for (stream, rate) in exact::rates(&self.links, &self.streams) {
            self.put_rate(now, stream, rate);
        }
        for link in core::mem::take(&mut self.waiting) {
            self.links.at_mut(link).waits = false;
        }
    }

    /// Shares a link anew; exactly, it is at the end of this moment, with all others.
    fn share(&mut self, now: Instant, no: LinkNo) {
        if self.sharing == Sharing::Exact {
            return self.wait(no);
        }
        let mut demands = core::mem::take(&mut self.demands);
        demands.clear();
        demands.extend(self.links.at(no).active().iter().map(|&stream| self.demand(stream, no)));
        let link = self.links.at_mut(no);
        let level = link::level(link.capacity, &demands);
        link.level = level;
        // Who gets less goes first, so that it is free for those who get more.
        self.set_rates(now, (no, level), &demands, |fair, rate| fair < rate);
        self.set_rates(now, (no, level), &demands, |fair, rate| fair > rate);
        let link = self.links.at_mut(no);
        (link.stale, link.waits) = (0, false);
        self.demands = demands;
    }

    /// Gives those streams of a link their fair rates whose fair rate and rate are so.
    fn set_rates(
        &mut self,
        now: Instant,
        (link, level): (LinkNo, u64),
        demands: &[u64],
        these: impl Fn(u64, u64) -> bool,
    ) {
        for (place, &demand) in demands.iter().enumerate() {
            let Some(&stream) = self.links.at(link).active().get(place) else { break };
            let fair = level.min(demand);
            if these(fair, self.streams.at(stream).rate) {
                self.set_rate(now, stream, fair);
            }
        }
    }

    /// What a stream could use of a link: the least of the others on its way.
    fn demand(&self, stream: StreamNo, except: LinkNo) -> u64 {
        let way = self.way(stream);
        let others = way.iter().filter(|link| *link != except);
        others.map(|link| self.ceiling(link)).min().unwrap_or(u64::MAX)
    }

    fn ceiling(&self, link: LinkNo) -> u64 {
        let link = self.links.at(link);
        link.level.min(link.capacity).max(1)
    }

    /// Gives a stream a rate, or as much more as is free on its way.
    fn set_rate(&mut self, now: Instant, no: StreamNo, fair: u64) {
        let (way, before) = (self.way(no), self.streams.at(no).rate);
        let mut rate = fair;
        for link in way.iter() {
            let most = before.saturating_add(self.links.at(link).slack());
            if most < fair {
                self.wait(link);
            }
            rate = rate.min(most);
        }
        self.put_rate(now, no, rate);
    }

    /// A stream has a rate. One that got slower keeps its wake-up, and is asked to wait on when that comes; one that got
    /// faster needs an earlier one.
    fn put_rate(&mut self, now: Instant, no: StreamNo, rate: u64) {
        let before = self.streams.at(no).rate;
        if rate == before {
            return;
        }
        for link in self.way(no).iter() {
            let shared = self.links.at_mut(link);
            shared.change(before, rate);
            if shared.stale > shared.capacity / UNHEARD_PART {
                self.wait(link);
            }
        }
        let stream = self.streams.at_mut(no);
        stream.advance(now);
        stream.rate = rate;
        self.schedule(now, no);
    }

    /// A link is to be shared anew.
    fn wait(&mut self, no: LinkNo) {
        let link = self.links.at_mut(no);
        if !core::mem::replace(&mut link.waits, true) {
            self.waiting.push(no);
        }
    }

    fn schedule(&mut self, now: Instant, no: StreamNo) {
        let stream = self.streams.at_mut(no);
        let finish = stream.finish(now);
        if finish < stream.due {
            stream.due = finish;
            self.wakes.push((finish, Wake::Stream(no)));
        }
    }
}

#[cfg(test)]
mod tests;
