//! Chunks on their way into files: one thread takes them from the node, others decode, hash and write.

use super::deadlines::Clocked;
use super::fetch::{Fetcher, Sources};
use super::{Miss, Observer};
use crate::connection::{ConnectionError, TICK};
use crate::disk::Restore;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use pollux_core::{ChunkRef, Frame, FrameDecoder};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;
use std::time::Instant;

/// Chunks that wait for each writing thread: enough that none of them idles.
const CHUNKS_PER_WRITER: usize = 2;

/// A chunk for the writing threads.
type Item = (ChunkRef, Frame);

/// Who watches, and what is counted.
pub(super) struct Watched<'a> {
    pub(super) observer: &'a mut dyn Observer,
    pub(super) sources: &'a mut Sources,
}

/// Takes every chunk from the node and writes it. When this returns, no thread writes any more.
pub(super) fn write_all(
    restore: &Restore,
    fetcher: Fetcher<'_>,
    watched: Watched<'_>,
    stop: &Stop<'_>,
    threads: usize,
) -> Result<(), Miss> {
    let threads = threads.max(1);
    let (sender, receiver) = bounded::<Item>(threads * CHUNKS_PER_WRITER);
    let fetched = std::thread::scope(|scope| {
        for number in 0..threads {
            let receiver = receiver.clone();
            let started = Builder::new().spawn_scoped(scope, move || write_some(restore, receiver, stop));
            match started {
                Ok(_) => {}
                // Fewer will do.
                Err(_) if number > 0 => break,
                Err(error) => return Err(Miss::Disk(format!("no thread can be started to write: {error}"))),
            }
        }
        let Watched { observer, sources } = watched;
        let fetched = fetcher.run(sources, |chunk, frame| {
            observer.advance(u64::from(chunk.bytes));
            stop.hand_over(&sender, (chunk, frame))
        });
        if fetched.is_err() {
            stop.now();
        }
        // The writers end when nothing more can come.
        drop(sender);
        fetched
    });
    stop.failure().map_or(fetched, Err)
}

/// Takes chunks until there are no more; once there is a reason to stop they are only taken, so that nobody waits.
fn write_some(restore: &Restore, receiver: Receiver<Item>, stop: &Stop<'_>) {
    let mut decoder = FrameDecoder::new();
    for (chunk, frame) in receiver {
        if stop.check().is_err() {
            continue;
        }
        let written = decoder
            .open(&frame, chunk)
            .map_err(|fault| Miss::NotBelieved(fault.to_string()))
            .and_then(|plain| restore.write(chunk, plain).map_err(|error| Miss::of_disk(&error)));
        if let Err(miss) = written {
            stop.because(miss);
        }
    }
}

/// Why the writing threads should stop, if they should: one of them failed, no more can come, time is up, the caller
/// interrupts.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    clocked: Clocked,
    interrupted: &'a AtomicBool,
    stopped: AtomicBool,
    /// The first thing that went wrong in any of them.
    failure: Mutex<Option<Miss>>,
}

impl<'a> Stop<'a> {
    pub(super) fn new(clocked: Clocked, interrupted: &'a AtomicBool) -> Self {
        Self { clocked, interrupted, stopped: AtomicBool::new(false), failure: Mutex::default() }
    }

    /// Nothing, as long as there is no reason to stop.
    pub(super) fn check(&self) -> Result<(), Miss> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(ConnectionError::Interrupted.into());
        }
        if self.stopped.load(Ordering::Relaxed) || self.clocked.over() {
            return Err(Miss::TooSlow);
        }
        Ok(())
    }

    fn now(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn because(&self, miss: Miss) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(miss);
        self.now();
    }

    fn failure(&self) -> Option<Miss> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for room, as long as the next sign of progress is waited for.
    fn hand_over(&self, sender: &Sender<Item>, mut item: Item) -> Result<(), Miss> {
        let until = self.clocked.progress();
        loop {
            self.check()?;
            item = match sender.send_timeout(item, TICK) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Timeout(back)) if Instant::now() < until => back,
                Err(_) => return Err(Miss::TooSlow),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Deadlines;
    use pollux_core::{ChunkId, FrameKind};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(600);

    fn clocked(progress: Duration, total: Duration) -> Clocked {
        Clocked::start(Deadlines { answer: LONG, progress, total })
    }

    fn item() -> Item {
        let frame = Frame { kind: FrameKind::Raw, bytes: b"plain".to_vec() };
        (ChunkRef { id: ChunkId::of(b"plain"), bytes: 5 }, frame)
    }

    #[test]
    fn there_is_no_reason_to_stop_at_first() {
        let flag = AtomicBool::new(false);
        let stop = Stop::new(clocked(LONG, LONG), &flag);
        assert!(stop.check().is_ok());
        assert!(stop.failure().is_none());
    }

    #[test]
    fn the_first_failure_is_the_one_that_is_told() {
        let flag = AtomicBool::new(false);
        let stop = Stop::new(clocked(LONG, LONG), &flag);
        stop.because(Miss::Disk("first".to_owned()));
        stop.because(Miss::Disk("second".to_owned()));
        assert!(stop.check().is_err());
        assert_eq!(stop.failure().unwrap().to_string(), "first");
    }

    #[test]
    fn an_interruption_and_the_end_of_all_time_are_reasons() {
        let flag = AtomicBool::new(true);
        assert!(matches!(Stop::new(clocked(LONG, LONG), &flag).check(), Err(Miss::Broken(_))));
        flag.store(false, Ordering::Relaxed);
        assert!(matches!(Stop::new(clocked(LONG, Duration::ZERO), &flag).check(), Err(Miss::TooSlow)));
    }

    #[test]
    fn writers_that_take_nothing_are_waited_for_as_long_as_asked() {
        let flag = AtomicBool::new(false);
        let stop = Stop::new(clocked(TICK, LONG), &flag);
        let (sender, _receiver) = bounded(1);
        assert!(stop.hand_over(&sender, item()).is_ok());
        assert!(matches!(stop.hand_over(&sender, item()), Err(Miss::TooSlow)));
    }

    #[test]
    fn an_interruption_ends_the_wait_for_writers() {
        let flag = AtomicBool::new(false);
        let stop = Stop::new(clocked(LONG, LONG), &flag);
        let (sender, _receiver) = bounded(1);
        stop.hand_over(&sender, item()).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stop.hand_over(&sender, item()));
            flag.store(true, Ordering::Relaxed);
            assert!(waiting.join().unwrap().is_err());
        });
    }
}
