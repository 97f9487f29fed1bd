//! Places for jobs, and who gives one up when all are taken.
//!
//! A job is a process with a connection or two, and a node never has many. So when every place is taken, somebody is
//! careless or means harm, and the next job must not pay for that: a process with more than its share loses the connection
//! on which it was silent for longest; else one goes that waits for nothing and was silent for a while. Where neither is
//! found, the node is really busy, and the next job is refused.

use super::limits::{LEAVING_MAX, PROCESS_SHARE, SPARED};
use super::pending::Pending;
use pollux_core::limits::JOBS_MAX;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Who is connected; kept by who accepts.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    seats: Vec<Weak<Seat>>,
}

/// A connection's claim to a place, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    free: Arc<Semaphore>,
    /// Whose it is; none where the system does not tell. Those count as one process.
    process: Option<i32>,
    pending: Arc<Pending>,
    heard: Mutex<Instant>,
    leaving: AtomicBool,
    leave: Notify,
}

impl Default for Places {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(JOBS_MAX)), seats: Vec::new() }
    }
}

impl Places {
    /// A seat for one more connection of this process, if there is one or can be made; who must leave for that is told so.
    pub(super) fn admit(&mut self, process: Option<i32>) -> Option<Arc<Seat>> {
        self.seats.retain(|seat| seat.strong_count() > 0);
        let seated: Vec<Arc<Seat>> = self.seats.iter().filter_map(Weak::upgrade).collect();
        let (leaving, staying): (Vec<_>, Vec<_>) = seated.into_iter().partition(|seat| seat.is_leaving());
        if staying.len() >= JOBS_MAX {
            let next = if leaving.len() < LEAVING_MAX { next_to_leave(&staying) } else { None };
            next?.tell_to_leave();
        }
        let seat = Arc::new(Seat::new(Arc::clone(&self.free), process));
        self.seats.push(Arc::downgrade(&seat));
        Some(seat)
    }
}

impl Seat {
    fn new(free: Arc<Semaphore>, process: Option<i32>) -> Self {
        Self {
            free,
            process,
            pending: Arc::default(),
            heard: Mutex::new(Instant::now()),
            leaving: AtomicBool::new(false),
            leave: Notify::new(),
        }
    }

    /// Alone with a place of its own.
    #[cfg(test)]
    pub(super) fn alone() -> Arc<Self> {
        Arc::new(Self::new(Arc::new(Semaphore::new(1)), None))
    }

    /// What its job waits for.
    pub(super) fn pending(&self) -> Arc<Pending> {
        Arc::clone(&self.pending)
    }

    /// The job said something.
    pub(super) fn heard(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until who had the place before has left it. None once it must leave itself.
    pub(super) async fn taken(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            place = Arc::clone(&self.free).acquire_owned() => place.ok(),
            () = self.leave.notified() => None,
        }
    }

    /// Waits until it must leave. Said to one who waits; dropping the future before that loses nothing.
    pub(super) async fn must_leave(&self) {
        self.leave.notified().await;
    }

    /// Its place is needed.
    pub(super) fn tell_to_leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.leave.notify_one();
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn silent_since(&self) -> Instant {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose place the next job takes.
fn next_to_leave(staying: &[Arc<Seat>]) -> Option<&Arc<Seat>> {
    let mut each: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    for seat in staying {
        *each.entry(seat.process).or_default() += 1;
    }
    let (greediest, most) = each.into_iter().max_by_key(|(_, seats)| *seats)?;
    let greedy = most > PROCESS_SHARE;
    let idle = |seat: &Seat| !seat.pending.any() && seat.silent_since().elapsed() >= SPARED;
    let may_go = |seat: &&Arc<Seat>| if greedy { seat.process == greediest } else { idle(seat) };
    staying.iter().filter(may_go).min_by_key(|seat| seat.silent_since())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::advance;

    /// Seats of these processes, one each, a millisecond apart.
    async fn fill(places: &mut Places, processes: impl Iterator<Item = i32>) -> Vec<Arc<Seat>> {
        let mut seats = Vec::new();
        for process in processes.take(JOBS_MAX) {
            seats.push(places.admit(Some(process)).unwrap());
            advance(Duration::from_millis(1)).await;
        }
        seats
    }

    fn leaving(seats: &[Arc<Seat>]) -> Vec<usize> {
        seats.iter().enumerate().filter(|(_, seat)| seat.is_leaving()).map(|(place, _)| place).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_with_more_than_its_share_loses_where_it_was_silent_longest() {
        let mut places = Places::default();
        let honest = places.admit(Some(1)).unwrap();
        advance(SPARED * 2).await;
        let seats = fill(&mut places, std::iter::repeat_n(666, JOBS_MAX - 1)).await;
        seats[0].heard();
        assert!(seats[1].pending.begin_question(), "who floods cannot make itself spared");
        let next = places.admit(Some(2)).unwrap();
        assert_eq!(leaving(&seats), [1]);
        assert!(!honest.is_leaving() && !next.is_leaving());
    }

    #[tokio::test(start_paused = true)]
    async fn among_many_processes_one_goes_that_waits_for_nothing_and_is_silent() {
        let mut places = Places::default();
        let seats = fill(&mut places, 0..).await;
        assert!(places.admit(Some(-1)).is_none(), "all have just come");
        advance(SPARED).await;
        seats[0].heard();
        assert!(seats[1].pending.begin_question());
        let next = places.admit(Some(-1));
        assert_eq!((next.is_some(), leaving(&seats)), (true, vec![2]));
        seats.iter().for_each(|seat| seat.heard());
        assert!(places.admit(Some(-1)).is_none(), "all are busy");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_taken_when_it_is_left() {
        let mut places = Places::default();
        let mut seats = fill(&mut places, std::iter::repeat(1)).await;
        let mut taken = Vec::new();
        for seat in &seats {
            taken.push(seat.taken().await.unwrap());
        }
        let next = places.admit(Some(2)).unwrap();
        assert!(tokio::time::timeout(SPARED, next.taken()).await.is_err(), "nobody has left yet");
        seats[0].must_leave().await;
        drop((seats.remove(0), taken.remove(0)));
        assert!(next.taken().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_told_to_leave_than_can_be_on_their_way() {
        let mut places = Places::default();
        let _seats = fill(&mut places, std::iter::repeat(1)).await;
        let waiting: Vec<_> = (0..LEAVING_MAX).map(|_| places.admit(Some(2)).unwrap()).collect();
        assert!(places.admit(Some(2)).is_none());
        assert!(waiting.iter().all(|seat| !seat.is_leaving()));
    }
}
