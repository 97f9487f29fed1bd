//! How much of what blocks is under way for all jobs together, and how much is read ahead.

use super::limits::{READ_AHEAD_BYTES, TURNS};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Takes turns on the runtime's blocking threads, first come first served, so that many jobs leave most of them to the
/// engine's work.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    places: Arc<Semaphore>,
    /// A permit for each byte that may be read ahead.
    ahead: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(READ_AHEAD_BYTES)
    }
}

impl Turns {
    /// With room for so many bytes read ahead.
    pub(super) fn new(ahead: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(TURNS)), ahead: Arc::new(Semaphore::new(ahead)) }
    }

    /// Room for so many bytes read ahead, if there is any now; dropped, it is given back.
    pub(super) fn room_ahead(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.ahead).try_acquire_many_owned(bytes).ok()
    }

    /// Bytes that may be read ahead now.
    #[cfg(test)]
    pub(super) fn bytes_ahead_free(&self) -> usize {
        self.ahead.available_permits()
    }

    /// Does the work when its turn has come; nothing if it panicked. Dropping the future before that does nothing,
    /// later the work goes on to its end.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let working = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        working.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    type Wait = Arc<std::sync::Mutex<mpsc::Receiver<()>>>;

    async fn wait_in_turn(turns: Turns, wait: Wait) -> Option<bool> {
        turns.run(move || wait.lock().unwrap().recv().is_ok()).await
    }

    #[tokio::test]
    async fn no_more_than_so_many_at_once() {
        let turns = Turns::default();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let blocked: Vec<_> =
            (0..=TURNS).map(|_| tokio::spawn(wait_in_turn(turns.clone(), Arc::clone(&wait)))).collect();
        while turns.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        drop(go);
        for work in blocked {
            assert_eq!(work.await.unwrap(), Some(false));
        }
        assert_eq!(turns.places.available_permits(), TURNS);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let turns = Turns::default();
        for _ in 0..=TURNS {
            assert_eq!(turns.run(|| panic!("on purpose")).await, None::<()>);
        }
        assert_eq!(turns.run(|| 1).await, Some(1));
    }
}
