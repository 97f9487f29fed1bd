//! The pool in virtual time: engines, the network between them, and a fake driver for each that keeps the contract of
//! the real one.
//!
//! What a driver does off its thread takes the fixed times of [`Costs`] and is never refused; a connection comes up at
//! both ends in one moment; a control message takes the latency and no bandwidth, and has left as soon as it is sent; a
//! job takes a chunk as soon as it is delivered; reading a chunk takes no time. A fetch that is cancelled still
//! arrives, as on a real bulk connection, and is dropped there.
//!
//! ```text
//! mod      events and time
//! links    dialling, messages, hanging up
//! bulk     chunks from node to node
//! tasks    what engines have done off their thread
//! jobs     jobs and what they are told
//! carry    where each output goes
//! verdicts verifications that were done before
//! costs    fault
//! ```

mod bulk;
mod carry;
mod costs;
mod fault;
mod jobs;
mod links;
mod tasks;
mod verdicts;

#[cfg(test)]
mod tests;

pub(crate) use fault::{Fault, Faults};
pub(crate) use jobs::Done;

use crate::content::{Content, Version};
use crate::lots::Lots;
use crate::network::{self, Network, Wake};
use crate::node::{Node, Role, Spec};
use crate::numbered::{ChunkNo, NodeNo, Numbered, StreamNo, VersionNo};
use crate::pool::{self, Pool};
use crate::queue::Queue;
use crate::scenario::{Behaviour, Exit, Publish, Scenario};
use crate::trace::Trace;
use core::time::Duration;
use costs::Costs;
use pollux_core::engine::{Credit, Engine, EngineConfig, FetchId, Input, JobId};
use pollux_core::message::{Control, Decline};
use pollux_core::{Instant, Now, PeerId, PeerRole};
use std::collections::BTreeMap;
use verdicts::Verdicts;

/// What is left of a slow node's uplink: this part.
const SLOW_PART: u64 = 10;
/// After this long without a word a connection is taken for broken, as in the node.
const SILENCE: Duration = Duration::from_secs(30);
/// Frames being hashed, chunks being appended and chunks being given at once, as a real driver grants on two cores.
const CREDITS: [Credit; 3] = [Credit::Checks(4), Credit::Writes(8), Credit::Reads(32)];

/// What is to happen. A `link` names a connection; what was sent on one that is gone is lost.
#[derive(Debug)]
enum Event {
    Boot(NodeNo),
    /// An engine's timeout.
    Timer(NodeNo),
    /// A stream's frame may have left.
    Stream(StreamNo),
    /// Links hear of what has changed elsewhere.
    Settle,
    /// A job's deadline.
    Deadline(NodeNo, JobId),
    /// A node's job is over; the next one begins.
    NextJob(NodeNo),
    /// A node's life is over.
    Leave(NodeNo),
    /// Something that a node's own driver says.
    Input {
        to: NodeNo,
        input: Box<Input>,
    },
    Connect {
        from: NodeNo,
        to: NodeNo,
    },
    Message {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        message: Box<Control>,
    },
    Closed {
        from: NodeNo,
        to: NodeNo,
        link: u64,
    },
    Request {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        chunks: Box<[(FetchId, ChunkNo)]>,
    },
    Refusal {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        fetch: FetchId,
        why: Decline,
    },
    Frame {
        from: NodeNo,
        to: NodeNo,
        link: u64,
        fetch: FetchId,
        bytes: u32,
    },
}

/// What happened that not every run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Wrong chunks that engines told of.
    pub(crate) junk: u64,
    /// Peers that engines banned.
    pub(crate) bans: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) content: Content,
    pub(crate) nodes: Numbered<NodeNo, Node>,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) events: u64,
    /// Jobs of honest nodes that have begun or will, and are not over.
    pub(crate) jobs_open: u64,
    /// Jobs that are over.
    pub(crate) done: Vec<Done>,
    pub(crate) reached: Reached,
    scenario: Scenario,
    costs: Costs,
    lots: Lots,
    pool: Pool,
    verdicts: Verdicts,
    by_peer: BTreeMap<PeerId, NodeNo>,
    network: Network,
    queue: Queue<Event>,
    links_begun: u64,
}

