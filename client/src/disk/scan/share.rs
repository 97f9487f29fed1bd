//! Several threads walk: some directories always wait for whoever has nothing to do, found early, so that they are large.
use super::{Found, Skipped};
use crate::disk::DiskError;
use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZero,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// Threads at most: the kernel's locks let more of them wait for each other.
const THREADS_MAX: usize = 4;
/// Directories that wait to be walked.
const WORK_WAITING: usize = 16;

/// Number of a part; that of all the roots is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartNumber(usize);

/// What one walk has found, in order, with gaps where others walk.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) found: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    gaps: Vec<Gap>,
}

/// Another part belongs in here, before what was found and skipped later.
#[derive(Clone, Copy, Debug)]
struct Gap {
    found: usize,
    skipped: usize,
    part: PartNumber,
}

impl Part {
    /// What is found here is told by another part.
    pub(super) fn give_away(&mut self, part: PartNumber) {
        self.gaps.push(Gap { found: self.found.len(), skipped: self.skipped.len(), part });
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Less waits than may. A hint, read without the lock.
    short_of_work: AtomicBool,
    entries: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Directories to be walked.
    work: VecDeque<(PartNumber, String)>,
    parts: BTreeMap<PartNumber, Part>,
    given: usize,
    /// There is another thread.
    helped: bool,
    walking: usize,
    /// The first failure, or `None` inside if a thread panicked, which is passed on.
    failed: Option<Option<DiskError>>,
}

impl Shared {
    /// Walks with several threads: the roots here, and what is given away wherever there is time. All parts in order.
    pub(super) fn walk(
        &self,
        roots: impl FnOnce(&Self) -> Result<Part, DiskError>,
        part: impl Fn(&Self, &str) -> Result<Part, DiskError> + Sync,
    ) -> Result<Part, DiskError> {
        self.state().walking = 1;
        let help = || self.help(&part);
        thread::scope(|scope| {
            for _ in 1..threads() {
                // Fewer will do.
                drop(thread::Builder::new().spawn_scoped(scope, help));
            }
            self.finish(PartNumber(0), || roots(self));
            help();
        });
        let mut state = self.state();
        match state.failed.take() {
            Some(Some(error)) => Err(error),
            _ => Ok(state.whole()),
        }
    }

    /// Whether a directory should be given away.
    pub(super) fn is_short_of_work(&self) -> bool {
        self.short_of_work.load(Ordering::Relaxed)
    }

    /// Leaves a directory to another thread.
    pub(super) fn give(&self, path: String) -> PartNumber {
        let mut state = self.state();
        state.given += 1;
        let number = PartNumber(state.given);
        state.work.push_back((number, path));
        self.note_shortage(&state);
        drop(state);
        self.changed.notify_one();
        number
    }

    /// Counts one more entry; how many there were before.
    pub(super) fn count_entry(&self) -> u64 {
        self.entries.fetch_add(1, Ordering::Relaxed)
    }

    fn help(&self, part: &(impl Fn(&Self, &str) -> Result<Part, DiskError> + Sync)) {
        while let Some((number, path)) = self.next() {
            self.finish(number, || part(self, &path));
        }
    }

