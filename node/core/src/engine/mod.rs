//! The engine: whom to dial, whom to ask for which chunk, what to believe, what to serve, what to drop.
//!
//! It owns no socket, file, thread or clock. The contract of the drive: hand it one [`Input`] with the time, drain
//! [`Engine::poll`] until it is empty, then wait for [`Engine::next_timeout`] or the next input, whichever comes first.
//!
//! # What a driver owes
//!
//! *Order.* Everything that the store remembers is handed in first ([`Input::RecoveredPapers`] before all others, then
//! [`Input::Recovered`], [`Input::RecoveredVote`], [`Input::RecoveredBallot`], [`Input::RecoveredSeen`],
//! [`Input::RecoveredShare`], [`Input::RecoveredUse`], [`Input::Marked`]), before the first connection. The papers in force are in the configuration's trust. A peer has one control connection at a time: where two sides dial each other, the
//! driver keeps one, and reports it once. [`Input::Disconnected`] comes before the next [`Input::Connected`] of the
//! same peer. Time never goes back between inputs; the wall clock may jump, no timeout depends on it.
//!
//! *Credits.* A new connection begins without credit: the driver grants [`Credit::Send`] after [`Input::Connected`],
//! and one more whenever a message has left. Messages of one peer leave in order. The other credits are spent by
//! [`Output::Check`], [`Output::Keep`], [`Output::Serve`] and [`Output::Deliver`]; each is granted again when its work
//! is done. All other outputs are few, bounded by what is under way, and need no credit.
//!
//! *Duties.* What each output asks for, and which input answers it:
//!
//! | output | duty | answer |
//! |---|---|---|
//! | [`Output::Dial`] | connect, proving the peer's identity | `Connected` or `DialFailed` |
//! | [`Output::Disconnect`] | send what was emitted before, then close; the engine has forgotten the peer | none needed |
//! | [`Output::Send`] | send | none (`Credit::Send` when it has left) |
//! | [`Output::Fetch`] | ask on the bulk plane | for each chunk `FrameArrived` or `FetchFailed` |
//! | [`Output::Check`] | decode, hash | `Checked` |
//! | [`Output::Keep`] | append the checked frame to the store | `Kept` |
//! | [`Output::Release`] | drop the buffer, cancel what is under way | none |
//! | [`Output::Serve`] | read and send | `Served` for each chunk |
//! | [`Output::Decline`] | say so | none |
//! | [`Output::Verify`] | [`Work::run`] with the trust that comes with it, anywhere | `Verified` with the same task |
//! | [`Output::Sign`] | [`Statement::sign`], anywhere | `Signed` with the same task |
//! | [`Output::Record`] | make durable, after the chunks that were kept before | `Recorded` |
//! | [`Output::Sync`] | make every kept chunk durable | `Synced` |
//! | [`Output::Look`] | look up, in the order asked | `Looked`, as many as asked |
//! | [`Output::OpenTree`] | read the tree's chunks, decode, compare with totals and roots | `TreeOpened` |
//! | [`Output::Deliver`] | give the chunk to the job | none (`Credit::Deliver` when its socket took it) |
//! | [`Output::Reply`] | tell the job | none |
//! | [`Output::Event`] | log, count | none |
//! | [`Output::Admit`] | from now on treat the peer as one that belongs, until it is disconnected | none |
//! | [`Output::Log`] | append to a seed's log, before later records are made durable | none |
//! | [`Output::ReadLog`] | look through a part of a seed's log | `LogRead` with the same task |
//! | [`Output::Reach`] | use the address for the bulk plane of a peer that is connected | none |
//!
//! Answers may come in any order and at any time later. An answer to a task that the engine forgot is ignored, and so
//! is everything about a peer or a job that it does not know: no input can make it panic.
//!
//! # How it is made
//!
//! `state` holds small parts that know nothing of each other: who is connected, who asked what, what is known of which
//! manifest. `story` moves them: one file for each thing that happens in a pool. `transfer` moves chunks.
mod bounds;
mod ids;
mod io;
mod measures;
mod outcome;
mod papers;
mod record;
mod reply;
mod state;
mod story;
mod surroundings;
mod transfer;
mod work;

pub use crate::Matched;
pub use ids::{AskId, FetchId, JobId, TaskId};
pub use io::*;
pub use measures::{EngineMeasures, ShareUse};
pub(crate) use outcome::Proof;
pub use outcome::*;
pub use papers::JudgedPapers;
pub use record::Record;
pub use reply::*;
pub use surroundings::{SeedView, Surroundings};
pub use work::{Statement, Verdict, Work};

