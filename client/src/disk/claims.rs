//! Which chunks were written, so that each is written once whoever brings it.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// By the number of a chunk's first occurrence.
#[derive(Debug)]
pub(super) struct Claims {
    taken: Vec<AtomicBool>,
    done: AtomicUsize,
}

impl Claims {
    pub(super) fn new(occurrences: usize) -> Self {
        Self { taken: (0..occurrences).map(|_| AtomicBool::new(false)).collect(), done: AtomicUsize::new(0) }
    }

    /// True for the first who asks: it is theirs to write.
    pub(super) fn take(&self, occurrence: usize) -> bool {
        self.taken.get(occurrence).is_some_and(|taken| !taken.swap(true, Ordering::Relaxed))
    }

    /// A chunk is written. One that failed never is, and so the restore is never whole.
    pub(super) fn done(&self) {
        self.done.fetch_add(1, Ordering::AcqRel);
    }

    /// Chunks written.
    pub(super) fn done_count(&self) -> usize {
        self.done.load(Ordering::Acquire)
    }
}
