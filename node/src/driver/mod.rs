//! Drives the engine: feeds it what happens on the wire, the disk and the job socket, and carries out what it decides.
//!
//! One task owns the engine. Whatever blocks or takes CPU (verifying, signing, hashing, the disk) runs on the
//! runtime's blocking threads and comes back as an input; the credits granted here bound how much of it is under way.
//! In each round, what workers finished, the clock, the jobs and the wire all have a turn: none can starve another.

mod events;
mod frames;
mod outputs;
mod sessions;
mod sweeper;
#[cfg(test)]
mod tests;
mod tree_reader;
mod watchdog;
mod workers;

pub use events::{Delivery, DriverEvent, DriverHandle, SessionItem, StatusQuestion, Stopping, TrustQuestion};
pub use workers::WorkerBounds;

use crate::clock::Clock;
use crate::journal::Journal;
use crate::net::{NetEvent, NetHandle};
use crate::store::{Recovery, Store};
use frames::Frames;
use pollux_core::engine::{Credit, Engine, EngineConfig, Input, JobId, StoreFailure};
use pollux_core::{KeyPair, ManifestId, PeerRole};
use sessions::Sessions;
use std::time::Duration;
use sweeper::Sweeper;
pub(crate) use sweeper::UNPUBLISHED_MARKS;
use tokio::sync::{mpsc, watch};
use watchdog::Watchdog;
use workers::Workers;

/// Waiting for nothing still looks at the clock once in a while.
const IDLE_WAIT: Duration = Duration::from_secs(3600);

/// What a driver works with.
#[derive(Debug)]
pub struct DriverParts {
    /// What the engine is told once.
    pub engine: EngineConfig,
    /// The key that signs what the engine states.
    pub identity: KeyPair,
    /// The clocks.
    pub clock: Clock,
    /// The chunk store.
    pub store: Store,
    /// A seed's log; a node has none.
    pub journal: Option<Journal>,
    /// What it remembered.
    pub recovery: Recovery,
    /// The wire.
    pub net: NetHandle,
}

/// The engine's task.
#[derive(Debug)]
pub struct Driver {
    engine: Engine,
    clock: Clock,
    workers: Workers,
    net: NetHandle,
    frames: Frames,
    sessions: Sessions,
    /// None on a seed.
    sweeper: Option<Sweeper>,
    watchdog: Watchdog,
    results: mpsc::UnboundedReceiver<Input>,
    events: mpsc::Receiver<DriverEvent>,
}

impl Driver {
    /// A driver at its start, and the handle that sessions talk to it with.
    #[must_use]
    pub fn new(parts: DriverParts) -> (Self, DriverHandle) {
        let (handle, events) = DriverHandle::new();
        // Results are bounded by the credits and tasks that the engine was granted.
        let (done, results) = mpsc::unbounded_channel();
        let now = parts.clock.now();
        let sweeper = (parts.engine.role == PeerRole::Node).then(|| {
            let remembered = &parts.recovery.certified;
            Sweeper::new(parts.store.clone(), handle.saving_lock(), remembered, now.instant)
        });
        let engine = Engine::new(parts.engine, now);
        let workers = Workers::new((parts.store, parts.journal), parts.identity, done);
        let driver = Self {
            engine,
            clock: parts.clock,
            workers,
            net: parts.net,
            frames: Frames::default(),
            sessions: Sessions::default(),
            sweeper,
            watchdog: Watchdog::new(now.instant),
            results,
            events,
        };
        let driver = driver.started(parts.recovery);
        (driver, handle)
    }

    /// Grants the first credits and tells the engine what the store remembers.
    fn started(mut self, recovery: Recovery) -> Self {
        for credit in WorkerBounds::for_this_machine().credits() {
            self.feed(Input::Credit(credit));
        }
        if let Some(next) = recovery.papers.and_then(|papers| papers.next) {
            self.feed(Input::RecoveredPapers(next));
        }
        for (seed, epoch) in recovery.seen {
            self.feed(Input::RecoveredSeen { seed, epoch });
        }
        for share in recovery.shares {
            self.feed(Input::RecoveredShare(share));
        }
        if let Some(epoch) = recovery.marker {
            self.feed(Input::Marked { epoch });
        }
        for vote in recovery.ballots {
            self.feed(Input::RecoveredBallot(vote));
        }
        for (manifest, receipt) in recovery.votes {
            self.feed(Input::RecoveredVote { manifest, receipt });
        }
        for certified in recovery.certified {
            self.feed(Input::Recovered(certified));
        }
        self
    }