impl World {
    /// A world of the seeds, those that publish each version, and the groups; nobody has booted.
    pub(crate) fn new(scenario: &Scenario, trace: Trace) -> Self {
        let mut world = Self {
            content: Content::new(scenario),
            nodes: Numbered::default(),
            faults: Faults::default(),
            trace,
            events: 0,
            jobs_open: 0,
            done: Vec::new(),
            reached: Reached::default(),
            scenario: scenario.clone(),
            costs: Costs::default(),
            lots: Lots::new(scenario.rng_seed),
            pool: Pool::new(scenario),
            verdicts: Verdicts::default(),
            by_peer: BTreeMap::new(),
            network: Network::new(scenario),
            queue: Queue::new(),
            links_begun: 0,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        let scenario = self.scenario.clone();
        let seeds = network::Link { up: scenario.seeds.up.0, down: scenario.seeds.down.0 };
        let spec = |role, zone: &str, behaviour| Spec {
            role,
            zone: scenario.zone(zone).unwrap_or_default(),
            behaviour,
        };
        for _ in 0..scenario.seeds.count {
            self.add(seeds, spec(Role::Seed, &scenario.seeds.zone, Behaviour::Honest));
        }
        let savers: Vec<(VersionNo, String)> =
            self.content.versions().map(|(no, version)| (no, self.zone_of_saver(version))).collect();
        for (version, zone) in savers {
            self.add(seeds, spec(Role::Saver(version), &zone, Behaviour::Honest));
        }
        for (number, group) in scenario.groups.iter().enumerate() {
            let slow = if group.behaviour == Behaviour::Slow { SLOW_PART } else { 1 };
            let link = network::Link { up: (group.up.0 / slow).max(1), down: group.down.0 };
            for _ in 0..group.count {
                self.add(link, spec(Role::Member { group: number }, &group.zone, group.behaviour));
            }
        }
    }

    /// Where a version is published from: as the scenario says, the first ones where the seeds are.
    fn zone_of_saver(&self, version: &Version) -> String {
        let publish = self.publish_of(version);
        publish.map_or_else(|| self.scenario.seeds.zone.clone(), |publish| publish.zone.clone())
    }

    /// What the scenario says of publishing a version; nothing of the first ones.
    pub(crate) fn publish_of(&self, version: &Version) -> Option<&Publish> {
        let later = usize::try_from(version.sequence).ok()?.checked_sub(2)?;
        let name = &self.scenario.caches.get(version.cache)?.name;
        self.scenario.publishes.iter().filter(|publish| publish.cache == *name).nth(later)
    }

    fn add(&mut self, link: network::Link, spec: Spec) {
        let no = self.network.add(link, spec.zone);
        let node = Node::new(no, self.content.count(), spec);
        self.by_peer.insert(node.peer, no);
        self.trace.name(node.peer, no);
        self.nodes.push(node);
    }

    pub(crate) fn now(&self) -> Instant {
        self.queue.now()
    }

    /// Both clocks.
    fn clocks(&self) -> Now {
        let past = self.now().since(Instant::ZERO);
        Now { instant: self.now(), wall: pool::BEGIN.after(past) }
    }

    fn after(&self, wait: Duration) -> Instant {
        self.now().after(wait)
    }

    /// One way from one node to another.
    fn latency(&self, from: NodeNo, to: NodeNo) -> Duration {
        self.network.latency(from, to)
    }

    /// Lets the next event happen, unless it is later than `until`; false if it is, or there is none.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        if self.queue.next_at().is_none_or(|at| at > until) {
            return false;
        }
        let Some(event) = self.queue.pop() else { return false };
        self.events += 1;
        self.happen(event);
        for (at, wake) in self.network.take_wakes() {
            let event = match wake {
                Wake::Stream(stream) => Event::Stream(stream),
                Wake::Settle => Event::Settle,
            };
            self.queue.push(at, event);
        }
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Boot(no) => self.come(no),
            Event::NextJob(no) => self.begin_next(no),
            Event::Leave(no) => self.leave(no),
            Event::Timer(no) => self.ring(no),
            Event::Stream(stream) => self.stream_wakes(stream),
            Event::Settle => self.network.settle(self.queue.now()),
            Event::Deadline(no, job) => self.look_at_deadlines(no, job),
            Event::Input { to, input } => self.answered(to, *input),
            Event::Connect { from, to } => self.connect(from, to),
            Event::Message { from, to, link, message } => {
                if self.nodes.at(to).is_linked(from, link) {
                    let peer = self.nodes.at(from).peer;
                    self.feed(to, Input::Message { peer, message });
                }
            }
            Event::Closed { from, to, link } => self.closed(from, to, link),
            Event::Request { from, to, link, chunks } => self.requested((from, to, link), &chunks),
            Event::Refusal { from, to, link, fetch, why } => self.refused((from, to, link), fetch, why),
            Event::Frame { from, to, link, fetch, bytes } => {
                self.frame_arrives((from, to, link), fetch, bytes);
            }
        }
    }

    /// Starts a node's engine.
    pub(crate) fn boot(&mut self, no: NodeNo) {
        let now = self.clocks();
        let seed = self.nodes.at(no).spec.role == Role::Seed;
        let role = if seed { PeerRole::Seed } else { PeerRole::Node };
        let config = EngineConfig {
            me: self.nodes.at(no).peer,
            role,
            software: "pollux-sim".to_owned(),
            listen_port: pool::PORT,
            token: self.pool.token.clone(),
            trust: self.pool.trust.clone(),
            rng_seed: self.lots.number("engine", u64::from(no.0)),
        };
        self.nodes.at_mut(no).engine = Some(Box::new(Engine::new(config, now)));
        for credit in CREDITS {
            self.feed(no, Input::Credit(credit));
        }
        if seed {
            // Its store was begun before.
            self.feed(no, Input::Marked { epoch: 1 });
        }
    }

    /// Its life is over.
    fn leave(&mut self, no: NodeNo) {
        if self.group_of(no).is_some_and(|group| group.exit == Exit::Vanished) {
            self.vanish(no);
        } else {
            self.kill(no);
        }
    }

    /// It says nothing any more: what was sent to it is lost, and its peers find out much later.
    fn vanish(&mut self, no: NodeNo) {
        let peers: Vec<NodeNo> = self.nodes.at(no).links.keys().copied().collect();
        for peer in peers {
            let Some(link) = self.nodes.at(no).links.get(&peer).map(|link| link.number) else { continue };
            self.queue.push(self.after(SILENCE), Event::Closed { from: no, to: peer, link });
            self.network.drop_stream(self.queue.now(), no, peer);
            self.network.drop_stream(self.queue.now(), peer, no);
        }
        self.forget(no);
    }

    /// kill -9: it is gone, and its peers find out.
    pub(crate) fn kill(&mut self, no: NodeNo) {
        let peers: Vec<NodeNo> = self.nodes.at(no).links.keys().copied().collect();
        for peer in peers {
            self.hang_up(no, peer);
        }
        self.forget(no);
    }

    fn forget(&mut self, no: NodeNo) {
        self.close_jobs(no);
        let node = self.nodes.at_mut(no);
        (node.engine, node.armed) = (None, Instant::NEVER);
        node.links.clear();
        node.fetches.clear();
        node.asks.clear();
    }

    /// Something that a node's own driver says, after a while.
    fn answer(&mut self, to: NodeNo, wait: Duration, input: Input) {
        self.queue.push(self.after(wait), Event::Input { to, input: Box::new(input) });
    }

    /// An answer, and the credit for the place that it frees.
    fn answered(&mut self, no: NodeNo, input: Input) {
        let credit = if matches!(input, Input::Checked { .. }) {
            Some(Credit::Checks(1))
        } else if matches!(input, Input::Kept { .. }) {
            Some(Credit::Writes(1))
        } else if matches!(input, Input::Served { .. }) {
            Some(Credit::Reads(1))
        } else {
            None
        };
        self.feed(no, input);
        if let Some(credit) = credit {
            self.feed(no, Input::Credit(credit));
        }
    }

    /// Hands an engine an input, carries out what it says, and grants again what left at once.
    fn feed(&mut self, no: NodeNo, input: Input) {
        self.feed_once(no, input);
        while let Some(credit) = self.freed(no) {
            self.feed_once(no, Input::Credit(credit));
        }
        self.arm(no);
    }

    fn feed_once(&mut self, no: NodeNo, input: Input) {
        let now = self.clocks();
        let node = self.nodes.at_mut(no);
        let Some(engine) = node.engine.as_mut() else { return };
        if let Input::Credit(credit) = &input {
            node.credits.grant(credit);
        }
        self.trace.add_input(now.instant, no, &input);
        engine.handle(now, input);
        while let Some(output) = self.nodes.at_mut(no).engine.as_mut().and_then(|engine| engine.poll(now)) {
            self.carry_out(no, output);
        }
    }

    fn freed(&mut self, no: NodeNo) -> Option<Credit> {
        let node = self.nodes.at_mut(no);
        if let Some((peer, messages)) = node.credits.take_sent() {
            let peer = self.nodes.at(peer).peer;
            return Some(Credit::Send { peer, messages });
        }
        let bytes = node.credits.take_delivered()?;
        let job = node.job.as_ref()?.id;
        Some(Credit::Deliver { job, bytes })
    }

    /// Asks for a wake-up at the engine's timeout, unless an earlier one is on its way.
    fn arm(&mut self, no: NodeNo) {
        let node = self.nodes.at_mut(no);
        let Some(engine) = node.engine.as_ref() else { return };
        let at = engine.next_timeout();
        if at < node.armed {
            node.armed = at;
            self.queue.push(at, Event::Timer(no));
        }
    }

    /// A wake-up: for the engine if it is time, else for later.
    fn ring(&mut self, no: NodeNo) {
        let now = self.now();
        let node = self.nodes.at_mut(no);
        if node.armed > now {
            return;
        }
        node.armed = Instant::NEVER;
        if node.engine.as_ref().is_some_and(|engine| engine.next_timeout() <= now) {
            self.feed(no, Input::Timeout);
        } else {
            self.arm(no);
        }
    }

    fn fault(&mut self, no: NodeNo, fault: Fault) {
        self.faults.add(self.now(), no, fault);
    }
}