use crate::limits::RELAY_INTERVAL;
use crate::{Envelope, GrantUse, Instant, ManifestId, Now, Pattern, PeerId, PeerRole, Trust, Zone};
use rand_chacha::rand_core::Rng;
use state::ballots::Ballots;
use state::bans::Bans;
use state::behind::Behind;
use state::catalogue::Catalogue;
use state::chance::Chance;
use state::clocks::Clocks;
use state::courses::Courses;
use state::dials::Dials;
use state::fullness::StoreRoom;
use state::joining::Joining;
use state::journal::Journal;
use state::kin::Kin;
use state::ledger::Ledger;
use state::listings::Listings;
use state::logs::{LogQuestions, LogReads};
use state::offers::Offers;
use state::outbox::Outbox;
use state::papers::Spreading;
use state::peers::Peers;
use state::probes::Probes;
use state::proofs::Proofs;
use state::publishes::Publishes;
use state::questions::Questions;
use state::refusals::Refusals;
use state::rejudge::{Depth, Rejudging, Withdrawn};
use state::relays::{Handout, Relays};
use state::shares::Shares;
use state::shorts::Shorts;
use state::spreads::Spreads;
use state::swarms::Swarms;
use state::tasks::Tasks;
use state::timers::Timers;
use state::tracker::Tracker;
use state::uses::Uses;
use state::votes::Votes;
use state::wholeness::Wholeness;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use story::Alarm;
use transfer::Transfer;

/// What an engine is told once.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// This node's identity.
    pub me: PeerId,
    /// Node or seed.
    pub role: PeerRole,
    /// Program and version, for people.
    pub software: String,
    /// The port on which peers reach this node.
    pub listen_port: u16,
    /// The pool's join token.
    pub token: Envelope,
    /// What everything is judged by.
    pub trust: Arc<Trust>,
    /// Makes every random choice repeatable.
    pub rng_seed: u64,
    /// Where it is, told to seeds and peers; none: as the policy places its address, or nowhere in particular.
    pub zone: Option<Zone>,
    /// Of each key that one of these covers, the content of the newest manifest stays in a node's store, whatever else must go.
    /// A seed keeps more than that of every key.
    pub pins: Vec<Pattern>,
}

/// One node's decisions. See the module for the contract.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    chance: Chance,
    outbox: Outbox,
    tasks: Tasks,
    timers: Timers<Alarm>,
    peers: Peers,
    probes: Probes,
    refusals: Refusals,
    bans: Bans,
    dials: Dials,
    joining: Joining,
    clocks: Clocks,
    catalogue: Catalogue,
    swarms: Swarms,
    transfer: Transfer,
    jobs: BTreeSet<JobId>,
    questions: Questions,
    publishes: Publishes,
    listings: Listings,
    log_questions: LogQuestions,
    log_reads: LogReads,
    journal: Journal,
    relays: Relays,
    handout: Handout,
    tracker: Tracker,
    kin: Kin,
    proofs: Proofs,
    /// Members that had not what they said they had.
    unproven: Bans,
    votes: Votes,
    grant_use: GrantUse,
    shares: Shares,
    uses: Uses,
    room: StoreRoom,
    /// Peers may have what the store holds; if not, only seeds do, that a save be possible.
    serves_peers: bool,
    offers: Offers,
    wholeness: Wholeness,
    /// What was last said of it.
    told: Option<Option<Silence>>,
    ledger: Ledger,
    ballots: Ballots,
    courses: Courses,
    behind: Behind,
    spreading: Spreading,
    spreads: Spreads,
    rejudging: Rejudging,
    /// Verifications up to this one were asked for before papers changed, and how thoroughly what they bring is judged again.
    judged_since: TaskId,
    judged_depth: Depth,
    withdrawn: Withdrawn,
    shorts: Shorts,
    /// What a seed judges its memory by, at start.
    memory_trust: Option<Arc<Trust>>,
    /// What the store remembers and is not verified yet; a seed lets nobody in before.
    recovering: u32,
    /// Manifests whose chunks a seed has yet to look for, after a restart or a loss.
    unchecked: VecDeque<ManifestId>,
    /// A seed lost a chunk since it last began to look for everything.
    lost: bool,
    /// Joins that wait for what is verified.
    joins_waiting: BTreeMap<PeerId, Envelope>,
    /// Before this, seeds are not dialled out of turn again.
    hurry_after: Instant,
    /// It takes no part in anything any more.
    stopping: bool,
    /// The time of the last input.
    clock: Instant,
}