    /// Runs until `stop` says so, and hands the wire's events back. Dropping the future between two inputs loses
    /// nothing but what is under way.
    pub async fn run(
        mut self,
        mut wire: mpsc::Receiver<NetEvent>,
        mut stop: watch::Receiver<bool>,
    ) -> mpsc::Receiver<NetEvent> {
        self.feed(Input::Timeout);
        loop {
            let wait = self.wait();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return wire,
                Some(input) = self.results.recv() => self.result(input),
                () = tokio::time::sleep(wait) => self.feed(Input::Timeout),
                Some(event) = self.events.recv() => self.session_event(event),
                event = wire.recv() => match event {
                    Some(event) => self.net_event(event),
                    None => return wire,
                },
            }
            self.one_of_each(&mut wire);
        }
    }

    /// Until the engine or the service manager wants something, if nothing happens before.
    fn wait(&mut self) -> Duration {
        let now = self.clock.now().instant;
        self.watchdog.turn(now);
        let wait = self.clock.until(self.engine.next_timeout()).unwrap_or(IDLE_WAIT);
        self.watchdog.wait(now).map_or(wait, |watched| wait.min(watched))
    }

    /// Whoever came first, the others have a turn too before it comes first again.
    fn one_of_each(&mut self, wire: &mut mpsc::Receiver<NetEvent>) {
        if let Ok(input) = self.results.try_recv() {
            self.result(input);
        }
        if self.engine.next_timeout() <= self.clock.now().instant {
            self.feed(Input::Timeout);
        }
        if let Ok(event) = self.events.try_recv() {
            self.session_event(event);
        }
        if let Ok(event) = wire.try_recv() {
            self.net_event(event);
        }
    }

    fn feed(&mut self, input: Input) {
        let now = self.clock.now();
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll(now) {
            self.carry_out(output);
        }
    }

    /// A worker has finished: its place is free again.
    fn result(&mut self, input: Input) {
        let credit = freed_by(&input);
        if matches!(input, Input::Kept { result: Err(StoreFailure::Full), .. }) {
            self.store_is_full();
        }
        self.feed(input);
        if let Some(credit) = credit {
            self.feed(Input::Credit(credit));
        }
        for chunk in self.workers.take_lost() {
            self.feed(Input::ChunkLost { chunk });
        }
    }

    fn net_event(&mut self, event: NetEvent) {
        let input = match event {
            NetEvent::Listening { .. } => return,
            NetEvent::Connected { peer, address, dialled, messages } => {
                self.feed(Input::Connected { peer, address, dialled });
                Input::Credit(Credit::Send { peer, messages })
            }
            NetEvent::Disconnected { peer } => Input::Disconnected { peer },
            NetEvent::DialFailed { peer } => {
                // An operator wants to know.
                if self.engine.trust().is_seed(&peer) {
                    tracing::warn!(%peer, "a seed cannot be reached, or is not the one that the policy names");
                }
                Input::DialFailed { peer }
            }
            NetEvent::Message { peer, message } => Input::Message { peer, message },
            NetEvent::SendCredit { peer, messages } => Input::Credit(Credit::Send { peer, messages }),
            NetEvent::FrameArrived { fetch, frame } => {
                let bytes = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
                if !self.frames.arrived(fetch, frame) {
                    return;
                }
                Input::FrameArrived { fetch, bytes }
            }
            NetEvent::FetchFailed { fetch, why } => Input::FetchFailed { fetch, why },
            NetEvent::Asked { ask, peer, chunk } => Input::Asked { ask, peer, chunk },
            NetEvent::Served { ask, result } => return self.served(Input::Served { ask, result }),
            NetEvent::Misbehaved { peer, offence } => Input::Misbehaved { peer, offence },
        };
        self.feed(input);
    }

    fn store_is_full(&mut self) {
        if let Some(sweeper) = &mut self.sweeper {
            sweeper.note_full();
        }
        self.sweep();
    }

    fn sweep(&mut self) {
        if let Some(sweeper) = &mut self.sweeper {
            sweeper.turn(self.clock.now().instant, &self.workers);
        }
    }

    fn grant(&mut self, job: JobId, bytes: u32) {
        if bytes > 0 {
            self.feed(Input::Credit(Credit::Deliver { job, bytes }));
        }
    }

    fn served(&mut self, input: Input) {
        self.feed(input);
        self.feed(Input::Credit(Credit::Reads(1)));
    }

    fn session_event(&mut self, event: DriverEvent) {
        match event {
            DriverEvent::Opened { job, items, bytes } => self.sessions.open(job, items, bytes),
            DriverEvent::Request { job, request } => {
                let Some(first) = self.sessions.asked(job) else { return };
                self.feed(Input::Job { job, request });
                self.grant(job, first);
            }
            DriverEvent::Taken { job, bytes } => {
                let bytes = self.sessions.took(job, bytes);
                self.grant(job, bytes);
            }
            DriverEvent::Full => self.store_is_full(),
            DriverEvent::Lost { chunk } => self.feed(Input::ChunkLost { chunk }),
            DriverEvent::Closed { job } => {
                if self.sessions.close(job) {
                    self.feed(Input::JobLeft { job });
                }
                self.sweep();
            }
            DriverEvent::Admitted { membership } => self.feed(Input::Admitted { membership }),
            // Who asks may have left.
            DriverEvent::Status(StatusQuestion(answer)) => drop(answer.send(self.engine.status())),
            DriverEvent::Trust(TrustQuestion(answer)) => drop(answer.send(self.engine.trust().clone())),
            DriverEvent::Withdrawn { manifests, answer } => drop(answer.send(self.withdrawn(&manifests))),
        }
    }

    fn withdrawn(&self, manifests: &[ManifestId]) -> Vec<(ManifestId, String)> {
        let why = |manifest: &ManifestId| Some((*manifest, self.engine.withdrawn(manifest)?.to_owned()));
        manifests.iter().filter_map(why).collect()
    }
}

/// The place that a finished worker leaves.
const fn freed_by(outcome: &Input) -> Option<Credit> {
    if matches!(outcome, Input::Checked { .. }) {
        Some(Credit::Checks(1))
    } else if matches!(outcome, Input::Kept { .. }) {
        Some(Credit::Writes(1))
    } else if matches!(outcome, Input::Served { .. }) {
        Some(Credit::Reads(1))
    } else {
        None
    }
}
