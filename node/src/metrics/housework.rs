//! What was done for room on the disk, counted by the threads that do it.

use super::words;
use pollux_core::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Why a node gives room back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// Less of the file system is free than must stay free: somebody else fills it.
    DiskShort,
    /// The store is at its bound, and what comes in goes before what was used longest ago.
    StoreFull,
}

/// Clones count together. Bounded: a few numbers.
#[derive(Clone, Debug, Default)]
pub struct Housework {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    disk_short_bytes: AtomicU64,
    store_full_bytes: AtomicU64,
    swept_bytes: AtomicU64,
    sweeps: AtomicU64,
    sweeps_failed: AtomicU64,
    /// When nothing was left to sweep, for the last time.
    clean: Mutex<Option<Timestamp>>,
}

/// The numbers at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HouseworkDone {
    pub(crate) evicted: [(&'static str, u64); 2],
    pub(crate) sweeps: [(&'static str, u64); 2],
    pub(crate) swept_bytes: u64,
    pub(crate) clean: Option<Timestamp>,
}

/// Numbers that nothing else depends on: no order is needed.
fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

impl Housework {
    /// So many bytes were given back.
    pub fn evicted(&self, why: Pressure, bytes: u64) {
        match why {
            Pressure::DiskShort => add(&self.shared.disk_short_bytes, bytes),
            Pressure::StoreFull => add(&self.shared.store_full_bytes, bytes),
        }
    }

    /// A sweep that began at this time is over, and gave so many bytes back; none: it could not be done.
    pub fn swept(&self, began: Timestamp, bytes: Option<u64>) {
        let Some(bytes) = bytes else { return add(&self.shared.sweeps_failed, 1) };
        add(&self.shared.sweeps, 1);
        add(&self.shared.swept_bytes, bytes);
        self.clean(began);
    }

    /// At this time there was nothing to sweep.
    pub fn clean(&self, now: Timestamp) {
        *self.shared.clean.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// As it is now.
    pub(crate) fn done(&self) -> HouseworkDone {
        let shared = &self.shared;
        let [disk_short, store_full] = words::PRESSURES;
        let [swept, failed] = words::SWEEP_RESULTS;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HouseworkDone {
            evicted: [
                (disk_short, read(&shared.disk_short_bytes)),
                (store_full, read(&shared.store_full_bytes)),
            ],
            sweeps: [(swept, read(&shared.sweeps)), (failed, read(&shared.sweeps_failed))],
            swept_bytes: read(&shared.swept_bytes),
            clean: *shared.clean.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_each_thing_for_itself() {
        let housework = Housework::default();
        let (one, two) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let elsewhere = housework.clone();
        elsewhere.evicted(Pressure::DiskShort, 5);
        elsewhere.evicted(Pressure::StoreFull, 60);
        elsewhere.evicted(Pressure::StoreFull, 600);
        elsewhere.swept(one, Some(7));
        elsewhere.swept(two, None);
        let expected = HouseworkDone {
            evicted: [("disk-short", 5), ("store-full", 660)],
            sweeps: [("swept", 1), ("failed", 1)],
            swept_bytes: 7,
            clean: Some(one),
        };
        assert_eq!(housework.done(), expected, "one that fails leaves nothing clean");
        housework.clean(two);
        assert_eq!(housework.done(), HouseworkDone { clean: Some(two), ..expected });
    }
}
