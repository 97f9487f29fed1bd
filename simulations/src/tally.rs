//! What one node sent and received since the tally was last emptied.

use pollux_core::engine::Source;
use std::collections::BTreeMap;

/// See the module. Bytes are of frames.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Frames that this node gave away whole.
    pub(crate) given_bytes: u64,
    /// Of these: to other zones, by zone.
    pub(crate) crossed_bytes: BTreeMap<usize, u64>,
    /// Frames that arrived and were waited for.
    pub(crate) frames: u64,
    pub(crate) frame_bytes: u64,
    /// Of these: of chunks that had arrived before.
    pub(crate) duplicate_bytes: u64,
    /// Frames that arrived after their fetch was given up.
    pub(crate) late_bytes: u64,
    /// Frames that were not what was asked for.
    pub(crate) junk_bytes: u64,
    /// Control messages that it sent, with their length prefixes.
    pub(crate) messages: u64,
    pub(crate) message_bytes: u64,
    /// What its job got, by where it came from.
    pub(crate) local_bytes: u64,
    pub(crate) peer_bytes: u64,
    pub(crate) seed_bytes: u64,
}

impl Tally {
    /// This node gave a frame away; to another zone, if that is so.
    pub(crate) fn gave(&mut self, bytes: u32, zone: Option<usize>) {
        self.given_bytes += u64::from(bytes);
        if let Some(zone) = zone {
            *self.crossed_bytes.entry(zone).or_default() += u64::from(bytes);
        }
    }

    /// A frame that was waited for has arrived; `again` if its chunk had arrived before.
    pub(crate) fn arrived(&mut self, bytes: u32, again: bool) {
        self.frames += 1;
        self.frame_bytes += u64::from(bytes);
        if again {
            self.duplicate_bytes += u64::from(bytes);
        }
    }

    /// A message was sent; its length goes before it.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.messages += 1;
        self.message_bytes += u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(4);
    }

    /// The job got a chunk.
    pub(crate) fn delivered(&mut self, source: Source, bytes: u32) {
        let sum = match source {
            Source::Local => &mut self.local_bytes,
            Source::Peer => &mut self.peer_bytes,
            Source::Seed => &mut self.seed_bytes,
        };
        *sum += u64::from(bytes);
    }

    /// The sum of several nodes' tallies.
    pub(crate) fn add(&mut self, other: &Self) {
        self.given_bytes += other.given_bytes;
        for (zone, bytes) in &other.crossed_bytes {
            *self.crossed_bytes.entry(*zone).or_default() += bytes;
        }
        self.frames += other.frames;
        self.frame_bytes += other.frame_bytes;
        self.duplicate_bytes += other.duplicate_bytes;
        self.late_bytes += other.late_bytes;
        self.junk_bytes += other.junk_bytes;
        self.messages += other.messages;
        self.message_bytes += other.message_bytes;
        self.local_bytes += other.local_bytes;
        self.peer_bytes += other.peer_bytes;
        self.seed_bytes += other.seed_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_that_comes_twice_is_a_duplicate() {
        let mut tally = Tally::default();
        tally.arrived(10, false);
        tally.arrived(20, false);
        tally.arrived(10, true);
        assert_eq!((tally.frames, tally.frame_bytes, tally.duplicate_bytes), (3, 40, 10));
    }

    #[test]
    fn sums_have_everything() {
        let mut one = Tally::default();
        one.arrived(10, false);
        one.sent(6);
        one.delivered(Source::Local, 1);
        one.delivered(Source::Peer, 2);
        one.delivered(Source::Seed, 3);
        one.gave(1, None);
        one.gave(3, Some(2));
        (one.late_bytes, one.junk_bytes, one.duplicate_bytes) = (5, 6, 7);
        let mut sum = one.clone();
        sum.add(&one);
        assert_eq!((sum.messages, sum.message_bytes, sum.frames, sum.frame_bytes), (2, 20, 2, 20));
        assert_eq!((sum.local_bytes, sum.peer_bytes, sum.seed_bytes), (2, 4, 6));
        assert_eq!(sum.crossed_bytes, BTreeMap::from([(2, 6)]));
        assert_eq!((sum.given_bytes, sum.late_bytes, sum.junk_bytes, sum.duplicate_bytes), (8, 10, 12, 14));
    }
}
