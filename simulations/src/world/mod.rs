//! The pool in virtual time: engines, the network between them, and a fake driver for each that keeps the contract of
//! the real one.
//!
//! What a driver does off its thread takes the fixed times of [`Costs`] and is never refused; a connection comes up at
//! both ends in one moment; a control message takes the latency and no bandwidth, and has left as soon as it is sent; a
//! job takes a chunk as soon as it is delivered; reading a chunk takes no time. A fetch that is cancelled is taken
//! back; a frame of it that had set off arrives all the same, as on a real bulk connection, and is dropped there.
//!
//! ```text
//! mod      the state, and time
//! event    what happens
//! populate who there is
//! engines  how they start, end and are driven
//! links    dialling, messages, hanging up
//! bulk     chunks from node to node
//! tasks    what engines have done off their thread
//! jobs     jobs and what they are told
//! papers   manifests and yanks
//! carry    where each output goes
//! bounds   the engine's bounds, held against what it does
//! troubles what goes wrong: processes, links, clocks
//! lies     what those say who are not honest
//! verdicts verifications that were done before
//! costs    violation
//! reached  what not every run has
//! marks    what happens from outside
//! ```

mod bounds;
mod bulk;
mod carry;
mod costs;
mod engines;
mod event;
mod jobs;
mod lies;
mod links;
mod marks;
mod papers;
mod populate;
mod reached;
mod tasks;
mod troubles;
mod verdicts;
mod violation;

#[cfg(test)]
mod sabotage;
#[cfg(test)]
mod tests;

pub(crate) use jobs::Done;
pub(crate) use lies::Lies;
pub(crate) use reached::Reached;
#[cfg(test)]
pub(crate) use sabotage::Sabotage;
pub(crate) use violation::{Violation, Violations, Whose};

use crate::content::Content;
use crate::lots::Lots;
use crate::network::{Link, Network, Wake};
use crate::node::Node;
use crate::numbered::{NodeNo, Numbered, VersionNo};
use crate::pool::{self, Pool};
use crate::queue::Queue;
use crate::scenario::Scenario;
use crate::trace::Trace;
use core::time::Duration;
use costs::Costs;
use event::Event;
use pollux_core::{Instant, ManifestId, Now, PeerId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use troubles::Cut;
use verdicts::Verdicts;

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) content: Content,
    pub(crate) nodes: Numbered<NodeNo, Node>,
    pub(crate) violations: Violations,
    pub(crate) trace: Trace,
    pub(crate) events: u64,
    /// Jobs of honest nodes that have begun or will, and are not over.
    pub(crate) jobs_open: u64,
    /// Jobs that are over.
    pub(crate) done: Vec<Done>,
    pub(crate) reached: Reached,
    /// What happened from outside, and when.
    pub(crate) marks: Vec<(Instant, String)>,
    scenario: Scenario,
    costs: Costs,
    lots: Lots,
    pool: Pool,
    verdicts: Verdicts,
    by_peer: BTreeMap<PeerId, NodeNo>,
    network: Network,
    queue: Queue<Event>,
    links_begun: u64,
    cuts: Vec<Cut>,
    /// Who has not heard yet that its connection to whom is gone.
    partings: BTreeSet<(NodeNo, NodeNo)>,
    /// The beginning has come: whoever is bad is so from now on.
    begun: bool,
    /// When that was.
    begin: Instant,
    /// The manifest of each sequence of each cache that was certified first.
    certified: BTreeMap<(usize, u64), ManifestId>,
    /// All that there are, with the versions that they are of, and their sequences.
    manifests: BTreeMap<ManifestId, (VersionNo, u64)>,
    /// Of which cache each yank is, and what it takes back.
    yanked: Vec<Option<(usize, ManifestId)>>,
    /// How engines are broken.
    #[cfg(test)]
    pub(crate) sabotage: Option<Sabotage>,
}

