//! What operators measure beyond [`EngineStatus`](super::EngineStatus): asked for when somebody looks, never kept up to date
//! meanwhile.
use super::Engine;
use crate::limits::LINEAGES_MEASURED_MAX;
use crate::{Lineage, Publisher, Timestamp};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineMeasures {
    /// Offers that this seed works on.
    pub offers: u32,
    /// Jobs that wait to be told what is newest.
    pub questions: u32,
    /// Jobs that publish.
    pub publishes: u32,
    /// Chunks that were asked for a second time, because the first holder took long.
    pub hedges: u64,
    /// Bytes of frames that arrived for nothing, because the other holder's came first; what was called off is not known.
    pub duplicate_bytes: u64,
    /// Messages that wait until peers have taken earlier ones.
    pub messages_waiting: u64,
    /// Of a seed, each lineage with the time of its newest save that was not taken back: the
    /// [`LINEAGES_MEASURED_MAX`] that were saved last.
    pub newest_saves: Vec<(Lineage, Timestamp)>,
    /// Lineages that are left out of that.
    pub lineages_left_out: u64,
    /// Of a seed, what each publisher of the policy has of its disk.
    pub shares: Vec<ShareUse>,
}

/// What one publisher has of a seed's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareUse {
    /// The policy's name of it.
    pub publisher: String,
    /// Bytes that its caches take.
    pub bytes: u64,
}

impl Engine {
    /// For a metrics endpoint, at this time of the wall clock. Takes a time that grows with the lineages that a seed knows, some milliseconds for ten thousand.
    #[must_use]
    pub fn measures(&self, wall: Timestamp) -> EngineMeasures {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (newest_saves, lineages_left_out) =
            if self.is_seed() { self.catalogue.newest_saves(LINEAGES_MEASURED_MAX) } else { (Vec::new(), 0) };
        let (hedges, duplicate_bytes) = self.transfer.hedged();
        EngineMeasures {
            offers: count(self.offers.count()),
            questions: count(self.questions.jobs().len()),
            publishes: count(self.publishes.jobs().len()),
            hedges,
            duplicate_bytes,
            messages_waiting: self.outbox.waiting(),
            newest_saves,
            lineages_left_out,
            shares: self.share_use(wall),
        }
    }

    fn share_use(&self, wall: Timestamp) -> Vec<ShareUse> {
        if !self.is_seed() {
            return Vec::new();
        }
        let publishers = self.config.trust.policy().publishers.iter();
        let share = |publisher: &Publisher| ShareUse {
            publisher: publisher.name.clone(),
            bytes: self.shares.taken(&publisher.key, wall),
        };
        publishers.map(share).collect()
    }
}
