//! Where each output goes.

use super::{Fault, World};
use crate::numbered::{ChunkNo, NodeNo};
use crate::scenario::Behaviour;
use pollux_core::engine::{Event, Output};
use pollux_core::{ChunkRef, PeerId};

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
            Output::Release { fetch } => drop(self.nodes.at_mut(no).fetches.remove(&fetch)),
            Output::Serve { chunks } => {
                chunks.into_iter().for_each(|(ask, chunk)| self.serve(no, ask, chunk));
            }
            Output::Decline { ask, why } => self.decline(no, ask, why),
            Output::Verify { task, work, .. } => self.verify(no, task, *work),
            Output::Sign { task, statement } => self.sign(no, task, &statement),
            Output::Record { task, .. } => self.record(no, task),
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
            self.fault(no, Fault::Unknown("peer"));
        }
        found
    }

    pub(super) fn find_chunk(&mut self, no: NodeNo, chunk: ChunkRef) -> Option<ChunkNo> {
        let found = self.content.find(&chunk.id).filter(|found| self.content.chunk(*found) == chunk);
        if found.is_none() {
            self.fault(no, Fault::Unknown("chunk"));
        }
        found
    }

    /// Nobody takes anything back here, no disk fails, and whoever is distrusted has earned it.
    fn note(&mut self, no: NodeNo, event: &Event) {
        let earned = |peer: &PeerId, world: &Self| {
            let found = world.by_peer.get(peer);
            found.is_some_and(|other| world.nodes.at(*other).spec.behaviour != Behaviour::Honest)
        };
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
                !earned(peer, self)
            }
            Event::Banned { peer, .. } => {
                self.reached.bans += 1;
                !earned(peer, self)
            }
            Event::Offended { peer, .. } => !earned(peer, self),
            Event::JoinRefused { .. }
            | Event::Disbelieved { .. }
            | Event::BelowFloor { .. }
            | Event::UnknownMessage { .. }
            | Event::Withdrawn { .. }
            | Event::PapersNotKept => true,
        };
        if wrong && self.nodes.at(no).spec.behaviour == Behaviour::Honest {
            self.fault(no, Fault::Distrusted(format!("{event:?}")));
        }
    }
}
