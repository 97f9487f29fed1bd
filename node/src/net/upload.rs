//! What this node gives to peers each second at most, smoothly and fairly: every bulk stream waits for its turn before each
//! small slice.
//!
//! Turns are reserved one after another on one time line, so that all together keep to the rate. A stream reserves its next
//! slice when it has written the last, so streams take turns; a slice is smaller for a peer with several streams, so peers
//! have equal parts, and what one does not take the others have.

use pollux_core::PeerId;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Slices of a second: each turn is so short that no peer notices the others', and so long that timers cost little.
const SLICES_PER_SECOND: u64 = 100;
/// Bytes of a slice: below, headers and wake-ups cost more than what is sent; above, nothing is won.
const SLICE_BYTES_MIN: u64 = 4 * 1024;
const SLICE_BYTES_MAX: u64 = 64 * 1024;
/// Timers go off a little late; so much may be caught up.
const LATENESS_MAX: Duration = Duration::from_millis(20);

/// See the module. One for all streams of a node.
#[derive(Debug)]
pub(super) struct Upload {
    bytes_per_second: NonZeroU64,
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    /// Until then everything is reserved.
    reserved: Instant,
    /// Streams of each peer that have something to write.
    busy: BTreeMap<PeerId, u64>,
}

impl Upload {
    /// So many bytes each second.
    pub(super) fn new(bytes_per_second: NonZeroU64) -> Self {
        let line = Line { reserved: Instant::now(), busy: BTreeMap::new() };
        Self { bytes_per_second, line: Mutex::new(line) }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next slice of one of a peer's streams: how many bytes, and from when on they may be written.
    fn reserve(&self, peer: &PeerId, now: Instant) -> (u64, Instant) {
        let rate = self.bytes_per_second.get();
        let slice = (rate / SLICES_PER_SECOND).clamp(SLICE_BYTES_MIN, SLICE_BYTES_MAX);
        let mut line = self.line();
        let streams = line.busy.get(peer).copied().unwrap_or(1).max(1);
        let bytes = (slice / streams).max(1);
        let from = line.reserved.max(now.checked_sub(LATENESS_MAX).unwrap_or(now));
        let micros = bytes.saturating_mul(1_000_000) / rate;
        line.reserved = from + Duration::from_micros(micros.max(1));
        (bytes, from)
    }

    fn begin(&self, peer: PeerId) {
        let mut line = self.line();
        let streams = line.busy.entry(peer).or_default();
        *streams = streams.saturating_add(1);
    }

    fn end(&self, peer: &PeerId) {
        let mut line = self.line();
        if let Some(streams) = line.busy.get_mut(peer) {
            *streams = streams.saturating_sub(1);
            if *streams == 0 {
                line.busy.remove(peer);
            }
        }
    }
}

/// One stream's turns.
#[derive(Debug, Default)]
pub(super) struct Pace {
    bound: Option<(Arc<Upload>, PeerId)>,
    busy: bool,
    /// Bytes of the slice that are not written.
    left: usize,
    due: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// For a stream to this peer; without a bound it never waits.
    pub(super) fn new(upload: Option<Arc<Upload>>, peer: PeerId) -> Self {
        Self { bound: upload.map(|upload| (upload, peer)), busy: false, left: 0, due: None }
    }

    /// How many of these bytes may be written now; [`Pace::wrote`] says how many were.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<usize> {
        let Some((upload, peer)) = &self.bound else { return Poll::Ready(wanted) };
        if !self.busy {
            upload.begin(*peer);
            self.busy = true;
        }
        if self.left == 0 {
            let (bytes, from) = upload.reserve(peer, Instant::now());
            self.left = usize::try_from(bytes).unwrap_or(usize::MAX);
            self.due = Some(Box::pin(tokio::time::sleep_until(from)));
        }
        if let Some(due) = &mut self.due {
            ready!(due.as_mut().poll(cx));
            self.due = None;
        }
        Poll::Ready(wanted.min(self.left))
    }

