//! One simulated node: an engine, and what its driver would have in hand.

mod credits;
mod memory;
mod store;

pub(crate) use credits::Credits;
pub(crate) use memory::Memory;
pub(crate) use store::Store;

use crate::job::Job;
use crate::numbered::{ChunkNo, NodeNo, VersionNo};
use crate::pool;
use crate::scenario::Behaviour;
use crate::tally::Tally;
use crate::world::Lies;
use core::time::Duration;
use pollux_core::engine::{AskId, Engine, FetchId};
use pollux_core::{Instant, KeyPair, PeerId};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// What a node is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// One of the pool's seeds.
    Seed,
    /// It comes with a version, publishes it and goes.
    Saver {
        /// Which.
        version: VersionNo,
        /// Of several builds that publish it at the same time, which; the first is 0.
        build: u32,
    },
    /// It comes with a yank, by its place in the scenario, brings it to the seeds and goes.
    Operator {
        /// Which.
        yank: usize,
    },
    /// One of a group.
    Member {
        /// Its place in the scenario.
        group: usize,
    },
}

/// What a node is, from before it boots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    pub(crate) role: Role,
    pub(crate) zone: usize,
    pub(crate) behaviour: Behaviour,
    /// Whose address it has; none: one of its own.
    pub(crate) host: Option<NodeNo>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spec: Spec,
    pub(crate) key: KeyPair,
    pub(crate) peer: PeerId,
    pub(crate) address: SocketAddr,
    /// None before it boots and after it has left.
    pub(crate) engine: Option<Box<Engine>>,
    /// When a wake-up for the engine's timeout is asked for.
    pub(crate) armed: Instant,
    pub(crate) links: BTreeMap<NodeNo, Link>,
    pub(crate) store: Store,
    /// Chunks whose frames have arrived once.
    pub(crate) arrived: Store,
    pub(crate) fetches: BTreeMap<FetchId, Fetch>,
    pub(crate) asks: BTreeMap<AskId, Ask>,
    pub(crate) asks_begun: u64,
    pub(crate) credits: Credits,
    /// The job that runs.
    pub(crate) job: Option<Job>,
    /// Jobs that have begun.
    pub(crate) jobs_begun: u64,
    /// The caches of those that are to follow.
    pub(crate) to_restore: VecDeque<usize>,
    /// They follow once more at a time that is to come.
    pub(crate) again: bool,
    pub(crate) tally: Tally,
    /// What it lies with.
    pub(crate) lies: Lies,
    /// How often it has started.
    pub(crate) boots: u64,
    /// What its disk remembers.
    pub(crate) memory: Memory,
    /// A disk of before, for a fault that restores one.
    pub(crate) snapshot: Option<Box<(Memory, Store)>>,
    /// When its disk has taken what was given to it.
    pub(crate) disk_free: Instant,
    /// Until then it stands still.
    pub(crate) paused: Instant,
    /// Until then it hears of nothing new.
    pub(crate) stale_until: Instant,
    /// Everything to and from it takes so much longer.
    pub(crate) delay: Duration,
    /// Its wall clock is ahead by so much,
    pub(crate) ahead: Duration,
    /// and behind by so much.
    pub(crate) behind: Duration,
    /// Its life is over.
    pub(crate) gone: bool,
}

/// This node's side of a control connection, and of the bulk connection beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Tells this connection from an earlier one of the same pair.
    pub(crate) number: u64,
    /// From when requests for chunks can be sent: bulk is dialled with the first of them.
    pub(crate) bulk_from: Instant,
    /// When the last message to the other arrives: what is sent later arrives no sooner.
    pub(crate) arrives: Instant,
}

/// A chunk under way to this node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetch {
    pub(crate) from: NodeNo,
    pub(crate) chunk: ChunkNo,
    pub(crate) stage: Stage,
    /// The bytes that arrived are others.
    pub(crate) junk: bool,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Arrived,
    Checked,
}

/// A chunk that a peer asked this node for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) from: NodeNo,
    pub(crate) fetch: FetchId,
    pub(crate) chunk: ChunkNo,
    /// Whether the frame is on its stream.
    pub(crate) served: bool,
}

impl Node {
    /// A node that has not booted, with room in its store for so many chunks.
    pub(crate) fn new(no: NodeNo, chunks: u32, spec: Spec) -> Self {
        let key = pool::identity(no);
        Self {
            spec,
            peer: PeerId::new(key.public()),
            key,
            address: pool::address(no, spec.host.unwrap_or(no), spec.zone),
            engine: None,
            armed: Instant::NEVER,
            links: BTreeMap::new(),
            store: Store::new(chunks),
            arrived: Store::new(chunks),
            fetches: BTreeMap::new(),
            asks: BTreeMap::new(),
            asks_begun: 0,
            credits: Credits::default(),
            job: None,
            jobs_begun: 0,
            to_restore: VecDeque::new(),
            again: false,
            tally: Tally::default(),
            lies: Lies::default(),
            boots: 0,
            memory: if spec.role == Role::Seed { Memory::marked() } else { Memory::default() },
            snapshot: None,
            disk_free: Instant::ZERO,
            paused: Instant::ZERO,
            stale_until: Instant::ZERO,
            delay: Duration::ZERO,
            ahead: Duration::ZERO,
            behind: Duration::ZERO,
            gone: false,
        }
    }

    /// Whether it does what it should.
    pub(crate) fn is_honest(&self) -> bool {
        self.spec.behaviour == Behaviour::Honest
    }

    /// Whether it answers requests for chunks.
    pub(crate) fn gives(&self) -> bool {
        !matches!(self.spec.behaviour, Behaviour::Stalling | Behaviour::Draining)
    }

    /// Its disk is lost: a new one is empty.
    pub(crate) fn wipe(&mut self, chunks: u32) {
        (self.memory, self.store) = (Memory::default(), Store::new(chunks));
    }

    /// Whether this is a connection that is still up.
    pub(crate) fn is_linked(&self, other: NodeNo, number: u64) -> bool {
        self.links.get(&other).is_some_and(|link| link.number == number)
    }

    /// Notes a request for a chunk under a number that is never used again.
    pub(crate) fn begin_ask(&mut self, ask: Ask) -> AskId {
        let id = AskId(self.asks_begun);
        self.asks_begun += 1;
        self.asks.insert(id, ask);
        id
    }

    /// Forgets what was fetched from a peer that is gone; these fetches have failed.
    pub(crate) fn take_fetches_from(&mut self, peer: NodeNo) -> Vec<FetchId> {
        let waiting = |fetch: &Fetch| fetch.from == peer && fetch.stage == Stage::Waiting;
        let lost: Vec<FetchId> =
            self.fetches.iter().filter(|(_, fetch)| waiting(fetch)).map(|(id, _)| *id).collect();
        for id in &lost {
            self.fetches.remove(id);
        }
        lost
    }

    /// Forgets what a peer that is gone has asked for; gives what was being served.
    pub(crate) fn take_asks_of(&mut self, peer: NodeNo) -> Vec<AskId> {
        let gone: Vec<(AskId, bool)> =
            self.asks.iter().filter(|(_, ask)| ask.from == peer).map(|(id, ask)| (*id, ask.served)).collect();
        for (id, _) in &gone {
            self.asks.remove(id);
        }
        gone.into_iter().filter(|(_, served)| *served).map(|(id, _)| id).collect()
    }
}
