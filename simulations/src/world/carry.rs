//! Where each output goes.

use super::{Violation, World};
use crate::numbered::{ChunkNo, NodeNo};
use crate::scenario::FaultKind;
use pollux_core::engine::{Event, Output};
use pollux_core::{ChunkRef, Disbelief, PeerId};

impl World {
    pub(super) fn carry_out(&mut self, no: NodeNo, output: Output) {
        if !matches!(output, Output::Send { .. }) {
            self.trace.add_output(self.now(), no, &output);
        }
        match output {
            Output::Dial { peer, addresses } => self.dial(no, peer, &addresses),
            Output::Disconnect { peer, .. } => self.disconnect(no, &peer),
            Output::Send { .. } => self.send(no, output),
            Output::Fetch { peer, chunks } => self.fetch(no, &peer, chunks),
            Output::Check { fetch, chunk } => self.check(no, fetch, chunk),
            Output::Keep { fetch } => self.keep(no, fetch),
            Output::Release { fetch } => self.release(no, fetch),
            Output::Serve { chunks } => {
                chunks.into_iter().for_each(|(ask, chunk)| self.serve(no, ask, chunk));
            }
            Output::Decline { ask, why } => self.decline(no, ask, why),
            Output::Verify { task, work, trust } => self.verify(no, task, *work, &trust),
            Output::Sign { task, statement } => self.sign(no, task, &statement),
            Output::Record { task, record } => self.record(no, task, *record),
            Output::Sync { task } => self.sync(no, task),
            Output::Look { task, chunks } => self.look(no, task, &chunks),
            Output::OpenTree { task, tree } => self.open_tree(no, task, &tree),
            Output::Deliver { job, chunk, source, fetch } => self.deliver((no, job), chunk, source, fetch),
            Output::Reply { job, reply } => self.reply((no, job), *reply),
            Output::Event(event) => self.note(no, &event),
            Output::ReadLog { task, .. } => self.read_log(no, task),
            // Every pair has one link here, and nobody asks what was logged.
            Output::Admit { .. } | Output::Reach { .. } | Output::Log(_) => {}
        }
    }

    pub(super) fn find_peer(&mut self, no: NodeNo, peer: &PeerId) -> Option<NodeNo> {
        let found = self.by_peer.get(peer).copied();
        if found.is_none() {
            self.violated(no, Violation::Unknown("peer"));
        }
        found
    }

    pub(super) fn find_chunk(&mut self, no: NodeNo, chunk: ChunkRef) -> Option<ChunkNo> {
        let found = self.content.find(&chunk.id).filter(|found| self.content.chunk(*found) == chunk);
        if found.is_none() {
            self.violated(no, Violation::Unknown("chunk"));
        }
        found
    }

    /// Whoever is distrusted has earned it, and what is not believed came from one who lies.
    fn note(&mut self, no: NodeNo, event: &Event) {
        let wrong = match event {
            Event::Joined { .. }
            | Event::Complete { .. }
            | Event::Receipt { .. }
            | Event::Certified { .. }
            | Event::Silent { .. }
            | Event::Merged { .. }
            | Event::Whole { .. }
            | Event::PapersChanged { .. }
            | Event::PolicyHeard { .. }
            | Event::ShareNearlyUsed { .. }
            | Event::LetGo { .. }
            | Event::StoreFullness { .. }
            // Honest nodes offer again, race and leave.
            | Event::OfferRefused { .. } => false,
            Event::Junk { peer, .. } => {
                self.reached.junk += 1;
                self.is_honest(peer)
            }
            Event::Banned { peer } => {
                self.reached.bans += 1;
                self.is_honest(peer)
            }
            Event::Offended { peer, .. } | Event::UnknownMessage { peer, .. } => self.is_honest(peer),
            Event::Disbelieved { from, why } => {
                self.reached.disbelieved += 1;
                let is_yanked = matches!(why, Disbelief::Yanked { .. }) && !self.scenario.yanks.is_empty();
                !is_yanked && from.is_none_or(|peer| self.is_honest(&peer)) && !self.clocks_are_off()
            }
            Event::Withdrawn { .. } => {
                self.reached.withdrawn += 1;
                self.scenario.yanks.is_empty() && !self.clocks_are_off()
            }
            Event::JoinRefused { .. } => !self.clocks_are_off(),
            // That is the floor at work; without anybody who is behind it has nothing to do.
            Event::BelowFloor { .. } => self.scenario.faults.is_empty() && self.scenario.seeds.bad == 0,
            Event::PapersNotKept => true,
        };
        if wrong && self.nodes.at(no).is_honest() {
            self.violated(no, Violation::Distrusted(format!("{event:?}")));
        }
    }

    fn is_honest(&self, peer: &PeerId) -> bool {
        self.by_peer.get(peer).is_none_or(|no| self.nodes.at(*no).is_honest())
    }

    /// What is judged by a wrong clock may be judged wrongly.
    fn clocks_are_off(&self) -> bool {
        let is_clock =
            |what: &FaultKind| matches!(what, FaultKind::ClockAhead(_) | FaultKind::ClockBehind(_));
        self.scenario.faults.iter().any(|fault| is_clock(&fault.what))
    }
}
