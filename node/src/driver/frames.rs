//! The bytes behind the engine's fetches.

use pollux_core::engine::FetchId;
use pollux_core::{Frame, VerifiedChunk};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is in the driver's hands of a fetch.
#[derive(Debug)]
enum Slot {
    /// Asked for.
    Waiting,
    /// Arrived; nothing about it is believed.
    Arrived(Frame),
    /// With a worker that hashes it.
    Checking,
    /// Hashed and found right.
    Verified(Arc<VerifiedChunk>),
}

/// One slot for each fetch that the engine has not released. Shared with the workers that check.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames {
    slots: Arc<Mutex<BTreeMap<FetchId, Slot>>>,
}

impl Frames {
    fn with<R>(&self, act: impl FnOnce(&mut BTreeMap<FetchId, Slot>) -> R) -> R {
        act(&mut self.slots.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A fetch begins.
    pub(super) fn begin(&self, fetch: FetchId) {
        self.with(|slots| slots.insert(fetch, Slot::Waiting));
    }

    /// A frame is here; false if nobody waits for it any more.
    pub(super) fn arrived(&self, fetch: FetchId, frame: Frame) -> bool {
        self.with(|slots| match slots.get_mut(&fetch) {
            Some(slot @ Slot::Waiting) => {
                *slot = Slot::Arrived(frame);
                true
            }
            Some(Slot::Arrived(_) | Slot::Checking | Slot::Verified(_)) | None => false,
        })
    }

    /// Hands the frame to who checks it.
    pub(super) fn take_arrived(&self, fetch: FetchId) -> Option<Frame> {
        self.with(|slots| {
            let slot = slots.get_mut(&fetch)?;
            match std::mem::replace(slot, Slot::Checking) {
                Slot::Arrived(frame) => Some(frame),
                other @ (Slot::Waiting | Slot::Checking | Slot::Verified(_)) => {
                    *slot = other;
                    None
                }
            }
        })
    }

    /// It was checked; dropped if nobody waits for it any more.
    pub(super) fn verified(&self, fetch: FetchId, chunk: VerifiedChunk) {
        self.with(|slots| {
            if let Some(slot) = slots.get_mut(&fetch) {
                *slot = Slot::Verified(Arc::new(chunk));
            }
        });
    }

    /// The checked chunk.
    pub(super) fn chunk(&self, fetch: FetchId) -> Option<Arc<VerifiedChunk>> {
        self.with(|slots| match slots.get(&fetch) {
            Some(Slot::Verified(chunk)) => Some(Arc::clone(chunk)),
            Some(Slot::Waiting | Slot::Arrived(_) | Slot::Checking) | None => None,
        })
    }

    /// Forgets a fetch.
    pub(super) fn release(&self, fetch: FetchId) {
        self.with(|slots| slots.remove(&fetch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::{FrameEncoder, FrameKind};

    const FETCH: FetchId = FetchId(1);

    fn frame() -> Frame {
        Frame { kind: FrameKind::Raw, bytes: vec![1] }
    }

    #[test]
    fn a_frame_nobody_waits_for_is_dropped() {
        let frames = Frames::default();
        assert!(!frames.arrived(FETCH, frame()));
        frames.begin(FETCH);
        assert!(frames.arrived(FETCH, frame()));
        assert!(!frames.arrived(FETCH, frame()));
    }

    #[test]
    fn a_chunk_can_be_had_only_after_it_was_verified() {
        let frames = Frames::default();
        frames.begin(FETCH);
        assert!(frames.take_arrived(FETCH).is_none());
        frames.arrived(FETCH, frame());
        assert!(frames.take_arrived(FETCH).is_some());
        assert!(frames.chunk(FETCH).is_none());
        frames.verified(FETCH, VerifiedChunk::from_plain(&[1], &mut FrameEncoder::new(1)));
        assert!(frames.chunk(FETCH).is_some());
    }

    #[test]
    fn a_released_fetch_does_not_come_back() {
        let frames = Frames::default();
        frames.begin(FETCH);
        frames.release(FETCH);
        frames.verified(FETCH, VerifiedChunk::from_plain(&[1], &mut FrameEncoder::new(1)));
        assert!(frames.chunk(FETCH).is_none());
    }
}
