//! What one node gives to one other: frames, one after the other, at a rate that changes.
//!
//! Progress is counted in millionths of a byte, so that a rate in bytes each second times microseconds is exact.

use super::FrameOut;
use super::way::Way;
use crate::numbered::NodeNo;
use pollux_core::Instant;
use pollux_core::engine::AskId;
use std::collections::VecDeque;

const MILLIONTHS: u64 = 1_000_000;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) from: NodeNo,
    pub(super) to: NodeNo,
    pub(super) way: Way,
    /// Bytes each second; what it was before, while the stream is idle.
    pub(super) rate: u64,
    /// When a wake-up is asked for.
    pub(super) due: Instant,
    frames: VecDeque<FrameOut>,
    active: bool,
    /// Millionths of bytes of the first frame that have not left.
    left: u64,
    /// What flowed beyond the end of the last frame within its last microsecond; belongs to the next.
    surplus: u64,
    since: Instant,
}

impl Stream {
    pub(super) const fn new(from: NodeNo, to: NodeNo, way: Way) -> Self {
        Self {
            from,
            to,
            way,
            rate: 0,
            due: Instant::NEVER,
            frames: VecDeque::new(),
            active: false,
            left: 0,
            surplus: 0,
            since: Instant::ZERO,
        }
    }

    pub(super) fn push(&mut self, frame: FrameOut) {
        self.frames.push_back(frame);
    }

    /// Whether a frame is under way. One that waits before [`Self::start`] does not count.
    pub(super) const fn is_active(&self) -> bool {
        self.active
    }

    /// The first frame sets off; from now on time counts.
    pub(super) fn start(&mut self, now: Instant) {
        (self.since, self.surplus, self.rate) = (now, 0, 0);
        self.begin_frame();
    }

    fn begin_frame(&mut self) {
        let Some(frame) = self.frames.front() else {
            (self.active, self.left) = (false, 0);
            return;
        };
        let all = u64::from(frame.bytes).saturating_mul(MILLIONTHS);
        let used = self.surplus.min(all);
        (self.active, self.left) = (true, all - used);
        self.surplus -= used;
    }

    /// Lets time pass at the present rate.
    pub(super) fn advance(&mut self, now: Instant) {
        let micros = u64::try_from(now.since(self.since).as_micros()).unwrap_or(u64::MAX);
        let flowed = self.rate.saturating_mul(micros);
        self.since = now;
        self.surplus = self.surplus.saturating_add(flowed.saturating_sub(self.left));
        self.left = self.left.saturating_sub(flowed);
    }

    /// After [`Self::advance`]: the first frame, if all of it has left; the next one sets off.
    pub(super) fn pop_finished(&mut self) -> Option<FrameOut> {
        if self.left > 0 {
            return None;
        }
        let finished = self.frames.pop_front();
        self.begin_frame();
        finished
    }

    /// When the first frame will have left at the present rate.
    pub(super) fn finish(&self, now: Instant) -> Instant {
        let micros = self.left.div_ceil(self.rate.max(1));
        Instant::from_micros(now.as_micros().saturating_add(micros))
    }

    /// Takes out a frame that waits behind the first; whether it was there.
    pub(super) fn take_unbegun(&mut self, ask: AskId) -> bool {
        let place = self.frames.iter().skip(1).position(|frame| frame.ask == ask);
        place.and_then(|behind| self.frames.remove(behind + 1)).is_some()
    }

    /// Drops everything that is on it.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        (self.active, self.left, self.due) = (false, 0, Instant::NEVER);
    }
}
