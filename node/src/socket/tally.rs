//! What jobs asked, counted for who operates the node.

use pollux_client::protocol::Asked;
use pollux_core::engine::JobReply;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts since the node started. Cheap to clone; all share one.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    asked: Arc<Mutex<Asked>>,
}

impl Tally {
    /// A job is answered. Misses that answer anything else than a question for the newest manifest count too.
    pub(super) fn note(&self, reply: &JobReply) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match reply {
            JobReply::Found { .. } => asked.hits += 1,
            JobReply::Miss(reason) => *asked.misses.entry(reason.name().to_owned()).or_default() += 1,
            JobReply::Published { .. } => asked.published += 1,
            JobReply::PublishFailed(_) => asked.not_published += 1,
            JobReply::FetchDone
            | JobReply::FetchFailed { .. }
            | JobReply::PublishProgress { .. }
            | JobReply::Listing { .. }
            | JobReply::Log { .. }
            | JobReply::Spread { .. } => {}
        }
    }

    /// What was counted so far.
    pub(super) fn asked(&self) -> Asked {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::engine::MissReason;

    #[test]
    fn misses_are_counted_by_reason_under_the_names_that_json_has() {
        let tally = Tally::default();
        for reason in [MissReason::NotJoined, MissReason::SeedsSilent, MissReason::NotJoined] {
            tally.note(&JobReply::Miss(reason));
        }
        tally.note(&JobReply::FetchDone);
        let asked = tally.asked();
        assert_eq!(asked.hits, 0);
        assert_eq!(asked.misses.get("not-joined"), Some(&2));
        assert_eq!(asked.misses.get("seeds-silent"), Some(&1));
        for reason in [MissReason::NothingSaved, MissReason::NoHolder, MissReason::Yanked] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
    }
}