    /// The next directory to be walked; `None` once nobody walks any more.
    fn next(&self) -> Option<(PartNumber, String)> {
        let mut state = self.state();
        loop {
            if state.failed.is_some() {
                return None;
            }
            if let Some(work) = state.work.pop_front() {
                state.walking += 1;
                self.note_shortage(&state);
                return Some(work);
            }
            if state.walking == 0 {
                return None;
            }
            state.helped = true;
            self.note_shortage(&state);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Keeps what a walk finds. Whoever waits is let go if it was the last one, or if it fails or panics.
    fn finish(&self, number: PartNumber, walk: impl FnOnce() -> Result<Part, DiskError>) {
        let walking = Walking(self);
        let result = walk();
        let mut state = self.state();
        match result {
            Ok(part) => drop(state.parts.insert(number, part)),
            Err(error) => drop(state.failed.get_or_insert(Some(error))),
        }
        drop(state);
        drop(walking);
    }

    fn note_shortage(&self, state: &State) {
        self.short_of_work.store(state.helped && state.work.len() < WORK_WAITING, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half done while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A walk under way.
struct Walking<'a>(&'a Shared);

impl Drop for Walking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.walking -= 1;
        if thread::panicking() {
            state.failed.get_or_insert(None);
        }
        if state.failed.is_some() || (state.walking == 0 && state.work.is_empty()) {
            self.0.changed.notify_all();
        }
    }
}

impl State {
    /// All parts in one.
    fn whole(&mut self) -> Part {
        let mut whole = Part::default();
        self.put_together(PartNumber(0), &mut whole);
        whole
    }

    /// No deeper than the tree is.
    fn put_together(&mut self, number: PartNumber, whole: &mut Part) {
        let Some(Part { found, skipped, gaps }) = self.parts.remove(&number) else { return };
        let (mut found, mut skipped) = (found.into_iter(), skipped.into_iter());
        let (mut found_before, mut skipped_before) = (0, 0);
        for gap in gaps {
            whole.found.extend(found.by_ref().take(gap.found - found_before));
            whole.skipped.extend(skipped.by_ref().take(gap.skipped - skipped_before));
            (found_before, skipped_before) = (gap.found, gap.skipped);
            self.put_together(gap.part, whole);
        }
        whole.found.extend(found);
        whole.skipped.extend(skipped);
    }
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::scan::FoundKind;

    fn found(path: &str) -> Found {
        Found { path: path.to_owned(), mode: 0o755, modified_ns: 0, kind: FoundKind::Directory }
    }

    /// A directory of three, each of which has three, and so on: those of even depth are given away.
    fn walk(shared: &Shared, path: &str, part: &mut Part) {
        for name in ["a", "b", "c"] {
            let inner = format!("{path}{name}");
            part.found.push(found(&inner));
            part.skipped.push(Skipped { path: inner.clone(), why: String::new() });
            if inner.len() < 6 && inner.len().is_multiple_of(2) {
                part.give_away(shared.give(inner));
            } else if inner.len() < 6 {
                walk(shared, &inner, part);
            }
        }
    }

    fn walked(shared: &Shared, path: &str) -> Result<Part, DiskError> {
        let mut part = Part::default();
        walk(shared, path, &mut part);
        Ok(part)
    }

    #[test]
    fn parts_are_put_together_in_order() {
        for _ in 0..20 {
            let whole = Shared::default().walk(|shared| walked(shared, ""), walked).unwrap();
            let paths: Vec<_> = whole.found.iter().map(|found| found.path.clone()).collect();
            let mut sorted = paths.clone();
            sorted.sort();
            assert_eq!(paths.len(), 3 + 9 + 27 + 81 + 243 + 729);
            assert_eq!(paths, sorted);
            assert!(whole.skipped.iter().map(|skipped| &skipped.path).eq(&paths));
        }
    }

    #[test]
    fn a_failure_anywhere_is_the_end() {
        let fails = |shared: &Shared, path: &str| match path {
            "abcb" => Err(DiskError::Missing("abcb".into())),
            _ => walked(shared, path),
        };
        let error = Shared::default().walk(|shared| walked(shared, ""), fails).unwrap_err();
        assert!(matches!(error, DiskError::Missing(_)), "{error}");
        let error = Shared::default().walk(|_| Err(DiskError::Missing("".into())), walked).unwrap_err();
        assert!(matches!(error, DiskError::Missing(_)), "{error}");
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits_for_ever() {
        let panics = |shared: &Shared, path: &str| match path {
            "ab" => panic!("on purpose"),
            _ => walked(shared, path),
        };
        let walking = || Shared::default().walk(|shared| walked(shared, ""), panics);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(walking)).is_err());
    }

    #[test]
    fn work_is_short_only_where_there_is_help() {
        let shared = Shared::default();
        assert!(!shared.is_short_of_work());
        let mut state = shared.state();
        state.helped = true;
        shared.note_shortage(&state);
        drop(state);
        for _ in 0..WORK_WAITING {
            assert!(shared.is_short_of_work());
            shared.give("a".to_owned());
        }
        assert!(!shared.is_short_of_work());
    }

    #[test]
    fn entries_are_counted_over_all_parts() {
        let shared = Shared::default();
        assert_eq!([shared.count_entry(), shared.count_entry(), shared.count_entry()], [0, 1, 2]);
    }
}
