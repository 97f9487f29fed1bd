//! What a job waits for; shared by both halves of its connection.

use super::refusals::Publishing;
use pollux_client::protocol::CHUNKS_OUTSTANDING_MAX;
use pollux_core::{ChunkRef, ManifestId, Used};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// One question, and any number of chunks up to a bound. A chunk counts once, however often it is asked for, because
/// it is answered once.
#[derive(Debug, Default)]
pub(super) struct Pending {
    question: AtomicBool,
    chunks: Mutex<BTreeSet<ChunkRef>>,
    /// The last answer to a question that was one.
    found: Mutex<Option<Arc<Used>>>,
    /// The manifest that the job last asked to publish.
    publishing: Mutex<Option<Publishing>>,
    fewer: Notify,
}

impl Pending {
    fn with<R>(&self, act: impl FnOnce(&mut BTreeSet<ChunkRef>) -> R) -> R {
        act(&mut self.chunks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks the one question that may be under way; false if one is already.
    pub(super) fn begin_question(&self) -> bool {
        !self.question.swap(true, Ordering::Relaxed)
    }

    /// The question was answered.
    pub(super) fn answered(&self) {
        self.question.store(false, Ordering::Relaxed);
    }

    /// The question was answered with this manifest.
    pub(super) fn found(&self, used: Used) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(used));
    }

    /// What yanks of a manifest are judged by, if it was the last answer.
    pub(super) fn used(&self, manifest: &ManifestId) -> Option<Arc<Used>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.as_ref().filter(|used| used.manifest() == *manifest).cloned()
    }

    /// The question is whether this counts.
    pub(super) fn publishing(&self, what: Publishing) {
        *self.publishing.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// What the job asked to publish, once.
    pub(super) fn take_publishing(&self) -> Option<Publishing> {
        self.publishing.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Counts what is asked for; gives back what was not asked for already.
    pub(super) fn add_chunks(&self, mut chunks: Vec<ChunkRef>) -> Vec<ChunkRef> {
        self.with(|outstanding| chunks.retain(|chunk| outstanding.insert(*chunk)));
        chunks
    }

    /// A chunk was answered, one way or the other. To be called before the job can hear of it: it may ask again.
    pub(super) fn chunk_done(&self, chunk: &ChunkRef) {
        self.with(|outstanding| outstanding.remove(chunk));
        self.fewer.notify_one();
    }

    /// Whether the job waits for chunks.
    pub(super) fn any_chunk(&self) -> bool {
        self.with(|outstanding| !outstanding.is_empty())
    }

    /// Whether the job waits for anything.
    pub(super) fn any(&self) -> bool {
        self.question.load(Ordering::Relaxed) || self.any_chunk()
    }

    /// Waits until the job may ask for more. Dropping the future is harmless.
    pub(super) async fn room(&self) {
        while self.with(|outstanding| outstanding.len()) > CHUNKS_OUTSTANDING_MAX {
            self.fewer.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::ChunkId;

    fn chunk(number: usize) -> ChunkRef {
        ChunkRef { id: ChunkId::of(&number.to_le_bytes()), bytes: 1 }
    }

    #[test]
    fn one_question_at_a_time() {
        let pending = Pending::default();
        assert!(pending.begin_question());
        assert!(!pending.begin_question());
        pending.answered();
        assert!(pending.begin_question());
    }

    #[tokio::test]
    async fn a_job_over_its_bound_waits_until_chunks_are_done() {
        let pending = Arc::new(Pending::default());
        pending.add_chunks((0..=CHUNKS_OUTSTANDING_MAX).map(chunk).collect());
        let waiting = Arc::clone(&pending);
        let waiting = tokio::spawn(async move { waiting.room().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        pending.chunk_done(&chunk(0));
        waiting.await.unwrap();
        assert!(pending.any());
    }

    #[test]
    fn a_chunk_counts_once_however_often_it_is_asked_for_and_answered() {
        let pending = Pending::default();
        assert_eq!(pending.add_chunks(vec![chunk(1), chunk(2), chunk(1)]), [chunk(1), chunk(2)]);
        assert_eq!(pending.add_chunks(vec![chunk(2)]), []);
        pending.chunk_done(&chunk(1));
        pending.chunk_done(&chunk(1));
        assert!(pending.any());
        pending.chunk_done(&chunk(2));
        assert!(!pending.any());
        assert_eq!(pending.add_chunks(vec![chunk(1)]), [chunk(1)], "it may be asked for again");
    }

    #[test]
    fn a_chunk_that_nobody_asked_for_changes_nothing() {
        let pending = Pending::default();
        pending.chunk_done(&chunk(1));
        assert!(!pending.any());
    }
}