impl Engine {
    /// An engine that knows nobody yet; its first outputs dial the seeds.
    #[must_use]
    pub fn new(config: EngineConfig, now: Now) -> Self {
        let entries_max = match config.role {
            PeerRole::Node => bounds::CATALOGUE_NODE_MAX,
            PeerRole::Seed => bounds::CATALOGUE_SEED_MAX,
        };
        let mut engine = Self {
            ledger: Ledger::new(Chance::stream(config.rng_seed, 2).next_u64()),
            chance: Chance::new(config.rng_seed),
            transfer: Transfer::new(Chance::stream(config.rng_seed, 1)),
            catalogue: Catalogue::new(entries_max),
            config,
            outbox: Outbox::default(),
            tasks: Tasks::default(),
            timers: Timers::new(),
            peers: Peers::default(),
            probes: Probes::default(),
            refusals: Refusals::default(),
            bans: Bans::default(),
            dials: Dials::default(),
            joining: Joining::default(),
            clocks: Clocks::default(),
            swarms: Swarms::default(),
            jobs: BTreeSet::new(),
            questions: Questions::default(),
            publishes: Publishes::default(),
            listings: Listings::default(),
            log_questions: LogQuestions::default(),
            log_reads: LogReads::default(),
            journal: Journal::default(),
            relays: Relays::default(),
            handout: Handout::default(),
            tracker: Tracker::default(),
            kin: Kin::default(),
            proofs: Proofs::default(),
            unproven: Bans::default(),
            votes: Votes::default(),
            grant_use: GrantUse::default(),
            shares: Shares::default(),
            uses: Uses::default(),
            room: StoreRoom::default(),
            serves_peers: true,
            offers: Offers::default(),
            wholeness: Wholeness::default(),
            told: None,
            ballots: Ballots::default(),
            courses: Courses::default(),
            behind: Behind::default(),
            spreading: Spreading::default(),
            spreads: Spreads::default(),
            rejudging: Rejudging::default(),
            judged_since: TaskId(0),
            judged_depth: Depth::Nothing,
            withdrawn: Withdrawn::default(),
            shorts: Shorts::new(entries_max),
            memory_trust: None,
            recovering: 0,
            unchecked: VecDeque::new(),
            lost: false,
            joins_waiting: BTreeMap::new(),
            hurry_after: now.instant,
            stopping: false,
            clock: now.instant,
        };
        engine.transfer.set_me(engine.config.me);
        engine.dial_seeds(now);
        if engine.is_seed() {
            engine.transfer.spare_uplink();
            engine.timers.set(Alarm::Relay, now.instant.after(RELAY_INTERVAL));
        }
        engine
    }

    /// From now on peers get no chunk of this node. Seeds do: they pull what its jobs publish.
    pub const fn serve_no_peer(&mut self) {
        self.serves_peers = false;
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.clock = now.instant;
        self.take(now, input);
        self.drop_clogged(now);
    }

    /// The next output, if any; call until `None`.
    pub fn poll(&mut self, now: Now) -> Option<Output> {
        loop {
            if let Some(output) = self.outbox.pop() {
                return Some(output);
            }
            let moved = self.transfer.poll(now.instant)?;
            if let Some(output) = self.take_moved(now, moved) {
                return Some(output);
            }
        }
    }

    /// When [`Input::Timeout`] is due; [`Instant::NEVER`] when nothing is waited for.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        let moving = self.transfer.next_timeout();
        self.timers.next().into_iter().chain(moving).min().unwrap_or(Instant::NEVER)
    }

    /// For `pollux status`.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        EngineStatus {
            joined: self.is_seed() || self.joining.joined(self.clock),
            seeds_connected: count(self.peers.seeds().count()),
            seeds_total: count(self.config.trust.policy().seeds.len()),
            peers: count(self.peers.members().count()),
            manifests: count(self.catalogue.len()),
            jobs: count(self.jobs.len()),
            fetches: self.transfer.fetches(),
            banned: count(self.bans.count(self.clock)),
            junk_chunks: self.transfer.junk(),
            relays: count(self.relays.len()),
            silent: self.silence(),
            policy_version: self.config.trust.policy().version,
            policy_expires_ms: self.config.trust.policy().expires.as_millis(),
            root_expires_ms: self.config.trust.root().expires.as_millis(),
            yanks: count(self.config.trust.yanks().len()),
            refused: self.joining.refusal(self.clock),
            refusals: self.refusals.by_name(),
        }
    }

    /// How full the store of a seed is.
    #[must_use]
    pub const fn fullness(&self) -> Fullness {
        self.room.fullness()
    }

    /// What everything is judged by at this moment.
    #[must_use]
    pub const fn trust(&self) -> &Arc<Trust> {
        &self.config.trust
    }

    /// Whether there is nothing left to wait for since [`Input::Stopping`]: what peers had asked for was given, and what only
    /// this node has of what others take part in was given to one of them.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.transfer.gave_last()
    }

    /// Why a manifest that was believed here is not any more: for jobs that have used it. None: nothing is known against
    /// it.
    #[must_use]
    pub fn withdrawn(&self, manifest: &ManifestId) -> Option<&str> {
        self.withdrawn.why(manifest)
    }

    fn is_seed(&self) -> bool {
        self.config.role == PeerRole::Seed
    }
}

#[cfg(test)]
mod tests;
