//! The jobs that are connected: where what is for them goes, and which of them the engine knows.
//!
//! The engine hears of a job with its first request, and of its end if it heard of its beginning. Bytes are granted
//! only between the two: it would keep them for a job that it never hears of again.

use super::SessionItem;
use pollux_core::engine::JobId;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// One session for each job that is connected.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    places: BTreeMap<JobId, Place>,
}

#[derive(Debug)]
struct Place {
    items: mpsc::UnboundedSender<SessionItem>,
    /// Plain bytes that it takes and the engine was not told of yet; none once the engine knows the job.
    first_bytes: Option<u32>,
}

impl Sessions {
    /// A job has connected, and takes so many plain bytes.
    pub(super) fn open(&mut self, job: JobId, items: mpsc::UnboundedSender<SessionItem>, bytes: u32) {
        self.places.insert(job, Place { items, first_bytes: Some(bytes) });
    }

    /// It asks the engine for something: the bytes to grant with that. Nothing for a job that is not connected.
    pub(super) fn asked(&mut self, job: JobId) -> Option<u32> {
        Some(self.places.get_mut(&job)?.first_bytes.take().unwrap_or(0))
    }

    /// It took so many bytes: the bytes to grant again; none to one that is gone, whose last chunks still go out.
    pub(super) fn took(&self, job: JobId, bytes: u32) -> u32 {
        self.places.get(&job).filter(|place| place.first_bytes.is_none()).map_or(0, |_| bytes)
    }

    /// Gives it something. A session that has just ended takes nothing; the engine hears of its end next.
    pub(super) fn give(&self, job: JobId, item: SessionItem) {
        if let Some(place) = self.places.get(&job)
            && place.items.send(item).is_err()
        {
            tracing::trace!(job = job.0, "a session that ends takes nothing");
        }
    }

    /// It has left; says whether the engine knows it.
    pub(super) fn close(&mut self, job: JobId) -> bool {
        self.places.remove(&job).is_some_and(|place| place.first_bytes.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId(7);

    fn opened() -> (Sessions, mpsc::UnboundedReceiver<SessionItem>) {
        let (items, receiver) = mpsc::unbounded_channel();
        let mut sessions = Sessions::default();
        sessions.open(JOB, items, 100);
        (sessions, receiver)
    }

    #[test]
    fn bytes_are_granted_with_the_first_request_once() {
        let (mut sessions, _items) = opened();
        assert_eq!(sessions.took(JOB, 5), 0, "the engine does not know the job");
        assert_eq!(sessions.asked(JOB), Some(100));
        assert_eq!(sessions.asked(JOB), Some(0));
        assert_eq!(sessions.took(JOB, 5), 5);
    }

    #[test]
    fn a_job_that_asked_nothing_leaves_unnoticed() {
        let (mut sessions, _items) = opened();
        assert!(!sessions.close(JOB));
        let (mut sessions, _items) = opened();
        assert_eq!(sessions.asked(JOB), Some(100));
        assert!(sessions.close(JOB));
        assert!(!sessions.close(JOB), "once");
    }

    #[test]
    fn a_job_that_left_is_granted_nothing() {
        let (mut sessions, _items) = opened();
        assert_eq!(sessions.asked(JOB), Some(100));
        assert!(sessions.close(JOB));
        assert_eq!(sessions.took(JOB, 5), 0);
        assert_eq!(sessions.asked(JOB), None);
    }
}
