//! How fast jobs ask what makes this node ask the seeds.
//!
//! A seed bans a member that sends more messages than any node needs, and takes it for the node's own doing. So the node keeps
//! to a pace, however many jobs ask, and however often they come back: each question waits for its turn. Users take turns
//! with each other, so that one who asks without end keeps only his own jobs waiting.

use super::limits::{QUESTIONS_AT_ONCE, QUESTIONS_PER_SECOND};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant, sleep_until};

/// The time that one question takes of the pace.
const EACH: Duration = Duration::from_millis(1_000 / QUESTIONS_PER_SECOND);

/// Cheap to clone; all share one pace. Bounded by the jobs that wait: nothing is kept of users who have none.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    users: Arc<std::sync::Mutex<BTreeMap<u32, Weak<Mutex<()>>>>>,
    /// When all questions so far would have been asked at a steady pace; none before the first.
    steady: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// Waits for this user's turn. Dropping the future before that costs nobody a turn.
    pub(super) async fn turn(&self, user: u32) {
        let queue = self.queue_of(user);
        let _first_of_user = queue.lock().await;
        let mut steady = self.steady.lock().await;
        if let Some(ahead) = steady.and_then(|steady| steady.checked_sub(EACH * QUESTIONS_AT_ONCE)) {
            sleep_until(ahead).await;
        }
        let now = Instant::now();
        *steady = Some(steady.map_or(now, |steady| steady.max(now)) + EACH);
    }

    fn queue_of(&self, user: u32) -> Arc<Mutex<()>> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = users.get(&user).and_then(Weak::upgrade) {
            return queue;
        }
        users.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::default();
        users.insert(user, Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{JoinSet, yield_now};

    /// So many questions of a user, all at once.
    fn ask(pace: &Pace, user: u32, questions: u32) -> JoinSet<()> {
        let mut asking = JoinSet::new();
        for _ in 0..questions {
            let pace = pace.clone();
            asking.spawn(async move { pace.turn(user).await });
        }
        asking
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_a_steady_pace() {
        let (pace, began) = (Pace::default(), Instant::now());
        ask(&pace, 1, QUESTIONS_AT_ONCE).join_all().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        ask(&pace, 1, 100).join_all().await;
        let slow = began.elapsed();
        assert!(slow >= EACH * 98 && slow <= EACH * 101, "{slow:?}");
        tokio::time::advance(EACH * QUESTIONS_AT_ONCE * 2).await;
        let rested = Instant::now();
        ask(&pace, 1, QUESTIONS_AT_ONCE).join_all().await;
        assert_eq!(rested.elapsed(), Duration::ZERO, "no more than one burst is saved up, and no less");
        ask(&pace, 1, 10).join_all().await;
        assert!(rested.elapsed() >= EACH * 8);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_without_end_keeps_no_other_user_waiting() {
        let pace = Pace::default();
        let flood = ask(&pace, 666, QUESTIONS_AT_ONCE + 300);
        yield_now().await;
        let began = Instant::now();
        ask(&pace, 1, 1).join_all().await;
        assert!(began.elapsed() <= EACH * 3, "{:?}", began.elapsed());
        drop(flood);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_takes_no_turn_and_nothing_is_kept() {
        let pace = Pace::default();
        ask(&pace, 1, QUESTIONS_AT_ONCE).join_all().await;
        for user in 2..1_000 {
            drop(ask(&pace, user, 3));
            yield_now().await;
        }
        let began = Instant::now();
        ask(&pace, 1, 1).join_all().await;
        assert!(began.elapsed() <= EACH * 2, "{:?}", began.elapsed());
        assert_eq!(pace.users.lock().unwrap().len(), 1);
    }
}
