//! Drives the engine: feeds it what happens on the wire, the disk and the job socket, and carries out what it decides.
//!
//! One task owns the engine. Whatever blocks or takes CPU (verifying, signing, hashing, the disk) runs on the
//! runtime's blocking threads and comes back as an input; the credits granted here bound how much of it is under way.
//! In each round, what workers finished, the clock, the jobs and the wire all have a turn: none can starve another.

mod events;
mod evictor;
mod frames;
mod housekeeping;
#[cfg(test)]
mod housekeeping_tests;
mod keeper;
mod missed;
mod outputs;
mod sessions;
mod sweeper;
#[cfg(test)]
mod tests;
mod tree_reader;
mod watchdog;
mod workers;

pub use events::{
    Delivery, DriverEvent, DriverHandle, MetricsQuestion, SessionItem, StatusQuestion, Stopping,
    TrustQuestion,
};
pub use workers::WorkerBounds;

use crate::clock::Clock;
use crate::journal::Journal;
use crate::metrics::{Class, Counters, Queues, Snapshot};
use crate::net::{NetEvent, NetHandle};
use crate::store::{Recovery, Store};
use evictor::Evictor;
use frames::Frames;
use housekeeping::Housekeeping;
use keeper::Keeper;
use missed::Missed;
use pollux_core::engine::{Credit, Engine, EngineConfig, Input, JobId, StoreFailure};
use pollux_core::{KeyPair, ManifestId, PeerRole};
use sessions::Sessions;
use std::time::Duration;
use sweeper::Sweeper;
pub(crate) use sweeper::UNPUBLISHED_MARKS;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use watchdog::Watchdog;
use workers::Workers;