impl World {
    /// A world of the seeds, those that publish each version, and the groups; nobody has booted.
    pub(crate) fn new(scenario: &Scenario, trace: Trace) -> Self {
        let mut world = Self {
            content: Content::new(scenario),
            nodes: Numbered::default(),
            violations: Violations::default(),
            trace,
            events: 0,
            jobs_open: 0,
            done: Vec::new(),
            reached: Reached::default(),
            marks: Vec::new(),
            scenario: scenario.clone(),
            costs: Costs::default(),
            lots: Lots::new(scenario.rng_seed),
            pool: Pool::new(scenario),
            verdicts: Verdicts::default(),
            by_peer: BTreeMap::new(),
            network: Network::new(scenario),
            queue: Queue::new(),
            links_begun: 0,
            cuts: Vec::new(),
            partings: BTreeSet::new(),
            begun: false,
            begin: Instant::ZERO,
            certified: BTreeMap::new(),
            manifests: BTreeMap::new(),
            yanked: Vec::new(),
            #[cfg(test)]
            sabotage: None,
        };
        world.manifests = papers::manifests(scenario, &world.pool, &world.content);
        world.yanked = papers::yanked(scenario, &world.pool, &world.content);
        world.populate();
        world
    }

    pub(crate) fn now(&self) -> Instant {
        self.queue.now()
    }

    /// Both clocks of a node.
    fn clocks(&self, no: NodeNo) -> Now {
        let (past, node) = (self.now().since(Instant::ZERO), self.nodes.at(no));
        let wall = pool::BEGIN.after(past).after(node.ahead).as_millis();
        let behind = u64::try_from(node.behind.as_millis()).unwrap_or(u64::MAX);
        Now { instant: self.now(), wall: Timestamp::from_millis(wall.saturating_sub(behind)) }
    }

    fn after(&self, wait: Duration) -> Instant {
        self.now().after(wait)
    }

    /// One way from one node to another.
    fn latency(&self, from: NodeNo, to: NodeNo) -> Duration {
        self.network.latency(from, to) + self.nodes.at(from).delay + self.nodes.at(to).delay
    }

    /// When what is sent now on a control connection arrives: not before what was sent earlier.
    fn arrival(&mut self, from: NodeNo, to: NodeNo) -> Instant {
        let at = self.after(self.latency(from, to));
        let Some(link) = self.nodes.at_mut(from).links.get_mut(&to) else { return at };
        link.arrives = link.arrives.max(at);
        link.arrives
    }

    /// When the next event is; until then nothing changes.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.queue.next_at()
    }

    /// A node's own links.
    pub(crate) fn link(&self, no: NodeNo) -> Link {
        self.network.link(no)
    }

    /// Lets the next event happen, unless it is later than `until`; false if it is, or there is none.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        if self.queue.next_at().is_none_or(|at| at > until) {
            return false;
        }
        let Some(event) = self.queue.pop() else { return false };
        self.events += 1;
        if let Some(event) = self.hold_up(event) {
            self.happen(event);
        }
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
            Event::Again(no) => self.restore_again(no),
            Event::Leave(no) => self.leave(no),
            Event::Timer(no) => self.ring(no),
            Event::Stream(stream) => self.stream_wakes(stream),
            Event::Settle => self.network.settle(self.queue.now()),
            Event::Deadline(no, job) => self.look_at_deadlines(no, job),
            Event::Input { to, input } => {
                self.note_parted(to, &input);
                self.answered(to, *input);
            }
            Event::Trouble(place) => self.trouble(place),
            Event::Healed(place) => self.healed(place),
            Event::Silence(place) => self.fall_silent(place),
            Event::Snapshot(place) => self.take_snapshots(place),
            Event::Back(no, disk) => self.come_back(no, disk),
            Event::Connect { from, to } => self.connect(from, to),
            Event::Message { from, to, link, message } => self.hear((from, to, link), message),
            Event::Garbage { from, to, link } => self.hear_garbage((from, to, link)),
            Event::BrokenOff { from, to, link } => self.closed(from, to, link),
            Event::Closed { from, to, link } => self.closed(from, to, link),
            Event::Request { from, to, link, chunks } => self.requested((from, to, link), &chunks),
            Event::TakenBack { from, to, link, fetch } => self.taken_back((from, to, link), fetch),
            Event::Refusal { from, to, link, fetch, why } => self.refused((from, to, link), fetch, why),
            Event::Frame { from, to, link, fetch, bytes } => {
                self.frame_arrives((from, to, link), fetch, bytes);
            }
        }
    }

    fn violated(&mut self, no: NodeNo, violation: Violation) {
        self.violations.add(self.now(), no, violation);
    }
}
