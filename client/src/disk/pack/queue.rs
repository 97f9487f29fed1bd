//! A queue between threads. Who waits sleeps at once: channels of the usual kind spin and give up their turn several times
//! first, and where a job keeps all processors busy, a turn given up is lost. (Packing 900 MB on two processors with twelve
//! other programs running took 8 to 12 s with channels and 5 to 9 s with this.)
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// First in, first out. It has no bound of its own: what goes through it is bounded by its users.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// Threads that sleep until an item comes. Waking is a system call, also where nobody sleeps.
    waiting: usize,
    /// Nothing more comes.
    ended: bool,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { items: VecDeque::new(), waiting: 0, ended: false, closed: false }),
            changed: Condvar::new(),
        }
    }

    /// False: it is closed, and the item is gone.
    pub(super) fn push(&self, item: T) -> bool {
        let mut state = self.state();
        if state.closed {
            return false;
        }
        state.items.push_back(item);
        let wake = state.waiting > 0;
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        true
    }

    /// Waits for an item. `None`: it has ended and is empty, or is closed, whatever was still in it.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.state();
        while !state.closed && !state.ended && state.items.is_empty() {
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting = state.waiting.saturating_sub(1);
        }
        if state.closed { None } else { state.items.pop_front() }
    }

    /// Nothing more comes: what is in it is still given out, then nobody waits any longer.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Nobody waits any longer.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing is half done while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn everything_arrives_once_and_in_order() {
        let (there, back) = (Queue::new(), Queue::new());
        thread::scope(|scope| {
            scope.spawn(|| (0..1000).for_each(|item| assert!(there.push(item))));
            scope.spawn(|| (0..1000).for_each(|_| assert!(back.push(there.pop().unwrap()))));
            (0..1000).for_each(|item| assert_eq!(back.pop(), Some(item)));
        });
    }

    #[test]
    fn what_was_there_at_the_end_is_given_out() {
        let queue = Queue::new();
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| queue.pop())).collect();
            queue.push(1);
            queue.end();
            let popped: Vec<_> = waiters.into_iter().filter_map(|waiter| waiter.join().unwrap()).collect();
            assert_eq!(popped, [1]);
        });
    }

    #[test]
    fn closing_wakes_all_who_wait() {
        let queue = Queue::<u8>::new();
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| queue.pop())).collect();
            queue.close();
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().is_none()));
        });
        assert!(!queue.push(1));
    }
}