    /// So many bytes were written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// There is nothing to write for now.
    pub(super) fn rest(&mut self) {
        if let Some((upload, peer)) = self.bound.as_ref().filter(|_| self.busy) {
            upload.end(peer);
            self.busy = false;
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.rest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::PublicKey;
    use std::future::poll_fn;

    fn peer(number: u8) -> PeerId {
        PeerId::new(PublicKey::from_bytes([number; 32]))
    }

    /// Writes until then; how many bytes. A slow one takes a nap after each slice.
    async fn write_one(mut pace: Pace, nap: Duration, until: Instant) -> u64 {
        let mut written = 0;
        while Instant::now() < until {
            let bytes = poll_fn(|cx| pace.poll(cx, 1 << 20)).await;
            pace.wrote(bytes);
            written += u64::try_from(bytes).unwrap();
            tokio::time::sleep(nap).await;
        }
        written
    }

    /// Writes for so long; how many bytes each stream wrote.
    async fn write(upload: &Arc<Upload>, streams: &[(u8, Duration)], time: Duration) -> Vec<u64> {
        let until = Instant::now() + time;
        let pace = |number| Pace::new(Some(Arc::clone(upload)), peer(number));
        futures::future::join_all(streams.iter().map(|(number, nap)| write_one(pace(*number), *nap, until)))
            .await
    }

    fn of(rate: u64) -> Arc<Upload> {
        Arc::new(Upload::new(NonZeroU64::new(rate).unwrap()))
    }

    fn near(bytes: u64, expected: u64) -> bool {
        bytes.abs_diff(expected) * 20 <= expected
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_keep_to_the_rate() {
        for (rate, streams) in [(50_000, 1), (50_000, 7), (1_000_000, 2), (20_000_000, 1), (20_000_000, 7)] {
            let all: Vec<_> = (0..streams).map(|number| (number, Duration::ZERO)).collect();
            let written = write(&of(rate), &all, Duration::from_secs(40)).await;
            let sum = written.iter().sum();
            assert!(near(sum, 40 * rate), "{streams} streams at {rate}: {sum}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn peers_have_equal_parts_however_many_streams_they_have() {
        let streams = [1, 1, 1, 1, 2].map(|number| (number, Duration::ZERO));
        let written = write(&of(1_000_000), &streams, Duration::from_secs(10)).await;
        let (one, other) = (written.iter().take(4).sum::<u64>(), written[4]);
        assert!(near(one, 5_000_000) && near(other, 5_000_000), "{written:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_slow_peer_leaves_the_others_have() {
        let streams = [(1, Duration::from_millis(100)), (2, Duration::ZERO)];
        let written = write(&of(1_000_000), &streams, Duration::from_secs(10)).await;
        assert!(written[0] < 2_000_000, "{written:?}");
        assert!(near(written.iter().sum(), 10_000_000), "{written:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_idle_has_saved_nothing_up() {
        let upload = of(1_000_000);
        tokio::time::advance(Duration::from_secs(60)).await;
        let written = write(&upload, &[(1, Duration::ZERO)], Duration::from_secs(1)).await;
        assert!(near(written[0], 1_000_000), "{written:?}");
    }

    #[tokio::test]
    async fn without_a_bound_nobody_waits() {
        let mut pace = Pace::default();
        assert_eq!(poll_fn(|cx| pace.poll(cx, 1 << 30)).await, 1 << 30);
        pace.wrote(1 << 30);
        pace.rest();
    }

    #[tokio::test]
    async fn who_rests_or_leaves_is_not_counted() {
        let upload = of(1_000_000);
        let mut pace = Pace::new(Some(Arc::clone(&upload)), peer(1));
        pace.poll(&mut Context::from_waker(std::task::Waker::noop()), 1).is_ready();
        assert_eq!(upload.line().busy.len(), 1);
        pace.rest();
        pace.rest();
        assert!(upload.line().busy.is_empty());
        let _ = pace.poll(&mut Context::from_waker(std::task::Waker::noop()), 1);
        drop(pace);
        assert!(upload.line().busy.is_empty());
    }
}
