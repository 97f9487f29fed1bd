//! Syncs shared by those who wait together, and the memory of a sync that failed.
//!
//! After a failed sync the kernel may have dropped what it could not write and will say so only once. So a failure
//! is remembered before anybody else can be told that a later sync went well, and from then on nothing is.
use super::{StoreError, disk::DiskFile};
use std::sync::{
    Arc, Condvar, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// How many records had been appended at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Appended(pub(super) u64);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct GroupSync {
    progress: Mutex<Progress>,
    moved: Condvar,
    /// Held while files are synced, so that one failure cannot hide behind another's success.
    gate: Mutex<()>,
    broken: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Progress {
    synced: Appended,
    someone_syncs: bool,
}

impl GroupSync {
    /// Whether a sync has failed; shared, so that others who sync can say so too.
    pub(super) fn broken(&self) -> &Arc<AtomicBool> {
        &self.broken
    }

    /// Refuses once a sync has failed.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) { Err(StoreError::Broken) } else { Ok(()) }
    }

    /// Returns when everything up to `target` is durable. One of those who wait calls `take`, which says how much
    /// was appended by then and in which files, and syncs them for all.
    pub(super) fn wait_for(
        &self,
        target: Appended,
        take: impl FnOnce() -> (Appended, Vec<Arc<dyn DiskFile>>),
    ) -> Result<(), StoreError> {
        if !self.lead(target)? {
            return Ok(());
        }
        let (covered, files) = take();
        let result = self.sync(&files);
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.someone_syncs = false;
        if result.is_ok() {
            progress.synced = progress.synced.max(covered);
        }
        self.moved.notify_all();
        result
    }

    /// Waits until the target is durable (false) or this caller is to sync (true).
    fn lead(&self, target: Appended) -> Result<bool, StoreError> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.check()?;
            if progress.synced >= target {
                return Ok(false);
            }
            if !progress.someone_syncs {
                progress.someone_syncs = true;
                return Ok(true);
            }
            progress = self.moved.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Syncs these files; a failure breaks the store.
    pub(super) fn sync(&self, files: &[Arc<dyn DiskFile>]) -> Result<(), StoreError> {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        for file in files {
            if let Err(error) = file.sync() {
                self.broken.store(true, Ordering::SeqCst);
                tracing::error!(%error, "chunks could not be made durable");
                return Err(StoreError::Broken);
            }
        }
        Ok(())
    }
}