/// Waiting for nothing still looks at the clock once in a while.
const IDLE_WAIT: Duration = Duration::from_secs(3600);
/// For handing over what only this node has when it stops: some hundred megabytes on a fast link, and no more than whoever
/// ends an instance waits for anyway.
const HAND_OVER_TIME: Duration = Duration::from_secs(2);

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
    /// How much is under way at once.
    pub bounds: WorkerBounds,
    /// Whether peers may have chunks; seeds always may.
    pub serves_peers: bool,
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
    counters: Counters,
    /// Events of the wire that waited when this was last looked at.
    wire_waiting: usize,
    missed: Missed,
    watchdog: Watchdog,
    housekeeping: Housekeeping,
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
        let housekeeping = match parts.engine.role {
            PeerRole::Node => {
                let (store, remembered) = (parts.store.clone(), &parts.recovery.certified);
                let sweeper = Sweeper::new(store, handle.saving_lock(), remembered, now.instant);
                Housekeeping::Node { sweeper: Box::new(sweeper), evictor: Evictor::new(parts.store.clone()) }
            }
            PeerRole::Seed => Housekeeping::Seed(Keeper::new(parts.store.clone(), now.instant)),
        };
        let mut engine = Engine::new(parts.engine, now);
        if !parts.serves_peers {
            engine.serve_no_peer();
        }
        let workers = Workers::new((parts.store, parts.journal), parts.identity, done);
        let driver = Self {
            engine,
            clock: parts.clock,
            workers,
            net: parts.net,
            frames: Frames::default(),
            sessions: Sessions::default(),
            counters: Counters::default(),
            wire_waiting: 0,
            missed: Missed::default(),
            watchdog: Watchdog::new(now.instant),
            housekeeping,
            results,
            events,
        };
        let driver = driver.started(parts.recovery, parts.bounds);
        (driver, handle)
    }

    /// Grants the first credits and tells the engine what the store remembers.
    fn started(mut self, recovery: Recovery, bounds: WorkerBounds) -> Self {
        for credit in bounds.credits() {
            self.feed(Input::Credit(credit));
        }
        if let Some(next) = recovery.papers.and_then(|papers| papers.next) {
            self.feed(Input::RecoveredPapers(next));
        }
        for (seed, epoch) in recovery.seen {
            self.feed(Input::RecoveredSeen { seed, epoch });
        }
        for (manifest, used) in recovery.uses {
            self.feed(Input::RecoveredUse { manifest, used });
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

    /// Runs until `stop` says so and what only this node has is handed over, for two seconds at most, and gives the
    /// wire's events back. Dropping the future between two inputs loses
    /// nothing but what is under way.
    pub async fn run(
        mut self,
        mut wire: mpsc::Receiver<NetEvent>,
        mut stop: watch::Receiver<bool>,
    ) -> mpsc::Receiver<NetEvent> {
        self.feed(Input::Timeout);
        let mut looks = interval(self.housekeeping.look_every());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ends = None;
        while !ends.is_some_and(|ends| self.engine.is_handed_over() || Instant::now() >= ends) {
            let wait = self.wait().min(ends.map_or(IDLE_WAIT, |ends| ends - Instant::now()));
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop), if ends.is_none() => {
                    ends = Some(Instant::now() + HAND_OVER_TIME);
                    self.feed(Input::Stopping);
                }
                Some(input) = self.results.recv() => self.result(input),
                () = tokio::time::sleep(wait) => self.feed(Input::Timeout),
                _ = looks.tick() => self.look_at_room(),
                Some(event) = self.events.recv() => self.session_event(event),
                event = wire.recv() => match event {
                    Some(event) => self.net_event(event),
                    None => return wire,
                },
            }
            self.one_of_each(&mut wire);
        }
        tracing::debug!(whole = self.engine.is_handed_over(), "handed over what only this node has");
        wire
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
        self.wire_waiting = wire.len();
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
        if matches!(input, Input::Evicted { .. }) {
            self.evicted();
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
            NetEvent::Disconnected { peer } => {
                self.counters.gone(peer);
                Input::Disconnected { peer }
            }
            NetEvent::DialFailed { peer, why } => {
                // An operator wants to know.
                let seed = self.engine.trust().is_seed(&peer);
                if seed && self.missed.is_news(peer, &why, Instant::now()) {
                    tracing::warn!(%peer, %why, "a seed cannot be reached, or is not the one that the policy names");
                }
                Input::DialFailed { peer }
            }
            NetEvent::Message { peer, message } => Input::Message { peer, message },
            NetEvent::SendCredit { peer, messages } => Input::Credit(Credit::Send { peer, messages }),
            NetEvent::FrameArrived { fetch, frame } => {
                let bytes = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
                self.counters.received(bytes);
                if !self.frames.arrived(fetch, frame) {
                    return;
                }
                Input::FrameArrived { fetch, bytes }
            }
            NetEvent::FetchFailed { fetch, why } => Input::FetchFailed { fetch, why },
            NetEvent::Asked { peer, chunks } => {
                let class = if self.engine.trust().is_seed(&peer) { Class::Seed } else { Class::Node };
                chunks.iter().for_each(|(ask, _)| self.counters.asked(*ask, peer, class));
                Input::Asked { peer, chunks }
            }
            NetEvent::TakenBack { peer, ask } => Input::TakenBack { peer, ask },
            NetEvent::Served { ask, result } => {
                self.counters.served(ask, result);
                return self.served(Input::Served { ask, result });
            }
            NetEvent::Misbehaved { peer, offence } => Input::Misbehaved { peer, offence },
        };
        self.feed(input);
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
                self.counters.request(self.clock.now().instant, job, &request);
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
                self.counters.left(job);
                if self.sessions.close(job) {
                    self.feed(Input::JobLeft { job });
                }
                self.sweep();
            }
            DriverEvent::Admitted { membership } => self.feed(Input::Admitted { membership }),
            // Who asks may have left.
            DriverEvent::Status(StatusQuestion(answer)) => drop(answer.send(self.engine.status())),
            DriverEvent::Metrics(MetricsQuestion(answer)) => drop(answer.send(Box::new(self.snapshot()))),
            DriverEvent::Trust(TrustQuestion(answer)) => drop(answer.send(self.engine.trust().clone())),
            DriverEvent::Surroundings(answer) => {
                drop(answer.send((self.engine.surroundings(), self.clock.wall())));
            }
            DriverEvent::Withdrawn { manifests, answer } => drop(answer.send(self.withdrawn(&manifests))),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let (wire, jobs, results) = (self.wire_waiting, self.events.len(), self.results.len());
        let queues = Queues { wire, jobs, results };
        Snapshot::of(&self.engine, &self.counters, queues, self.clock.wall())
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
