//! Which of the candidates that seeds named is taken.
use super::{CertifiedManifest, Trust, VerifiedAnswer};
use crate::{Key, ManifestId, Matched, PeerId, Query, Timestamp};
use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

impl Trust {
    /// Whether these are the answers of `read` distinct seeds: fewer may have missed a finished publish.
    #[must_use]
    pub fn is_quorum(&self, answers: &[VerifiedAnswer]) -> bool {
        let seeds: BTreeSet<PeerId> = answers.iter().map(VerifiedAnswer::seed).collect();
        usize::try_from(self.policy().read).is_ok_and(|need| seeds.len() >= need)
    }

    /// Of what `read` seeds answered (see [`Self::is_quorum`], which this does not ask) the one to take; `None` when
    /// nothing answers the query.
    ///
    /// Of each key only the highest sequence counts, whoever named it. The exact key comes before fallbacks, these in
    /// the asked order; within one, the latest by the median time of its receipts, then the highest sequence, then
    /// the highest id, so that all who have the same answers take the same.
    #[must_use]
    pub fn choose(&self, query: &Query, answers: &[VerifiedAnswer]) -> Option<CertifiedManifest> {
        let mut newest: BTreeMap<&Key, &CertifiedManifest> = BTreeMap::new();
        for candidate in answers.iter().flat_map(VerifiedAnswer::candidates) {
            let standing = newest.entry(&candidate.manifest().key).or_insert(candidate);
            if age(candidate) > age(standing) {
                *standing = candidate;
            }
        }
        let ranked = newest.into_values().filter_map(|candidate| Some((rank(query, candidate)?, candidate)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, candidate)| candidate.clone())
    }
}

/// Orders manifests of one key.
fn age(candidate: &CertifiedManifest) -> (u64, Timestamp, ManifestId) {
    (candidate.manifest().sequence, candidate.median(), candidate.id())
}

/// Best first.
type Rank = (Matched, Reverse<(Timestamp, u64, ManifestId)>);

fn rank(query: &Query, candidate: &CertifiedManifest) -> Option<Rank> {
    let matched = query.matched(&candidate.manifest().key)?;
    Some((matched, Reverse((candidate.median(), candidate.manifest().sequence, candidate.id()))))
}
