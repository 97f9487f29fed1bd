//! What happened that not every run has.

use super::World;
use crate::node::Stage;
use crate::numbered::NodeNo;
use crate::scenario::Cover;
use pollux_core::engine::FetchId;

/// How often, since it was last emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Wrong chunks that engines told of.
    pub(crate) junk: u64,
    /// Peers that engines banned.
    pub(crate) bans: u64,
    /// Fetches that were given up because another brought the chunk.
    pub(crate) hedges: u64,
    /// Fetches that were given up, and nothing had brought the chunk.
    pub(crate) stalls: u64,
    /// Frames that arrived after their fetch was given up.
    pub(crate) late: u64,
    /// Frames of chunks that had arrived before.
    pub(crate) duplicates: u64,
    /// Nodes whose life was over.
    pub(crate) left: u64,
    /// Faults of the scenario that began.
    pub(crate) faults: u64,
    /// Processes that started again.
    pub(crate) restarts: u64,
    /// What was no message.
    pub(crate) garbage: u64,
    /// Documents that were not believed.
    pub(crate) disbelieved: u64,
    /// Manifests that were taken back where they were known.
    pub(crate) withdrawn: u64,
    /// What somebody said or did otherwise than an honest engine.
    pub(crate) lies: u64,
}

impl Reached {
    pub(crate) const fn count(&self, cover: Cover) -> u64 {
        match cover {
            Cover::Junk => self.junk,
            Cover::Ban => self.bans,
            Cover::Hedge => self.hedges,
            Cover::Stall => self.stalls,
            Cover::Late => self.late,
            Cover::Duplicate => self.duplicates,
            Cover::Left => self.left,
            Cover::Fault => self.faults,
            Cover::Restart => self.restarts,
            Cover::Garbage => self.garbage,
            Cover::Disbelieved => self.disbelieved,
            Cover::Withdrawn => self.withdrawn,
            Cover::Lie => self.lies,
        }
    }
}

impl World {
    /// A fetch is over for the engine. One that is still under way was given up.
    pub(super) fn release(&mut self, no: NodeNo, id: FetchId) {
        let node = self.nodes.at_mut(no);
        let Some(fetch) = node.fetches.remove(&id) else { return };
        if fetch.stage == Stage::Waiting {
            let others = node.arrived.holds(fetch.chunk);
            let count = if others { &mut self.reached.hedges } else { &mut self.reached.stalls };
            *count += 1;
            self.take_back(no, fetch.from, id);
        }
    }
}
